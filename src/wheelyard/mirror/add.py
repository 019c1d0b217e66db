"""Files of one's own in a wheelhouse: a wheel, an sdist, or an egg or Windows installer turned into a wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from wheelyard.domain.errors import ConfigError, WheelError
from wheelyard.domain.site import Entry, Published, Wheel
from wheelyard.index import site_state
from wheelyard.index.claim import check_place
from wheelyard.index.publish import publish
from wheelyard.mirror.admitting import check_admitted
from wheelyard.mirror.convert import SUFFIXES, convert
from wheelyard.policy import moments
from wheelyard.policy.judge import check_policy
from wheelyard.policy.model import ANYTHING, AdmissionPolicy
from wheelyard.sdist import reader
from wheelyard.store.blobs import Store
from wheelyard.wheels.facts import facts


def add(
    paths: Sequence[Path],
    *,
    store: Store,
    into: Path,
    keys: Sequence[Path] = (),
    policy: AdmissionPolicy = ANYTHING,
) -> Published:
    """Add files to a wheelhouse; each is checked strictly before anything is published.

    :raises ConfigError: if a file is not there, or of no known kind.
    :raises PolicyError: if one may not enter.
    :raises WheelError: if one is damaged or hostile, or has the name of another file that is there.
    :raises StorageError: if the wheelhouse cannot be changed.
    """
    check_place(into)
    check_policy(policy, moments.now())
    site = site_state.load(into)
    with store.scratch() as scratch:
        entries = [_entry(path, store, scratch) for path in paths]
    for entry in entries:
        check_admitted(entry, policy, store)
    known = {entry.wheel.filename: entry for entry in site.extra}
    for entry in entries:
        before = known.get(entry.wheel.filename)
        if before is not None and before.wheel.sha256 != entry.wheel.sha256:
            raise WheelError(
                f"another file of this name is there already, from {before.source}",
                where=entry.wheel.filename,
                hint="a file name never means two contents: give yours another version, such as a local one (1.0+mine)",
            )
        known[entry.wheel.filename] = before or entry
    extra = tuple(sorted(known.values(), key=lambda entry: entry.wheel.filename))
    return publish(replace(site, extra=extra), store=store, into=into, keys=keys)


def _entry(path: Path, store: Store, scratch: Path) -> Entry:
    if not path.is_file():
        raise ConfigError("there is no such file", where=str(path))
    source = path.name
    if path.suffix in SUFFIXES:
        path = convert(path, scratch)
    if path.suffix == ".whl":
        digest = store.add_file(path)
        found = facts(store, path.name, digest)
        wheel = Wheel(
            filename=path.name,
            sha256=digest,
            size=found.size,
            name=found.name,
            version=found.version,
            requires_python=found.requires_python,
            imports=found.modules,
        )
    else:
        wheel = _sdist(path, store)
    return Entry(wheel=wheel, origin="local", source=source)


def _sdist(path: Path, store: Store) -> Wheel:
    try:
        parse_sdist_filename(path.name)
    except InvalidSdistFilename as error:
        raise ConfigError(
            "neither a wheel, an sdist, an egg nor a Windows installer", where=path.name, hint=str(error)
        ) from error
    digest = store.add_file(path)
    blob = store.path(digest)  # these very bytes are checked and published
    found = reader.read(blob, filename=path.name)
    return Wheel(
        filename=path.name,
        sha256=digest,
        size=blob.stat().st_size,
        name=found.name,
        version=found.version,
        requires_python=found.requires_python,
    )
