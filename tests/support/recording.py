"""Take a picture of the live view while the scientific list is built, two of its packages from source.

python -m tests.support.recording [PICTURE]     writes an SVG of 80x24, and prints a frame of 80x24 and one of 140x40

The wheels are those of the index that pip is configured for; nothing of it is in the store before.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.support.terminal import Frame, in_a_terminal, pyte, steps

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "live.svg"
COMPILED = ("kiwisolver", "markupsafe")
CONFIGURATION = f"""
requirements = ["scientific.in"]
no-binary = {list(COMPILED)!r}
"""
_NUMBER = re.compile("[0-9a-f]{6}")


def recorded(columns: int, lines: int, cache: Path) -> tuple[str, Frame]:
    """Return what was written to a terminal during a build, and the frame in which most is compiled."""
    with tempfile.TemporaryDirectory(prefix="wheelyard-recording-") as folder:
        root = Path(folder)
        (root / "wheelyard.toml").write_text(CONFIGURATION)
        (root / "scientific.in").write_text((ROOT / "requirements" / "scientific.in").read_text())
        environment = {**os.environ, "WHEELYARD_CACHE": str(cache)}
        shown = in_a_terminal(["build", "--no-prove"], root, environment, columns, lines)
    if shown.code:
        raise SystemExit(shown.written)
    return shown.written, max(shown.frames, key=_tells)


def _tells(frame: Frame) -> tuple[int, int]:
    """Say how much a frame tells: jobs that compile, and lines of compilers rather than the sandbox's own command."""
    return sum("compiling" in line for line in frame), sum("gcc" in line or "c++" in line for line in frame)


def picture(written: str, best: Frame, columns: int, lines: int) -> str:
    """Return a frame as SVG, in the terminal's colours."""
    screen: Any = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(screen)
    for part in steps(written.encode()):
        stream.feed(part)
        if tuple(line.rstrip() for line in screen.display) == best:
            break
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="standard")
    for line in _lines(screen):
        console.print(line, no_wrap=True, overflow="crop")
    drawn = console.export_svg(title="wheelyard build", unique_id="wheelyard")
    return re.sub(r"\s*@font-face \{[^}]*\}", "", drawn)  # nothing is loaded from anywhere


def _lines(screen: Any) -> Iterator[Text]:
    rows = [screen.buffer[number] for number in range(screen.lines)]
    last = max(
        (number for number, row in enumerate(rows) if any(cell.data.strip() for cell in row.values())), default=0
    )
    for row in rows[: last + 1]:
        text = Text()
        for column in range(screen.columns):
            cell = row[column]
            text.append(cell.data, Style(color=_color(cell.fg), bold=cell.bold))
        yield text


def _color(name: str) -> str | None:
    """Return a colour of pyte's as rich calls it."""
    if _NUMBER.fullmatch(name):
        return f"#{name}"
    return None if name == "default" else {"brown": "yellow"}.get(name, name.replace("bright", "bright_"))


def main() -> None:
    """Record at two sizes, and write the picture of the smaller one."""
    goal = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    with tempfile.TemporaryDirectory(prefix="wheelyard-store-") as cache:
        for columns, lines in ((80, 24), (140, 40)):
            store = Path(cache) / str(columns)
            written, best = recorded(columns, lines, store)
            print(*best, sep="\n")
            if columns == 80:
                goal.write_text(picture(written, best, columns, lines))


if __name__ == "__main__":
    main()
