"""A Python that takes this machine for a Mac: what Apple's would answer is put in its mouth, the rest is real."""

from __future__ import annotations

import subprocess
from pathlib import Path

SITECUSTOMIZE = """\
import os, platform, sys, sysconfig
sysconfig.get_config_vars()  # read from a file that is named after the system
own = os.uname()
os.uname = lambda: os.uname_result(("Darwin", own[1], "23.5.0", "Darwin Kernel", {machine!r}))
# What a Python that was made for an old macOS is told, and what it is told if it asks for the truth.
told = {told!r} if os.environ.get("SYSTEM_VERSION_COMPAT") != "0" else {version!r}
platform.mac_ver = lambda *_, **__: (told, ("", "", ""), {machine!r})
platform._uname_cache = None
sys.platform = "darwin"
"""
SCPROXY = "def _get_proxy_settings():\n    return {}\n\n\ndef _get_proxies():\n    return {}\n"


def pretend(
    folder: Path, python: str, machine: str, version: str, *, told: str | None = None, pip: bool = False
) -> str:
    """Make a virtual environment whose Python takes this machine for a Mac, and return its interpreter.

    :param machine: ``arm64``, or ``x86_64``: so an Intel Python is answered under Rosetta, too.
    :param told: the version of macOS that is told without ``SYSTEM_VERSION_COMPAT=0``.
    """
    command = [python, "-m", "venv", *(() if pip else ("--without-pip",)), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (site,) = folder.glob("lib/python*/site-packages")
    words = SITECUSTOMIZE.format(machine=machine, version=version, told=told or version)
    (site / "sitecustomize.py").write_text(words)
    (site / "_scproxy.py").write_text(SCPROXY)  # the module that asks a Mac for its proxies
    return str(folder / "bin" / "python")
