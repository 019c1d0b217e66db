"""What the values of other rooms say of a file, as evidence."""

from __future__ import annotations

from wheelyard.domain.lock import LockedPackage
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.site import OWN, Entry
from wheelyard.policy.model import Evidence
from wheelyard.wheels import core_metadata
from wheelyard.wheels.licence import license_of


def of_remote(file: RemoteFile, name: str, version: str) -> Evidence:
    """Return what an index says of a file."""
    return Evidence(
        filename=file.filename,
        name=name,
        version=version,
        sha256=file.sha256,
        local=not file.index and file.url.startswith("file:"),
        index=file.index,
        upload_time=file.upload_time,
        yanked=file.yanked,
    )


def of_package(package: LockedPackage) -> Evidence:
    """Return what a lock says of a package's file."""
    file = package.file
    return Evidence(
        filename=file.filename,
        name=package.name,
        version=package.version,
        sha256=file.sha256,
        local=file.path is not None and not file.index,
        index=file.index,
        upload_time=file.upload_time,
        yanked=file.yanked,
    )


def of_entry(entry: Entry, metadata: bytes) -> Evidence:
    """Return what is known of a file of a wheelhouse; ``metadata``: its METADATA or PKG-INFO."""
    wheel = entry.wheel
    return Evidence(
        filename=wheel.filename,
        name=wheel.name,
        version=wheel.version,
        sha256=wheel.sha256,
        made_from=entry.sdist_sha256 or None,
        local=OWN in (entry.origin, entry.sdist_index),
        index=entry.sdist_index or (entry.source if entry.origin == "upstream" else ""),
        upload_time=wheel.upload_time,
        yanked=wheel.yanked,
        license=license_of(core_metadata.parse(metadata)),
    )
