"""Running pip: which one, with which arguments, and asking it first what it would do."""

import os
import shutil
import subprocess
import tempfile
from typing import List, NamedTuple, Optional

from wheelyard.host.choice import pip_needed
from wheelyard.host.machine import Version, clean_environment, dotted, numbers_of, output_of, outside, pip_version
from wheelyard.host.manifest import TargetInfo
from wheelyard.host.plain import say
from wheelyard.host.refusal import EXIT_INSTALL, EXIT_TOOL, Refused

_HAS_DRY_RUN = (22, 2)
_HAS_BREAK = (23, 0, 1)

# Fedora and RHEL keep the wheel elsewhere, and say where.
_BUNDLED = """
import ensurepip, glob, os, sysconfig
folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"), os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")]
print((sorted(path for each in folders if each for path in glob.glob(os.path.join(each, "pip-*.whl"))) or [""])[-1])
"""

# ``command`` starts it; ``why`` says in words why this one.
Pip = NamedTuple("Pip", [("command", List[str]), ("version", Version), ("why", str)])


def carried_pip(root: str, target: TargetInfo, python: str) -> Optional[List[str]]:
    """Return the command that runs the carried pip straight from its wheel, or None if none is carried."""
    if target.pip is None:
        return None
    return [python, os.path.join(root, "targets", target.folder, target.pip, "pip")]


def bundled_pip(python: str) -> Optional[str]:
    """Return the path of the pip that a Python brings for its virtual environments (``ensurepip``), or None."""
    path = (output_of([python, "-c", _BUNDLED]) or "").strip()
    return path or None


def find_pip(python: str, root: str, target: TargetInfo, wheels: List[str]) -> Pip:
    """Return the host's own pip, or the carried one where that is missing or too old, or the one of ``ensurepip``.

    :raises Refused: ``no-pip`` or ``pip-too-old`` if there is none of them.
    """
    own = [python, "-m", "pip"]
    version = pip_version(own)
    needed, wheel = pip_needed([name for name in wheels if name != target.pip])
    if version and version >= needed:
        return Pip(command=own, version=version, why="pip {} of this host".format(dotted(version)))
    short = (
        "this host has no pip"
        if not version
        else "pip {} of this host is too old for {}".format(dotted(version), wheel)
    )
    carried = carried_pip(root, target, python)
    bundled = bundled_pip(python) if carried is None else None
    if bundled is not None and numbers_of(os.path.basename(bundled).split("-")[1]) >= needed:
        newer = numbers_of(os.path.basename(bundled).split("-")[1])
        return Pip([python, bundled + "/pip"], newer, "pip {} of ensurepip, as {}".format(dotted(newer), short))
    if carried is None:
        hint = "ask the admin to carry a newer pip in this target"
        raise Refused("no-pip" if not version else "pip-too-old", short, hint=hint, code=EXIT_TOOL)
    newer = numbers_of((target.pip or "").split("-")[1])
    return Pip(command=carried, version=newer, why="the carried pip {}, as {}".format(dotted(newer), short))


def wanted(root: str, target: TargetInfo, requirements: List[str]) -> List[str]:
    """Return pip's arguments for some requirements, or for the whole lock with its hashes."""
    folder = os.path.join(root, "targets", target.folder)
    arguments = ["--no-index", "--find-links", folder]
    if requirements:
        return [*arguments, *requirements]
    return [*arguments, "--require-hashes", "-r", os.path.join(folder, "requirements.txt")]


def run_pip(pip: Pip, arguments: List[str], quiet: bool) -> int:
    """Run pip with its output passed on, or kept back if ``quiet`` and nothing goes wrong; return its exit code."""
    kept = []
    with subprocess.Popen(
        [*pip.command, *arguments],
        env=clean_environment(),
        cwd=outside(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            for line in process.stdout or ():
                text = line.decode("utf-8", "replace").rstrip()
                if quiet:
                    kept.append(text)
                else:
                    say(text)
        except BaseException:  # Ctrl-C too: pip must not go on behind the back of who asked for an end
            process.kill()
            raise
    if process.returncode != 0:
        for text in kept:
            say(text)
    return process.returncode


def rehearse(pip: Pip, arguments: List[str], extra: List[str], size: int) -> bool:
    """Have pip work everything out without changing anything; False if there is no room to do it with an old pip.

    pip before 22.2 has no dry run: it gathers the files into a temporary folder instead.

    :raises Refused: ``not-installable`` if pip finds no way.
    """
    if pip.version >= _HAS_DRY_RUN:
        code = run_pip(pip, ["install", "--dry-run", *arguments, *extra], quiet=True)
    else:
        with tempfile.TemporaryDirectory(prefix="wheelyard-") as folder:
            if shutil.disk_usage(folder).free < 2 * size:
                return False
            code = run_pip(pip, ["download", "-d", folder, *arguments], quiet=True)
    if code != 0:
        message = "pip cannot install this set; nothing was changed"
        raise Refused("not-installable", message, hint="pip's own words are above", code=EXIT_INSTALL)
    return True


def break_arguments(pip: Pip, wanted_so: bool) -> List[str]:
    """Return the argument that overrides PEP 668, where pip knows it."""
    return ["--break-system-packages"] if wanted_so and pip.version >= _HAS_BREAK else []
