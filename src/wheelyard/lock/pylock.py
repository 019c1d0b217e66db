"""A lock as ``pylock.<target>.toml`` (PEP 751), and back.

What the standard has no place for is under ``tool.wheelyard``: of the file, and of each package.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
import tomli_w
from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from wheelyard.domain.errors import ConfigError
from wheelyard.domain.lock import Lock, LockedFile, LockedPackage
from wheelyard.domain.repository import Commit, Repository

CREATOR = "wheelyard"


def filename(target: str) -> str:
    """Return the name of a target's lock file."""
    return f"pylock.{target}.toml"


def dumps(lock: Lock) -> str:
    """Return the text of a lock file: the same lock, the same text."""
    document = _standard(lock).to_dict()
    document["tool"]["wheelyard"]["digest"] = _digest(document)
    return tomli_w.dumps(document)


def _digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a document says, however it is laid out."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=datetime.isoformat).encode()).hexdigest()


def _standard(lock: Lock) -> Pylock:
    own = {
        "target": lock.target,
        "resolver": lock.resolver,
        "requirements-sha256": lock.requirements_sha256,
        "pip": _package(lock.pip) if lock.pip is not None else None,
        "image": lock.image,
    }
    return Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(lock.environment)],
        requires_python=SpecifierSet(lock.requires_python),
        created_by=CREATOR,
        packages=[_package(package) for package in lock.packages],
        tool={"wheelyard": _known(own)},
    )


def _package(package: LockedPackage) -> Package:
    own = {
        "reason": package.reason,
        "via": list(package.via),
        "extras": list(package.extras),
        "expects": package.expects if package.expects != "any" else None,
        "index": package.file.index or None,
        **_told(package.file),
        "vcs": _vcs(package.file.made_from) if package.file.made_from else None,
        "build-requirements": [_package(requirement) for requirement in package.build_requirements],
        "for-target": _beside(package.for_target) if package.for_target else None,
        "made-locks": [_beside(file) for file in package.made_locks],
    }
    file = _described(package.file)
    return Package(
        name=canonicalize_name(package.name),
        version=Version(package.version),
        requires_python=SpecifierSet(package.requires_python) if package.requires_python else None,
        sdist=None if package.file.is_wheel else PackageSdist(**file),
        wheels=[PackageWheel(**file)] if package.file.is_wheel else None,
        tool={"wheelyard": _known(own)},
    )


def _vcs(made_from: Commit) -> dict[str, object]:
    """Return the commit that an sdist was made of, in the keys of ``[packages.vcs]``, which excludes an sdist."""
    repository = made_from.repository
    return _known(
        {
            "type": "git",
            "url": repository.url,
            "requested-revision": repository.revision,
            "commit-id": made_from.commit,
            "subdirectory": repository.subdirectory,
        }
    )


def _made_from(table: Mapping[str, Any]) -> Commit:
    repository = Repository(
        url=table["url"], revision=table.get("requested-revision"), subdirectory=table.get("subdirectory")
    )
    return Commit(repository=repository, commit=table["commit-id"])


def _beside(file: LockedFile) -> dict[str, object]:
    return _known({key.replace("_", "-"): value for key, value in _described(file).items()} | _told(file))


def _described(file: LockedFile) -> dict[str, Any]:
    return {
        "name": file.filename,
        "upload_time": datetime.fromisoformat(file.upload_time) if file.upload_time else None,
        "url": file.url,
        "path": file.path,
        "size": file.size,
        "hashes": {"sha256": file.sha256},
    }


def _told(file: LockedFile) -> dict[str, object]:
    """Return what the index said of a file, for which PEP 751 has no key."""
    return {"yanked": file.yanked, "provenance": file.provenance}


def _known(table: Mapping[str, object]) -> dict[str, object]:
    """Leave out what there is nothing to say of: TOML has no null."""
    return {key: value for key, value in table.items() if value is not None and value != []}


def loads(text: str, *, where: str) -> Lock:
    """Return the lock that ``dumps`` wrote; see ``read``."""
    return read(text, where=where)[0]


def read(text: str, *, where: str) -> tuple[Lock, bool]:
    """Return the lock that ``dumps`` wrote, and whether it still says what was locked.

    A slip of an editor or of a merge is found; it is no signature.

    :param where: the file's name, for messages.
    :raises ConfigError: if it is not valid, or no lock of ours.
    """
    try:
        document = tomllib.loads(text)
        Pylock.from_dict(document)
    except (tomllib.TOMLDecodeError, PylockValidationError, RecursionError) as error:
        raise ConfigError(f"not a valid lock: {error}", where=where, hint=_AGAIN) from error
    try:
        own = document["tool"]["wheelyard"]
        lock = Lock(
            target=own["target"],
            requires_python=document["requires-python"],
            environment=document["environments"][0],
            requirements_sha256=own["requirements-sha256"],
            packages=_packages(document["packages"]),
            resolver=own["resolver"],
            pip=_read(own["pip"]) if "pip" in own else None,
            image=own.get("image"),
        )
        lock = msgspec.convert(asdict(lock), Lock)  # what is below [tool] is checked by nobody else
        digest = own.pop("digest", None)
        return lock, digest is None or bool(digest == _digest(document))  # earlier versions wrote none
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ConfigError(f"not a lock that wheelyard wrote: {error} is missing", where=where, hint=_AGAIN) from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"not a lock that wheelyard wrote: {error}", where=where, hint=_AGAIN) from error


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
        made_locks=tuple(_file(made, made, "") for made in own.get("made-locks", ())),
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
        made_from=_made_from(told["vcs"]) if "vcs" in told else None,
    )
