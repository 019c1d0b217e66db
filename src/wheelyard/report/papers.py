"""All papers of a wheelhouse, made out of what is on the disk: the same wheelhouse gives the same papers."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from wheelyard.bundle import manifest as manifests
from wheelyard.bundle.diff import difference, read_side
from wheelyard.domain.site import Imprint, Site
from wheelyard.host.manifest import Manifest
from wheelyard.index import pages, site_state
from wheelyard.index.people import words
from wheelyard.index.people.frame import PAPERS, Frame
from wheelyard.index.publish import publish
from wheelyard.index.publishers.folder import changed, held
from wheelyard.io import files
from wheelyard.report.inventory import PROVENANCE, inventory
from wheelyard.report.model import Component, Vulnerabilities
from wheelyard.report.provenance import provenance_json
from wheelyard.report.sbom import sbom
from wheelyard.report.vulnerabilities import look
from wheelyard.store.blobs import Store

SBOM, LICENSES, REPORT = "sbom.cdx.json", "licenses.html", "report.html"

_pages = pages.environment().overlay(
    loader=jinja2.ChoiceLoader(
        [jinja2.PackageLoader("wheelyard.report"), jinja2.PackageLoader("wheelyard.index", "templates")]
    )
)


@functools.cache
def _style() -> tuple[Markup, str]:
    """Return the style of the site and of the papers, and the hash that a browser knows it by."""
    ours = _pages.get_template("paper.css").render()
    text = resources.files("wheelyard.index").joinpath("assets/style.css").read_text(encoding="utf-8") + ours
    return Markup(text), "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()  # noqa: S704


def _page(name: str, frame: Frame, values: Mapping[str, object]) -> bytes:
    style, style_hash = _style()
    template = _pages.get_template(name)
    return template.render(frame=frame, root="", words=words, style=style, style_hash=style_hash, **values).encode()


def _by_license(components: Sequence[Component]) -> list[tuple[str, list[str]]]:
    found: dict[str, set[str]] = defaultdict(set)
    for component in components:
        found[component.license.expression or "unknown"].add(component.name)
    return [(expression, sorted(names)) for expression, names in sorted(found.items())]


def _restricted(components: Sequence[Component]) -> list[tuple[str, str, list[Component]]]:
    """Return each library that may not be passed on freely, why, and the distributions that have or load it."""
    found: dict[tuple[str, str], list[Component]] = defaultdict(list)
    for component in components:
        for ingredient in component.ingredients:
            if ingredient.restricted:
                found[ingredient.title, ingredient.restricted].append(component)
    return [(title, why, having) for (title, why), having in sorted(found.items(), key=lambda each: each[0])]


def licenses_html(components: Sequence[Component], manifest: Manifest, frame: Frame) -> bytes:
    """Return ``licenses.html``: SPDX expressions, texts, and the unknown ones in front."""
    values = {
        "components": components,
        "manifest": manifest,
        "unknown": [component for component in components if component.license.expression is None],
        "by_license": _by_license(components),
        "grafted": sum(len(component.grafted) for component in components),
        "restricted": _restricted(components),
    }
    return _page(LICENSES, frame, values)


def report_html(
    components: Sequence[Component],
    manifest: Manifest,
    vulnerabilities: Vulnerabilities,
    frame: Frame,
    before: Manifest | None = None,
) -> bytes:
    """Return ``report.html``: everything that somebody who approves a bundle asks, on one page."""
    values = {
        "components": components,
        "manifest": manifest,
        "vulnerabilities": vulnerabilities,
        "before": before,
        "difference": difference(before, manifest) if before else None,
        "unknown": [component for component in components if component.license.expression is None],
        "by_license": _by_license(components),
        "restricted": _restricted(components),
        "size": words.size(sum(component.size for component in components)),
        "bytes": words.size,
    }
    return _page(REPORT, frame, values)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PapersSummary:
    """What the papers say, in short."""

    components: int
    unknown_licenses: int
    vulnerabilities: Vulnerabilities


def write(
    root: Path, *, osv: Path | None = None, since: Path | None = None, store: Store | None = None
) -> PapersSummary:
    """Write the papers into a wheelhouse and list them in its manifest (which must then be signed again).

    The pages of a wheelhouse that was made here lead to them from then on.

    :param osv: an export of the OSV database; None: the report says that nothing was looked up.
    :param since: an earlier bundle, wheelhouse or manifest to compare with.
    :param store: what the wheelhouse was published from; None: the user's own.
    :raises WheelError, ConfigError, VerificationError, StorageError: what cannot be read, or written.
    """
    site = site_state.load_own(root)
    with held(root) as generations, changed(generations) as staged:
        summary = _write(staged, osv, since, site)
    if site is not None and site.papers != PAPERS:
        publish(dataclasses.replace(site, papers=PAPERS), store=store or Store(), into=root)  # its pages lead there now
    return summary


def _write(root: Path, osv: Path | None, since: Path | None, site: Site | None) -> PapersSummary:
    manifest, _ = manifests.read(root)
    before = read_side(since) if since else None
    if before is not None:
        before = before._replace(files=tuple(entry for entry in before.files if entry.kind != "paper"))
    components = inventory(root, manifest)
    vulnerabilities = look(components, osv)
    # Papers are listed in the manifest themselves: what they say may not depend on that, or they would never settle.
    told = manifest._replace(files=tuple(entry for entry in manifest.files if entry.kind != "paper"))
    frame = Frame(imprint=site.imprint if site else Imprint(name=manifest.channel), papers=PAPERS)
    papers = {SBOM: sbom(components, manifest), LICENSES: licenses_html(components, manifest, frame)}
    papers[REPORT] = report_html(components, told, vulnerabilities, frame, before)
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
