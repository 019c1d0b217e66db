"""A lock as ``pylock.<target>.toml`` (PEP 751), and back.

What the standard has no place for is under ``tool.wheelyard``: of the file, and of each package.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from packaging.pylock import Pylock, PylockValidationError

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage
from wheelyard.lock import toml

CREATOR = "wheelyard"


def filename(target: str) -> str:
    """Return the name of a target's lock file."""
    return f"pylock.{target}.toml"


def dumps(lock: Lock) -> str:
    """Return the text of a lock file: the same lock, the same text."""
    return _dumps(lock, _digest(lock))


def as_locked(text: str, lock: Lock) -> bool:
    """Whether a file still says what was locked; ``lock`` is what ``loads`` read from it.

    A slip of an editor or of a merge is found; it is no signature.
    """
    return bool(tomllib.loads(text)["tool"]["wheelyard"].get("content-sha256") == _digest(lock))


def _digest(lock: Lock) -> str:
    return hashlib.sha256(_dumps(lock, None).encode()).hexdigest()


def _dumps(lock: Lock, digest: str | None) -> str:
    own: dict[str, object] = {
        "target": lock.target,
        "resolver": lock.resolver,
        "requirements-sha256": lock.requirements_sha256,
        "content-sha256": digest,
        "pip": _package(lock.pip) if lock.pip is not None else None,
        "image": lock.image,
    }
    document: dict[str, object] = {
        "lock-version": "1.0",
        "environments": [lock.environment],
        "requires-python": lock.requires_python,
        "created-by": CREATOR,
        "packages": [_package(each) for each in lock.packages],
        "tool": {"wheelyard": own},
    }
    if not lock.packages:
        document["packages"] = []
    return toml.dumps(document)


def _package(package: LockedPackage) -> dict[str, object]:
    described = _described(package.file)
    kept: dict[str, object] = {
        "reason": package.reason,
        "via": list(package.via) or None,
        "extras": list(package.extras) or None,
        "expects": package.expects if package.expects != "any" else None,
        "index": package.file.index or None,
        **_told(package.file),
        "build-requirements": [_package(each) for each in package.build_requirements] or None,
        "for-target": _described(package.for_target) | _told(package.for_target) if package.for_target else None,
    }
    return {
        "name": package.name,
        "version": package.version,
        "requires-python": package.requires_python,
        **({"wheels": [described]} if package.file.is_wheel else {"sdist": described}),
        "tool": {"wheelyard": kept},
    }


def _described(file: LockedFile) -> dict[str, object]:
    return {
        "name": file.filename,
        "upload-time": datetime.fromisoformat(file.upload_time) if file.upload_time else None,
        "url": file.url,
        "path": file.path,
        "size": file.size,
        "hashes": {"sha256": file.sha256},
    }


def _told(file: LockedFile) -> dict[str, object]:
    """Return what the index said of a file, for which PEP 751 has no key."""
    return {"yanked": file.yanked, "provenance": file.provenance}


def loads(text: str, *, where: str) -> Lock:
    """Return the lock that ``dumps`` wrote.

    :param where: the file's name, for messages.
    :raises ConfigError: if it is not valid, or no lock of ours.
    """
    try:
        document = tomllib.loads(text)
        Pylock.from_dict(document)
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise ConfigError(f"not a valid lock: {error}", where=where, hint=_AGAIN) from error
    try:
        own = document["tool"]["wheelyard"]
        return Lock(
            target=own["target"],
            requires_python=document["requires-python"],
            environment=document["environments"][0],
            requirements_sha256=own["requirements-sha256"],
            packages=_packages(document["packages"]),
            resolver=own["resolver"],
            pip=_read(own["pip"]) if "pip" in own else None,
            image=own.get("image"),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ConfigError(f"not a lock that wheelyard wrote: {error} is missing", where=where, hint=_AGAIN) from error


_AGAIN = "remove the file and run `wheelyard lock`"


def _packages(tables: Sequence[Mapping[str, Any]]) -> tuple[LockedPackage, ...]:
    return tuple(_read(table) for table in tables)


def _read(table: Mapping[str, Any]) -> LockedPackage:
    own = table["tool"]["wheelyard"]
    file = table["wheels"][0] if "wheels" in table else table["sdist"]
    return LockedPackage(
        name=table["name"],
        version=table["version"],
        file=_file(file, own, own.get("index", "")),
        reason=own["reason"],
        requires_python=table.get("requires-python"),
        extras=tuple(own.get("extras", ())),
        via=tuple(own.get("via", ())),
        expects=own.get("expects", "any"),
        build_requirements=_packages(own.get("build-requirements", ())),
        for_target=_file(own["for-target"], own["for-target"], own.get("index", "")) if "for-target" in own else None,
    )


def _file(table: Mapping[str, Any], told: Mapping[str, Any], index: str) -> LockedFile:
    return LockedFile(
        filename=table["name"],
        sha256=table["hashes"]["sha256"],
        url=table.get("url"),
        path=table.get("path"),
        size=table.get("size"),
        index=index,
        upload_time=table["upload-time"].isoformat().replace("+00:00", "Z") if "upload-time" in table else None,
        yanked=told.get("yanked"),
        provenance=told.get("provenance"),
    )
