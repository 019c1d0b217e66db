"""One switch: a folder keeps its name, and what it holds is exchanged whole for what was made beside it.

::

    PARENT/wheelhouse/                  what is published: a plain folder
    PARENT/.wheelhouse.wheelyard/       beside it, and nobody's business
        lock                            held by who publishes
        published.json                  the record of the last publication
        before/                         the generation before: whoever has it open reads on
        replaced/                       the same, where only manifest, signature or papers were replaced since
        staged-…/                       the next one, while it is made

A folder that cannot be exchanged (something is mounted there, the folder above it may not be written, or this process
stands in it) has all that in ``.wheelyard`` inside, and its parts are put in place one after the other: then readers
may meet two generations for a moment, and whoever publishes is told so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from wheelyard.domain.errors import StorageError
from wheelyard.domain.events import Reporter, Warned
from wheelyard.host.generations import WORKSHOP
from wheelyard.host.manifest import MANIFEST, SIGNATURE
from wheelyard.index.layout import FILES
from wheelyard.index.publishers.record import EARLIER
from wheelyard.io import exchange, files

BEFORE, REPLACED = "before", "replaced"
_LOCK = "lock"
_STAGED = "staged-"
_GONE = "gone-"
_FORMER = frozenset({EARLIER, ".lock", ".facts.json", WORKSHOP})
"""Hidden names in a wheelhouse that are, or once were, ours; none of them goes along into the next generation."""
_LEFT = re.compile(r"\.(?:staging-.*|[a-z0-9_]{8}\.tmp)\Z")
_CANNOT = frozenset({errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS})


class Generations:
    """The generations of one published folder."""

    def __init__(self, into: Path) -> None:
        self.live = into.resolve()  # a link to a folder stays what it is
        self.inside = _only_inside(self.live)
        beside = self.live.parent / f".{self.live.name}{WORKSHOP}"
        self.state = self.live / WORKSHOP if self.inside else beside
        self.before = self.state / BEFORE

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock of the folder, and sweep what a publication that was killed left behind.

        :raises StorageError: if another run holds it.
        """
        if any(part.endswith(WORKSHOP) for part in self.live.parts):
            raise StorageError(
                "this is an earlier generation of a wheelhouse, which is kept for who reads it still",
                where=str(self.live),
                hint="go to the wheelhouse again, and name it by its path",
            )
        self.state.parent.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(mode=0o700, exist_ok=True)  # what was taken out of a wheelhouse is nobody's to fetch
        with files.locked(self.state / _LOCK, what="this wheelhouse"):
            files.write(self.state / ".gitignore", "*\n", sync=False)
            self._sweep()
            yield

    def staged(self) -> Path:
        """Return where the next generation is to be made."""
        return self.state / f"{_STAGED}{os.getpid()}"

    def switch(self, staged: Path, report: Reporter, *, same_site: bool = False) -> None:
        """Publish what is staged, in one step; the generation before is kept beside.

        :param same_site: only what is said of the site has changed: there is nothing to roll back to.
        :raises OSError: if the folder cannot be changed.
        """
        if self.inside or not self._exchanged(staged):
            message = (
                "its parts are put in place one after the other, so a reader may meet two generations for a moment"
            )
            report(Warned(message=f"{self.live} cannot be exchanged whole ({_reason(self.live)}): {message}"))
            _place_each(staged, self.live)
            shutil.rmtree(staged, ignore_errors=True)
            return
        files.sync_directory(self.live.parent)
        if staged.exists():
            self._put_aside(REPLACED)
            if not same_site:
                self._put_aside(BEFORE)
            staged.rename(self.state / (REPLACED if same_site else BEFORE))
            self._sweep_gone()

    def _put_aside(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.state / name).rename(self.state / f"{_GONE}{name}")

    def _sweep_gone(self) -> None:
        for left in self.state.glob(f"{_GONE}*"):
            shutil.rmtree(left)

    def note(self, name: str, content: str) -> None:
        """Put a hidden file of ours into the published folder, in one step; it is no part of what is published."""
        place = self.live / name
        if not place.is_file() or place.read_text() != content:
            files.write(self.state / name, content)
            (self.state / name).replace(place)
            files.sync_directory(self.live)

    def _exchanged(self, staged: Path) -> bool:
        if not self.live.exists():
            staged.rename(self.live)
            return True
        try:
            exchange.exchange(staged, self.live)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            return False
        return True

    def _sweep(self) -> None:
        for aside in self.state.glob(f"{_STAGED}*.old"):  # killed between two renames, where one exchange is not known
            if not self.live.exists():
                aside.rename(self.live)
        for left in self.state.glob(f"{_STAGED}*"):
            shutil.rmtree(left)
        self._sweep_gone()
        for left in self.live.glob(".staging-*"):  # of a Wheelyard that wrote into the published folder
            shutil.rmtree(left)


def is_former(path: str) -> bool:
    """Whether a hidden name at the top of a wheelhouse is ours, or was left by a publication that was killed."""
    return path in _FORMER or _LEFT.match(path) is not None


def _only_inside(live: Path) -> bool:
    if not live.exists():
        return False
    return _reason(live) != ""


def _reason(live: Path) -> str:
    """Return why a folder cannot be exchanged whole; empty if nothing is known against it."""
    parent = live.parent
    if exchange.is_mount(live) or live.stat().st_dev != parent.stat().st_dev:
        return "something is mounted there"
    if not os.access(parent, os.W_OK | os.X_OK):
        return f"{parent} may not be written"
    if Path.cwd().is_relative_to(live):
        return "this run was started in it: start it outside"
    return ""


def _place_each(staged: Path, live: Path) -> None:
    """Put the parts of a generation in place: what is linked to before what links to it, removals last."""
    names = sorted(path.name for path in staged.iterdir())
    gone = [path.name for path in live.iterdir() if path.name not in names and path.name != WORKSHOP]
    for path in (staged / FILES).iterdir() if (staged / FILES).is_dir() and (live / FILES).is_dir() else ():
        with contextlib.suppress(FileExistsError):
            os.link(path, live / FILES / path.name)
    last = [name for name in (FILES, MANIFEST, SIGNATURE) if name in names]
    for name in (*(name for name in names if name not in last), *last):
        if (live / name).is_dir():
            exchange.exchange(staged / name, live / name)
        else:
            (staged / name).replace(live / name)
    for name in gone:
        (live / name).rename(staged / name)
