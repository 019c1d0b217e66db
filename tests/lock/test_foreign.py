"""Locks that uv, Poetry, PDM and pipenv have made (``tests/data/locks``): their versions are kept, for each target."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv
from packaging.requirements import Requirement

import wheelyard
from tests.support.configurations import errors
from tests.support.index_server import IndexServer
from tests.support.locking import Place, versions
from tests.support.packages import make_wheel
from tests.support.shelf_of_locks import ADDRESS, fill
from wheelyard.config.load import load
from wheelyard.domain.errors import WheelyardError
from wheelyard.domain.lock import Lock
from wheelyard.lock.foreign import for_target
from wheelyard.targets.environment import environment

DATA = Path(__file__).parent.parent / "data" / "locks"
PUBLIC = DATA.parent / "public_locks"
INSTALLED = json.loads((DATA / "installed.json").read_text())
PY311 = '[[target]]\nname = "py311"\npython = "3.11"\nplatform = "manylinux_2_34_x86_64"\n'
PY39 = '[[target]]\nname = "py39"\npython = "3.9"\nplatform = "manylinux_2_34_x86_64"\n'
MAC = '[[target]]\nname = "mac"\npython = "3.11"\nplatform = "macosx_12_0_arm64"\n'
WIN = '[[target]]\nname = "win"\npython = "3.11"\nplatform = "win_amd64"\n'
MAIN = {"boost": "0.1", "tasks": "2.0", "web": "4.0"}
NEW = {**MAIN, "click": "8.2", "fast": "2.0"}
OLD = {**MAIN, "click": "8.1", "fast": "1.5", "backport": "1.1"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "files").mkdir()
    fill(tmp_path / "files")
    with IndexServer(tmp_path / "files", json=True) as server:
        yield Place(tmp_path, server)


def project(place: Place, name: str) -> None:
    """Put a project and its locks beside the configuration; the index is the one that is served."""
    for path in (DATA / name).iterdir():
        (place.root / path.name).write_text(path.read_text().replace(ADDRESS, place.server.base))


def locked(place: Place, listed: str, targets: str = PY311, more: str = "") -> dict[str, Lock]:
    index = f'[[index]]\nname = "main"\nurl = "{place.server.url}"\n'
    (place.root / "wheelyard.toml").write_text(f"requirements = [{listed}]\n{more}\n{targets}\n{index}")
    return place.lock(load(place.root))


def told(caught: pytest.ExceptionInfo[WheelyardError]) -> str:
    return "\n".join(f"{error} | {error.hint}" for error in errors(caught))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("uv", "uv.lock"),
        ("uv", "pylock.toml"),
        ("poetry", "poetry.lock"),
        ("poetry-1", "poetry.lock"),
        ("pdm", "pdm.lock"),
        ("pdm", "pylock.pdm.toml"),
        ("pipenv", "Pipfile.lock"),
    ],
)
def test_the_versions_are_those_that_the_lock_s_own_tool_installs(place: Place, name: str, file: str) -> None:
    project(place, name)
    make_wheel(place.files, "web", "5.0")  # came out since
    make_wheel(place.files, "boost", "0.2")
    found = locked(place, f'"{file}"')["py311"]
    assert versions(found) == INSTALLED[name]
    pinned = (place.root / file).read_text()
    assert all(package.file.sha256 in pinned for package in found.packages)


@pytest.mark.parametrize(("name", "file"), [("uv", "uv.lock"), ("uv", "pylock.toml"), ("poetry", "poetry.lock")])
def test_each_target_has_its_fork(place: Place, name: str, file: str) -> None:
    project(place, name)
    found = locked(place, f'"{file}"', PY311 + PY39 + MAC)
    assert versions(found["py311"]) == versions(found["mac"]) == NEW
    assert versions(found["py39"]) == {**OLD, **({"click": "8.1"} if name == "uv" else {})}
    files = {
        target: next(package.file.filename for package in lock.packages if package.name == "fast")
        for target, lock in found.items()
    }
    assert files == {
        "py311": "fast-2.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "py39": "fast-1.5-cp39-cp39-manylinux_2_28_x86_64.whl",
        "mac": "fast-2.0-cp311-cp311-macosx_11_0_arm64.whl",
    }


def test_extras_and_groups(place: Place) -> None:
    project(place, "uv")
    more = locked(place, '{ path = "uv.lock", extras = ["plots"], groups = ["dev"] }', PY311 + PY39)
    assert versions(more["py311"]) == {**NEW, "plot": "1.0", "checker": "7.0"}
    assert versions(more["py39"]) == {**OLD, "plot": "1.0", "checker": "7.0"}


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("poetry", '{ path = "poetry.lock", extras = ["plots"], groups = ["dev"] }'),
        ("poetry-1", '{ path = "poetry.lock", extras = ["plots"], groups = ["dev"] }'),
        ("pdm", '{ path = "pdm.lock", groups = ["plots", "dev"] }'),
        ("pipenv", '{ path = "Pipfile.lock", groups = ["dev-packages"] }'),
    ],
)
def test_extras_and_groups_of_other_tools(place: Place, name: str, entry: str) -> None:
    project(place, name)
    plot = {} if name == "pipenv" else {"plot": "1.0"}
    assert versions(locked(place, entry)["py311"]) == {**INSTALLED[name], "checker": "7.0", **plot}


def test_a_script_s_lock(place: Place) -> None:
    project(place, "uv-script")
    assert versions(locked(place, '"tool.py.lock"')["py311"]) == {"plot": "1.0", "click": "8.2"}


def test_several_locks_are_one_list_where_they_agree(place: Place) -> None:
    project(place, "uv")
    project(place, "uv-script")
    make_wheel(place.files, "rest", "0.9", requires=["click"])
    (place.root / "more.in").write_text("rest\n")
    found = locked(place, '"uv.lock", "tool.py.lock", "more.in"')["py311"]
    assert versions(found) == {**NEW, "plot": "1.0", "rest": "0.9"}
    (place.root / "more.in").write_text("click<8.2\n")
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"uv.lock", "more.in"')
    assert "click" in told(caught)


def test_what_a_lock_has_not_for_a_target_is_named(place: Place) -> None:
    project(place, "pipenv")
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"Pipfile.lock"', PY39)
    assert "nothing of fast fits (wanted by Pipfile.lock" in told(caught)
    make_wheel(place.files, "fast", "3.0")
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"Pipfile.lock"', MAC.replace("3.11", "3.9"))
    words = told(caught)
    assert "Pipfile.lock for target mac: has no " in words
    assert "no click, which web needs there (it has one where python_version" in words
    assert "no fast, which web needs there (it has one where sys_platform == 'linux'" in words
    assert "lock again for such a host (pipenv lock), or require it yourself beside the lock: " in words


def test_a_file_that_the_lock_has_no_hash_of_is_not_taken(place: Place) -> None:
    project(place, "uv")
    make_wheel(place.files, "fast", "2.0", tag="cp312-cp312-manylinux_2_28_x86_64", requires_python=">=3.11")
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"uv.lock"', PY311.replace("3.11", "3.12"))
    assert "fast 2.0" in told(caught)


def test_a_python_that_the_lock_is_not_for(place: Place) -> None:
    project(place, "uv")
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"uv.lock"', PY39.replace("3.9", "3.8"))
    assert "was made for Python >=3.9, not for 3.8" in told(caught)


def test_a_lock_that_is_read_again_asks_nobody_until_it_changes(place: Place) -> None:
    project(place, "uv")
    first = locked(place, '"uv.lock"')
    asked = len(place.server.requests)
    assert locked(place, '"uv.lock"') == first
    assert len(place.server.requests) == asked
    lock = place.root / "uv.lock"
    lock.write_text(lock.read_text().replace('[[package]]\nname = "checker"', '[[package]]\nname = "checkers"'))
    assert locked(place, '"uv.lock"')["py311"].packages == first["py311"].packages
    assert len(place.server.requests) > asked


def test_what_cannot_be_carried_is_named_by_file_and_entry_and_can_be_left_out(place: Place) -> None:
    project(place, "uv")
    path = place.root / "uv.lock"
    source = f'source = {{ registry = "{place.server.base}/simple/" }}'
    for written, part in (
        ('directory = "../boost"', "is a folder of this machine: ../boost"),
        ('editable = "libs/boost"', "is a folder of this machine: libs/boost"),
    ):
        project(place, "uv")
        entry = 'name = "boost"\nversion = "0.1"\n'
        path.write_text(path.read_text().replace(entry + source, f"{entry}source = {{ {written} }}"))
        with pytest.raises(WheelyardError) as caught:
            locked(place, '"uv.lock"')
        assert f"uv.lock: boost 0.1: {part}" in told(caught)
        assert 'exclude-dependencies = ["boost"]' in told(caught)
    found = locked(place, '"uv.lock"', more='exclude-dependencies = ["boost"]')["py311"]
    assert versions(found) == {name: version for name, version in NEW.items() if name != "boost"}


def test_a_workspace_s_members_are_not_carried_but_what_they_need_is(place: Place) -> None:
    project(place, "uv")
    path = place.root / "uv.lock"
    begin = 'source = { virtual = "." }\ndependencies = ['
    text = path.read_text().replace(begin, begin + '\n    { name = "member" },')
    member = '\n[[package]]\nname = "member"\nversion = "0"\nsource = { editable = "member" }\n'
    member += 'dependencies = [{ name = "plot" }]\n'
    path.write_text(text.replace("[[package]]", '[manifest]\nmembers = ["member", "shop"]\n\n[[package]]', 1) + member)
    assert versions(locked(place, '"uv.lock"')["py311"]) == {**NEW, "plot": "1.0"}


def test_a_file_by_its_place(place: Place) -> None:
    project(place, "uv")
    wheel = make_wheel(place.root / "own", "boost", "0.1", files={"boost.py": "mine = 1\n"})
    path = place.root / "uv.lock"
    before, _, after = path.read_text().partition('name = "boost"\n')
    _, _, after = after.partition("[[package]]")
    path.write_text(
        f'{before}name = "boost"\nversion = "0.1"\nsource = {{ path = "own/{wheel.name}" }}\n\n[[package]]{after}'
    )
    boost = next(package for package in locked(place, '"uv.lock"')["py311"].packages if package.name == "boost")
    assert boost.file.path == f"own/{wheel.name}"


def test_overrides_and_exclusions(place: Place) -> None:
    make_wheel(
        place.files,
        "app",
        "1.0",
        requires=["click<8.2", "colorama", "fast[turbo] ; extra == 'speed'"],
        extras=["speed"],
    )
    (place.root / "app.in").write_text("app[speed]\n")
    more = 'override-dependencies = ["click>=8.2", "boost==0.1"]\nexclude-dependencies = ["colorama"]'
    found = locked(place, '"app.in"', more=more)["py311"]
    assert versions(found) == {"app": "1.0", "click": "8.2", "fast": "2.0", "boost": "0.1"}
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"app.in"', more='override-dependencies = ["click>=9"]')
    assert "click" in told(caught)


def test_a_lock_with_an_index_of_its_own_for_some(place: Place, tmp_path: Path) -> None:
    project(place, "uv")
    other = tmp_path / "other"
    other.mkdir()
    shutil.move(next(place.files.glob("boost-*")), other)
    make_wheel(place.files, "boost", "0.1", files={"boost.py": "another = 1\n"})
    with IndexServer(other, json=True) as second:
        path = place.root / "uv.lock"
        before, _, after = path.read_text().partition('name = "boost"\n')
        path.write_text(f'{before}name = "boost"\n{after.replace(place.server.base, second.base, 1)}')
        pyproject = place.root / "pyproject.toml"
        index = f'\n[[tool.uv.index]]\nname = "team"\nurl = "{second.url}"\n'
        pyproject.write_text(pyproject.read_text() + index)
        found = locked(place, '"uv.lock"')["py311"]
    assert versions(found) == NEW
    assert {package.name: package.file.index for package in found.packages}["boost"] == "team"


def test_a_windows_target_of_the_same_lock(place: Place) -> None:
    project(place, "uv")
    make_wheel(place.files, "pure", "1.0", requires=["winonly; sys_platform == 'win32'"])
    make_wheel(place.files, "winonly", "1.0", tag="py3-none-win_amd64")
    (place.root / "more.in").write_text("pure\n")
    windows = '[[target]]\nname = "windows"\npython = "3.11"\nplatform = "win_amd64"\n'
    found = locked(place, '"uv.lock", "more.in"', PY311 + MAC + windows)
    assert versions(found["py311"]) == versions(found["mac"]) == {**NEW, "pure": "1.0"}
    assert versions(found["windows"]) == {**NEW, "pure": "1.0", "colorama": "0.4", "winonly": "1.0"}
    fast = next(package for package in found["windows"].packages if package.name == "fast")
    assert fast.file.filename == "fast-2.0-cp311-cp311-win_amd64.whl"
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"uv.lock"', windows.replace("win_amd64", "win_arm64"))
    assert "fast 2.0" in told(caught)
    assert "win_arm64" in told(caught)


def test_a_wheelhouse_folder_is_the_locks_of_its_targets_and_their_files(place: Place, tmp_path: Path) -> None:
    (place.root / "all.in").write_text("web\nfast\n")
    locked(place, '"all.in"', PY311 + PY39)
    wheelhouse = place.root / "earlier"
    for name in ("py311", "py39"):
        (wheelhouse / "targets" / name).mkdir(parents=True)
        shutil.move(place.root / f"pylock.{name}.toml", wheelhouse / "targets" / name / "pylock.toml")
    (wheelhouse / "manifest.json").write_text("{}")
    (wheelhouse / "files").mkdir()
    for path in place.files.glob("fast-*"):  # as if they had been compiled there: no index has them
        shutil.move(path, wheelhouse / "files")
    make_wheel(place.files, "click", "9.0")
    others = PY311.replace("py311", "new") + PY39.replace("py39", "old")
    found = locked(place, '"earlier"', others)
    assert {name: versions(lock) for name, lock in found.items()} == {
        "new": {"boost": "0.1", "click": "8.2", "fast": "2.0", "web": "4.0"},
        "old": {"boost": "0.1", "click": "8.1", "fast": "1.5", "web": "4.0"},
    }
    with pytest.raises(WheelyardError) as caught:
        locked(place, '"earlier"', MAC)
    assert "earlier for target mac: was made for other hosts" in told(caught)


@pytest.mark.parametrize(
    "of",
    [PY311.replace("3.11", "3.12"), PY311.replace("3.11", "3.14"), WIN.replace("3.11", "3.13")],
    ids=["3.12", "3.14", "Windows"],
)
def test_a_published_lock_of_uv_is_what_uv_itself_exports(tmp_path: Path, of: str) -> None:
    shutil.copytree(PUBLIC / "packse", tmp_path, dirs_exist_ok=True)
    (tmp_path / "wheelyard.toml").write_text(f'requirements = ["uv.lock"]\n{of}')
    config = load(tmp_path)
    (target,) = config.targets
    command = [uv.find_uv_bin(), "export", "--frozen", "--quiet", "--no-dev", "--no-emit-project", "--no-config"]
    command += [
        "--offline",
        "--no-python-downloads",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--python",
        sys.executable,
    ]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    lines = [line.removesuffix(" \\") for line in done.stdout.splitlines() if line[:1].isalnum()]
    exported = [Requirement(line) for line in lines]
    variables = environment(target)
    expected = {
        requirement.name: str(requirement.specifier)
        for requirement in exported
        if requirement.marker is None or requirement.marker.evaluate(variables)
    }
    chosen = [Requirement(pinned.text) for pinned in for_target(config, target).requirements]
    assert {pinned.name: str(pinned.specifier) for pinned in chosen} == expected
    assert len(expected) > 8


def test_a_published_lock_of_an_early_poetry(tmp_path: Path) -> None:
    shutil.copytree(PUBLIC / "poetry-1.0", tmp_path, dirs_exist_ok=True)
    (tmp_path / "wheelyard.toml").write_text(f'requirements = ["poetry.lock"]\n{PY311}')
    config = load(tmp_path)
    (chosen,) = for_target(config, config.targets[0]).requirements
    assert (chosen.text, len(chosen.hashes)) == ("sampleproject==1.3.1", 3)


def test_one_lock_is_a_wheelhouse_of_the_same_versions_for_linux_macos_and_windows(place: Place) -> None:
    hosts = {
        "el8": "manylinux_2_28_x86_64",
        "el9": "manylinux_2_34_x86_64",
        "mac": "macosx_12_0_arm64",
        "windows": "win_amd64",
    }
    targets = "".join(
        f'[[target]]\nname = "{name}"\npython = "3.11"\nplatform = "{platform}"\n' for name, platform in hosts.items()
    )
    project(place, "uv")
    locked(place, '"uv.lock"', targets, "same-versions = true")
    outcome = wheelyard.build(load(place.root), wheelyard.Options(prove=False), store=place.store)
    assert not outcome.withheld
    for name, platform in hosts.items():
        folder = outcome.wheelhouse / "targets" / name
        listed = {wheel.name.split("-")[0]: wheel.name.split("-")[1] for wheel in folder.glob("*.whl")}
        assert listed == {**NEW, **({"colorama": "0.4"} if name == "windows" else {})}
        if name in ("el8", "windows"):  # pip wants the tags of a Mac one by one
            asked = ["--no-index", "-f", str(folder), "--require-hashes", "-r", str(folder / "requirements.txt")]
            asked += ["--only-binary", ":all:", "--python-version", "3.11", "--platform", platform]
            asked += ["--target", str(place.root / name), "--no-compile", "--quiet", "--no-deps"]
            subprocess.run([sys.executable, "-m", "pip", "install", *asked], check=True)
            installed = {path.name.split("-")[0] for path in (place.root / name).glob("*.dist-info")}
            assert installed == listed.keys()
