"""A published site as values again: so that a file can be added to it, or taken away, without building it anew."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import StorageError
from wheelyard.domain.proof import Proof
from wheelyard.domain.site import Entry, Folder, Imprint, LabelledFolder, Site, Wheel
from wheelyard.domain.target import BuildHost, Carried, CarriedPython, Target

SHELF = ".site.json"
_FORMAT = 1
_BUILD = tuple(field.name for field in fields(BuildHost))
_WHEEL = tuple(field.name for field in fields(Wheel))


def dump(site: Site) -> bytes:
    """Return what is kept of a site that is published; documents only by name, as their bytes lie in the site."""
    content = {
        "format": _FORMAT,
        "channel": site.channel,
        "imprint": asdict(site.imprint),
        "folders": [asdict(folder) for folder in site.folders],
        "labelled": [asdict(folder) for folder in site.labelled],
        "extra": [_row(entry) for entry in site.extra],
        "retired": dict(sorted(site.retired.items())),
        "papers": list(site.papers),
        "documents": sorted(site.documents),
        "attachments": dict(sorted(site.attachments.items())),
    }
    return json.dumps(content, separators=(",", ":")).encode()


def load(into: Path) -> Site:
    """Return the site that was published there; an empty one where nothing was.

    :raises StorageError: if something was published whose values are lost (an imported bundle has none).
    """
    try:
        content = json.loads((into / SHELF).read_bytes())
        if content["format"] != _FORMAT:
            raise ValueError
        documents = {}
        for path in content["documents"]:
            with contextlib.suppress(FileNotFoundError):
                documents[path] = (into / path).read_bytes()
        return Site(
            folders=tuple(_folder(folder) for folder in content["folders"]),
            labelled=tuple(_labelled(folder) for folder in content.get("labelled", ())),
            extra=tuple(_entry_of_row(row) for row in content["extra"]),
            retired=content.get("retired", {}),
            channel=content["channel"],
            imprint=Imprint(**content.get("imprint", {})),
            papers=tuple(path for path in content.get("papers", ()) if (into / path).is_file()),
            documents=documents,
            attachments=content["attachments"],
        )
    except FileNotFoundError:
        if (into / "simple").exists():
            raise StorageError(
                "this wheelhouse was not made here, so it cannot be changed here",
                where=str(into),
                hint="change it where it was built, and carry a new bundle over",
            ) from None
        return Site(folders=())
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"damaged: {error}", where=str(into / SHELF), hint="run `wheelyard build` or `wheelyard mirror` again"
        ) from error


def load_own(into: Path) -> Site | None:
    """Return the site that was published there; None where another machine published it, or nobody.

    :raises StorageError: if what is known of it is damaged.
    """
    return load(into) if (into / SHELF).is_file() else None


def _row(entry: Entry) -> list[Any]:
    wheel = entry.wheel
    return [[getattr(wheel, name) for name in _WHEEL], entry.origin, entry.source, entry.reason]


def _entry_of_row(row: list[Any]) -> Entry:
    wheel, origin, source, reason = row  # the wheel may lack the fields that came later
    return Entry(wheel=_wheel(dict(zip(_WHEEL, wheel, strict=False))), origin=origin, source=source, reason=reason)


def _folder(found: Mapping[str, Any]) -> Folder:
    plain = dict(found)
    if level := plain.pop("simd", None):  # kept before there were needs of any other kind
        plain["needs"] = {"simd": level}
    return Folder(
        **{
            **plain,
            "target": _target(plain["target"]),
            "entries": tuple(_entry(entry) for entry in plain["entries"]),
            "proof": Proof(**_tuples(plain["proof"])),
            "pip": _wheel(plain["pip"]) if plain["pip"] else None,
        }
    )


def _target(found: Mapping[str, Any]) -> Target:
    plain = dict(found)
    if "build" not in plain:  # kept when a target was one flat table
        plain["build"] = {name: plain.pop(name) for name in _BUILD}
        archive, sha256 = plain.pop("carried_python"), plain.pop("carried_python_sha256")
        python = {"archive": archive, "sha256": sha256} if archive else None
        plain["carried"] = {"python": python, "pip": plain.pop("carry_pip", None)}
    python, pip = plain["carried"]["python"], plain["carried"]["pip"]
    carried = Carried(python=CarriedPython(**python) if python else None, pip=pip)
    return Target(**{**plain, "build": BuildHost(**plain["build"]), "carried": carried})


def _labelled(found: Mapping[str, Any]) -> LabelledFolder:
    entries = tuple(_entry(entry) for entry in found["entries"])
    return LabelledFolder(**{**found, "entries": entries, "tables": tuple(_wheel(table) for table in found["tables"])})


def _entry(found: Mapping[str, Any]) -> Entry:
    plain = _tuples(found)
    built = BuiltWheel(**_tuples(plain["built"])) if plain["built"] else None
    return Entry(**{**plain, "wheel": _wheel(plain["wheel"]), "built": built})


def _wheel(found: Mapping[str, Any]) -> Wheel:
    return Wheel(**_tuples(found))


def _tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
