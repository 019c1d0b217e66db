"""Repair for macOS: load commands before and after, read by macholib; and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from macholib.MachO import MachO

from tests.support.cross_targets import Toolchain, cross
from tests.support.packages import make_wheel
from wheelyard.domain.build import Recipe
from wheelyard.domain.errors import RepairError
from wheelyard.domain.repaired import RepairRequest
from wheelyard.repair.delocate import repair
from wheelyard.store.blobs import Store
from wheelyard.toolchain.zig.place import Place
from wheelyard.toolchain.zig.toolchain import warm
from wheelyard.wheels.objects.check import check, objects
from wheelyard.wheels.objects.fat import fused

pytestmark = pytest.mark.xdist_group("cross")

ID, RPATH = 0xD, 0x8000001C
LIBSYSTEM = "/usr/lib/libSystem.B.dylib"
TARGET = cross("macosx_11_0_arm64", "3.12")
VALUE = "int value(void) { return 42; }\n"
INIT = "int value(void); int PyInit_demo(void) { return value(); }\n"


@pytest.fixture
def place(toolchain: Toolchain, store: Store) -> tuple[Place, Path]:
    found = toolchain(TARGET)
    return found.place, warm(found.place, found.native.sandbox(Recipe()), found.cache, cpp=False)


def compiled(made: tuple[Place, Path], folder: Path, *arguments: str, source: str, output: str) -> Path:
    place, cache = made
    (folder / f"{output}.c").write_text(source)
    environment = {"PATH": "/usr/bin:/bin", "ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
    command = [str(place.tools / "cc"), "-O1", *arguments, f"{output}.c", "-o", output]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / output


def wheel(folder: Path, *files: Path, tag: str = "cp312-cp312-macosx_11_0_arm64") -> Path:
    return make_wheel(folder, "demo", "1.0", tag=tag, files={path.name: path.read_bytes() for path in files})


def linked(path: Path) -> list[str]:
    return [name for _, _, name in MachO(str(path)).headers[0].walkRelocatables()]


def texts(path: Path, command: int) -> list[str]:
    return [
        entry[2].rstrip(b"\0").decode() for entry in MachO(str(path)).headers[0].commands if entry[0].cmd == command
    ]


def built(made: tuple[Place, Path], folder: Path, install_name: str) -> tuple[Path, Path]:
    """Return an extension and the dylib that it is linked with."""
    # As gfortran's compilers leave one in OpenBLAS, which needs nothing but the system.
    shape = ("-dynamiclib", "-install_name", install_name, "-Wl,-rpath,/opt/gfortran/lib")
    library = compiled(made, folder, *shape, source=VALUE, output="libvalue.dylib")
    name = "demo.cpython-312-darwin.so"
    search = ("-L.", "-lvalue", f"-Wl,-rpath,{folder}")
    return compiled(made, folder, "-bundle", *search, source=INIT, output=name), library


def test_before_and_after(place: tuple[Place, Path], tmp_path: Path) -> None:
    module, _ = built(place, tmp_path, "@rpath/libvalue.dylib")
    assert linked(module) == [LIBSYSTEM, "@rpath/libvalue.dylib"]
    assert texts(module, RPATH) == [str(tmp_path)]

    repaired = repair(
        RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log")
    )

    assert repaired.policy == "macosx_11_0_arm64"
    assert repaired.grafted == ("libvalue.dylib",)
    after = tmp_path / "after"
    shutil.unpack_archive(repaired.path, after, "zip")
    grafted = next(after.glob("**/libvalue.dylib"))
    assert linked(after / module.name) == [LIBSYSTEM, f"@loader_path/{grafted.relative_to(after)}"]
    assert texts(after / module.name, RPATH) == texts(grafted, RPATH) == []
    assert texts(grafted, ID)[0].startswith("/DLC/")
    assert {each.signature for _, each in objects(repaired.path)} == {"valid"}
    assert check(repaired.path, TARGET).faults == ()


def test_an_absolute_name_that_is_there_is_grafted(place: tuple[Place, Path], tmp_path: Path) -> None:
    module, library = built(place, tmp_path, str(tmp_path / "libvalue.dylib"))
    assert linked(module)[1] == str(library)
    repaired = repair(
        RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log")
    )
    assert repaired.grafted == ("libvalue.dylib",)


@pytest.mark.parametrize("name", ["/opt/conda/lib/libvalue.dylib", "libvalue.dylib"])
def test_a_library_that_is_nowhere_is_named(place: tuple[Place, Path], tmp_path: Path, name: str) -> None:
    module, library = built(place, tmp_path, name)
    library.unlink()
    with pytest.raises(RepairError, match=f"demo.cpython-312-darwin.so needs {name}") as caught:
        repair(RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    assert caught.value.exit_code == 9


def test_a_library_for_another_cpu_is_named(
    place: tuple[Place, Path], toolchain: Toolchain, store: Store, tmp_path: Path
) -> None:
    module, library = built(place, tmp_path, "@rpath/libvalue.dylib")
    other = toolchain(cross("macosx_11_0_x86_64"))
    intel = other.place, warm(other.place, other.native.sandbox(Recipe()), other.cache, cpp=False)
    shape = ("-dynamiclib", "-install_name", "@rpath/libvalue.dylib")
    library.write_bytes(compiled(intel, tmp_path, *shape, source=VALUE, output="intel.dylib").read_bytes())
    with pytest.raises(RepairError, match=r"dylibs/libvalue\.dylib is for x86_64") as caught:
        repair(RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    assert str(tmp_path) not in caught.value.message
    # Beside one for the right CPU it does no harm.
    arm = compiled(place, tmp_path, *shape, source=VALUE, output="arm.dylib").read_bytes()
    library.write_bytes(fused([arm, (tmp_path / "intel.dylib").read_bytes()]))
    repaired = repair(
        RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log")
    )
    assert repaired.grafted == ("libvalue.dylib",)
    assert check(repaired.path, TARGET).faults == ()


def test_another_cpu_and_a_newer_macos(place: tuple[Place, Path], tmp_path: Path) -> None:
    module, _ = built(place, tmp_path, "@rpath/libvalue.dylib")
    # The number of the CPU in the header, and the version in the load command, changed by hand.
    content = bytearray(module.read_bytes())
    content[4:8] = (0x01000007).to_bytes(4, "little")
    module.write_bytes(content)
    with pytest.raises(RepairError, match=r"demo.cpython-312-darwin.so is for x86_64"):
        repair(RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))
    content[4:8] = (0x0100000C).to_bytes(4, "little")
    at = content.index((0x32).to_bytes(4, "little") + (32).to_bytes(4, "little"))
    content[at + 12 : at + 16] = (14 << 16).to_bytes(4, "little")
    module.write_bytes(content)
    with pytest.raises(RepairError, match=r"demo.cpython-312-darwin.so needs macOS 14.0"):
        repair(RepairRequest(wheel=wheel(tmp_path, module), into=tmp_path / "out", target=TARGET, log=tmp_path / "log"))


def test_a_wheel_for_a_newer_target_gets_the_tag_of_what_is_in_it(place: tuple[Place, Path], tmp_path: Path) -> None:
    module, _ = built(place, tmp_path, "@rpath/libvalue.dylib")
    newer = cross("macosx_13_0_arm64", "3.12")
    made = wheel(tmp_path, module, tag="cp312-cp312-macosx_13_0_arm64")
    repaired = repair(RepairRequest(wheel=made, into=tmp_path / "out", target=newer, log=tmp_path / "log"))
    assert repaired.policy == "macosx_11_0_arm64"
    with zipfile.ZipFile(repaired.path) as archive:
        assert b"macosx_11_0_arm64" in archive.read("demo-1.0.dist-info/WHEEL")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text.replace(b"\x2a", b"\x2b"), "a broken signature"),
        (lambda text: text[: len(text) // 2], "damaged"),
    ],
)
def test_a_changed_object_does_not_pass(place: tuple[Place, Path], tmp_path: Path, change: object, fault: str) -> None:
    assert callable(change)
    _, library = built(place, tmp_path, "@loader_path/libvalue.dylib")
    library.write_bytes(change(library.read_bytes()))
    (found,) = [each for each in check(wheel(tmp_path, library), TARGET).faults if fault in each][:1]
    assert fault in found


def test_what_is_not_there_or_not_exported(place: tuple[Place, Path], tmp_path: Path) -> None:
    source = "int Py_Finalise(void); int strlcpy_(void); int start(void) { return Py_Finalise() + strlcpy_(); }\n"
    module = compiled(place, tmp_path, "-bundle", source=source, output="demo.cpython-312-darwin.so")
    checked = check(wheel(tmp_path, module), TARGET, python={"Py_Finalize"}, system={"strlcpy", "malloc"})
    assert checked.objects == 1
    assert checked.faults == (
        "demo.cpython-312-darwin.so exports no PyInit_demo",
        "demo.cpython-312-darwin.so uses Py_Finalise, strlcpy_, which neither Python nor the system has",
    )
