"""Readers in a loop while ``wheelyard build`` publishes: versions come and go, and nobody sees a fault."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.signed_wheelhouses import key, public
from tests.support.web_servers import own
from tests.support.yard import Yard

pytestmark = pytest.mark.slow

PUBLICATIONS = int(os.environ.get("READER_LOOP", "10"))
GRACE = os.environ.get("READER_LOOP_GRACE", "600")
UPWARDS = "delta"
"""Newer in each publication. A pip that is told ``-f`` and no version takes the newest that lies there."""
WANTED = (
    "alpha==1.0\nbeta==1.0\n",
    "alpha==1.1\nbeta==2.0\ngamma==1.0\n",
    "alpha==1.0\nbeta==2.0\n",
    "alpha==1.1\nbeta==1.0\ngamma==2.0\n",
)


@dataclass
class Reader:
    """One way to read the wheelhouse, again and again."""

    name: str
    command: Callable[[Path], list[str]]
    """Takes a fresh folder to install into."""
    reads: int = 0
    failures: list[str] = field(default_factory=list)

    def loop(self, scratch: Path, environment: dict[str, str], over: threading.Event) -> None:
        while not over.is_set():
            fresh = scratch / f"{self.name.replace(' ', '-')}-{self.reads}"
            done = subprocess.run(
                self.command(fresh),
                env=environment,
                cwd=scratch,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            self.reads += 1
            if done.returncode != 0:
                self.failures.append(f"{self.name}, read {self.reads}: {done.stdout}")


def readers(yard: Yard, url: str) -> list[Reader]:
    """Return everybody who reads: pip in four ways, install.py, and ``wheelyard check``."""
    lock = ["--require-hashes", "-r", str(yard.folder / "requirements.txt")]
    index = (yard.wheelhouse / "simple").as_uri()

    def pip(fresh: Path, *arguments: str) -> list[str]:
        start = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir"]
        return [*start, "--target", str(fresh), *arguments]

    install_py = [sys.executable, "-I", str(yard.wheelhouse / "install.py"), "--dry-run", "--no-system-packages"]
    check = [sys.executable, "-m", "wheelyard", "check", str(yard.wheelhouse), "--trust", str(public())]
    return [
        Reader("pip with -f and the lock", lambda fresh: pip(fresh, "--no-index", "-f", str(yard.folder), *lock)),
        Reader("pip with -f", lambda fresh: pip(fresh, "--no-index", "-f", str(yard.folder), UPWARDS)),
        Reader("pip by a file index", lambda fresh: pip(fresh, "--index-url", index, "alpha", "beta")),
        Reader("pip by http", lambda fresh: pip(fresh, "--index-url", f"{url}simple/", "alpha", "beta")),
        Reader("install.py", lambda _: [*install_py, "--trust", str(public())]),
        Reader("check", lambda _: check),
    ]


def test_no_reader_sees_a_fault_while_builds_publish(yard: Yard, tmp_path: Path) -> None:
    """Every reader reads at least three times; on a slow machine there are more publications than these."""
    for name in ("alpha", "beta", "gamma"):
        for version in ("1.0", "1.1", "2.0"):
            make_wheel(yard.shop, name, version, requires=["beta"] if name == "alpha" else [])

    def publish(number: int) -> None:
        make_wheel(yard.shop, UPWARDS, f"1.{number}")
        yard.write(f"{WANTED[number % len(WANTED)]}{UPWARDS}==1.{number}\n")
        yard.build("--no-prove", "--key", str(key()), "--grace", GRACE)

    publish(0)
    over = threading.Event()
    home = {**yard.environment, "HOME": str(tmp_path / "reader")}
    del home["PIP_INDEX_URL"]
    with own(yard.wheelhouse, tmp_path) as url:
        everybody = readers(yard, url)
        threads = [threading.Thread(target=each.loop, args=(tmp_path, home, over)) for each in everybody]
        for thread in threads:
            thread.start()
        number = 0
        try:
            while number < PUBLICATIONS or any(each.reads < 3 for each in everybody):
                number += 1
                publish(number)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    told = ", ".join(f"{each.name}: {len(each.failures)} of {each.reads}" for each in everybody)
    print(f"{number} publications; failures {told}")
    assert not [failure for each in everybody for failure in each.failures], told
