"""Labelled wheels in one plain folder: uv's preview chooses among them, every other installer takes the baseline."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.installers import CLIENTS, Client, install, installed, interpreter
from tests.support.variant_yard import RECIPE, Yard, needs_compiler
from tests.support.web_servers import serving
from wheelyard.bundle import manifest, pack
from wheelyard.domain import wheel_name
from wheelyard.index import site_state
from wheelyard.index.publish import publish
from wheelyard.stages import labels
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find_all
from wheelyard.variants.axes.simd import levels
from wheelyard.wheels.read import read

PYTHONS = [name for name in ("3.6", "3.9", "3.11") if name in {found.python for found in find_all()}]
ORDER = ["x86-64-v4", "x86-64-v2"]
"""As installers prefer them: the configuration has them the other way round."""
TABLE = "blasdemo-1.0-variants.json"
PREVIEW = ("--preview-features", "wheel-variants")
UV = Client("uv", "3.11")

pytestmark = [*needs_compiler, pytest.mark.slow]


def target(python: str) -> str:
    pip = 'pip = "9.0.3"\n' if python == "3.6" else ""
    return f'\n[[target]]\nname = "{name_of(python)}"\npython = "{python}"\nplatform = "manylinux_2_36_x86_64"\n{pip}'


def name_of(python: str) -> str:
    return f"py{python.replace('.', '')}"


def variants(*tables: Mapping[str, Any]) -> str:
    lines = [
        "\n[[variant]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for table in tables
    ]
    return "\n".join(lines)


LEVELS = variants({"simd": ORDER[::-1], "packages": ["blasdemo"]})


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    made = Yard(root=tmp_path_factory.mktemp("labelled"), cache=tmp_path_factory.mktemp("cache"))
    done = made.build("variant-wheels = true\n" + "".join(map(target, PYTHONS)) + RECIPE + LEVELS)
    assert done.code == 0, done.out + done.err
    return made


@pytest.fixture(scope="module")
def url(yard: Yard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving("own", yard.root / "wheelhouse", tmp_path_factory.mktemp("server")) as served:
        yield served


def folder_of(yard: Yard, python: str) -> Path:
    return yard.targets / f"{name_of(python)}.variants"


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file directly in a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def took(site: Path) -> str:
    """Return the label of the wheel that was installed, after it was imported; empty for the baseline's."""
    (info,) = site.glob("blasdemo-1.0.dist-info")
    check = "import blasdemo; print(blasdemo.dgemm(2, [1, 2, 3, 4], [1, 0, 0, 1]))"
    done = subprocess.run(
        [interpreter("3.11"), "-c", check], env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[1.0, 2.0, 3.0, 4.0]"
    try:
        (label,) = json.loads((info / "variant.json").read_text())["variants"]
    except FileNotFoundError:
        return ""
    choice = json.loads((info / "wheelyard.json").read_text())["variant"]
    assert label == ".".join(part for part in (choice.get("blas"), levels.short_name(choice["simd"])) if part)
    return str(label)


def runs_here(order: list[str]) -> str:
    """Return the first level of a list that this CPU has."""
    return levels.short_name(next(each for each in order if levels.not_run_here(each) is None))


needs_311 = pytest.mark.skipif("3.11" not in PYTHONS, reason="there is no Python 3.11 here")


@pytest.mark.parametrize("python", PYTHONS)
def test_wheels_and_table_agree(yard: Yard, python: str) -> None:
    folder = folder_of(yard, python)
    table = json.loads((folder / TABLE).read_text())
    assert list(table["variants"]) == ["v2", "v4"]
    assert table["providers"]["wheelyard"] == {"static-properties": {"choice": ["v4", "v2"]}}
    seen = set()
    for wheel in folder.glob("*.whl"):
        # Name, METADATA, WHEEL and RECORD agree, or this raises; the label is no part of what they know.
        facts = read(wheel, filename=wheel_name.unlabelled(wheel.name), strict=True)
        assert facts.version == "1.0"
        assert (folder / f"{wheel.name}.metadata").read_bytes() == facts.metadata
        label = wheel_name.parse(wheel.name).label or None
        seen.add(label)
        with zipfile.ZipFile(wheel) as archive:
            own = [member for member in archive.namelist() if member.endswith(f".dist-info/{labels.NOTE}")]
            if label is None:
                assert own == []
                continue
            note = json.loads(archive.read(own[0]))
        assert note == {**table, "variants": {label: table["variants"][label]}}
        assert table["variants"][label] == {"wheelyard": {"choice": [label]}, "x86_64": {"level": [label]}}
    assert seen == {None, "v2", "v4"}


def test_it_is_hash_listed_and_no_target(yard: Yard) -> None:
    root = yard.root / "wheelhouse"
    whole, _ = manifest.read(root)
    listed = {entry.path: entry.sha256 for entry in whole.files}
    for python in PYTHONS:
        folder = folder_of(yard, python)
        for name, digest in digests(folder).items():
            assert listed[f"targets/{folder.name}/{name}"] == digest
    assert {each.variant for each in whole.targets} == {None, "v2", "v4"}, "install.py never chooses it"
    command = [sys.executable, "-m", "wheelyard", "check", "--allow-unsigned", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bundle_of_a_target_with_its_variants_has_it(yard: Yard) -> None:
    root = yard.root / "wheelhouse"
    name = name_of(PYTHONS[-1])
    whole, _ = manifest.read(root)
    for asked, there in ((f"{name}.*", True), (name, False)):
        paths = {entry.path for entry in pack.only_targets(root, whole, [asked]).files}
        assert (f"targets/{name}.variants/{TABLE}" in paths) is there
        assert (f"files/{TABLE}" in paths) is there


def test_it_stays_when_only_the_mirror_changes(yard: Yard) -> None:
    root = yard.root / "wheelhouse"
    published = publish(site_state.load(root), store=Store(yard.cache), into=root)
    assert (published.written, published.removed) == (0, 0)


@needs_311
@pytest.mark.parametrize("way", ["folder", "hashes", "page", "index"])
def test_takes_the_best_that_the_cpu_runs(yard: Yard, url: str, tmp_path: Path, way: str) -> None:
    folder = folder_of(yard, "3.11")
    served = f"{url}targets/{folder.name}/"
    arguments = {
        "folder": ["--no-index", "--find-links", str(folder), "blasdemo==1.0"],
        "hashes": ["--no-index", "--find-links", str(folder), "--require-hashes", "-r", f"{folder}/requirements.txt"],
        "page": ["--no-index", "--find-links", f"{served}index.html", "blasdemo"],
        "index": ["--index-url", f"{served}simple/", "blasdemo"],
    }[way]
    done = install(UV, tmp_path / "site", *PREVIEW, *arguments)
    assert done.returncode == 0, done.stdout
    assert took(tmp_path / "site") == runs_here(ORDER)


@needs_311
def test_for_another_host_takes_what_every_such_host_runs(yard: Yard, tmp_path: Path) -> None:
    # For a host that is not this machine, uv assumes v2: the preferred v4 is passed over, whatever this CPU has.
    where = ["--python-platform", "x86_64-manylinux_2_36"]
    folder = shutil.copytree(folder_of(yard, "3.11"), tmp_path / "copy")
    for wanted in ("v2", ""):
        site = tmp_path / f"site-{wanted}"
        done = install(UV, site, *PREVIEW, *where, "--no-index", "--find-links", str(folder), "blasdemo")
        assert done.returncode == 0, done.stdout
        assert took(site) == wanted
        for wheel in folder.glob("*-v2.whl"):  # then there is none for such a host, but the baseline
            wheel.unlink()


@needs_311
def test_the_level_stands_above_the_admins_order(yard: Yard, tmp_path: Path) -> None:
    again = Yard(root=tmp_path / "again", cache=yard.cache)
    blas = {"blas": ["netlib"], "simd": "x86-64-v2", "packages": ["blasdemo"]}
    level = {"simd": [ORDER[0], "zen3"], "packages": ["blasdemo"]}
    done = again.build("variant-wheels = true\n" + target("3.11") + RECIPE + variants(blas, level))
    assert done.code == 0, done.out + done.err
    assert [warning for warning in done.warnings() if "zen3 is left out" in warning]
    assert set(json.loads((folder_of(again, "3.11") / TABLE).read_text())["variants"]) == {"netlib.v2", "v4"}
    folder = ["--no-index", "--find-links", str(folder_of(again, "3.11"))]
    found = install(UV, tmp_path / "site", *PREVIEW, *folder, "blasdemo")
    assert found.returncode == 0, found.stdout
    assert took(tmp_path / "site") == {"v4": "v4", "v2": "netlib.v2"}[runs_here(ORDER)], "the level, then the order"


@needs_311
def test_the_same_inputs_give_the_same_bytes(yard: Yard, tmp_path: Path) -> None:
    shutil.rmtree(yard.cache / "labelled")
    again = Yard(root=tmp_path / "again", cache=yard.cache)
    done = again.build("variant-wheels = true\n" + target("3.11") + RECIPE + LEVELS)
    assert done.code == 0, done.out + done.err
    assert digests(folder_of(again, "3.11")) == digests(folder_of(yard, "3.11"))


@pytest.mark.parametrize("client", [each for each in CLIENTS if each.python != "3.12"], ids=lambda each: each.pip)
@pytest.mark.parametrize("way", ["folder", "index"])
def test_take_the_baseline(yard: Yard, url: str, tmp_path: Path, client: Client, way: str) -> None:
    if client.python not in PYTHONS:
        pytest.skip(f"there is no Python {client.python} here")
    folder = folder_of(yard, client.python)
    arguments = {
        "folder": ["--no-index", "--find-links", str(folder)],
        "index": ["--index-url", f"{url}targets/{folder.name}/simple/"],
    }[way]
    done = install(client, tmp_path / "site", *arguments, "blasdemo")
    assert done.returncode == 0, done.stdout
    assert installed(tmp_path / "site") == {"blasdemo-1.0"}
    assert not list(tmp_path.glob("site/*.dist-info/variant.json"))
