"""Every package, for every platform, on every Python, in one run: what `make demo-cross` does, and what it came to.

One of the three Pythons is built for, and C++ for one of the platforms, as each needs 45 s of CPU for its library.
``WHEELYARD_WHOLE_MATRIX=1`` runs all of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cross_example import prepare
from tests.support.cross_targets import cross
from tests.support.images import Image
from tests.support.sandboxes import working
from tests.support.yard import Done
from wheelyard.store.blobs import Store
from wheelyard.targets import platforms
from wheelyard.targets.interpreters import find
from wheelyard.wheels.objects.check import objects

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("cross")]

FOLDER = Path(__file__).parents[2] / "examples" / "cross"
WHOLE = bool(os.environ.get("WHEELYARD_WHOLE_MATRIX"))
PLATFORMS = {
    "mac-arm64": "macosx_11_0_arm64",
    "mac-x86_64": "macosx_10_13_x86_64",
    "linux-x86_64": "manylinux_2_17_x86_64",
    "linux-arm64": "manylinux_2_17_aarch64",
    "musl-x86_64": "musllinux_1_2_x86_64",
}
PYTHONS = ("3.9", "3.12", "3.13") if WHOLE else ("3.9",)
NAMES = [f"{name}-py{python.replace('.', '')}" for name in PLATFORMS for python in PYTHONS]
WHEELS = 60 if WHOLE else 16
GRAFTED = {"greeting": "libgreet", "pyyaml": "libyaml"}
LIBRARY = re.compile(r"(?:\.libs|\.dylibs)/[^/]+$")


@dataclass(frozen=True)
class Run:
    """What one run of the matrix left."""

    root: Path
    first: Done
    again: Done
    emulated: frozenset[str]
    """Targets that there is an image for, and arm64 is emulated."""

    @property
    def proofs(self) -> Mapping[str, tuple[str, str]]:
        return {each["name"]: (each["proof"], each["reason"]) for each in self.first.summary["targets"]}

    def wheels(self, name: str) -> dict[str, Path]:
        """Return the wheels of a target by project."""
        found = (self.root / "wheelhouse" / "targets" / name).glob("*.whl")
        return {path.name.split("-")[0].lower(): path for path in found if not path.name.startswith("pip-")}


def build(root: Path, store: Store) -> Done:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WHEELYARD_")}
    done = subprocess.run(
        [sys.executable, "-m", "wheelyard", "build", "--json"],
        cwd=root,
        env={**kept, "WHEELYARD_CACHE": str(store.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, store: Store, request: pytest.FixtureRequest) -> Run:
    for python in PYTHONS:
        if find(cross("macosx_11_0_arm64", python)) is None:
            pytest.skip(f"there is no Python {python}")
    working("bubblewrap")
    root = tmp_path_factory.mktemp("matrix")
    for name in ("wheelyard.toml", "requirements.in"):
        shutil.copy(FOLDER / name, root)
    if not WHOLE:
        only = 'kiwisolver ; sys_platform == "darwin" and platform_machine == "arm64"'
        text = (root / "requirements.in").read_text()
        (root / "requirements.in").write_text(re.sub(r"(?m)^kiwisolver\b", only + " ", text))
        head, *targets = re.split(r"(?m)^(?=\[\[target\]\])", (root / "wheelyard.toml").read_text())
        kept = [target for target in targets if any(f'python = "{python}"' in target for python in PYTHONS)]
        (root / "wheelyard.toml").write_text(head + "".join(kept))
    emulated = frozenset(with_images(root / "wheelyard.toml", request))
    try:
        prepare(root)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the index has not what carries libyaml: {error.stderr}")
    return Run(root=root, first=build(root, store), again=build(root, store), emulated=emulated)


def with_images(config: Path, request: pytest.FixtureRequest) -> list[str]:
    """Leave out of the configuration the images that cannot be had; return the targets of the others."""
    made: dict[str, bool] = {}
    found = []
    for target in tomllib.loads(config.read_text())["target"]:
        if suite := re.search(r":(\w+)-arm64", target.get("host-image", "")):
            if suite[1] not in made:
                made[suite[1]] = (WHOLE or suite[1] == "bullseye") and can_be_had(suite[1], request)
            if made[suite[1]]:
                found.append(target["name"])
    lines = config.read_text().splitlines(keepends=True)
    left_out = [f":{suite}-arm64" for suite, there in made.items() if not there]
    config.write_text("".join(line for line in lines if not any(each in line for each in left_out)))
    return found


def can_be_had(suite: str, request: pytest.FixtureRequest) -> bool:
    try:
        request.getfixturevalue("emulation")
        make: Image = request.getfixturevalue("image")
        make("host", "arm64", suite)
    except pytest.skip.Exception:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_tagged_repaired_and_checked(run: Run, name: str) -> None:
    place, _, python = name.rpartition("-")
    platform, tag = PLATFORMS[place], python.replace("py", "cp")
    wheels = run.wheels(name)
    packages = {"greeting", "markupsafe", "pyyaml"} | ({"kiwisolver"} if WHOLE or place == "mac-arm64" else set())
    assert set(wheels) == packages
    for project, wheel in wheels.items():
        assert re.fullmatch(rf".+-{tag}-{tag}-({platform}[^-]*)\.whl", wheel.name), wheel.name
        found = list(objects(wheel))
        libraries = [member for member, _ in found if LIBRARY.search(member)]
        assert [Path(library).name.startswith(GRAFTED[project]) for library in libraries] == [True] * (
            project in GRAFTED
        )
        cpu, newest = platforms.parse(platform).cpu, platforms.parse(platform).version
        for member, each in found:
            assert each.cpu == cpu, member
            assert not each.text_relocations, member
            if not platform.startswith("musl"):
                assert each.minimum is None or each.minimum <= newest, member
            if platform.startswith("macosx_11"):
                assert each.signature == "valid", member


def test_each_is_proven_or_says_why_not(run: Run) -> None:
    for name, (outcome, reason) in run.proofs.items():
        if name.startswith("linux-x86_64"):
            assert (outcome, reason[:22]) == ("proven", "installed and imported"), name
        elif name in run.emulated:
            assert outcome == "proven", f"{name}: {reason}"
            assert "under emulation" in reason
        else:
            assert outcome == "not run", name
            assert reason.startswith("checked, not run: "), reason
            assert "remarks" not in reason
    assert sorted(run.proofs) == sorted(NAMES)


def test_one_run_and_one_lock_a_target(run: Run) -> None:
    wheels = sum(len(run.wheels(name)) for name in NAMES)
    assert wheels == WHEELS
    assert run.first.summary["built"] + run.first.summary["reused"] == wheels
    locks = {path.name.split(".")[1] for path in run.root.glob("pylock.*.toml")}
    assert locks == set(NAMES)


def test_a_second_run_does_nothing(run: Run) -> None:
    again = run.again.summary
    assert (again["built"], again["fetched"], again["reused"]) == (0, 0, WHEELS)
    published = {key: value for key, value in again["published"].items() if key not in ("unchanged", "generation")}
    assert not any(published.values()), json.dumps(published)
    assert again["published"]["generation"] == run.first.summary["published"]["generation"]
