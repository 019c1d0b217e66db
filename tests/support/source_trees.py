"""A project whose own backend makes sdists, and says in them what it saw."""

from __future__ import annotations

from pathlib import Path

from tests.support.asked_sdists import BACKEND

# Says what it sees: the name of every file, and the version that git would describe.
MAKES_SDISTS = (
    BACKEND
    + r"""
def get_requires_for_build_sdist(config_settings=None):
    return ["maker"]


def build_sdist(directory, config_settings=None):
    import io, json, subprocess, tarfile
    import maker  # a build requirement that only making the sdist has
    described = subprocess.run(["git", "describe", "--tags", "--dirty"], stdout=subprocess.PIPE).stdout.decode().strip()
    name = "Mine-" + (described or "1.0")
    info = json.dumps({"name": "Mine", "version": described or "1.0", "requires": ["other"]})
    seen = [str(path) for path in sorted(pathlib.Path(".").rglob("*")) if not str(path).startswith((".git/", "hook"))]
    texts = {"PKG-INFO": "Metadata-Version: 2.1\nName: Mine\nVersion: 1.0\n", "seen.txt": "\n".join(seen)}
    texts.update({"info.json": info, "own.py": open("own.py").read(), "pyproject.toml": open("pyproject.toml").read()})
    with tarfile.open(os.path.join(directory, name + ".tar.gz"), "w:gz") as archive:
        for path, text in texts.items():
            member = tarfile.TarInfo(name + "/" + path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return name + ".tar.gz"
"""
)


def project(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    system = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(system + '[project]\nname = "Mine"\ndynamic = ["version"]\n')
    (folder / "own.py").write_text(MAKES_SDISTS)
    return folder
