"""Wheels for both kinds of Mac: fused from a build for each, and read by macholib and LLVM's lipo."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from macholib.MachO import MachO

from tests.support import apple
from tests.support.cross_targets import Build, Toolchain, cross
from tests.support.greeting import greeting
from tests.support.packages import make_wheel
from tests.support.yard import Yard, bundled_pip
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import Failures, RepairError
from wheelyard.domain.repaired import RepairRequest
from wheelyard.repair.delocate import repair
from wheelyard.store.blobs import Store
from wheelyard.targets.platforms import UNIVERSAL2
from wheelyard.toolchain.universal2 import parts
from wheelyard.toolchain.zig.place import Place
from wheelyard.variants.finish import NOTE, read_note, with_build_key
from wheelyard.wheels.fuse import fuse
from wheelyard.wheels.objects import macho
from wheelyard.wheels.objects.check import check, objects
from wheelyard.wheels.objects.fat import fused

pytestmark = pytest.mark.slow

BOTH = cross("macosx_10_13_universal2")
MODULE = "greeting.cpython-312-darwin.so"


@pytest.fixture
def wheel(build: Build, tmp_path: Path) -> BuiltWheel:
    return build(greeting(tmp_path), BOTH)


def named(store: Store, wheel: BuiltWheel, folder: Path) -> Path:
    """Return the wheel under its own name."""
    folder.mkdir(exist_ok=True)
    path = folder / wheel.filename
    if not path.exists():
        path.symlink_to(store.path(wheel.sha256))
    return path


@pytest.mark.xdist_group("cross")
def test_compiled_for_each_and_fused(
    wheel: BuiltWheel, store: Store, unpacked: Callable[[BuiltWheel], Path], tmp_path: Path
) -> None:
    assert wheel.filename == "greeting-1.0-cp312-cp312-macosx_10_13_universal2.whl"
    assert wheel.grafted == ("libgreet.dylib",)
    folder = unpacked(wheel)
    assert "Tag: cp312-cp312-macosx_10_13_universal2\n" in next(folder.glob("*.dist-info/WHEEL")).read_text()
    files = [folder / MODULE, next(folder.glob("**/libgreet.dylib"))]
    for path in files:
        # In the order, and on the boundaries, of lipo.
        headers = MachO(str(path)).headers
        assert [(header.header.cputype, header.offset) for header in headers] == [
            (0x01000007, 0x1000),
            (0x0100000C, headers[1].offset),
        ]
        assert headers[1].offset % 0x4000 == 0
        assert headers[1].offset - headers[0].offset - headers[0].size < 0x4000
    found = list(objects(store.path(wheel.sha256)))
    assert [(each.cpu, each.minimum) for _, each in found] == [("x86_64", (10, 13)), ("arm64", (11, 0))] * 2
    assert {each.signature for _, each in found if each.cpu == "arm64"} == {"valid"}


@pytest.mark.xdist_group("cross")
def test_the_bytes_that_lipo_writes(wheel: BuiltWheel, unpacked: Callable[[BuiltWheel], Path], tmp_path: Path) -> None:
    lipo = shutil.which("llvm-lipo") or shutil.which("llvm-lipo-14")
    if lipo is None:
        pytest.skip("needs llvm-lipo")
    folder = unpacked(wheel)
    for path in (folder / MODULE, *folder.glob("**/libgreet.dylib")):
        thin = []
        for cpu, content in macho.slices(path.read_bytes()).items():
            thin.append(tmp_path / f"{path.name}.{cpu}")
            thin[-1].write_bytes(content)
        subprocess.run([lipo, *thin, "-create", "-output", tmp_path / "lipo"], check=True)
        assert path.read_bytes() == (tmp_path / "lipo").read_bytes()


@pytest.mark.xdist_group("cross")
def test_the_same_bytes_again(build: Build, wheel: BuiltWheel, store: Store, tmp_path: Path) -> None:
    for record in store.area("builds").glob("*.json"):
        record.unlink()
    assert build(greeting(tmp_path), BOTH).sha256 == wheel.sha256


@pytest.mark.xdist_group("cross")
def test_each_kind_of_mac_is_checked(wheel: BuiltWheel, store: Store, tmp_path: Path) -> None:
    good = named(store, wheel, tmp_path)
    assert check(good, BOTH).objects == 4
    assert check(good, BOTH).faults == ()
    # What a Mac of one kind takes of it is enough for that kind.
    for platform in ("macosx_11_0_arm64", "macosx_10_13_x86_64"):
        assert check(good, cross(platform)).objects == 2
        assert check(good, cross(platform)).faults == ()
    with zipfile.ZipFile(good) as archive:
        content = archive.read(MODULE)
    thin = macho.slices(content)

    def faults(content: bytes) -> tuple[str, ...]:
        tag = wheel.filename.partition("1.0-")[2].removesuffix(".whl")
        changed = make_wheel(tmp_path / "changed", "greeting", "1.0", tag=tag, files={MODULE: content})
        return check(changed, BOTH, python={"PyModule_Create2"}, system={"free"}).faults

    assert f"{MODULE} is for x86_64 only" in faults(thin["x86_64"])
    broken = thin["arm64"].replace(b"PyInit_greeting", b"PyInit_greetinG")
    assert f"{MODULE} (arm64) has a broken signature" in faults(fused([thin["x86_64"], broken]))
    assert f"{MODULE} (arm64) exports no PyInit_greeting" in faults(fused([thin["x86_64"], broken]))
    assert [fault for fault in faults(content) if "(x86_64) uses" in fault and "PyUnicode_AsUTF8" in fault]
    lying = bytearray(content)
    lying[8:12], lying[28:32] = lying[28:32], lying[8:12]
    assert any("the part for arm64 is for x86_64" in fault for fault in faults(bytes(lying)))


@pytest.mark.xdist_group("cross")
def test_a_universal_dylib_is_grafted_into_a_wheel_for_one_cpu(
    wheel: BuiltWheel, store: Store, unpacked: Callable[[BuiltWheel], Path], tmp_path: Path
) -> None:
    folder = unpacked(wheel)
    module = macho.slices((folder / MODULE).read_bytes())["arm64"]
    name = next(each for each in macho.read(module)[0].libraries if each.startswith("@loader_path"))
    library = next(folder.glob("**/libgreet.dylib")).read_bytes()
    tag = "cp312-cp312-macosx_11_0_arm64"
    files = {MODULE: module, name.removeprefix("@loader_path/"): library}
    thin = make_wheel(tmp_path, "greeting", "1.0", tag=tag, files=files)
    target = cross("macosx_11_0_arm64")
    repaired = repair(RepairRequest(wheel=thin, into=tmp_path / "repaired", target=target, log=tmp_path / "log"))
    assert repaired.policy == "macosx_11_0_arm64"
    assert check(repaired.path, target).faults == ()


@pytest.mark.xdist_group("cross")
def test_code_that_only_one_cpu_takes_is_that_builds_failure(build: Build, tmp_path: Path) -> None:
    before = "#ifdef __x86_64__\n#error only for the other kind\n#endif\n"
    with pytest.raises(Failures, match="only for the other kind"):
        build(greeting(tmp_path, before=before), BOTH)


def pair(folder: Path, intel: dict[str, bytes], arm: dict[str, bytes], tags: tuple[str, str]) -> tuple[Path, Path]:
    """Write a wheel for each kind of Mac, with these files."""
    kinds = zip(("intel", "arm"), (intel, arm), tags, strict=True)
    first, second = (make_wheel(folder / kind, "demo", "1.0", tag=tag, files=files) for kind, files, tag in kinds)
    return first, second


TAGS = ("cp312-cp312-macosx_10_13_x86_64", "cp312-cp312-macosx_11_0_arm64")


def test_a_target_for_each_cpu(tmp_path: Path) -> None:
    (tmp_path / "own" / "arm64").mkdir(parents=True)
    intel, arm = parts(cross("macosx_10_13_universal2", libraries=str(tmp_path / "own")))
    assert (intel.platform, arm.platform) == ("macosx_10_13_x86_64", "macosx_11_0_arm64")
    assert len({BOTH.name, intel.name, arm.name}) == 3
    assert intel.build.libraries == str(tmp_path / "own")
    assert arm.build.libraries == str(tmp_path / "own" / "arm64")
    assert parts(cross("macosx_13_0_universal2"))[1].platform == "macosx_13_0_arm64"
    assert parts(cross("macosx_11_0_arm64")) == ()
    assert parts(cross("macosx_10_13_universal2", toolchain=None)) == ()


def test_a_variants_record_has_the_key_of_both(tmp_path: Path) -> None:
    name = f"demo-1.0.dist-info/{NOTE}"
    notes = [json.dumps({"build-key": key, "variant": {"blas": "accelerate"}}).encode() for key in ("one", "two")]
    thin = pair(tmp_path, {name: notes[0]}, {name: notes[1]}, TAGS)
    with pytest.raises(RepairError, match=r"wheelyard\.json differs"):
        fuse(*thin, tmp_path / "out")
    made = fuse(*thin, tmp_path / "out", extra=with_build_key(thin[1], "both"))
    assert read_note(made) == {"build-key": "both", "variant": {"blas": "accelerate"}}


def test_files_that_differ_are_named(tmp_path: Path) -> None:
    header = {"demo/size.h": b"#define LONG_DOUBLE 16\n", "demo/same.py": b"", "demo/one.py": b""}
    other = {"demo/size.h": b"#define LONG_DOUBLE 8\n", "demo/same.py": b"", "demo/two.py": b""}
    with pytest.raises(RepairError) as caught:
        fuse(*pair(tmp_path, header, other, TAGS), tmp_path / "out")
    assert caught.value.message == (
        "the wheels for x86_64 and arm64 cannot be one: "
        "demo/one.py is for x86_64 only; demo/two.py is for arm64 only; demo/size.h differs"
    )
    assert "name two targets" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_objects_for_the_same_cpu_are_not_fused(tmp_path: Path) -> None:
    head = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, 0, 8, 0, 0, 0, 0)
    with pytest.raises(RepairError, match=r"demo/a\.so differs"):
        fuse(*pair(tmp_path, {"demo/a.so": head + b"1"}, {"demo/a.so": head + b"2"}, TAGS), tmp_path / "out")
    with pytest.raises(ValueError, match="one object for each CPU"):
        fused([head, head])


def test_pure_wheels_stay_what_they_are(tmp_path: Path) -> None:
    same = {"demo/__init__.py": b"x = 1\n"}
    made = fuse(*pair(tmp_path, same, same, ("py3-none-any", "py3-none-any")), tmp_path / "out")
    assert made.name == "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made) as archive:
        assert b"Tag: py3-none-any" in archive.read("demo-1.0.dist-info/WHEEL")
    with pytest.raises(RepairError, match=r"they are demo-1\.0-cp312.*x86_64\.whl and demo-1\.0-py3-none-any\.whl"):
        fuse(*pair(tmp_path, same, same, (TAGS[0], "py3-none-any")), tmp_path / "out")


@pytest.mark.parametrize(
    ("intel", "arm", "both"),
    [
        ("10_13_x86_64", "11_0_arm64", "10_13"),
        ("11_0_x86_64", "11_0_arm64", "11_0"),
        ("10_13_x86_64", "12_0_arm64", "12_0"),
        ("13_0_x86_64", "12_0_arm64", "13_0"),
    ],
)
def test_the_tag_is_of_the_oldest_macos_of_both(tmp_path: Path, intel: str, arm: str, both: str) -> None:
    tags = (f"cp39-abi3-macosx_{intel}", f"cp39-abi3-macosx_{arm}")
    made = fuse(*pair(tmp_path, {}, {}, tags), tmp_path / "out")
    assert made.name == f"demo-1.0-cp39-abi3-macosx_{both}_universal2.whl"


TARGET = """
requirements = ["requirements.in"]

[build]
sandbox = "bubblewrap"

[[target]]
name = "macs"
python = "3.12"
platform = "macosx_11_0_universal2"
toolchain = "zig"
pip = "{pip}"
sdk = "{sdk}"
sdk-sha256 = "{sha256}"
"""


def installer(path: Path, places: Iterable[Place]) -> Path:
    """Write a package as for a universal Python, of what is known of it for each CPU."""
    files: dict[str, bytes] = {}
    for place in places:
        folder, data = place.root / "include" / "python3.12", "_sysconfigdata__darwin_darwin.py"
        cpu = "__x86_64__" if place.triple.startswith("x86_64") else "__aarch64__"
        for header in folder.rglob("*.h"):
            name = f"./Versions/3.12/include/python3.12/{header.relative_to(folder)}"
            if header.name == "pyconfig.h":
                files[name] = files.get(name, b"") + f"#ifdef {cpu}\n{header.read_text()}\n#endif\n".encode()
            else:
                files[name] = header.read_bytes()
        files[f"./Versions/3.12/lib/python3.12/{data}"] = (place.site / data).read_bytes()
    return apple.package(path, apple.pbzx(apple.cpio(files)))


@pytest.mark.xdist_group("cross")
def test_a_wheelhouse_for_both(yard: Yard, toolchain: Toolchain, store: Store) -> None:
    """Of the index, what both kinds of Mac take; the rest is built, here with an SDK that is fetched."""
    sdk = installer(yard.shop / "python.pkg", (toolchain(cross(f"macosx_11_0_{cpu}")).place for cpu in UNIVERSAL2))
    make_wheel(yard.shop, "app", "1.0", requires=["greeting", "both"])
    for kind in ("arm64", "x86_64", "universal2"):
        make_wheel(yard.shop, "both", "1.0", tag=f"cp312-cp312-macosx_10_9_{kind}")
    greeting(yard.shop)
    make_wheel(yard.shop, "greeting", "1.0", tag="cp312-cp312-macosx_11_0_arm64")
    (yard.root / "requirements.in").write_text("app\n")
    (yard.root / "wheelyard.toml").write_text(
        TARGET.format(
            pip=bundled_pip().name.split("-")[1],
            sdk=f"{yard.index.base}/files/{sdk.name}",
            sha256=hashlib.sha256(sdk.read_bytes()).hexdigest(),
        )
    )
    (yard.root / "cache").mkdir()
    store.area("zig").mkdir(parents=True, exist_ok=True)
    (yard.root / "cache" / "zig").symlink_to(store.area("zig"))  # what Zig compiled for the other tests

    done = yard.build(HOME=str(Path.home()))

    assert sorted(path.name for path in (yard.wheelhouse / "targets" / "macs").glob("*.whl")) == [
        "app-1.0-py3-none-any.whl",
        "both-1.0-cp312-cp312-macosx_10_9_universal2.whl",
        "greeting-1.0-cp312-cp312-macosx_11_0_universal2.whl",
    ]
    assert "checked, not run: 4 objects in 1 wheels" in json.dumps(done.events)
    assert yard.build(HOME=str(Path.home())).summary["built"] == 0
    assert len(yard.index.paths("python.pkg")) == 1
