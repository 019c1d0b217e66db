"""Linux and macOS side by side: one run, one lock a target, one wheelhouse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cross_targets import cross
from tests.support.greeting import greeting
from tests.support.mac import pretend
from tests.support.packages import make_wheel
from tests.support.yard import Yard, bundled_pip
from wheelyard.domain.errors import ToolError
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find
from wheelyard.toolchain.zig.zig import find_zig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cross")]

TARGETS = """
requirements = ["requirements.in"]

[build]
sandbox = "bubblewrap"

[[target]]
name = "mac"
python = "3.12"
platform = "macosx_11_0_arm64"
toolchain = "zig"
pip = "{pip}"

[[target]]
name = "old-linux"
python = "3.12"
platform = "manylinux_2_17_x86_64"
toolchain = "zig"
pip = "{pip}"
"""


def test_side_by_side(yard: Yard, store: Store, tmp_path: Path) -> None:
    try:
        find_zig()
    except ToolError as error:
        pytest.skip(str(error))
    if find(cross("macosx_11_0_arm64", "3.12")) is None or shutil.which("bwrap") is None:
        pytest.skip("needs Python 3.12 and bubblewrap")
    greeting(yard.shop)
    make_wheel(yard.shop, "app", "1.0", requires=["greeting", 'mac-only ; sys_platform == "darwin"'])
    make_wheel(yard.shop, "mac-only", "1.0")
    (yard.root / "requirements.in").write_text("app\n")
    (yard.root / "wheelyard.toml").write_text(TARGETS.format(pip=bundled_pip().name.split("-")[1]))
    cache = yard.root / "cache"
    cache.mkdir()
    store.area("zig").mkdir(parents=True, exist_ok=True)
    (cache / "zig").symlink_to(store.area("zig"))  # what Zig compiled for the other tests

    done = yard.build(HOME=str(Path.home()))

    proofs = {each["name"]: each["proof"] for each in done.summary["targets"]}
    assert proofs["mac"] == "not run"
    folders = yard.wheelhouse / "targets"
    mac, linux = (sorted(path.name for path in (folders / name).glob("*.whl")) for name in ("mac", "old-linux"))
    assert mac == [
        "app-1.0-py3-none-any.whl",
        "greeting-1.0-cp312-cp312-macosx_11_0_arm64.whl",
        "mac_only-1.0-py3-none-any.whl",
    ]
    assert linux[1].startswith("greeting-1.0-cp312-cp312-manylinux_2_17_x86_64")
    assert len(linux) == 2
    page = (yard.wheelhouse / "simple" / "greeting" / "index.html").read_text()
    assert "macosx_11_0_arm64.whl" in page
    assert "manylinux_2_17_x86_64" in page
    assert "checked, not run: 2 objects in 1 wheels" in json.dumps(done.events)
    assert {path.name for path in yard.root.glob("pylock.*.toml")} == {"pylock.mac.toml", "pylock.old-linux.toml"}
    for page in ("index.html", "matrix.html", "projects/greeting.html"):
        text = (yard.wheelhouse / page).read_text()
        assert "targets/mac" in text, page
        assert "targets/old-linux" in text, page
    hosts(yard, tmp_path)


def hosts(yard: Yard, tmp_path: Path) -> None:
    """Install on this machine, and on what takes itself for a Mac, from the one folder that both were given."""
    python = find(cross("macosx_11_0_arm64", "3.12"))
    assert python is not None
    here = install(python.path, yard, tmp_path / "here")
    assert here.returncode == 0, here.stdout + here.stderr
    assert "chosen: targets/old-linux\n" in here.stdout
    assert "mac: is for macOS" in here.stdout
    said = subprocess.run(
        [python.path, "-c", "import greeting; print(greeting.hello('yard'))"],
        env={"PYTHONPATH": str(tmp_path / "here")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == "hello, yard\n", said.stderr

    mac = pretend(tmp_path / "mac", python.path, "arm64", "14.5", pip=True)
    there = install(mac, yard, tmp_path / "there")
    assert there.returncode == 0, there.stdout + there.stderr
    assert "chosen: targets/mac\n" in there.stdout
    assert "old-linux: is for Linux with glibc" in there.stdout
    # What pip unpacked there, by its own choice of tags, and with the hashes of the Mac's lock.
    assert {path.name for path in (tmp_path / "there").glob("*.so")} == {"greeting.cpython-312-darwin.so"}
    assert (tmp_path / "there" / "mac_only.py").is_file()

    old = pretend(tmp_path / "old", python.path, "x86_64", "14.5")
    refused = install(old, yard, tmp_path / "nowhere")
    assert refused.returncode == 5
    assert "mac: is for arm64, and this Python is x86_64" in refused.stderr
    assert not (tmp_path / "nowhere").exists()


def install(python: str, yard: Yard, into: Path) -> subprocess.CompletedProcess[str]:
    """Run the wheelhouse's own ``install.py``."""
    script = str(yard.wheelhouse / "install.py")
    return subprocess.run(
        [python, script, "--allow-unsigned", "--target", str(into)],
        env={"PATH": os.defpath, "HOME": str(yard.root)},
        capture_output=True,
        text=True,
        check=False,
    )
