"""What stands for ``cc``, ``c++``, ``ar`` and friends in a cross build: translates arguments and starts Zig.

This file is copied beside ``cross.json`` and runs alone there, on the target's Python from 3.6 on: it needs nothing but
the standard library.
"""

import json
import os
import re
import shlex
import sys
from typing import Any, Dict, List, Optional, Tuple  # noqa: F401  (in comments)

# Linker options with a value that the next ``-Wl,`` part gives.
_WITH_VALUE = frozenset(
    "-z -rpath -R -soname -h -install_name -undefined --version-script -rpath-link -exported_symbols_list "
    "-unexported_symbols_list -exported_symbol -order_file -m -current_version -compatibility_version --exclude-libs "
    "-dylib_install_name".split()
)
_KNOWN_Z = frozenset(
    "nodelete notext defs undefs origin nocopyreloc now lazy relro norelro common-page-size max-page-size".split()
)

# What Zig's linkers do not know, or what only the machine's own compiler means.
_DROPPED_LINK = frozenset(
    "--exclude-libs --no-as-needed --add-needed --no-add-needed -rpath-link -order_file -exported_symbols_list "
    "-unexported_symbols_list -exported_symbol -no_fixup_chains -ld_classic -export_dynamic -m --hash-style -O1 -O2 "
    "-no_warn_duplicate_libraries --warn-common --no-undefined-version -current_version -compatibility_version".split()
)
_DROPPED = tuple(
    "-specs= -fuse-ld= -mmacosx-version-min= -ffat-lto-objects -flto-partition= -mtune= -static-libgcc "
    "-static-libstdc++ -march=native -mcpu=native --sysroot= -fno-plt -lpython".split()
)
_ARM = re.compile(r"armv(\d+(?:\.\d+)?)-a$")
_ARM_FEATURES = {
    "fp": "fp_armv8",
    "fp16": "fullfp16",
    "memtag": "mte",
    "profile": "spe",
    "rdma": "rdm",
    "rng": "rand",
    "simd": "neon",
}
"""Arm's names of extensions, where they are not LLVM's."""
_RENAMED = {"-lstdc++": "-lc++", "-lgcc_s": "-lunwind"}
_DROPPED_WITH_VALUE = ("-isysroot", "-bundle_loader", "--sysroot", "-syslibroot")
_MACHINE_FOLDERS = ("/usr/include", "/usr/local/include", "/usr/lib", "/usr/local/lib", "/lib", "/lib64", "/usr/lib64")
_ONLY_COMPILES = ("-c", "-S", "-E", "-M", "-MM", "-fsyntax-only")
_ASKS = ("--version", "-v", "-dumpversion", "-dumpmachine", "-print-search-dirs", "--help", "-print-file-name=")


class Refused(Exception):  # noqa: N818  (what a person is told)
    """Zig cannot do what is asked for; the message says what helps."""


def translate(arguments: List[str], setting: Dict[str, Any]) -> List[str]:
    """Return the arguments for ``zig cc`` that mean what the given ones mean to the platform's own compiler.

    :param setting: ``target`` (Zig's triple), ``mac`` (bool), ``cpu``, ``include`` (headers of the target's Python),
        ``hidden`` (folders of this machine's Python), ``maps`` (path prefixes to hide), ``apple_sdk`` (path or None).
    :raises Refused: if it cannot be done.
    """
    arguments = _expanded(arguments)
    linking = not any(argument in _ONLY_COMPILES for argument in arguments)
    asking = any(argument.startswith(_ASKS) for argument in arguments) and not any(
        _is_input(argument) for argument in arguments
    )
    front = ["-target", setting["target"]]
    if asking:
        return front + arguments
    result, links, shared = _sorted_out(arguments, setting)
    # Zig takes a compilation without -O for a debugging one and adds checks that call its own library.
    front += ["-fno-sanitize=undefined", "-I" + setting["include"]]
    front += ["-ffile-prefix-map={}={}".format(old, new) for old, new in setting["maps"]]
    if not any(argument.startswith("-g") and not argument.startswith("-gz") for argument in arguments):
        front.append("-g0")
    if setting.get("apple_sdk"):
        sdk = setting["apple_sdk"]
        front += ["-isystem", sdk + "/usr/include", "-F" + sdk + "/System/Library/Frameworks", "-L" + sdk + "/usr/lib"]
    own = setting.get("libraries")
    if own:
        result.append("-I" + own + "/include")
    if linking:
        if own:
            # Without a run path to it: what repairs the wheel is told where it is.
            result.append("-L" + own + "/lib")
        result += links
        if setting["mac"]:
            # What repair writes into the load commands later needs room.
            result.append("-headerpad_max_install_names")
            if shared:
                result += ["-undefined", "dynamic_lookup"]
        elif shared:
            result.append("-Wl,--enable-new-dtags")
    return front + result


def _expanded(arguments: List[str]) -> List[str]:
    """Return arguments with response files (``@file``) read: build systems write them where a command is too long."""
    result = []  # type: List[str]
    for argument in arguments:
        if argument.startswith("@") and os.path.isfile(argument[1:]):
            with open(argument[1:]) as stream:
                result += _expanded(shlex.split(stream.read()))
        else:
            result.append(argument)
    return result


def _is_input(argument: str) -> bool:
    return not argument.startswith("-") and "." in argument


def _sorted_out(arguments: List[str], setting: Dict[str, Any]) -> Tuple[List[str], List[str], bool]:
    """Return what goes to the compiler, what goes to the linker, and whether a shared library is made."""
    result = []  # type: List[str]
    linker = []  # type: List[str]
    archs = []  # type: List[str]
    shared = False
    rest = list(arguments)
    while rest:
        each = rest.pop(0)
        if each in ("-shared", "-bundle", "-dynamiclib"):
            shared = True
        elif each.startswith("-Wl,"):
            linker += [part for part in each[4:].split(",") if part]
        elif each == "-Xlinker" and rest:
            linker.append(rest.pop(0))
        elif each in ("-undefined", "-install_name", "-current_version", "-compatibility_version", "-z") and rest:
            linker += [each, rest.pop(0)]
        elif each == "-arch" and rest:
            archs.append(rest.pop(0))
        elif each == "-framework" and rest:
            result += _framework(rest.pop(0), setting)
        elif each in _DROPPED_WITH_VALUE and rest:
            rest.pop(0)
        elif each == "-headerpad_max_install_names" or _is_dropped(each, setting):
            continue
        else:
            result.append(_RENAMED.get(each) or _cpu(each))
    if archs and setting["cpu"] not in archs:
        raise Refused("asked to compile for {}, the target is {}".format(" ".join(archs), setting["cpu"]))
    if shared:
        result.append("-shared")
    return result, _linker(linker, setting), shared


def _is_dropped(argument: str, setting: Dict[str, Any]) -> bool:
    """Whether an argument means this machine, or nothing to Zig."""
    if argument.endswith("=native") and os.environ.get("WHEELYARD_LEFT_OUT"):
        with open(os.environ["WHEELYARD_LEFT_OUT"], "a") as stream:
            stream.write(argument + "\n")
    if argument.startswith(_DROPPED) or argument == "-lgcc":
        return True
    if argument.startswith("-fcf-protection") and setting["cpu"] != "x86_64":
        return True
    if argument[:2] in ("-I", "-L") and len(argument) > 2:
        folder = os.path.normpath(argument[2:])
        hidden = any(folder == prefix or folder.startswith(prefix + "/") for prefix in setting["hidden"])
        return hidden or folder in _MACHINE_FOLDERS
    return False


def _cpu(argument: str) -> str:
    """Return an argument with the CPU as Zig takes it: no hyphens, and LLVM's features for Arm's versions."""
    option, _, value = argument.partition("=")
    if option not in ("-march", "-mcpu"):
        return argument
    name, plus, extensions = value.partition("+")
    arm = _ARM.match(name)
    if arm is None:
        return "{}={}{}{}".format(option, name.replace("-", "_"), plus, extensions)
    found = "-mcpu=generic+v{}a".format(arm.group(1).replace(".", "_"))
    for part in filter(None, extensions.split("+")):
        sign, name = ("-", part[2:]) if part.startswith("no") else ("+", part)
        found += sign + _ARM_FEATURES.get(name, name)
    return found


def _framework(name: str, setting: Dict[str, Any]) -> List[str]:
    if not setting.get("apple_sdk"):
        raise Refused(
            "the framework {} is part of Apple's SDK, which this target has not: "
            'give [[target]] apple-sdk = "/path/to/MacOSX.sdk"'.format(name)
        )
    return ["-framework", name]


def _linker(parts: List[str], setting: Dict[str, Any]) -> List[str]:
    """Return linker options as Zig takes them."""
    result = []  # type: List[str]
    rest = list(parts)
    while rest:
        option, value = rest.pop(0), None  # type: str, Optional[str]
        if option.startswith("-") and "=" in option:
            option, value = option.split("=", 1)
        elif option in _WITH_VALUE and rest:
            value = rest.pop(0)
        option = {"-R": "-rpath", "--rpath": "-rpath", "-dylib_install_name": "-install_name"}.get(option, option)
        if option in _DROPPED_LINK or (option == "-undefined" and setting["mac"]):
            continue
        if option == "-z" and (value or "").split("=")[0] not in _KNOWN_Z:
            continue
        if option == "-rpath":
            if value and not any(value == hidden or value.startswith(hidden + "/") for hidden in setting["hidden"]):
                result.append("-Wl,-rpath," + value)
        elif option == "-install_name" and value:
            result += ["-install_name", value]
        elif value is None:
            result.append("-Wl," + option)
        else:
            result.append(
                "-Wl,{},{}".format(option, value) if option in _WITH_VALUE else "-Wl,{}={}".format(option, value)
            )
    return result


def command(tool: str, arguments: List[str], setting: Dict[str, Any]) -> List[str]:
    """Return the whole command that stands for a tool.

    :raises Refused: if there is none.
    """
    zig = setting["zig"]
    if tool in ("cc", "gcc", "clang"):
        return [zig, "cc", *translate(arguments, setting)]
    if tool in ("c++", "g++", "clang++"):
        return [zig, "c++", *translate(arguments, setting)]
    if tool in ("ar", "ranlib"):
        return [zig, tool, *arguments]
    if tool == "ld":
        return (
            [zig, "cc", *translate(["-nostdlib", *arguments], setting)]
            if setting["mac"]
            else [zig, "ld.lld", *arguments]
        )
    if tool == "strip":
        return ["true"]  # Zig has none for every format, and repair wants symbols
    if tool == "meson":
        return _meson(arguments, setting)
    if tool == "xcrun":
        return _xcrun(arguments, setting)
    raise Refused(
        "{}: Zig has no Fortran compiler; build this package in an image that has gfortran: "
        '[[target]] image = "{}" without toolchain = "zig"'.format(tool, setting["fortran_image"])
    )


def _meson(arguments: List[str], setting: Dict[str, Any]) -> List[str]:
    """Return the next meson on the search path, told what it compiles for."""
    own = os.path.dirname(os.path.abspath(__file__))
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = os.path.join(folder, "meson")
        if os.path.realpath(folder) != os.path.realpath(own) and os.access(program, os.X_OK):
            if arguments[:1] == ["setup"] and not any("--cross-file" in argument for argument in arguments):
                arguments = ["setup", "--cross-file", setting["meson"], *arguments[1:]]
            return [program, *arguments]
    raise Refused("meson: there is none in the build environment")


def _xcrun(arguments: List[str], setting: Dict[str, Any]) -> List[str]:
    """Return the tool that Apple's ``xcrun`` is asked to run, or what says what it is asked about."""
    own, sdk = os.path.dirname(os.path.abspath(__file__)), setting.get("apple_sdk")
    rest = list(arguments)
    if rest[:1] in (["-sdk"], ["--sdk"]):
        rest = rest[2:]
    option, tool = rest[0].lstrip("-") if rest else "", os.path.join(own, rest[-1] if rest else "")
    if option == "show-sdk-version":
        # Without an SDK nothing newer than the target is there.
        return ["echo", _sdk_version(sdk) if sdk else setting["target"].rpartition("-macos.")[2]]
    if option == "show-sdk-path" and sdk:
        return ["echo", sdk]
    if option in ("f", "find") and os.path.isfile(tool):
        return ["echo", tool]
    if os.path.isfile(os.path.join(own, option)):
        return [os.path.join(own, option), *rest[1:]]
    raise Refused(
        "xcrun {}: this is Apple's, which is not here".format(" ".join(arguments))
        + ("" if sdk else '; its SDK can be given: [[target]] apple-sdk = "/path/to/MacOSX.sdk"')
    )


def _sdk_version(sdk: str) -> str:
    with open(os.path.join(sdk, "SDKSettings.json")) as stream:
        return str(json.load(stream)["Version"])


def main() -> None:
    """Do what the name says that this was called by."""
    tool = os.path.basename(sys.argv[0])
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cross.json")) as stream:
        setting = json.load(stream)
    try:
        words = command(tool, sys.argv[1:], setting)
    except Refused as refusal:
        sys.stderr.write("wheelyard: error: {}\n".format(refusal))
        sys.exit(1)
    os.execvp(words[0], words)  # noqa: S606  (no shell)


if __name__ == "__main__":
    main()
