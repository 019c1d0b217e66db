"""The folder that a build happens in: at a path made from its key, so that a path in the output is always the same."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wheelyard.domain.build import Recipe
from wheelyard.domain.command import Limits
from wheelyard.domain.errors import StorageError
from wheelyard.io import beneath, files
from wheelyard.sandbox.paths import SYSTEM_PATH
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.store.blobs import Store

DEFAULT_EPOCH = 315532800
"""1980-01-01, the first time that a zip archive can hold."""

_KEPT = ".kept-after-failure"

_OPTIMISED = "-O3 -DNDEBUG -fwrapv"
"""Newer setuptools takes CFLAGS in place of the Python's own flags: without these, nothing would be optimised."""


def base() -> Path:
    """Return the folder that all workspaces of this user are in: not in /tmp, which sandboxes have their own of."""
    return Path(f"/var/tmp/wheelyard-{os.getuid()}")  # noqa: S108  (0700, and its owner is checked)


@contextlib.contextmanager
def workspace(key: str, *, keep_failed: bool = False) -> Iterator[Path]:
    """Yield an empty folder of the fixed path ``<base>/<key[:24]>``, locked against other runs, removed afterwards.

    There is another one with it, :func:`aside`, for what no sandbox may write. Waits for another run at the same key.

    :param keep_failed: leave it there if the block ends with an error.
    :raises StorageError: if the place is not ours.
    """
    root, lock = _own(base()) / key[:24], _lock(base() / key[:24])
    _own(aside(root).parent)
    with files.locked(lock, what=f"the build {key[:12]}", wait=True):
        _clear(root)
        for folder in (root, aside(root)):
            folder.mkdir(mode=0o700)
        done = False
        try:
            yield root
            done = True
        finally:
            if done or not keep_failed:
                _clear(root)
            else:
                (aside(root) / _KEPT).touch()
            lock.unlink(missing_ok=True)


def aside(root: Path) -> Path:
    """Return the folder for what is taken out of a workspace: only we write there."""
    return Path(f"{root.parent}-aside", root.name)


def given(store: Store, root: Path, sha256: str, filename: str) -> Path:
    """Return a copy of a blob for a workspace: aside, under its own name, and what its hash promises at this moment.

    :raises StorageError: if the store does not have it.
    :raises HashMismatchError: if it is not what it was when it came in.
    """
    place = aside(root) / "given" / sha256[:16] / Path(filename).name
    return place if place.exists() else store.take(sha256, place)


def sweep() -> None:
    """Remove the workspaces that runs left behind which were killed: those that nobody holds and nobody asked to keep.

    :raises StorageError: if the place of all workspaces is not ours.
    """
    places = (_own(base()), _own(aside(base() / "any").parent))
    for name in {path.name for place in places for path in place.iterdir() if path.suffix != ".lock"}:
        root = base() / name
        if (aside(root) / _KEPT).exists():
            continue
        with contextlib.suppress(StorageError), files.locked(_lock(root), what=name):
            _clear(root)
            _lock(root).unlink(missing_ok=True)


def _lock(root: Path) -> Path:
    return root.with_name(f"{root.name}.lock")


def _clear(root: Path) -> None:
    for folder in (root, aside(root)):
        beneath.remove(folder)


def _own(parent: Path) -> Path:
    with contextlib.suppress(FileExistsError):
        parent.mkdir(mode=0o700)
    status = parent.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError("this folder is not ours alone", where=str(parent), hint="remove it, then run again")
    return parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A source tree with the interpreter of its build environment, ready for hooks to be called."""

    root: Path
    """The one folder that hooks may write; everything else of the build lies in it."""
    source: Path
    python: Path
    """The interpreter of the build environment."""
    interpreter: tuple[Path, ...]
    """The folders of this machine that it needs, found before other people's code could change what it is."""
    sandbox: Sandbox
    log: Path
    package: str = ""
    """``name version``, for messages."""
    recipe: Recipe = field(default_factory=Recipe)
    limits: Limits = field(default_factory=Limits)
    readable: tuple[Path, ...] = ()
    """Folders to be seen besides: the interpreter's, a toolchain's."""
    epoch: int = DEFAULT_EPOCH
    """SOURCE_DATE_EPOCH, seconds."""

    @property
    def aside(self) -> Path:
        """What is taken out of the workspace lies here, where no sandbox writes."""
        return aside(self.root)

    def environment(self) -> dict[str, str]:
        """Return the whole environment that hooks get: nothing of ours, nothing that changes from run to run."""
        home, temporary = (beneath.ensure(self.root, name) for name in ("home", "tmp"))
        environment = {
            "PATH": f"{self.python.parent}:{SYSTEM_PATH}",
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "USER": "builder",
            "LOGNAME": "builder",
            "SOURCE_DATE_EPOCH": str(self.epoch),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "PIP_NO_INDEX": "1",
            "VIRTUAL_ENV": str(self.python.parent.parent),
            **self.recipe.environment,
        }
        if self.recipe.pkg_config:
            # Behind them those of wheels in the environment, which they may require.
            environment["PKG_CONFIG_PATH"] = f"{self._pkg_config()}:{self.python.parent.parent / 'lib' / 'pkgconfig'}"
        # These paths differ from user to user and from machine to machine; what is compiled must not.
        hidden = [f"-ffile-prefix-map={self.root}=."]
        hidden += [f"-ffile-prefix-map={path}=/python" for path in self.interpreter if path.is_dir()]
        for name in ("CFLAGS", "CXXFLAGS"):
            given = self.recipe.environment.get(name, "")
            environment[name] = " ".join([_OPTIMISED, *([given] if given else []), *hidden])
        return environment

    def _pkg_config(self) -> Path:
        """Write the recipe's pkg-config files, which can only now say where the libraries are; return their folder."""
        folder = beneath.ensure(self.root, "pkgconfig")
        prefix = self.python.parent.parent
        library = prefix.relative_to(self.root) / "lib"
        version = next((name for name in beneath.names(self.root, library) if name.startswith("python")), "")
        purelib = self.root / library / version / "site-packages"
        for name, text in self.recipe.pkg_config.items():
            text = text.replace("{environment}", str(prefix)).replace("{purelib}", str(purelib))
            beneath.put(self.root, f"pkgconfig/{name}.pc", text.encode())
        return folder
