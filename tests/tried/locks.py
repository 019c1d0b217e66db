"""Locks of uv, Poetry, PDM and pipenv: an offline pip installs from our wheelhouse what the tool itself installs.

python -m tests.tried.locks [NAME...]     those alone; the page is written only by a run of all

The tools are installed from the index, each into an environment of its own, which ``TOOLS=FOLDER`` keeps.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import uv
from packaging.utils import canonicalize_name

from tests.data.locks.make import INSTALL, LOCK, run
from tests.support.index_server import IndexServer
from tests.support.pythons import find
from tests.support.shelf_of_locks import ADDRESS, fill
from tests.tried import page

DATA = Path(__file__).parents[1] / "data" / "locks"
HEAD = ("lock", "of", "installed by", "packages", "what pip installs from the wheelhouse")
LOCKED_AGAIN = ("poetry.lock", "Pipfile.lock")
"""These have a digest of the project's text, which names the index: its address is another one each time."""
OF_ENVIRONMENTS = ("pip", "setuptools", "wheel")


@dataclass(frozen=True)
class Case:
    """One project with its lock."""

    name: str
    lock: str
    tool: str
    python: str = "3.11"
    sdist: str | None = None
    """A project of the index whose sdist brings the lock; none: a crafted one of ``tests/data/locks``."""


CASES = (
    Case("uv", "uv.lock", "uv"),
    Case("uv", "pylock.toml", "uv"),
    Case("poetry", "poetry.lock", "poetry"),
    Case("poetry-1", "poetry.lock", "poetry"),
    Case("pdm", "pdm.lock", "pdm"),
    Case("pdm", "pylock.pdm.toml", "pdm"),
    Case("pipenv", "Pipfile.lock", "pipenv"),
    Case("packse", "uv.lock", "uv", python="3.12", sdist="packse==0.3.59"),
)


def program(name: str, tools: Path) -> str:
    """Return a tool's program; it is installed first where it is not there."""
    if name == "uv":
        return uv.find_uv_bin()
    path = tools / name / "bin" / name
    if not path.exists():
        subprocess.run([sys.executable, "-m", "venv", str(tools / name)], check=True)
        pip = [str(tools / name / "bin" / "python"), "-m", "pip", "install", "--quiet", name]
        subprocess.run(pip, check=True, env=_plain())
    return str(path)


def tried(case: Case, tools: Path, folder: Path) -> Sequence[str]:
    """Let the tool install a project, build a wheelhouse from its lock, install that offline, and return the row."""
    python = find(case.python)
    if python is None:
        raise SystemExit(f"no Python {case.python} here")
    with _project(case, folder, python) as index:
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True)
        installer = program(case.tool, tools)
        if case.lock in LOCKED_AGAIN:
            run(installer, *LOCK[case.name], cwd=folder)
        for words in INSTALL[case.tool if case.sdist else case.name]:
            run(installer, *words, cwd=folder, VIRTUAL_ENV=str(folder / ".venv"), UV_PYTHON=python)
        theirs = _installed(folder / ".venv")
        target = f'[[target]]\nname = "host"\npython = "{case.python}"\nplatform = "manylinux_2_34_x86_64"\n'
        (folder / "wheelyard.toml").write_text(f'requirements = ["{case.lock}"]\n{target}{index}')
        build = [sys.executable, "-m", "wheelyard", "build", "--quiet", "--no-prove"]
        subprocess.run(build, cwd=folder, check=True, env={**_plain(), "WHEELYARD_CACHE": str(folder / "cache")})
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder / "offline")], check=True)
    host = folder / "wheelhouse" / "targets" / "host"
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "offline"), "install", "--quiet"]
    pip += ["--no-index", "-f", str(host), "--require-hashes", "-r", str(host / "requirements.txt")]
    subprocess.run(pip, check=True, env=_plain())
    ours = _installed(folder / "offline")
    different = [
        f"{name}: {ours.get(name, 'none')}, {case.tool}: {theirs.get(name, 'none')}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]
    of = f"`{case.sdist}`" if case.sdist else f"crafted project `{case.name}`"
    said = f"{case.tool} {_installed(Path(installer).parents[1])[case.tool]}"
    return case.lock, of, said, str(len(theirs)), "; ".join(different) or "the same"


@contextmanager
def _project(case: Case, folder: Path, python: str) -> Iterator[str]:
    """Put a project and its lock into a folder, and yield the index that its configuration names."""
    if case.sdist:
        pip = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", case.name, "-d", "."]
        subprocess.run([*pip, case.sdist], cwd=folder, env=_plain(), check=True)
        (sdist,) = folder.glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            for name in (case.lock, "pyproject.toml"):
                member = archive.extractfile(f"{sdist.name.removesuffix('.tar.gz')}/{name}")
                assert member is not None
                (folder / name).write_bytes(member.read())
        yield ""
        return
    fill(folder / "files")
    with IndexServer(folder / "files", json=True) as server:
        for path in (DATA / case.name).iterdir():
            (folder / path.name).write_text(path.read_text().replace(ADDRESS, server.base))
        yield f'[[index]]\nname = "main"\nurl = "{server.url}"\n'


def _installed(environment: Path) -> Mapping[str, str]:
    """Return what an environment has, by normalised name."""
    folders = [str(folder) for folder in environment.glob("lib/python3*/site-packages")]
    versions = {canonicalize_name(dist.metadata["Name"]): dist.version for dist in distributions(path=folders)}
    return {name: version for name, version in versions.items() if name not in OF_ENVIRONMENTS}


def _plain() -> dict[str, str]:
    """Return the environment without what would tell our programs, or an offline pip, something else."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("WHEELYARD_", "VIRTUAL_ENV"))}


def main(names: Sequence[str]) -> int:
    """Try them, print the rows, write the page; return 1 if one is installed otherwise."""
    chosen = [case for case in CASES if not names or case.name in names]
    rows = []
    with tempfile.TemporaryDirectory(prefix="tried-locks-") as scratch:
        tools = Path(os.environ.get("TOOLS", scratch)).absolute()
        for number, case in enumerate(chosen):
            folder = Path(scratch) / f"{number}-{case.name}"
            folder.mkdir()
            rows.append(tried(case, tools, folder))
            print(page.line(rows[-1]), flush=True)
    if not names:
        page.write("tried-locks", HEAD, rows)
    return 0 if all(row[-1] == "the same" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
