"""A yard: a folder, a local index and the command line, run as its own process as a user would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.index_server import IndexServer
from wheelyard.targets.here import this_machine

HERE = this_machine()


TARGET = HERE.name


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        (found,) = (event for event in self.events if event["event"] == "summary")
        return found


@dataclass(frozen=True)
class Yard:
    root: Path
    shop: Path
    """Folder of the distributions that the index has."""
    index: IndexServer

    @property
    def wheelhouse(self) -> Path:
        return self.root / "wheelhouse"

    @property
    def folder(self) -> Path:
        return self.wheelhouse / "targets" / TARGET

    @property
    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "WHEELYARD_"))}
        return {
            **clean,
            "WHEELYARD_CACHE": str(self.root / "cache"),
            "WHEELYARD_GRACE": os.environ.get("WHEELYARD_GRACE", "0"),
            "PIP_INDEX_URL": self.index.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_RETRIES": "1",
            "PIP_TIMEOUT": "60",
            "HOME": str(self.root / "home"),
        }

    def write(self, requirements: str, **tables: str) -> None:
        """Write the requirements, and more of the configuration by the name of its table."""
        (self.root / "requirements.in").write_text(requirements)
        more = "".join(f"\n[{name}]\n{text}\n" for name, text in tables.items())
        (self.root / "wheelyard.toml").write_text(
            'requirements = ["requirements.in"]\n'
            f'[[target]]\nname = "{TARGET}"\npip = "{bundled_pip().name.split("-")[1]}"\n{more}'
        )

    def start(self, *arguments: str, **settings: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "wheelyard", *arguments],
            cwd=self.root,
            env={**self.environment, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=hear_interrupts,
        )

    def run(self, *arguments: str, **settings: str) -> Done:
        with self.start(*arguments, **settings) as process:
            try:
                out, err = process.communicate(timeout=1800)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err)

    def build(self, *arguments: str, **settings: str) -> Done:
        done = self.run("build", "--json", *arguments, **settings)
        assert done.code == 0, done.out + done.err
        return done

    def state(self) -> dict[str, tuple[int, int]]:
        """Return every file of the wheelhouse with its inode and time: equal means untouched."""
        files = (path for path in self.wheelhouse.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def hear_interrupts() -> None:
    """A shell's background job has SIGINT ignored, and so have its children: a user's has not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def bundled_pip() -> Path:
    """Return the wheel of pip that comes with this very Python."""
    import ensurepip

    found = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not found:
        pytest.skip("this Python brings no wheel of pip")
    return found[-1]
