"""The folder that a build happens in: at a path made from its key, so that a path in the output is always the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wheelyard.build.interpreter import interpreter_folders
from wheelyard.build.model import Limits, Recipe, Sandbox
from wheelyard.doors import files
from wheelyard.errors import StorageError

DEFAULT_EPOCH = 315532800
"""1980-01-01, the first time that a zip archive can hold."""

_KEPT = ".kept-after-failure"

_OPTIMISED = "-O3 -DNDEBUG -fwrapv"
"""Newer setuptools takes CFLAGS in place of the Python's own flags: without these, nothing would be optimised."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base() -> Path:
    """Return the folder that all workspaces of this user are in: not in /tmp, which sandboxes have their own of."""
    return Path(f"/var/tmp/wheelyard-{os.getuid()}")  # noqa: S108  (0700, and its owner is checked)


@contextlib.contextmanager
def workspace(key: str, *, keep_failed: bool = False) -> Iterator[Path]:
    """Yield an empty folder of the fixed path ``<base>/<key[:24]>``, locked against other runs, removed afterwards.

    Waits for another run at the same key.

    :param keep_failed: leave it there if the block ends with an error.
    :raises StorageError: if the place is not ours.
    """
    parent = _own(base())
    root = parent / key[:24]
    with files.locked(parent / f"{key[:24]}.lock", what=f"the build {key[:12]}", wait=True):
        remove(root)
        root.mkdir(mode=0o700)
        done = False
        try:
            yield root
            done = True
        finally:
            if done or not keep_failed:
                remove(root)
            else:
                (root / _KEPT).touch()
            (parent / f"{key[:24]}.lock").unlink(missing_ok=True)


def sweep() -> None:
    """Remove the workspaces that runs left behind which were killed: those that nobody holds and nobody asked to keep.

    :raises StorageError: if the place of all workspaces is not ours.
    """
    parent = _own(base())
    for root in parent.iterdir():
        if root.suffix == ".lock" or (root / _KEPT).exists():
            continue
        lock = parent / f"{root.name}.lock"
        with contextlib.suppress(StorageError), files.locked(lock, what=root.name):
            remove(root)
            lock.unlink(missing_ok=True)


def _own(parent: Path) -> Path:
    with contextlib.suppress(FileExistsError):
        parent.mkdir(mode=0o700)
    status = parent.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError("this folder is not ours alone", where=str(parent), hint="remove it, then run again")
    return parent


def remove(folder: Path) -> None:
    """Remove a folder that other people's code has written: also where it took away permissions."""

    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    for base_folder, names, _ in os.walk(folder):
        for path in (Path(base_folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)
    if folder.exists():
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A source tree with the interpreter of its build environment, ready for hooks to be called."""

    root: Path
    """The one folder that hooks may write; everything else of the build lies in it."""
    source: Path
    python: Path
    """The interpreter of the build environment."""
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

    def _interpreter(self) -> list[Path]:
        folders = interpreter_folders(self.python)
        return [path for path in folders if path.is_dir() and not path.is_relative_to(self.root)]

    def environment(self) -> dict[str, str]:
        """Return the whole environment that hooks get: nothing of ours, nothing that changes from run to run."""
        home, temporary = self.root / "home", self.root / "tmp"
        for folder in (home, temporary):
            folder.mkdir(exist_ok=True)
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
        hidden += [f"-ffile-prefix-map={path}=/python" for path in self._interpreter()]
        for name in ("CFLAGS", "CXXFLAGS"):
            given = self.recipe.environment.get(name, "")
            environment[name] = " ".join([_OPTIMISED, *([given] if given else []), *hidden])
        return environment

    def _pkg_config(self) -> Path:
        """Write the recipe's pkg-config files, which can only now say where the libraries are; return their folder."""
        folder = self.root / "pkgconfig"
        prefix = self.python.parent.parent
        purelib = next(iter(sorted(prefix.glob("lib/python*/site-packages"))), prefix)
        for name, text in self.recipe.pkg_config.items():
            files.write(
                folder / f"{name}.pc",
                text.replace("{environment}", str(prefix)).replace("{purelib}", str(purelib)),
                sync=False,
            )
        return folder
