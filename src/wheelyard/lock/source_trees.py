"""Source trees (a folder of this machine, a checkout): made into an sdist, which then is a file like any other.

The sdist is made once, by the project's own backend, in the sandbox and without network. It lies beside the locks: the
next run, or another machine, builds what was locked, whatever has become of the tree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from wheelyard.config.model import Config
from wheelyard.domain.errors import BuildError, ConfigError
from wheelyard.domain.events import Reporter, silent
from wheelyard.domain.lock import LockedFile, LockedPackage
from wheelyard.domain.repository import Repository
from wheelyard.io import beneath, files
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
    earlier: Mapping[Repository, LockedFile] = field(default_factory=dict)
    """What earlier locks have of repositories, and is to be kept."""
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

        def pack(scratch: Path) -> Path:
            return tree.pack(folder, scratch / "source.tar", left)

        return self._kept([tree.digest(folder, left)], project, where, pack)

    def of_repository(self, repository: Repository, *, name: str | None = None, where: str) -> LockedFile:
        """Return the sdist of a project in a repository; it is in the store, and beside the locks.

        That of an earlier lock stays, wherever a branch is by now, and whether the repository is still there.

        :param name: as for ``sdist``.
        :param where: what messages call the requirement.
        :raises ConfigError: if the repository has no such branch, tag or commit, or no project where it should be.
        :raises UpstreamError: if it does not answer.
        :raises ToolError: if there is no usable git.
        :raises BuildError: as for ``sdist``.
        """
        kept = self.earlier.get(repository)
        if kept is not None and kept.path is not None:
            beside = self.config.root / kept.path
            if self.store.has(kept.sha256):
                self._beside(kept)
                return kept
            if beside.is_file() and files.sha256(beside) == kept.sha256:
                self.store.add_file(beside)
                return kept
        before = kept.made_from if kept is not None else None
        commit = before or self.upstream.commit(repository)

        def pack(scratch: Path) -> Path:
            checkout = scratch / "checkout"
            self.upstream.checkout(commit, checkout)
            beneath.wash(checkout)
            inside = checkout / (repository.subdirectory or "")
            if not any((inside / project_file).is_file() for project_file in ("pyproject.toml", "setup.py")):
                there = f" in {repository.subdirectory}" if repository.subdirectory else ""
                raise ConfigError(
                    f"no Python project: neither pyproject.toml nor setup.py is there{there}",
                    where=f"{where}: {commit.shown}",
                    hint="if it lies in a folder of the repository, name that: #subdirectory=FOLDER",
                )
            return tree.pack_all(checkout, scratch / "source.tar")

        project = name or canonicalize_name(repository.stem) or "source"
        inputs = [repository.url, commit.commit, repository.subdirectory]
        file = self._kept(inputs, project, f"{where}: {commit.shown}", pack, subdirectory=repository.subdirectory)
        return replace(file, made_from=commit)

    def _kept(
        self,
        inputs: list[str | None],
        project: str,
        where: str,
        pack: Callable[[Path], Path],
        *,
        subdirectory: str | None = None,
    ) -> LockedFile:
        """Return the sdist of a tree, made now if it was not before.

        :param inputs: what the tree is.
        :param pack: packs it in a folder to work in.
        """
        rule = self.config.packages.get(project)
        said = [list(rule.build_requires), dict(rule.environment)] if rule else []
        key = hashlib.sha256(json.dumps([inputs, project, said], sort_keys=True).encode()).hexdigest()

        def load(answer: list[str]) -> tuple[str, str]:
            filename, sha256 = answer
            if not self.store.has(sha256):
                raise KeyError(sha256)  # pruned since: it is made again
            return filename, sha256

        filename, sha256 = memo(
            self.store,
            "sdists",
            _EDITION,
            key,
            lambda: self._make(pack, project, where, subdirectory),
            dump=list,
            load=load,
        )
        size = self.store.path(sha256).stat().st_size
        file = LockedFile(filename=filename, sha256=sha256, path=f"{SDISTS}/{filename}", size=size)
        self._beside(file)
        return file

    def _beside(self, file: LockedFile) -> None:
        """Put a made sdist beside the locks, where it is not yet."""
        beside = self.config.root / (file.path or "")
        if not beside.is_file() or files.sha256(beside) != file.sha256:
            beside.parent.mkdir(exist_ok=True)
            files.copy(self.store.path(file.sha256), beside)

    def _make(
        self, pack: Callable[[Path], Path], project: str, where: str, subdirectory: str | None
    ) -> tuple[str, str]:
        """Return file name and SHA-256 of a new sdist, which is in the store."""
        machine = self.backends.sdists_on(self.config.targets)
        with self.store.scratch() as scratch:
            archive = pack(scratch)
            packed = LockedFile(filename=archive.name, sha256=self.store.add_file(archive), subdirectory=subdirectory)
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
