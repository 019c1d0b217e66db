"""Resolving with uv: fast, and the default."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import uv

from wheelyard.domain.errors import ResolutionError, ToolError
from wheelyard.io.process import run
from wheelyard.io.temporary import temporary_folder
from wheelyard.resolve import files
from wheelyard.resolve.model import Question, Resolution

_TIMEOUT = 24 * 3600.0
"""An answer may wait for the metadata of an sdist that has to be prepared; that has its own limit."""


class Uv:
    """``uv pip compile`` against the loopback index."""

    name = "uv"

    def resolve(self, question: Question, index_url: str) -> Resolution:
        """Return the pins, and uv's warnings (see ``Resolver``)."""
        with temporary_folder("uv") as folder:
            written = files.write_question(question, folder)
            command = [
                _binary(), "pip", "compile", "--no-config", "--cache-dir", str(folder / "cache"),
                "--no-progress", "--no-header", "--annotation-style", "split", "--no-strip-extras",
                "--no-build", "--no-sources", "--default-index", index_url, "--python", sys.executable,
                "--no-python-downloads", "--keyring-provider", "disabled", "--output-file", files.OUTPUT,
            ]  # fmt: skip
            command += ["--prerelease", "allow"] if question.prereleases else []
            command += [part for constraint in written.constraints for part in ("--constraints", constraint)]
            environment = {
                **files.clean_environment(folder),
                "UV_NO_WRAP": "1",
                "UV_HTTP_RETRIES": "0",
                "UV_HTTP_TIMEOUT": str(int(_TIMEOUT)),
            }
            ended = run([*command, *written.requirements], cwd=folder, env=environment, timeout=_TIMEOUT)
            if ended.returncode:
                raise ResolutionError(explanation(ended.errors), hint="loosen one of these requirements")
            pins = files.read_pins((folder / files.OUTPUT).read_text(), written.origins)
            return Resolution(pins=pins, warnings=tuple(warnings(ended.errors)))


_TOLD_ELSEWHERE = re.compile("is yanked|not have an extra named|does not contain any dependencies")


def _binary() -> str:
    """Return the path of uv's program.

    :raises ToolError: if the ``uv`` package is there without it.
    """
    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise ToolError("uv's program is missing", hint="reinstall: pip install --force-reinstall uv") from error


def warnings(errors: str) -> Iterator[str]:
    """Yield uv's warnings, save those of what is told elsewhere, or of what is no fault: nothing is required."""
    for line in errors.splitlines():
        if line.startswith("warning: ") and not re.search(
            r"is yanked|not have an extra named|does not contain any dependencies", line
        ):
            yield line.removeprefix("warning: ")


def explanation(errors: str) -> str:
    """Return uv's own explanation of a conflict, without its drawing, its warnings and the words of its plumbing."""
    lines: list[str] = []
    for line in errors.splitlines():
        text = line.strip().lstrip("×╰─▶│ ").strip()
        if not text or text.startswith(("warning:", "Resolved ", "hint:")):
            continue
        text = text.removeprefix("error: ").removeprefix("cause: ")
        text = text.replace("in the package registry", "in any index").replace("we can conclude that ", "")
        lines.append(text)
    if lines and lines[0].startswith("No solution found"):
        lines[0] = "no versions fit together:"
    return "\n  ".join(lines)
