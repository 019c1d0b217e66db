"""Give a finished wheel its local version, the record of what was chosen, and the licence texts it has to carry.

Stamped after repair: repair tools refuse or lose what they do not know.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from wheelyard.errors import VariantError, WheelError
from wheelyard.repair.rewrite import Changes, rewrite

NOTE = "wheelyard.json"
"""The record in dist-info."""

_METADATA_VERSION = re.compile(rb"^Metadata-Version:[ \t]*([0-9]+)\.([0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What is put on a wheel."""

    local_version: str
    """``mkl.v3``: becomes ``2.3.5+mkl.v3``."""
    note: Mapping[str, object]
    """The record, as JSON: the choice, the build key, what was grafted."""
    licences: Mapping[str, bytes] = field(default_factory=dict)
    """Texts for ``dist-info/licenses/``, by file name."""


def stamp(wheel: Path, into: Path, what: Stamp) -> Path:
    """Write the stamped wheel into a folder and return its path; the given wheel is left alone.

    File name, dist-info folder, METADATA and RECORD all get the local version; the same input gives the same bytes.

    :param wheel: a repaired wheel.
    :raises WheelError: if it is not a wheel.
    :raises VariantError: if its version has a local label already.
    """
    try:
        version = parse_wheel_filename(wheel.name)[1]
    except InvalidWheelFilename as error:
        raise WheelError(f"not a wheel's name: {error}", where=wheel.name) from error
    if version.local is not None:
        raise VariantError(
            f"the version {version} has a local label of its own",
            where=wheel.name,
            hint="build a version without one: two labels cannot be told apart",
        )
    note = json.dumps(dict(what.note), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    extra = {NOTE: note.encode(), **{f"licenses/{name}": text for name, text in what.licences.items()}}
    if what.licences:
        extra["METADATA"] = _metadata(wheel, sorted(what.licences), what.local_version)
    return rewrite(wheel, into, Changes(local_version=what.local_version, extra=extra))


def read_note(wheel: Path) -> Mapping[str, object] | None:
    """Return the record that a wheel was stamped with, or None if it was not.

    :raises WheelError: if it is not a wheel, or its record is no JSON object.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = [each for each in archive.namelist() if re.fullmatch(rf"[^/]+\.dist-info/{NOTE}", each)]
            note = json.loads(archive.read(found[0])) if found else None
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise WheelError(f"cannot be read: {error}", where=wheel.name) from error
    if note is not None and not isinstance(note, dict):
        raise WheelError(f"{NOTE} is no JSON object", where=wheel.name)
    return note


def _metadata(wheel: Path, licences: list[str], label: str) -> bytes:
    """Return METADATA with ``License-File`` lines for what is added, where its version has them (PEP 639), and label.

    What is added by name is taken as it is, so the label has to be in it too.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each))
            content = archive.read(name)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise WheelError("has no METADATA", where=wheel.name) from error
    head, blank, body = content.partition(b"\n\n")
    lines = head.rstrip(b"\n").split(b"\n")
    for number, line in enumerate(lines):
        if line.lower().startswith(b"version:"):
            lines[number] = line.rstrip() + b"+" + label.encode()
    stated = _METADATA_VERSION.search(head)
    if stated and (int(stated[1]), int(stated[2])) >= (2, 4):
        lines += [b"License-File: " + each.encode() for each in licences]
    return b"\n".join(lines) + (blank or b"\n") + body
