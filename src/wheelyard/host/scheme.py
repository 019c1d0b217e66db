"""Where an installation goes: the environment itself (``--user``, a venv) or a folder that is filled beside it.

``--user`` and a virtual environment are pip's own work, undone from memory if it fails. For ``--prefix``, ``--home``,
``--target`` and ``--root`` pip installs into a new folder on the same file system, which is then moved into place.
"""

import contextlib
import errno
import json
import os
import shutil
import site
import sys
from typing import Callable, List, NamedTuple, Set, Tuple

from wheelyard.host.distinfo import Installed, Undo, installed_in, recorded_files, remove_files
from wheelyard.host.machine import output_of
from wheelyard.host.refusal import EXIT_INSTALL, EXIT_STORAGE, EXIT_TOOL, EXIT_USAGE, Refused

# ``kind``: user, venv, here, prefix, home, target, root. ``base``: the folder that everything lies below.
Place = NamedTuple("Place", [("kind", str), ("base", str), ("python", str)])

# What a disk may refuse: it is full, broken, read-only, or somebody else's.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EINTR, errno.EROFS, errno.EACCES, errno.EPERM)
STAGED = ("prefix", "home", "target", "root")
_ASK = "import json, sysconfig; print(json.dumps(sysconfig.get_paths({scheme})))"


def in_venv() -> bool:
    """Whether the Python that runs this is that of a virtual environment."""
    return sys.prefix != getattr(sys, "base_prefix", sys.prefix)


def running_python() -> str:
    """Return which Python runs this (``cpython-3.12``): each has its own folders, often below one place."""
    flags = getattr(sys, "abiflags", "")
    return "{}-{}.{}{}".format(sys.implementation.name, sys.version_info[0], sys.version_info[1], flags)


def externally_managed(python: str) -> str:
    """Return the path of the mark of PEP 668 that forbids pip to change this Python, or an empty text."""
    code = "import os, sysconfig; print(os.path.join(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED'))"
    path = (output_of([python, "-c", code]) or "").strip()
    return path if path and os.path.isfile(path) else ""


def venv_python(folder: str) -> str:
    """Return the path of a virtual environment's Python."""
    return os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")


def scheme_paths(place: Place) -> Tuple[List[str], str, str]:
    """Return the site-packages folders, the scripts folder and the data folder of an environment.

    :raises Refused: if its Python cannot be asked.
    """
    scheme = "'{}_user'".format(os.name) if place.kind == "user" else ""
    answer = output_of([place.python, "-c", _ASK.format(scheme=scheme)])
    if answer is None:
        raise Refused("broken-python", "this Python cannot be asked for its folders", place.python, code=EXIT_TOOL)
    paths = json.loads(answer)
    sites = [paths["purelib"], paths["platlib"]]
    if place.kind == "user":
        sites.append(site.getusersitepackages())
    return sorted(set(sites)), paths["scripts"], paths["data"]


def place_for(kind: str, where: str) -> Place:
    """Return the place that options ask for.

    :raises Refused: for ``--user`` inside a virtual environment, where it has no meaning.
    """
    if kind == "user":
        if in_venv():
            raise Refused("user-in-venv", "--user has no meaning inside a virtual environment", code=EXIT_USAGE)
        return Place(kind="user", base=os.path.realpath(site.getuserbase()), python=sys.executable)
    if kind == "here":
        return Place(kind="here", base=os.path.realpath(sys.prefix), python=sys.executable)
    base = os.path.abspath(os.path.expanduser(where))
    python = venv_python(base) if kind == "venv" else sys.executable
    return Place(kind=kind, base=base, python=python)


def make_venv(folder: str, with_pip: bool, system_packages: bool) -> None:
    """Make a virtual environment.

    :raises Refused: ``no-venv`` if this Python cannot; nothing is left behind then.
    """
    command = [sys.executable, "-m", "venv", folder]
    command += [] if with_pip else ["--without-pip"]
    command += ["--system-site-packages"] if system_packages else []
    if output_of(command) is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise Refused(
            "no-venv",
            "this Python cannot make a virtual environment",
            where=folder,
            hint="install the system's venv package, or use --target",
            code=EXIT_TOOL,
        )


def staging_arguments(place: Place, stage: str) -> List[str]:
    """Return the arguments that make pip fill a new folder instead of the place itself."""
    if place.kind == "target":
        return ["--target", stage]
    if place.kind == "home":
        return ["--target", os.path.join(stage, "lib", "python")]
    return ["--prefix" if place.kind == "prefix" else "--root", stage, "--ignore-installed"]


def _home_layout(stage: str) -> None:
    """Give a ``--target`` folder the layout of distutils' ``--home``: scripts and data beside ``lib/python``."""
    library = os.path.join(stage, "lib", "python")
    for dist in installed_in([library]):
        for path in recorded_files(dist, stage):
            with open(os.path.join(dist.info, "RECORD"), encoding="utf-8") as stream:
                outside = "../../" + os.path.relpath(path, library).replace(os.sep, "/") + "," in stream.read()
            if outside:
                goal = os.path.join(stage, os.path.relpath(path, library))
                os.makedirs(os.path.dirname(goal), exist_ok=True)
                os.rename(path, goal)
    for folder in ("bin", "share", "etc", "include"):
        if os.path.isdir(os.path.join(library, folder)):
            with contextlib.suppress(OSError):  # a package of that name
                os.rmdir(os.path.join(library, folder))


def sites_below(folder: str) -> List[str]:
    """Return the folders below one that hold ``.dist-info`` folders."""
    found = []
    for here, folders, _ in os.walk(folder):
        if any(name.endswith(".dist-info") for name in folders):
            found.append(here)
            folders[:] = []
    return sorted(found)


def _files_below(folder: str) -> Set[str]:
    return {os.path.relpath(os.path.join(here, name), folder) for here, _, names in os.walk(folder) for name in names}


def move_into_place(place: Place, stage: str, undo: Undo, begin: Callable[[], None]) -> List[Installed]:
    """Move what pip put into ``stage`` to its place; other versions of the same packages go.

    :param undo: what is there is remembered in it.
    :param begin: called before the first change, when all is remembered.
    :raises Refused: ``install-failed`` if a file cannot be moved.
    """
    if place.kind == "home":
        _home_layout(stage)
    staged_sites = sites_below(stage)
    new_names = {dist.name for dist in installed_in(staged_sites)}
    sites = [os.path.normpath(os.path.join(place.base, os.path.relpath(folder, stage))) for folder in staged_sites]
    moving = sorted(_files_below(stage))
    replaced = [dist for dist in installed_in(sites) if dist.name in new_names]
    old = {dist.info: recorded_files(dist, place.base) for dist in replaced}
    try:
        for path in [
            *(os.path.join(place.base, name) for name in moving),
            *(path for paths in old.values() for path in paths),
        ]:
            undo.remember(path)
        begin()
        for each in old.values():
            remove_files(each, place.base)
        for name in moving:
            goal = os.path.join(place.base, name)
            os.makedirs(os.path.dirname(goal), exist_ok=True)
            os.replace(os.path.join(stage, name), goal)
    except OSError as error:
        message = "cannot put the files into place: {}".format(error)
        code = EXIT_STORAGE if error.errno in DISK else EXIT_INSTALL
        raise Refused("install-failed", message, where=place.base, code=code) from None
    return [dist for dist in installed_in(sites) if dist.name in new_names]
