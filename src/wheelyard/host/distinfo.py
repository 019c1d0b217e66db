"""Installed distributions as their ``.dist-info`` folders tell: what is there, which files, how to take them away."""

import contextlib
import csv
import io
import os
import re
import shutil
import zipfile
from typing import Dict, Iterable, Iterator, List, NamedTuple, Set, Tuple

from wheelyard.host.refusal import EXIT_HASH, Refused

# ``info`` is the path of the .dist-info folder, ``stamp`` changes when it is written anew.
Installed = NamedTuple("Installed", [("name", str), ("version", str), ("info", str), ("stamp", Tuple[int, int])])

_WRITTEN_BY_PIP = ("INSTALLER", "REQUESTED", "direct_url.json")


def normal_name(name: str) -> str:
    """Return a project's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_in(sites: Iterable[str]) -> List[Installed]:
    """Return the distributions in some site-packages folders, ordered by path."""
    found = []
    for site in sorted(set(sites)):
        try:
            names = sorted(os.listdir(site))
        except OSError:
            continue
        for entry in names:
            record = os.path.join(site, entry, "RECORD")
            if not entry.endswith(".dist-info") or not os.path.isfile(record):
                continue
            name, _, version = entry[: -len(".dist-info")].partition("-")
            status = os.stat(record)
            stamp = (status.st_ino, status.st_mtime_ns)
            found.append(
                Installed(name=normal_name(name), version=version, info=os.path.join(site, entry), stamp=stamp)
            )
    return found


def _rows(text: str) -> Iterator[str]:
    for row in csv.reader(io.StringIO(text)):
        if row:
            yield row[0]


def recorded_files(dist: Installed, base: str) -> List[str]:
    """Return the absolute paths of a distribution's files, compiled bytecode included; all below ``base``.

    pip writes a RECORD for ``--target`` as if scripts lay two folders up; where nothing is there, they are looked for
    in the folder itself.
    """
    site = os.path.dirname(dist.info)
    inside = os.path.realpath(base) + os.sep
    found = []
    with open(os.path.join(dist.info, "RECORD"), encoding="utf-8", newline="") as stream:
        names = list(_rows(stream.read()))
    for name in names:
        path = os.path.normpath(os.path.join(site, name))
        if not os.path.lexists(path) and name.startswith("../../"):
            path = os.path.normpath(os.path.join(site, re.sub(r"^(\.\./)+", "", name)))
        # A RECORD is only as good as its wheel: nothing outside of what was installed into is touched.
        parent = os.path.realpath(os.path.dirname(path)) + os.sep
        if not parent.startswith(inside) or not os.path.lexists(path):
            continue
        found.append(path)
        if path.endswith(".py"):
            found.extend(_bytecode(path))
    for extra in (*_WRITTEN_BY_PIP, "RECORD"):
        path = os.path.join(dist.info, extra)
        if os.path.exists(path):
            found.append(path)
    return sorted(set(found))


def _bytecode(path: str) -> List[str]:
    folder, name = os.path.split(path)
    cache = os.path.join(folder, "__pycache__")
    if not os.path.isdir(cache):
        return []
    start = name[: -len("py")]
    return [os.path.join(cache, each) for each in os.listdir(cache) if each.startswith(start) and each.endswith(".pyc")]


def remove_files(paths: Iterable[str], base: str, keep: Iterable[str] = ()) -> None:
    """Remove files, and the folders that they leave empty, up to and without ``base`` and those of ``keep``."""
    folders: Set[str] = set()
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)
        folders.add(os.path.dirname(path))
    remove_empty(folders, base, keep)


def remove_empty(folders: Iterable[str], base: str, keep: Iterable[str] = ()) -> None:
    """Remove empty folders, and their parents if these become empty, up to and without ``base`` and ``keep``."""
    stop = os.path.realpath(base)
    kept = {os.path.realpath(each) for each in keep}
    for folder in sorted(set(folders), key=len, reverse=True):
        here = os.path.realpath(folder)
        while here.startswith(stop + os.sep) and here not in kept:
            try:
                os.rmdir(here)
            except OSError:
                break
            here = os.path.dirname(here)


def _script_names(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section in ("[console_scripts]", "[gui_scripts]") and "=" in line and not line.startswith(("#", ";")):
            yield line.partition("=")[0].strip()


def wheel_layout(wheel: str) -> Tuple[List[Tuple[str, str]], int]:
    """Return where a wheel's files go, as (scheme key, path below it), and their size in bytes when unpacked.

    :raises Refused: ``bad-wheel`` if it is not a zip file.
    """
    layout: List[Tuple[str, str]] = []
    size = 0
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                name = member.filename
                size += member.file_size
                if name.endswith("/"):
                    continue
                top, _, rest = name.partition("/")
                key, _, below = rest.partition("/")
                if top.endswith(".data") and key in ("purelib", "platlib", "scripts", "data", "headers"):
                    layout.append((key, below))
                else:
                    layout.append(("purelib", name))
                if name.endswith(".dist-info/METADATA") and name.count("/") == 1:
                    layout.extend(("purelib", "{}/{}".format(top, each)) for each in _WRITTEN_BY_PIP)
                if name.endswith(".dist-info/entry_points.txt") and name.count("/") == 1 and member.file_size < 1 << 20:
                    text = archive.read(member).decode("utf-8", "replace")
                    layout.extend(("scripts", script) for script in _script_names(text))
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        message = "not a wheel that can be read: {}".format(error)
        raise Refused("bad-wheel", message, where=os.path.basename(wheel), code=EXIT_HASH) from None
    return layout, size


class Undo:
    """Remembers files before they change, and puts everything back: hard links where possible, else copies."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._saved: Dict[str, str] = {}
        self._absent: Set[str] = set()

    def remember(self, path: str) -> None:
        """Remember a file, or that there is none."""
        if path in self._saved or path in self._absent:
            return
        if not os.path.lexists(path):
            self._absent.add(path)
            return
        kept = os.path.join(self._folder, str(len(self._saved)))
        try:
            os.link(path, kept, follow_symlinks=False)
        except OSError:
            shutil.copy2(path, kept, follow_symlinks=False)
        self._saved[path] = kept

    def restore(self, base: str) -> None:
        """Put every remembered file back, and remove those that were not there."""
        grown = set(self._absent)
        for path in self._absent:
            if path.endswith(".py"):
                grown.update(_bytecode(path))
        remove_files(grown, base)
        for path, kept in self._saved.items():
            folder = os.path.dirname(path)
            if not os.path.isdir(folder):
                os.makedirs(folder)
            if not os.path.lexists(path) or not os.path.samefile(path, kept):
                os.replace(kept, path)
