"""Every translation of the compiler's arguments, one by one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wheelyard.toolchain.zig.wrapper import Refused, command, translate

LINUX: dict[str, Any] = {
    "zig": "/zig/zig",
    "target": "aarch64-linux-gnu.2.17",
    "mac": False,
    "cpu": "aarch64",
    "include": "/sdk/include",
    "hidden": ["/opt/python"],
    "maps": [["/sdk", "/python"]],
    "apple_sdk": None,
    "libraries": None,
    "meson": "/sdk/meson.ini",
    "fortran_image": "an/image",
}
MAC = {**LINUX, "target": "aarch64-macos.11.0", "mac": True, "cpu": "arm64"}
FIXED = ["-fno-sanitize=undefined", "-I/sdk/include", "-ffile-prefix-map=/sdk=/python", "-g0"]


def rest(arguments: str, setting: dict[str, Any]) -> list[str]:
    """Return what is left of the arguments, without what is always there."""
    words = translate(arguments.split(), setting)
    assert words[:2] == ["-target", setting["target"]]
    return [word for word in words[2:] if word not in FIXED]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("-c a.c -o a.o -O2", "-c a.c -o a.o -O2"),
        ("-c a.c -I/usr/include -I/opt/python/include -Iown", "-c a.c -Iown"),
        ("-c a.c -march=native -specs=/usr/lib/rpm/x -fcf-protection", "-c a.c"),
        ("-c a.c -march=armv8-a", "-c a.c -mcpu=generic+v8a"),
        ("-c a.c -march=armv8.2-a+fp16+sve+nolse -mtune=generic", "-c a.c -mcpu=generic+v8_2a+fullfp16+sve-lse"),
        ("-c a.c -mcpu=neoverse-n1+crypto", "-c a.c -mcpu=neoverse_n1+crypto"),
        ("-c a.c -march=x86-64-v3 -mtune=generic -mavx2", "-c a.c -march=x86_64_v3 -mavx2"),
        ("-shared a.o -L/usr/lib -Lown -lz", "a.o -Lown -lz -shared -Wl,--enable-new-dtags"),
        ("-shared a.o -lpython3.12 -lgcc_s -lstdc++", "a.o -lunwind -lc++ -shared -Wl,--enable-new-dtags"),
        ("-shared a.o -Wl,-z,x86-64-v3 -Wl,-z,now", "a.o -shared -Wl,-z,now -Wl,--enable-new-dtags"),
        ("-shared a.o -Wl,-rpath=/x -Wl,-rpath,/y,--as-needed",
         "a.o -shared -Wl,-rpath,/x -Wl,-rpath,/y -Wl,--as-needed -Wl,--enable-new-dtags"),
        ("-shared a.o -Wl,-rpath,/opt/python/lib -Xlinker -soname -Xlinker b.so",
         "a.o -shared -Wl,-soname,b.so -Wl,--enable-new-dtags"),
        ("-shared a.o -Wl,--exclude-libs,ALL -fuse-ld=gold", "a.o -shared -Wl,--enable-new-dtags"),
    ],
)  # fmt: skip
def test_linux(given: str, wanted: str) -> None:
    assert rest(given, LINUX) == wanted.split()


@pytest.mark.parametrize(
    ("triple", "flags", "wanted"),
    [
        ("aarch64-linux-gnu.2.28", "-march=armv8-a", None),
        ("aarch64-linux-gnu.2.28", "-march=armv8.2-a+fp16 -mtune=generic", "__ARM_FEATURE_FP16_VECTOR_ARITHMETIC"),
        ("aarch64-linux-gnu.2.28", "-march=armv9-a", "__ARM_FEATURE_SVE2"),
        ("aarch64-linux-gnu.2.28", "-mcpu=neoverse-n1", "__ARM_FEATURE_DOTPROD"),
        ("x86_64-linux-gnu.2.28", "-march=x86-64-v3 -mtune=generic", "__AVX2__"),
        ("x86_64-linux-gnu.2.28", "-march=skylake-avx512", "__AVX512BW__"),
    ],
)
def test_the_level_reaches_zig(tmp_path: Path, triple: str, flags: str, wanted: str | None) -> None:
    zig = pytest.importorskip("ziglang").__file__
    (tmp_path / "a.c").write_text("")
    setting = {**LINUX, "zig": str(Path(zig).parent / "zig"), "target": triple, "cpu": triple.partition("-")[0]}
    words = command("cc", [*flags.split(), "-dM", "-E", "a.c"], setting)
    folders = {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, **folders}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert wanted is None or f"#define {wanted} " in done.stdout


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("-bundle -undefined dynamic_lookup a.o", "a.o -shared -headerpad_max_install_names -undefined dynamic_lookup"),
        ("-bundle -Wl,-undefined,dynamic_lookup a.o -arch arm64",
         "a.o -shared -headerpad_max_install_names -undefined dynamic_lookup"),
        ("-dynamiclib -install_name @rpath/a.dylib a.o -current_version 1.2",
         "a.o -shared -install_name @rpath/a.dylib -headerpad_max_install_names -undefined dynamic_lookup"),
        ("-Wl,-install_name,@rpath/a.dylib -dynamiclib a.o",
         "a.o -shared -install_name @rpath/a.dylib -headerpad_max_install_names -undefined dynamic_lookup"),
        ("-c a.c -isysroot /Library/SDK -mmacosx-version-min=10.9", "-c a.c"),
        ("a.o -o program", "a.o -o program -headerpad_max_install_names"),
    ],
)  # fmt: skip
def test_macos(given: str, wanted: str) -> None:
    assert rest(given, MAC) == wanted.split()


def test_response_files_are_read(tmp_path: Path) -> None:
    """Meson writes them for commands that are very long."""
    (tmp_path / "more.rsp").write_text("'b c.o' -lpython3.12\n-Wl,-undefined,dynamic_lookup")
    (tmp_path / "a.rsp").write_text(f"a.o @{tmp_path}/more.rsp -bundle")
    words = translate([f"@{tmp_path}/a.rsp", "@not-there"], MAC)
    assert [word for word in words[2:] if word not in FIXED][:4] == ["a.o", "b c.o", "@not-there", "-shared"]
    assert "-lpython3.12" not in words


def test_debug_information_is_kept_where_it_is_asked_for() -> None:
    assert "-g0" not in translate(["-g", "-c", "a.c"], LINUX)
    assert "-g0" in translate(["-c", "a.c"], LINUX)


@pytest.mark.parametrize("question", ["--version", "-v", "-dumpmachine"])
def test_questions_are_passed_on(question: str) -> None:
    assert translate([question], MAC) == ["-target", "aarch64-macos.11.0", question]


def test_libraries_and_sdk_of_the_target() -> None:
    words = translate(["-shared", "a.o"], {**MAC, "libraries": "/own", "apple_sdk": "/MacOSX.sdk"})
    assert {"-I/own/include", "-L/own/lib"} <= set(words)
    assert not any("rpath" in word for word in words)  # a module that uses none of it would keep it
    assert "-F/MacOSX.sdk/System/Library/Frameworks" in words
    assert translate(["a.o", "-framework", "Accelerate"], {**MAC, "apple_sdk": "/MacOSX.sdk"})[-3:-1] == [
        "-framework",
        "Accelerate",
    ]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("cc", ["a.o", "-framework", "Accelerate"], 'framework Accelerate .* apple-sdk = "'),
        ("cc", ["-c", "a.c", "-arch", "x86_64"], "asked to compile for x86_64, the target is arm64"),
        ("gfortran", ["-c", "a.f90"], "no Fortran compiler.*an/image"),
        ("xcrun", ["--show-sdk-path"], 'xcrun --show-sdk-path: .*apple-sdk = "'),
        ("xcrun", [], "Apple's"),
    ],
)
def test_refusals(tool: str, arguments: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        command(tool, arguments, MAC)


def test_the_other_tools() -> None:
    assert command("ar", ["rcs", "a.a"], MAC) == ["/zig/zig", "ar", "rcs", "a.a"]
    assert command("c++", ["-c", "a.cc"], MAC)[:3] == ["/zig/zig", "c++", "-target"]
    assert command("ld", ["a.o"], LINUX)[:2] == ["/zig/zig", "ld.lld"]
    assert command("strip", ["a.so"], LINUX) == ["true"]


def test_apples_questions(tmp_path: Path) -> None:
    assert command("xcrun", ["-sdk", "macosx", "--show-sdk-version"], MAC) == ["echo", "11.0"]
    (tmp_path / "SDKSettings.json").write_text('{"Version": "14.2"}')
    with_sdk = {**MAC, "apple_sdk": str(tmp_path)}
    assert command("xcrun", ["--show-sdk-version"], with_sdk) == ["echo", "14.2"]
    assert command("xcrun", ["--sdk", "macosx", "--show-sdk-path"], with_sdk) == ["echo", str(tmp_path)]
    assert command("xcrun", ["-f", "wrapper.py"], MAC)[0] == "echo"
    assert command("xcrun", ["wrapper.py", "-c", "a.c"], MAC)[1:] == ["-c", "a.c"]
