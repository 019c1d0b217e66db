"""Old pips and the newest take the variant from the variant's folder, and the baseline from the target's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.variant_yard import RECIPE, Yard, needs_compiler
from wheelyard.targets.interpreters import find_all

PIPS = {"py36": ("3.6", "9.0.3"), "py38": ("3.8", "20.2.4"), "py39": ("3.9", "21.2.3"), "py312": ("3.12", "")}
FOUND = {found.python: Path(found.path) for found in find_all()}

# A level and no BLAS: such a wheel needs nothing but glibc 2.5, so that even pip 9.0.3 sees it.
VARIANT = '\n[[variant]]\nname = "v2"\nsimd = "x86-64-v2"\npackages = ["blasdemo"]\n'

pytestmark = [*needs_compiler, pytest.mark.slow]


def have() -> list[str]:
    return [name for name, (python, _) in PIPS.items() if python in FOUND]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    targets = "".join(
        f'\n[[target]]\nname = "{name}"\npython = "{PIPS[name][0]}"\nplatform = "manylinux_2_36_x86_64"\n'
        + (f'pip = "{PIPS[name][1]}"\n' if PIPS[name][1] else "")
        for name in have()
    )
    made = Yard(root=tmp_path_factory.mktemp("pips"), cache=tmp_path_factory.mktemp("cache"))
    done = made.build(targets + RECIPE + VARIANT)
    assert done.code == 0, done.out + done.err
    return made


@pytest.fixture(scope="module")
def pip_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pip-wheels")
    versions = [f"pip=={version}" for _, version in PIPS.values() if version] + ["pip"]
    for version in versions:
        command = ["python", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), version]
        subprocess.run([str(FOUND["3.12"] if version == "pip" else FOUND["3.9"]), *command[1:]], check=True)
    return folder


@pytest.mark.parametrize("target", PIPS)
@pytest.mark.parametrize(("folder", "version"), [("", "1.0"), (".v2", "1.0+v2")], ids=["baseline", "variant"])
def test_pip(yard: Yard, pip_wheels: Path, tmp_path: Path, target: str, folder: str, version: str) -> None:
    python, wanted = PIPS[target]
    if python not in FOUND or "3.9" not in FOUND or "3.12" not in FOUND:
        pytest.skip(f"there is no Python {python} here")
    wheels = sorted(pip_wheels.glob(f"pip-{wanted or '[2-9]*'}-*.whl"))
    pip = max(wheels, key=lambda path: [int(part) for part in path.name.split("-")[1].split(".")])
    place = yard.targets / f"{target}{folder}"
    command = [str(FOUND[python]), str(pip / "pip"), "--isolated", "install", "--no-index", "-f", str(place)]
    into = ["--no-deps", "--target", str(tmp_path / "site"), "--no-cache-dir"]
    for asked in (["-r", str(place / "requirements.txt")], ["--upgrade", "blasdemo==1.0"]):
        if asked[0] == "-r":
            asked = ["--require-hashes", *asked]
        subprocess.run([*command, *into, *asked], check=True, cwd=tmp_path)
        # pip 9 names the folder in its own way, so that pip itself is asked what it has installed.
        assert (tmp_path / "site" / f"blasdemo-{version}.dist-info").is_dir(), sorted((tmp_path / "site").iterdir())
