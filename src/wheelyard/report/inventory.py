"""Reading what a wheelhouse on disk holds: names, licences, grafted libraries, provenance. All reads are bounded."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import tomllib
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from wheelyard.domain.errors import WheelError
from wheelyard.domain.variant import Told
from wheelyard.host.manifest import FileEntry, Manifest
from wheelyard.report.model import Component, Grafted, Provenance
from wheelyard.variants.axes import AXES
from wheelyard.wheels import core_metadata
from wheelyard.wheels.core_metadata import CoreMetadata
from wheelyard.wheels.licence import license_of

PROVENANCE = "provenance.json"
_LIMIT = 4 << 20
_LIBRARY = re.compile(r"(?:[^/]+\.libs|[^/]+/\.dylibs)/([^/]+)\Z")
_LICENSE_FILE = re.compile(
    r"[^/]+\.dist-info/(?:licen[cs]es/)?(?:.*/)?((?:licen[cs]e|copying|notice|authors)[^/]*)\Z", re.I
)
_NOTE = re.compile(r"[^/]+\.dist-info/wheelyard\.json\Z")
_SBOM = re.compile(r"[^/]+\.dist-info/sboms/[^/]+\.json\Z")


def _bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > _LIMIT:
        return f"({member.file_size} bytes, too long to show)".encode()
    return archive.read(member)


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    return _bytes(archive, member).decode("utf-8", "replace")


def _sbom_components(document: object) -> dict[str, str]:
    """Return file name → component out of a wheel's own CycloneDX SBOM (auditwheel writes one since 6.4)."""
    found: dict[str, str] = {}
    components = document.get("components") if isinstance(document, dict) else None
    for component in components if isinstance(components, list) else ():
        if isinstance(component, dict):
            told = str(component.get("purl") or f"{component.get('name', '')} {component.get('version', '')}".strip())
            found[str(component.get("name", ""))] = told
    return found


def _grafted(archive: zipfile.ZipFile) -> tuple[Grafted, ...]:
    told: dict[str, str] = {}
    for member in archive.infolist():
        if _SBOM.match(member.filename) and member.file_size <= _LIMIT:
            try:
                told |= _sbom_components(json.loads(archive.read(member)))
            except (ValueError, RecursionError):
                continue  # its owner's mistake: the file itself is in the wheel
    found = []
    for member in archive.infolist():
        if match := _LIBRARY.search(member.filename):
            state = hashlib.sha256()
            with archive.open(member) as stream:
                while block := stream.read(1 << 20):
                    state.update(block)
            stem = match.group(1).partition("-")[0].partition(".so")[0]
            component = next((text for name, text in sorted(told.items()) if name and stem.startswith(name)), "")
            found.append(Grafted(name=match.group(1), sha256=state.hexdigest(), component=component))
    return tuple(sorted(found, key=lambda library: library.name))


def _told(archive: zipfile.ZipFile) -> tuple[Told, ...]:
    """Return what a variant's wheel says of its choices; nothing without a record, or where it is nonsense."""
    member = next((info for info in archive.infolist() if _NOTE.match(info.filename)), None)
    if member is None or member.file_size > _LIMIT:
        return ()
    try:
        note = json.loads(archive.read(member))
    except (ValueError, RecursionError):
        return ()
    if not isinstance(note, dict):
        return ()
    found = (axis.told(note) for axis in AXES.values())
    return tuple(each for each in found if each is not None)


def _homepage(metadata: CoreMetadata) -> str:
    urls = (metadata.home_page, *(url for _, url in metadata.project_urls))
    return next((url for url in urls if url.startswith(("https://", "http://"))), "")


def component_of(
    path: Path, *, sha256: str, size: int, folders: tuple[str, ...], provenance: Provenance | None = None
) -> Component:
    """Return a wheel or an sdist as the papers tell it.

    :raises WheelError: if it has no metadata that can be read.
    """
    texts: tuple[tuple[str, str], ...] = ()
    grafted: tuple[Grafted, ...] = ()
    told: tuple[Told, ...] = ()
    try:
        if path.name.endswith(".whl") or zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                members = {member.filename: member for member in archive.infolist()}
                place = next(name for name in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
                metadata = core_metadata.parse(_bytes(archive, members[place]))
                licences = [(m.group(1), members[name]) for name in sorted(members) if (m := _LICENSE_FILE.match(name))]
                texts = tuple((name, _text(archive, member)) for name, member in licences)
                grafted = _grafted(archive)
                told = _told(archive)
        else:
            with tarfile.open(path) as sdist:
                entry = next(each for each in sdist if each.name.count("/") == 1 and each.name.endswith("/PKG-INFO"))
                stream = sdist.extractfile(entry)
                metadata = core_metadata.parse(stream.read(_LIMIT) if stream else b"")
    except (OSError, StopIteration, zipfile.BadZipFile, tarfile.TarError, RuntimeError) as error:
        raise WheelError(f"has no metadata that can be read: {error}", where=path.name) from error
    return Component(
        name=str(canonicalize_name(metadata.name)),
        version=metadata.version,
        filename=path.name,
        sha256=sha256,
        size=size,
        folders=folders,
        license=replace(license_of(metadata), texts=texts),
        summary=metadata.summary,
        homepage=_homepage(metadata),
        requires=tuple(sorted({str(canonicalize_name(requirement.name)) for requirement in metadata.requirements()})),
        grafted=grafted,
        told=told,
        provenance=provenance or Provenance(origin="unknown"),
    )


def _told_by_locks(root: Path, manifest: Manifest) -> dict[str, Provenance]:
    """Return sha256 → provenance, as far as the folders' own locks tell it."""
    found: dict[str, Provenance] = {}
    for target in manifest.targets:
        place = root / "targets" / target.folder / "pylock.toml"
        if not place.is_file():
            continue
        try:
            document: dict[str, Any] = tomllib.loads(place.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WheelError(f"not a lock: {error}", where=str(place)) from error
        for package in document.get("packages", ()):
            own = package.get("tool", {}).get("wheelyard", {})
            for wheel in package.get("wheels", ()):
                digest = wheel.get("hashes", {}).get("sha256", "")
                source, reason = str(own.get("index", "")), str(own.get("reason", ""))
                found[digest] = Provenance(origin="upstream" if source else "unknown", source=source, reason=reason)
    return found


def _told_by_us(root: Path) -> dict[str, Provenance]:
    place = root / PROVENANCE
    if not place.is_file():
        return {}
    rows: Mapping[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    lists = ("grafted", "prefetched")
    return {
        digest: Provenance(**{**row, **{name: tuple(row.get(name, ())) for name in lists}})
        for digest, row in rows.items()
    }


def inventory(root: Path, manifest: Manifest) -> tuple[Component, ...]:
    """Return every distribution of a wheelhouse's pool, ordered by name, version and file name.

    :raises WheelError: if one cannot be read.
    """
    provenance = _told_by_locks(root, manifest) | _told_by_us(root)
    folders: dict[str, set[str]] = defaultdict(set)
    first: dict[str, FileEntry] = {}
    for entry in sorted(manifest.files, key=lambda entry: (not entry.path.startswith("files/"), entry.path)):
        if entry.kind in ("wheel", "sdist"):
            first.setdefault(entry.sha256, entry)
            if entry.path.startswith("targets/"):
                folders[entry.sha256].add(entry.path.split("/")[1])
    found = [
        component_of(
            root / entry.path,
            sha256=digest,
            size=entry.size,
            folders=tuple(sorted(folders[digest])),
            provenance=provenance.get(digest),
        )
        for digest, entry in first.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.name, each.version, each.filename)))
