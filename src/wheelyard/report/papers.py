"""All papers of a wheelhouse, made out of what is on the disk: the same wheelhouse gives the same papers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import jinja2

from wheelyard.bundle import manifest as manifests
from wheelyard.bundle.diff import difference, read_side
from wheelyard.host.manifest import Manifest
from wheelyard.index.publishers.folder import changed
from wheelyard.io import files
from wheelyard.report.inventory import PROVENANCE, inventory
from wheelyard.report.model import Component, Vulnerabilities
from wheelyard.report.provenance import provenance_json
from wheelyard.report.sbom import sbom
from wheelyard.report.vulnerabilities import look

SBOM, LICENSES, REPORT = "sbom.cdx.json", "licenses.html", "report.html"

_pages = jinja2.Environment(
    loader=jinja2.PackageLoader("wheelyard.report"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
)

# The pages have no scripts and one style, which is named by its hash: whatever else a text smuggles in is dead.
_STYLE = _pages.get_template("paper.css").render()
_pages.globals["style_hash"] = "sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _by_license(components: Sequence[Component]) -> list[tuple[str, list[str]]]:
    found: dict[str, set[str]] = defaultdict(set)
    for component in components:
        found[component.license.expression or "unknown"].add(component.name)
    return [(expression, sorted(names)) for expression, names in sorted(found.items())]


def _restricted(components: Sequence[Component]) -> list[tuple[str, str, list[Component]]]:
    """Return each library that may not be passed on freely, why, and the distributions that have or load it."""
    found: dict[tuple[str, str], list[Component]] = defaultdict(list)
    for component in components:
        for each in component.ingredients:
            if each.restricted:
                found[each.title, each.restricted].append(component)
    return [(title, why, having) for (title, why), having in sorted(found.items(), key=lambda each: each[0])]


def licenses_html(components: Sequence[Component], manifest: Manifest) -> bytes:
    """Return ``licenses.html``: SPDX expressions, texts, and the unknown ones in front."""
    page = _pages.get_template("licenses.html").render(
        components=components,
        manifest=manifest,
        unknown=[component for component in components if component.license.expression is None],
        by_license=_by_license(components),
        grafted=sum(len(component.grafted) for component in components),
        restricted=_restricted(components),
    )
    return (page + "\n").encode()


def report_html(
    components: Sequence[Component],
    manifest: Manifest,
    vulnerabilities: Vulnerabilities,
    before: Manifest | None = None,
) -> bytes:
    """Return ``report.html``: everything that somebody who approves a bundle asks, on one page."""
    page = _pages.get_template("report.html").render(
        components=components,
        manifest=manifest,
        vulnerabilities=vulnerabilities,
        before=before,
        difference=difference(before, manifest) if before else None,
        unknown=[component for component in components if component.license.expression is None],
        by_license=_by_license(components),
        restricted=_restricted(components),
        size=_size(sum(component.size for component in components)),
        bytes=_size,
    )
    return (page + "\n").encode()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PapersSummary:
    """What the papers say, in short."""

    components: int
    unknown_licenses: int
    vulnerabilities: Vulnerabilities


def write(root: Path, *, osv: Path | None = None, since: Path | None = None) -> PapersSummary:
    """Write the papers into a wheelhouse and list them in its manifest (which must then be signed again).

    :param osv: an export of the OSV database; None: the report says that nothing was looked up.
    :param since: an earlier bundle, wheelhouse or manifest to compare with.
    :raises WheelError, ConfigError, VerificationError, StorageError: what cannot be read, or written.
    """
    with changed(root) as staged:
        return _write(staged, osv, since)


def _write(root: Path, osv: Path | None, since: Path | None) -> PapersSummary:
    manifest, _ = manifests.read(root)
    before = read_side(since) if since else None
    if before is not None:
        before = before._replace(files=tuple(entry for entry in before.files if entry.kind != "paper"))
    components = inventory(root, manifest)
    vulnerabilities = look(components, osv)
    # Papers are listed in the manifest themselves: what they say may not depend on that, or they would never settle.
    told = manifest._replace(files=tuple(entry for entry in manifest.files if entry.kind != "paper"))
    papers = {SBOM: sbom(components, manifest), LICENSES: licenses_html(components, manifest)}
    papers[REPORT] = report_html(components, told, vulnerabilities, before)
    changed = [files.write(root / name, content) for name, content in papers.items()]
    if any(changed) or not {SBOM, LICENSES, REPORT} <= {entry.path for entry in manifest.files}:
        known = {entry.path: entry.sha256 for entry in manifest.files if entry.path not in papers}
        manifests.update(
            root,
            targets=manifest.targets,
            channel=manifest.channel,
            expires=manifest.expires,
            known=known,
            chosen=({entry.path for entry in manifest.files} | papers.keys()).__contains__,
        )
    return PapersSummary(
        components=len(components),
        unknown_licenses=sum(component.license.expression is None for component in components),
        vulnerabilities=vulnerabilities,
    )


__all__ = ["PROVENANCE", "PapersSummary", "licenses_html", "provenance_json", "report_html", "write"]
