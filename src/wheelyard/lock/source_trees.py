"""Source trees (a folder of this machine, a checkout): made into an sdist, which then is a file like any other.

The sdist is made once, by the project's own backend, in the sandbox and without network. It lies beside the locks: the
next run, or another machine, builds what was locked, whatever has become of the tree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from wheelyard.config.model import Config
from wheelyard.domain.errors import BuildError
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.io import files
from wheelyard.lock.build_requirements import BuildRequirements
from wheelyard.lock.candidates import TargetSource
from wheelyard.lock.inputs import SDISTS, own_files
from wheelyard.lock.ports import Backends, Upstream
from wheelyard.resolve.model import Resolver
from wheelyard.sdist import tree
from wheelyard.store.blobs import Store
from wheelyard.store.memo import memo

_EDITION = "1"
"""Raise it when sdists are made in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTrees:
    """Makes sdists of source trees."""

    config: Config
    resolver: Resolver
    upstream: Upstream
    store: Store
    backends: Backends
    report: Reporter = silent

    def sdist(self, folder: Path, *, name: str | None = None, where: str) -> LockedFile:
        """Return the sdist of a source tree; it is in the store, and beside the locks.

        :param folder: with ``pyproject.toml`` or ``setup.py``.
        :param name: normalised, of the project if it is known: its ``[packages.NAME]`` says what else building needs.
        :param where: what messages call the tree.
        :raises BuildError: if the backend fails, or what it makes is not named as an sdist.
        :raises WheelyardError: if what the backend needs cannot be had.
        """
        left = own_files(self.config)
        project = name or canonicalize_name(folder.resolve().name) or "source"
        rule = self.config.packages.get(project)
        said = [list(rule.build_requires), dict(rule.environment)] if rule else []
        inputs = [tree.digest(folder, left), project, said]
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

        def load(answer: list[str]) -> tuple[str, str]:
            filename, sha256 = answer
            if not self.store.has(sha256):
                raise KeyError(sha256)  # pruned since: it is made again
            return filename, sha256

        filename, sha256 = memo(
            self.store, "sdists", _EDITION, key, lambda: self._make(folder, left, project, where), dump=list, load=load
        )
        blob, beside = self.store.path(sha256), self.config.root / SDISTS / filename
        if not beside.is_file() or files.sha256(beside) != sha256:
            beside.parent.mkdir(exist_ok=True)
            files.copy(blob, beside)
        return LockedFile(filename=filename, sha256=sha256, path=f"{SDISTS}/{filename}", size=blob.stat().st_size)

    def _make(self, folder: Path, left: Collection[Path], project: str, where: str) -> tuple[str, str]:
        """Return file name and SHA-256 of a new sdist, which is in the store."""
        machine = self.backends.sdists_on(self.config.targets)
        with self.store.scratch() as scratch:
            archive = tree.pack(folder, scratch / "source.tar", left)
            packed = LockedFile(filename=archive.name, sha256=self.store.add_file(archive))
        package = LockedPackage(name=project, version="(its sdist)", file=packed, reason="a source tree")
        # Patches are for the sdist that comes of it.
        rules = {key: replace(rule, patches=()) for key, rule in self.config.packages.items()}
        builds = BuildRequirements(
            config=self.config,
            target=machine,
            resolver=self.resolver,
            upstream=self.upstream,
            store=self.store,
            backends=self.backends,
            foreign=False,
            kept={},
            rules=rules,
            report=self.report,
        )
        source = TargetSource(
            self.config,
            machine,
            upstream=self.upstream,
            store=self.store,
            sdist_metadata=lambda needed: builds.metadata(needed, source),
        )
        environment = builds.for_sdist(package, source)
        filename, sha256 = self.backends.sdist(package, machine, environment)
        try:
            made, _ = parse_sdist_filename(filename)
        except InvalidSdistFilename as error:
            raise BuildError(
                f"its backend made {filename}, which is not an sdist's name: {error}",
                where=where,
                hint="see name and version in its pyproject.toml or setup.py",
            ) from error
        if made == "unknown":
            raise BuildError(
                "its backend knows no name of the project: the sdist is called UNKNOWN",
                where=where,
                hint="give it a name: [project] name in its pyproject.toml",
            )
        return filename, sha256
