"""Sdists of the index, of every backend and era: each builds and installs, or fails with a sentence that helps.

python -m tests.tried.sdists [NAME...]     those alone; the page is written only by a run of all
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.tried import page

HEAD = ("sdist", "what is special about it", "result")


@dataclass(frozen=True)
class Tried:
    """One sdist."""

    requirement: str
    kind: str
    more: str = ""
    """Of ``wheelyard.toml``."""

    @property
    def name(self) -> str:
        return self.requirement.partition("==")[0]


SDISTS = (
    Tried("AOPython==1.0.3", "distutils, a `.zip` of 2007"),
    Tried("AllPairs==2.0.1", "distutils, a `.zip` of 2009"),
    Tried("docopt==0.6.2", "setuptools without `pyproject.toml`"),
    Tried("mccabe==0.6.1", "setuptools with `setup_requires`"),
    Tried("suds-jurko==0.6", "setuptools with `use_2to3`"),
    Tried("pycocotools==2.0.0", "`setup.py` imports NumPy and Cython, and asks for neither"),
    Tried("stevedore==5.3.0", "pbr"),
    Tried("pluggy==1.0.0", "setuptools_scm"),
    Tried("murmurhash==1.0.10", "setuptools, Cython to C++"),
    Tried("argon2-cffi-bindings==21.2.0", "setuptools, cffi, a C library in the sdist"),
    Tried("levenshtein==0.21.0", "scikit-build, CMake"),
    Tried("levenshtein==0.26.1", "scikit-build-core, CMake, Cython"),
    Tried("siphash24==1.6", "meson-python, Cython"),
    Tried("contourpy==1.2.1", "meson-python, pybind11"),
    Tried("rpds-py==0.20.0", "maturin, crates of Rust"),
    Tried("bcrypt==4.0.1", "setuptools-rust, crates of Rust"),
    Tried("tomli==2.0.1", "flit_core"),
    Tried("findpython==0.6.2", "pdm-backend"),
    Tried("filelock==3.16.1", "hatchling, hatch-vcs"),
    Tried("tomlkit==0.13.2", "poetry-core"),
    Tried("editables==0.5", "flit_core, src layout"),
    Tried("uv-build==0.9.5", "maturin: a program, without a module"),
    Tried("psycopg2==2.9.9", "setuptools; needs PostgreSQL's library"),
    Tried("python-ldap==3.4.4", "setuptools; needs OpenLDAP's headers"),
    Tried("dbus-python==1.3.2", "meson-python; needs D-Bus's headers"),
)


def tried(each: Tried, cache: Path) -> Sequence[str]:
    """Build a wheelhouse of one project from its sdist, and return its row."""
    with tempfile.TemporaryDirectory(prefix="sdist-") as name:
        root = Path(name)
        (root / "requirements.in").write_text(each.requirement + "\n")
        (root / "wheelyard.toml").write_text(
            f'requirements = ["requirements.in"]\nno-binary = ["{each.name}"]\n{each.more}\n'
        )
        environment = {"WHEELYARD_CACHE": str(cache)}
        command = [sys.executable, "-m", "wheelyard", "build", "--json"]
        done = subprocess.run(command, cwd=root, env={**_environment(), **environment}, capture_output=True, text=True)
        events = [json.loads(row) for row in done.stdout.splitlines()]
        wheels = sorted((root / "wheelhouse" / "files").glob("*.whl"))
        return each.requirement, each.kind, "; ".join(_results(each, done.returncode, events, wheels))


def _environment() -> Mapping[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("WHEELYARD_")}


def _results(each: Tried, code: int, events: Sequence[Mapping[str, object]], wheels: Sequence[Path]) -> Iterator[str]:
    if code == 0:
        own = each.name.lower().replace("-", "_")
        yield from (f"builds: `{wheel.name}`" for wheel in wheels if wheel.name.lower().startswith(own + "-"))
    for event in events:
        if event["event"] == "error":
            yield f"fails ({event['class']}): {_said(str(event['message']))}" + (
                f" **{event['hint']}**" if event["hint"] else " (no hint)"
            )


def _said(message: str) -> str:
    """Return the first line of a message, and the last that says something, without addresses and places."""
    lines = [row.strip() for row in message.splitlines() if row.strip()]
    told = " … ".join(dict.fromkeys((lines[0], lines[-1])))
    return textwrap.shorten(re.sub(r"https?://[^\s']*|/[^\s:'\]]*/", "…", told), 200, placeholder=" …")


def main(names: Sequence[str]) -> int:
    """Build them, print the rows, write the page; return 1 if one neither builds nor says what to do."""
    chosen = [each for each in SDISTS if not names or each.name in names]
    rows = []
    with tempfile.TemporaryDirectory(prefix="sdists-") as cache:
        for each in chosen:
            rows.append(tried(each, Path(cache)))
            print(page.line(rows[-1]), flush=True)
    if not names:
        page.write("tried-sdists", HEAD, rows)
    return 1 if any("(no hint)" in result or not result for *_, result in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
