"""What a resolver may choose from, for one target."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from packaging.version import Version

from wheelyard.config.model import Config
from wheelyard.domain.errors import HashMismatchError
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.remote import RemoteFile
from wheelyard.domain.target import Target
from wheelyard.lock.admission import Admission
from wheelyard.lock.direct import DirectFile
from wheelyard.lock.inputs import has_one_of, hashes
from wheelyard.lock.ports import Upstream
from wheelyard.lock.select import Choice, Choices, choices
from wheelyard.resolve.metadata import standard_specifier
from wheelyard.resolve.model import Pin
from wheelyard.resolve.once import Once
from wheelyard.resolve.view import Candidate, Candidates
from wheelyard.store.blobs import Store

SdistMetadata = Callable[[LockedPackage], bytes]


class TargetSource:
    """A ``resolve.view.Source``: for every version the one file that the target would get, and its metadata."""

    def __init__(
        self,
        config: Config,
        target: Target,
        *,
        upstream: Upstream,
        store: Store,
        direct: Mapping[str, DirectFile] = MappingProxyType({}),
        prefer_binary: bool = False,
        sdist_metadata: SdistMetadata,
    ) -> None:
        """Prepare a source.

        :param direct: files that are required directly, by normalised name: the only candidates of these projects.
        :param prefer_binary: leave out what would have to be built where another version would not.
        :param sdist_metadata: returns the metadata of an sdist; may build, may raise.
        """
        self._config = config
        self._target = target
        self._rules = dict(config.rules)
        self._upstream = upstream
        self._store = store
        self._direct = direct
        self._prefer_binary = prefer_binary
        self._sdist_metadata = sdist_metadata
        self._hashes = hashes(config)
        self._admission = Admission(policy=config.policy)
        self._choices = Once(self._find)

    def within(self, sdist_metadata: SdistMetadata) -> TargetSource:
        """Return the same source with another way to learn the metadata of sdists."""
        other = copy.copy(self)
        other._sdist_metadata = sdist_metadata
        return other

    def to_build(self, machine: Target) -> TargetSource:
        """Return the same source for what is needed to build, on the machine that builds."""
        if machine == self._target and self._rules == self._config.packages:
            return self
        other = copy.copy(self)
        other._prefer_binary = self._prefer_binary and machine == self._target
        other._target = machine
        other._admission = replace(self._admission, published=False)
        other._rules = dict(self._config.packages)
        other._choices = Once(other._find)
        return other

    def __call__(self, name: str) -> Candidates | None:
        """Return the candidates of a project; None where no index has it."""
        found = self._choices(name)
        if found is None:
            return None
        versions = [
            Candidate(
                version=version,
                metadata=self._metadata(name, choice),
                refusal=self._admission.refusal(name, version, choice.file),
                yanked=choice.file.yanked,
            )
            for version, choice in found.by_version.items()
        ]
        return Candidates(versions=versions, refused=found.refused)

    def choice(self, name: str, version: str) -> Choice:
        """Return the file of a version that was served."""
        found = self._choices(name)
        assert found is not None  # noqa: S101  (it was served)
        return found.by_version[version]

    def newest(self, name: str) -> Choice | None:
        """Return the newest version that is neither yanked nor a pre-release and has a wheel."""
        found = self._choices(name)
        fitting = (found.by_version if found else {}).items()
        good = [
            choice
            for version, choice in fitting
            if choice.file.is_wheel and choice.file.yanked is None and not Version(version).is_prerelease
        ]
        return good[-1] if good else None

    def wheel(self, name: str, version: str) -> LockedFile | None:
        """Return the wheel of a version that the target would take; None where it has none."""
        found = self._choices(name)
        choice = found.by_version.get(version) if found else None
        return self.file(choice.file) if choice is not None and choice.file.is_wheel else None

    def locked(self, pin: Pin, *, requires_python: str | None = None) -> LockedPackage:
        """Return the package that a pin stands for; a file without a known hash is fetched to learn it."""
        choice = self.choice(pin.name, pin.version)
        direct = self._direct[pin.name].file if pin.name in self._direct else None
        return LockedPackage(
            name=pin.name,
            version=pin.version,
            file=direct or self._required(pin.name, choice.file),
            reason=f"built from {direct.made_from.shown}" if direct and direct.made_from else choice.reason,
            requires_python=standard_specifier(requires_python),
            extras=pin.extras,
            via=pin.via,
            expects=choice.expects,
        )

    def _required(self, name: str, file: RemoteFile) -> LockedFile:
        """Return a file as a lock names it, compared with the hashes that requirements ask for.

        :raises HashMismatchError: if it has none of them.
        """
        found, allowed = self.file(file), self._hashes.get(name, frozenset())
        if allowed and f"sha256:{found.sha256}" not in allowed:
            # Of other kinds the index says nothing: the bytes do.
            self._upstream.fetch([replace(file, sha256=found.sha256)])
            if not has_one_of(self._store.path(found.sha256), allowed):
                raise HashMismatchError(
                    f"has sha256 {found.sha256}, and none of the hashes that the requirements allow",
                    where=file.filename,
                    hint="take the hashes of this file, or find out why it is another one",
                )
        return found

    def file(self, file: RemoteFile) -> LockedFile:
        """Return an upstream file as a lock names it."""
        sha256, size = file.sha256, file.size
        if sha256 is None:
            sha256, size = self._upstream.fetch_unknown(file.url)
        written, question, _ = file.url.partition("?")
        path = local_path(file.url, self._config.root)
        return LockedFile(
            filename=file.filename,
            sha256=sha256,
            url=written + question if path is None else None,
            path=path,
            size=size,
            index=file.index,
            upload_time=file.upload_time,
            yanked=file.yanked,
            provenance=file.provenance,
        )

    def _find(self, name: str) -> Choices | None:
        rule = self._rules.get(name)
        if name in self._direct:
            page = self._direct[name].page(self._store)
        else:
            page = self._upstream.project(name, index=rule.index if rule else None)
        if not page.files:
            return None
        allowed = self._hashes.get(name, frozenset())
        admitted, refused = self._admission.admitted(page)
        found = choices(
            admitted,
            self._target,
            rule,
            only_binary=self._config.only_binary,
            no_binary=self._config.no_binary,
            hashes=() if any(not pinned.startswith("sha256:") for pinned in allowed) else allowed,
        )
        barred = {version: why for version, why in refused.items() if version not in found.by_version}
        found = replace(found, refused={**found.refused, **barred})
        return _wheels_only(found) if self._prefer_binary else found

    def _metadata(self, name: str, choice: Choice) -> Callable[[], bytes]:
        wheel = choice.file if choice.file.is_wheel else choice.sibling
        if wheel is not None:
            return lambda: self._upstream.metadata(wheel)
        return lambda: self._sdist_metadata(self.locked(Pin(name=name, version=choice.version)))


def _wheels_only(found: Choices) -> Choices:
    """Leave out what would have to be built, where there is a version that would not."""
    wheels = {version: choice for version, choice in found.by_version.items() if choice.file.is_wheel}
    if not wheels:
        return found
    left = dict.fromkeys(found.by_version.keys() - wheels.keys(), "would be built, and prefer-binary is set")
    return Choices(by_version=wheels, refused={**found.refused, **left})


def local_path(url: str, root: Path) -> str | None:
    """Return the path of a ``file:`` URL relative to a folder; None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    return Path(os.path.relpath(unquote(parts.path), root)).as_posix()


def remote(file: LockedFile, root: Path) -> RemoteFile:
    """Return a locked file as one to be fetched; a local one has a path relative to a folder."""
    url = file.url or (root / (file.path or "")).resolve().as_uri()
    return RemoteFile(filename=file.filename, url=url, sha256=file.sha256, size=file.size, index=file.index)
