"""Build requirements with something to compile or link against: the target's, while what runs is the machine's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cross_targets import Build, cross
from tests.support.downloads import download, locked
from tests.support.greeting import greeting
from tests.support.packages import make_wheel
from tests.support.yard import Yard, bundled_pip
from wheelyard.domain.errors import Failures
from wheelyard.domain.lock import LockedPackage
from wheelyard.lock import pylock
from wheelyard.store.blobs import Store
from wheelyard.targets.interpreters import find
from wheelyard.wheels.objects.check import objects

pytestmark = pytest.mark.xdist_group("cross")

NUMPY = "numpy==2.2.6"

# Runs NumPy to learn where its headers are, and asks pkg-config for the library, as Meson does.
ASK_NUMPY = """
import numpy
LINK = False
said = subprocess.check_output(["pkg-config", "--variable=prefix", "numpy"], text=True).strip()
assert os.path.samefile(said + "/include", numpy.get_include()), said
FLAGS += ["-I" + numpy.get_include(), "-L" + numpy.get_include() + "/../lib", "-lnpymath"]
"""

# `greet` is what the module calls; here it is in the module itself, and uses NumPy's static library.
SIZES = """
#include <numpy/arrayobject.h>
#include <numpy/npy_math.h>
_Static_assert(NPY_SIZEOF_LONGDOUBLE == sizeof(long double), "these are the headers of another platform");
_Static_assert(NPY_SIZEOF_LONGDOUBLE == %d, "this is not the platform that was asked for");
char *greet(const char *name) {
    char *text = malloc(8);
    text[0] = '0' + (npy_nextafter(name[0], 2) > 1);
    text[1] = 0;
    return text;
}
"""


def numpy(store: Store, folder: Path, platform: str) -> LockedPackage:
    """Return NumPy as a build requirement: the machine's wheel, and the target's."""
    machine, target = folder / "machine", folder / "target"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", NUMPY]
    command += ["--python-version", "3.12", "--platform", platform, "--dest", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the index has it not: {done.stderr.strip()[-300:]}")
    (wheel,), (own,) = download(machine, "3.12", NUMPY), target.glob("*.whl")
    return replace(locked(store, wheel), for_target=locked(store, own).file, expects="any")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(("platform", "size"), [("macosx_11_0_arm64", 8), ("manylinux_2_17_aarch64", 16)])
def test_numpys_headers_and_library(build: Build, store: Store, tmp_path: Path, platform: str, size: int) -> None:
    if shutil.which("pkg-config") is None:
        pytest.skip("there is no pkg-config")
    needs = numpy(store, tmp_path, platform)
    sdist = greeting(tmp_path, before=SIZES % size, more=ASK_NUMPY)
    wheel = build(sdist, cross(platform), needs=(needs,))
    ((_, module),) = objects(store.path(wheel.sha256))
    assert not [name for name in module.undefined if "npy_nextafter" in name]


@pytest.mark.network
@pytest.mark.slow
def test_the_machines_own_would_not_do(build: Build, store: Store, tmp_path: Path) -> None:
    needs = replace(numpy(store, tmp_path, "macosx_11_0_arm64"), for_target=None)
    sdist = greeting(tmp_path, before="/* the machine's own */" + SIZES % 8, more=ASK_NUMPY)
    with pytest.raises(Failures, match=r"endian\.h|of another platform"):
        build(sdist, cross("macosx_11_0_arm64"), needs=(needs,))


def test_a_lock_names_the_targets_wheel(yard: Yard, store: Store) -> None:
    if find(cross("macosx_11_0_arm64")) is None or shutil.which("bwrap") is None:
        pytest.skip("needs Python 3.12 and bubblewrap")
    (yard.root / "cache").mkdir()
    store.area("zig").mkdir(parents=True, exist_ok=True)
    (yard.root / "cache" / "zig").symlink_to(store.area("zig"))  # what Zig compiled for the other tests
    headers: dict[str, str | bytes] = {"size/__init__.py": "", "size/include/size.h": "#define SIZE 8\n"}
    grafted: dict[str, str | bytes] = {
        "tool/__init__.py": "",
        "tool/share/include/tool.h": "",
        "tool.libs/libtool-1.so": b"\x7fELF",
    }
    for tag in ("cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64"):
        make_wheel(yard.shop, "size", "1.0", tag=tag, files=headers)
        make_wheel(yard.shop, "tool", "1.0", tag=tag, files=grafted)
    make_wheel(yard.shop, "old", "1.0", tag="cp312-cp312-manylinux_2_17_x86_64", files={"old/include/old.h": ""})
    make_wheel(yard.shop, "pure", "1.0", files={"pure/include/pure.h": ""})
    sdist = greeting(yard.shop)
    (yard.root / "requirements.in").write_text(f"{sdist.name.partition('-')[0]}\n")
    (yard.root / "wheelyard.toml").write_text(
        'requirements = ["requirements.in"]\n[build]\nsandbox = "bubblewrap"\n'
        '[packages.greeting]\nbuild-requires = ["size", "tool", "old", "pure"]\n'
        '[[target]]\nname = "mac"\npython = "3.12"\nplatform = "macosx_11_0_arm64"\ntoolchain = "zig"\n'
        f'pip = "{bundled_pip().name.split("-")[1]}"\n'
    )
    done = yard.run("lock", "--json", HOME=str(Path.home()))
    assert done.code == 0, done.out + done.err
    (package,) = pylock.loads((yard.root / "pylock.mac.toml").read_text(), where="pylock").packages
    named = {
        requirement.name: requirement.for_target and requirement.for_target.filename
        for requirement in package.build_requirements
    }
    assert named == {"size": "size-1.0-cp312-cp312-macosx_11_0_arm64.whl", "tool": None, "old": None, "pure": None}
    assert json.loads(done.out.splitlines()[-1])
