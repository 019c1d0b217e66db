"""Make the locks of this folder again, with the tools themselves: ``python -m tests.data.locks.make NAME=PROGRAM …``.

The programs (``uv=``, ``poetry=``, ``pdm=``, ``pipenv=``) lock the projects beside this file against the crafted index of
``tests.support.shelf_of_locks``; what each then installs into an empty environment of CPython 3.11 for Linux is kept in
``installed.json``. The index's address is made one that nobody has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.index_server import IndexServer
from tests.support.shelf_of_locks import ADDRESS, fill

HERE = Path(__file__).parent
PYTHON = str(Path(sys.base_prefix) / "bin/python3.11")
LOCK = {
    "uv": ["lock", "--quiet"],
    "uv-script": ["lock", "--quiet", "--script", "tool.py"],
    "poetry": ["lock", "-n", "-q"],
    "poetry-1": ["lock", "-n", "-q"],
    "pdm": ["lock", "-q", "--group", ":all"],
    "pipenv": ["lock"],
}
INSTALL = {
    "uv": [["sync", "--quiet", "--frozen", "--no-dev", "--no-install-project"]],
    "poetry": [["install", "-n", "--only", "main", "--no-root"]],
    "poetry-1": [["install", "-n", "--only", "main", "--no-root"]],
    "pdm": [["sync", "-q", "--prod", "--no-self"]],
    "pipenv": [["sync"]],
}


def run(program: str, *words: str, cwd: Path, **more: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))}
    environment = {**kept, "PIPENV_PYTHON": PYTHON, "PIPENV_VENV_IN_PROJECT": "1", "PIPENV_IGNORE_VIRTUALENVS": "1",
                   "POETRY_VIRTUALENVS_IN_PROJECT": "1", "POETRY_CACHE_DIR": str(cwd / ".cache"),
                   "XDG_CACHE_HOME": str(cwd / ".cache"), **more}  # fmt: skip
    print(cwd.name, program, *words, flush=True)
    ended = subprocess.run([program, *words], cwd=cwd, env=environment, capture_output=True, text=True)
    if ended.returncode:
        sys.exit(ended.stdout + ended.stderr)
    return ended.stdout


def main(programs: dict[str, str]) -> None:
    installed = json.loads((HERE / "installed.json").read_text()) if (HERE / "installed.json").exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch) / "files"
        fill(files)
        with IndexServer(files, json=True) as server:
            for name, program in programs.items():
                one(name, program, Path(scratch) / name, server, installed)
    (HERE / "installed.json").write_text(json.dumps(installed, indent=1, sort_keys=True) + "\n")


def one(name: str, program: str, folder: Path, server: IndexServer, installed: dict[str, object]) -> None:
    folder.mkdir()
    sources = [path for path in sorted((HERE / name).iterdir()) if "lock" not in path.name and path.is_file()]
    for path in sources:
        (folder / path.name).write_text(path.read_text().replace(ADDRESS, server.base))
    before = {path.name for path in folder.iterdir()}
    run(program, *LOCK[name], cwd=folder)
    after = [path for path in folder.iterdir() if path.is_file() and "lock" in path.name and path.name not in before]
    if name == "uv":
        run(program, "export", "--frozen", "-q", "--format", "pylock.toml", "--no-dev",
            "--no-emit-project", "-o", "pylock.toml", cwd=folder)  # fmt: skip
        after.append(folder / "pylock.toml")
    if name == "pdm":
        run(program, "export", "-f", "pylock", "-o", "pylock.pdm.toml", cwd=folder)
        after.append(folder / "pylock.pdm.toml")
    for path in after:
        (HERE / name / path.name).write_text(path.read_text().replace(server.base, ADDRESS))
    if name in INSTALL:
        subprocess.run([PYTHON, "-m", "venv", str(folder / ".venv")], check=True)
        for words in INSTALL[name]:
            run(program, *words, cwd=folder, VIRTUAL_ENV=str(folder / ".venv"), UV_PYTHON=PYTHON)
        listed = json.loads(
            run(sys.executable, "-m", "pip", "--python", str(folder / ".venv"), "list", "--format=json", cwd=folder)
        )
        skipped = ("pip", "setuptools", "wheel")
        installed[name] = {row["name"]: row["version"] for row in listed if row["name"] not in skipped}


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
