"""What this host is: its Python, C library, CPU and pip, as far as choosing a folder needs it."""

import glob
import os
import platform
import re
import struct
import subprocess
import sys
import sysconfig
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

Version = Tuple[int, ...]

HostFacts = NamedTuple(
    "HostFacts",
    [
        ("python", str),  # "3.9", "3.13t"
        ("implementation", str),  # "cpython"
        ("machine", str),  # "x86_64"
        ("libc", str),  # "glibc", "musl", "macos", "windows", "none"
        ("libc_version", Version),  # (2, 34); of macOS where that is the system
        ("cpu_level", int),  # 1 to 4 for x86-64, else 0
    ],
)

# Flags of /proc/cpuinfo behind each level of the x86-64 psABI (v2, v3, v4).
_LEVELS = (
    "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3",
    "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave",
    "avx512f avx512bw avx512cd avx512dq avx512vl",
)
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def numbers_of(text: str) -> Version:
    """Return the leading numbers of a version: "21.2.3" gives (21, 2, 3)."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def dotted(version: Version) -> str:
    """Return a version as text."""
    return ".".join(str(number) for number in version)


def cpu_flags(cpuinfo: Optional[str] = None) -> Set[str]:
    """Return the flags that every CPU in /proc/cpuinfo has; none where the system does not tell."""
    if cpuinfo is None:
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
                cpuinfo = stream.read()
        except OSError:
            return set()
    rows = re.findall(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    return set(rows[0].split()).intersection(*(row.split() for row in rows)) if rows else set()


def cpu_level(cpuinfo: str) -> int:
    """Return the x86-64 level (1 to 4) that the flags of the weakest CPU in /proc/cpuinfo reach."""
    flags = cpu_flags(cpuinfo)
    level = 1
    for needed in _LEVELS:
        if not flags.issuperset(needed.split()):
            break
        level += 1
    return level


def _musl_version() -> Version:
    """Return the version that musl's loader says about itself, () if there is no musl."""
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        try:
            process = subprocess.Popen([loader], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            match = re.search(r"Version (\d+(?:\.\d+)*)", process.communicate()[0].decode("utf-8", "replace"))
        except OSError:
            continue
        if match:
            return numbers_of(match.group(1))
    return ()


def _macos_version() -> Version:
    """Return the version of macOS; a Python that was made for 10.15 or older is told 10.16 by every newer one."""
    version = numbers_of(platform.mac_ver()[0])
    if version[:2] == (10, 16):
        ask = "import platform; print(platform.mac_ver()[0])"
        said = output_of([sys.executable, "-I", "-c", ask], SYSTEM_VERSION_COMPAT="0")
        version = numbers_of(said or "") or version
    return version


def _libc() -> Tuple[str, Version]:
    if sys.platform == "darwin":
        return "macos", _macos_version()
    if sys.platform == "win32":
        return "windows", ()
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError, OSError):
        name, version = "", ""
    if name == "glibc":
        return "glibc", numbers_of(version)
    musl = _musl_version()
    return ("musl", musl) if musl else ("none", ())


def this_host() -> HostFacts:
    """Return the facts of the machine and of the Python that runs this."""
    machine = platform.machine().lower()
    machine = machine if sys.platform == "darwin" else _MACHINES.get(machine, machine)
    if sys.platform == "win32":  # of the Python: a 32-bit one runs on every Windows
        machine = {"win-amd64": "amd64", "win-arm64": "arm64"}.get(sysconfig.get_platform(), "x86")
    if machine == "x86_64" and struct.calcsize("P") == 4:
        machine = "i686"  # a 32-bit Python on a 64-bit kernel
    level = 0
    if machine == "x86_64":
        level = 1
        try:
            with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
                level = cpu_level(stream.read())
        except OSError:
            pass
    libc, version = _libc()
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return HostFacts(
        python="{}.{}{}".format(sys.version_info[0], sys.version_info[1], free_threaded),
        implementation=sys.implementation.name,
        machine=machine,
        libc=libc,
        libc_version=version,
        cpu_level=level,
    )


def in_words(host: HostFacts) -> str:
    """Return the host in one line for people."""
    system = {"glibc": "glibc", "musl": "musl", "macos": "macOS", "windows": "Windows"}.get(
        host.libc, "an unknown C library"
    )
    version = dotted(host.libc_version)
    level = ", CPU level x86-64-v{}".format(host.cpu_level) if host.cpu_level else ""
    name = {"cpython": "Python", "pypy": "PyPy"}.get(host.implementation, host.implementation)
    return "{} {}, {}, {}{}".format(name, host.python, host.machine, " ".join(filter(None, (system, version))), level)


def clean_environment() -> Dict[str, str]:
    """Return our environment without anything that would turn pip, or the Python that runs it, elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    kept.update(PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_NO_CACHE_DIR="off")
    kept.update({name: os.environ[name] for name in ("PYTHONUSERBASE",) if name in os.environ})
    return kept


def outside() -> str:
    """Return a folder to start a Python in: ``-m`` and ``-c`` look for modules where they are started."""
    return os.path.abspath(os.sep)


def output_of(command: Sequence[str], **variables: str) -> Optional[str]:
    """Return what a program prints, or None if it cannot be run or fails."""
    try:
        process = subprocess.Popen(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd=outside(),
            env=dict(clean_environment(), **variables),
        )
        output = process.communicate()[0].decode("utf-8", "replace")
    except OSError:
        return None
    return output if process.returncode == 0 else None


def pip_version(pip: List[str]) -> Version:
    """Return the version of the pip that a command runs, () if there is none."""
    match = re.match(r"pip (\S+)", output_of([*pip, "--version"]) or "")
    return numbers_of(match.group(1)) if match else ()
