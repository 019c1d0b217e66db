"""auditwheel in a process of its own, since it changes the working folder: ``worker REQUEST ANSWER`` (JSON files).

Answers with one of ``untouched`` (no shared objects), ``repaired`` or ``refused``; never with a text to be parsed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditwheel import lddtree
from auditwheel.architecture import Architecture
from auditwheel.elfutils import elf_file_filter
from auditwheel.error import AuditwheelError, NonPlatformWheelError
from auditwheel.libc import Libc
from auditwheel.patcher import ElfPatcher
from auditwheel.policy import Policy, WheelPolicies
from auditwheel.repair import repair_wheel
from auditwheel.wheel_abi import WheelAbIInfo, analyze_wheel_abi
from auditwheel.wheeltools import InWheelCtx
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection
from elftools.elf.sections import SymbolTableSection

_PLATFORM = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)")
_MUSL_CPUS = {"i686": "x86", "armv7l": "armv7"}
_LIBPYTHON = re.compile(r"libpython\d+\.\d+")


def main(request_file: str, answer_file: str) -> None:
    """Do what the request asks, write the answer."""
    request = json.loads(Path(request_file).read_text())
    try:
        answer = _repair(request)
    except NonPlatformWheelError as error:
        wrong = error.libraries_with_invalid_machine if hasattr(error, "libraries_with_invalid_machine") else []
        answer = {"outcome": "refused", "faults": [f"{member} is for another CPU" for member in wrong]}
        if not wrong:
            answer = {"outcome": "untouched"}
    except (AuditwheelError, RuntimeError, ValueError) as error:
        answer = {"outcome": "refused", "faults": [str(error)]}
    Path(answer_file).write_text(json.dumps(answer))


def _repair(request: Mapping[str, Any]) -> dict[str, Any]:
    wheel, into = Path(request["wheel"]), Path(request["into"])
    match = _PLATFORM.fullmatch(request["platform"])
    if match is None:
        raise ValueError(f"unknown platform {request['platform']}")
    family, bound, cpu = match[1], (int(match[2]), int(match[3])), match[4]
    if family == "musllinux":
        _name_musl(wheel, cpu)
    libc = Libc.GLIBC if family == "manylinux" else Libc.MUSL
    if request["libraries"] and request["seen"]:
        _follow_run_paths_only_into([tempfile.gettempdir(), *request["seen"]])
    abi = analyze_wheel_abi(
        libc,
        Architecture(cpu),
        wheel,
        # In a library that is yet to be grafted, musl may still have the build's own name.
        frozenset({"libc.so"} if libc is Libc.MUSL else ()) | frozenset(request["provided"]),
        disable_isa_ext_check=not request["check_instructions"],
        allow_graft=True,
        requested_policy_base_name="auto",
        args_ldpaths=request["libraries"],
    )
    allowed = _newest_allowed(abi.policies, bound, libc)
    missing = _missing(abi, allowed) or _unseen(abi, allowed, tuple(map(Path, request["seen"])))
    if missing:
        return {"outcome": "refused", "faults": missing}
    earned = abi.overall_policy
    if earned < allowed:
        faults = [*_faults(wheel, abi, allowed)]
        return {"outcome": "refused", "faults": faults, "needs": earned.name}
    before = set(zipfile.ZipFile(wheel).namelist())
    names = [earned.name, *earned.aliases]
    out = repair_wheel(
        abi,
        wheel,
        abis=names,
        lib_sdir=".libs",
        out_dir=into,
        update_tags=False,
        patcher=ElfPatcher.get_patcher("patchelf", earned.name),
        strip=False,
        zip_compression_level=0,
    )
    if out is None:
        return {"outcome": "untouched"}
    _drop_foreign_rpaths(out)
    if libc is Libc.MUSL:
        _name_musl(out, cpu)
    with zipfile.ZipFile(out) as archive:
        added = sorted({name for name in archive.namelist() if not name.endswith("/")} - before)
    grafted = [name.rpartition("/")[2] for name in added if ".libs/" in name]
    # musl has no symbol versions: what was linked against the target's musl runs on the target.
    platforms = list(names) if libc is Libc.GLIBC else [request["platform"]]
    return {"outcome": "repaired", "file": out.name, "platforms": platforms, "grafted": grafted}


def _follow_run_paths_only_into(folders: Sequence[str]) -> None:
    """Let auditwheel follow no run path out of these: one of an image leads to another file on this machine."""
    seen = [Path(folder).resolve() for folder in folders]
    every = lddtree.parse_ld_paths

    def followed(ld_paths: str, path: str = "", root: str = "") -> list[str]:
        found = every(ld_paths, path, root)
        # Without a path these are no object's, but the folders that we gave.
        return [place for place in found if not path or any(map(Path(place).resolve().is_relative_to, seen))]

    lddtree.parse_ld_paths = followed


def _newest_allowed(policies: WheelPolicies, bound: tuple[int, int], libc: Libc) -> Policy:
    """Return the policy that promises most and that the target still keeps."""
    if libc is Libc.MUSL:
        return policies.lowest
    fitting = [policy for policy in policies if policy != policies.linux and _version(policy) <= bound]
    return min(fitting) if fitting else policies.highest


def _version(policy: Policy) -> tuple[int, int]:
    _, major, minor, *_ = policy.name.split("_")
    return int(major), int(minor)


def _missing(abi: WheelAbIInfo, allowed: Policy) -> list[str]:
    found = []
    for path, references in abi.full_external_refs.items():
        for name, real in references[allowed.name].libs.items():
            if real is None and not _LIBPYTHON.match(name):
                found.append(f"{path} needs the library {name}, which is nowhere")
    return sorted(found)


def _unseen(abi: WheelAbIInfo, allowed: Policy, seen: tuple[Path, ...]) -> list[str]:
    """Return the libraries that were found where the build could not look: a run path may lead anywhere."""
    folders = [folder.resolve() for folder in seen]
    found = []
    for path, references in abi.full_external_refs.items():
        for name, real in references[allowed.name].libs.items():
            place = real.resolve() if folders and real is not None else None
            if place is not None and not any(map(place.is_relative_to, folders)):
                found.append(f"{path} would take the library {name} from {place}, which its build cannot see")
    return sorted(found)


def _faults(wheel: Path, abi: WheelAbIInfo, allowed: Policy) -> Iterator[str]:
    """Yield what each object needs that the allowed policy does not promise."""
    count = 0
    with InWheelCtx(wheel) as context:
        objects = {str(path): path for path, _ in elf_file_filter(context.iter_files())}
        for references in abi.full_external_refs.values():
            for name, real in references[allowed.name].libs.items():
                if real is not None and not _LIBPYTHON.match(name):
                    objects[f"{name} (would be grafted)"] = real
        for shown, path in sorted(objects.items()):
            symbols = sorted(_too_new(path, allowed))
            if symbols:
                count += 1
                more = f" and {len(symbols) - 8} more" if len(symbols) > 8 else ""
                yield f"{shown} needs {', '.join(symbols[:8])}{more}"
    for policy, why in (
        (abi.machine_policy, "its code needs a newer CPU than every host of the platform has"),
        (abi.blacklist_policy, "it uses symbols that no portable wheel may use"),
        (abi.ucs_policy, "it was compiled for a Python with narrow Unicode"),
        (abi.pyfpe_policy, "it uses PyFPE_jbuf, which most Pythons lack"),
    ):
        if policy < allowed:
            count += 1
            yield why
    if not count:
        yield f"it earns {abi.overall_policy.name} only"


def _too_new(path: Path, allowed: Policy) -> Iterator[str]:
    """Yield the versioned symbols (``fmod@GLIBC_2.38``) of an object that a policy does not have."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        needs, table, symbols = (elf.get_section_by_name(n) for n in (".gnu.version_r", ".gnu.version", ".dynsym"))
        if not (
            isinstance(needs, GNUVerNeedSection)
            and isinstance(table, GNUVerSymSection)
            and isinstance(symbols, SymbolTableSection)
        ):
            return
        versions = {aux["vna_other"]: str(aux.name) for _, auxes in needs.iter_versions() for aux in auxes}
        used = set()
        for number, symbol in enumerate(symbols.iter_symbols()):
            version = versions.get(table.get_symbol(number)["ndx"])
            if version and not _promised(version, allowed):
                used.add(version)
                yield f"{symbol.name}@{version}"
        # Markers such as GLIBC_ABI_DT_RELR belong to no symbol.
        yield from (needed for needed in versions.values() if needed not in used and not _promised(needed, allowed))


def _promised(version: str, policy: Policy) -> bool:
    family, _, number = version.partition("_")
    return family not in policy.symbol_versions or number in policy.symbol_versions[family]


def _name_musl(wheel: Path, cpu: str) -> None:
    """Call musl what distributions call it: a plain ``libc.so``, as some linkers have it, is the build's own name."""
    with InWheelCtx(wheel) as context:
        changed = False
        for path, elf in elf_file_filter(context.iter_files()):
            dynamic = elf.get_section_by_name(".dynamic")
            if isinstance(dynamic, DynamicSection) and any(
                tag.entry.d_tag == "DT_NEEDED" and getattr(tag, "needed", "") == "libc.so"
                for tag in dynamic.iter_tags()
            ):
                name = f"libc.musl-{_MUSL_CPUS.get(cpu, cpu)}.so.1"
                subprocess.run(["patchelf", "--replace-needed", "libc.so", name, str(path)], check=True)
                changed = True
        if changed:
            context.out_wheel = wheel
            context.zip_compression_level = 0


def _drop_foreign_rpaths(wheel: Path) -> None:
    """Remove the run paths that lead out of the wheel: a host must not load what happens to lie there."""
    with InWheelCtx(wheel) as context:
        changed = False
        for path, elf in elf_file_filter(context.iter_files()):
            if elf.get_section_by_name(".dynamic") is None:
                continue
            said = subprocess.run(
                ["patchelf", "--print-rpath", str(path)], capture_output=True, text=True, check=True
            ).stdout.strip()
            entries = said.split(":") if said else []
            kept = [entry for entry in entries if entry.startswith(("$ORIGIN", "${ORIGIN}"))]
            if kept != entries:
                how = ["--force-rpath", "--set-rpath", ":".join(kept)] if kept else ["--remove-rpath"]
                subprocess.run(["patchelf", *how, str(path)], check=True)
                changed = True
        if changed:
            context.out_wheel = wheel
            context.zip_compression_level = 0


if __name__ == "__main__":
    main(*sys.argv[1:])
