"""Wheelyard in a real terminal of some size, and every picture that a person sees there, as text."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.yard import hear_interrupts

pyte: Any = pytest.importorskip("pyte")

_ERASE = re.compile(rb"(?=\r\x1b\[(?:2K|1A))")
"""Where a live view begins to erase the last frame, to draw another or nothing."""

Frame = tuple[str, ...]
"""The lines of a screen, without the blanks behind them."""


@dataclass(frozen=True)
class Shown:
    code: int
    written: str
    """Everything, with what steers the terminal."""
    frames: tuple[Frame, ...]
    """What the screen looked like, one after the other; the last is what stays."""


def steps(written: bytes) -> list[bytes]:
    """Return what was written, cut where a frame is erased: what is drawn is seen, also where it goes at once."""
    return _ERASE.split(written)


def _in_front() -> None:
    """Make the terminal the one that this process is controlled by, so that a Ctrl-C typed there reaches it."""
    hear_interrupts()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def in_a_terminal(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    columns: int,
    lines: int,
    *,
    watch: Callable[[Frame], bytes] = lambda frame: b"",
) -> Shown:
    """Run a command there; ``watch`` sees every frame, and returns what is typed then."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    plain = {name: text for name, text in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "CI")}
    screen = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(screen)
    frames: list[Frame] = []
    written = b""
    with subprocess.Popen(
        [sys.executable, "-m", "wheelyard", *arguments],
        cwd=folder,
        env={**plain, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_in_front,
    ) as process:
        os.close(theirs)
        try:
            while block := os.read(ours, 1 << 16):
                written += block
                for part in steps(block):
                    stream.feed(part)
                    frame = tuple(line.rstrip() for line in screen.display)
                    if not frames or frame != frames[-1]:
                        frames.append(frame)
                        os.write(ours, watch(frame))
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return Shown(process.returncode, written.decode(), tuple(frames))
