"""A folder with the demo that calls BLAS, and the command line, run as its own process as a user would."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.packages import make_sdist
from wheelyard.targets.here import this_machine

DEMO = Path(__file__).parent.parent / "data" / "blasdemo"
HERE = this_machine().name

RECIPE = """
[packages.blasdemo]
build = "always"

[[recipe]]
package = "blasdemo"
blas.environment = { BLASDEMO_BLAS = "{blas}" }
openblas64 = {}
"""

needs_compiler = [
    pytest.mark.network,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the levels here are x86-64's"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc"),
    pytest.mark.skipif(shutil.which("objdump") is None, reason="there is no objdump"),
    # One process: MKL's wheel of 240 MB is fetched once.
    pytest.mark.xdist_group("variants"),
]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def refusal(self) -> str:
        """Return what the error says."""
        (found,) = [event for event in self.events if event["event"] == "error"]
        return f"{found['where']}: {found['message']}"

    def warnings(self) -> list[str]:
        return [event["message"] for event in self.events if event["event"] == "warned"]

    def notes(self, stage: str) -> dict[str, str]:
        """Return what was said at the end of each job of a stage."""
        wanted = [event for event in self.events if event["event"] == "job-finished" and event["stage"] == stage]
        return {each["job"]: each["note"] for each in wanted}


@dataclass(frozen=True)
class Yard:
    root: Path
    cache: Path

    @property
    def targets(self) -> Path:
        return self.root / "wheelhouse" / "targets"

    def wheel(self, folder: str) -> Path:
        (found,) = (self.targets / folder).glob("blasdemo-*.whl")
        return found

    def build(self, text: str, *arguments: str, more: str = "", demo: bool = True, within: Sequence[str] = ()) -> Done:
        """Write the configuration, and build the demo and what ``more`` requires, by a command that runs others."""
        self.root.mkdir(exist_ok=True)
        files = {str(path.relative_to(DEMO)): path.read_bytes() for path in sorted(DEMO.rglob("*")) if path.is_file()}
        make_sdist(self.root, "blasdemo", "1.0", files)
        (self.root / "requirements.in").write_text(("./blasdemo-1.0.tar.gz\n" if demo else "") + more)
        (self.root / "wheelyard.toml").write_text('requirements = ["requirements.in"]\n' + text)
        done = subprocess.run(
            [*within, sys.executable, "-m", "wheelyard", "build", "--json", *arguments],
            cwd=self.root,
            env={**os.environ, "WHEELYARD_CACHE": str(self.cache)},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)
