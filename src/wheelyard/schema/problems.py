"""Collecting every mistake of a configuration, so that they are shown at once and not one a run."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from wheelyard.domain.errors import ConfigError, Failures, WheelyardError

_noted: ContextVar[set[Path] | None] = ContextVar("_noted", default=None)


@dataclass(slots=True)
class Problems:
    """A list that errors are put into while reading goes on."""

    found: list[WheelyardError] = field(default_factory=list)

    def add(self, message: str, *, where: str, hint: str | None = None) -> None:
        """Note a mistake."""
        self.found.append(ConfigError(message, where=where, hint=hint))

    def note(self, error: WheelyardError, *, where: str) -> None:
        """Note an error that another room raised, with the place it was caused at."""
        self.found.append(type(error)(error.message, where=where, hint=error.hint, log=error.log))

    def check(self) -> None:
        """Raise what was found.

        :raises ConfigError: for one mistake.
        :raises Failures: for several.
        """
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise Failures(tuple(self.found))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the known word that looks most like ``word``, or lists what there is."""
    words = sorted(set(known))
    if not words:
        return None
    if close := difflib.get_close_matches(word, words, n=1, cutoff=0.5):
        return f"did you mean {close[0]!r}?"
    return "known here: " + ", ".join(words)


def shown(path: Path, root: Path) -> str:
    """Return a path as it is shown and written: relative to ``root``, with forward slashes."""
    return Path(os.path.relpath(path, root)).as_posix()


@contextlib.contextmanager
def noting_files() -> Iterator[set[Path]]:
    """Yield a set that grows by every file that is read by ``read_text`` in the block."""
    noted: set[Path] = set()
    before = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(before)


def read_text(path: Path, shown_as: str, limit: int = 32 << 20) -> str:
    """Read a text file of a sane size.

    :raises ConfigError: if it is not there, cannot be read, is too big or is not UTF-8.
    """
    try:
        if not path.exists():
            near = (
                nearest(path.name, (beside.name for beside in path.parent.iterdir())) if path.parent.is_dir() else None
            )
            near = near if near and near.startswith("did") else "check the path"
            raise ConfigError("no such file", where=shown_as, hint=near)
        if not path.is_file():
            raise ConfigError("not a file", where=shown_as, hint="name a file")
        if path.stat().st_size > limit:
            raise ConfigError(f"larger than {limit >> 20} MiB", where=shown_as, hint="is it the right file?")
        text = path.read_bytes().decode("utf-8-sig")
        if (noted := _noted.get()) is not None:
            noted.add(Path(os.path.normpath(path.absolute())))
        return text
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8 text (byte {error.start})", where=shown_as, hint="save the file as UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot be read: {reason}", where=shown_as, hint="check path and permissions") from error
