"""Installed distributions as their ``.dist-info`` folders tell: what is there, which files, how to take them away."""

import contextlib
import csv
import errno
import io
import os
import re
import shutil
import zipfile
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from wheelyard.host.refusal import EXIT_HASH, Refused
from wheelyard.host.smallfiles import bad_record

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
    if "\0" in text:  # newer Pythons read on
        raise csv.Error("a NUL")
    for row in csv.reader(io.StringIO(text)):
        if row:
            yield row[0]


def recorded_files(dist: Installed, base: str) -> List[str]:
    """Return the absolute paths of a distribution's files, compiled bytecode included; all below ``base``.

    Its RECORD comes last: as long as that is there, the others can be found.

    pip writes a RECORD for ``--target`` as if scripts lay two folders up; where nothing is there, they are looked for
    in the folder itself.

    :raises Refused: ``bad-record`` if its RECORD cannot be read.
    """
    site = os.path.dirname(dist.info)
    inside = os.path.realpath(base) + os.sep
    files = []
    record = os.path.join(dist.info, "RECORD")
    try:
        with open(record, encoding="utf-8", newline="") as stream:
            names = [os.fsdecode(name.encode("utf-8")) for name in _rows(stream.read())]  # old Pythons, LANG=C: ASCII
    except (UnicodeDecodeError, csv.Error):
        raise bad_record(record) from None
    for name in names:
        path = os.path.normpath(os.path.join(site, name))
        if not os.path.lexists(path) and name.startswith("../../"):
            path = os.path.normpath(os.path.join(site, re.sub(r"^(\.\./)+", "", name)))
        # A RECORD is only as good as its wheel: nothing outside of what was installed into is touched.
        parent = os.path.realpath(os.path.dirname(path)) + os.sep
        if not parent.startswith(inside) or not os.path.lexists(path):
            continue
        files.append(path)
        if path.endswith(".py"):
            files.extend(_bytecode(path))
    for extra in (*_WRITTEN_BY_PIP, "RECORD"):
        path = os.path.join(dist.info, extra)
        if os.path.exists(path):
            files.append(path)
    last = os.path.join(dist.info, "RECORD")
    return sorted(set(files), key=lambda path: (path == last, path))


def _bytecode(path: str) -> List[str]:
    folder, name = os.path.split(path)
    cache = os.path.join(folder, "__pycache__")
    if not os.path.isdir(cache):
        return []
    start = name[: -len("py")]
    return [
        os.path.join(cache, file_name)
        for file_name in os.listdir(cache)
        if file_name.startswith(start) and file_name.endswith(".pyc")
    ]


def remove_files(paths: Iterable[str], base: str, keep: Iterable[str] = ()) -> None:
    """Remove files, and the folders that they leave empty, up to and without ``base`` and those of ``keep``."""
    folders: Set[str] = set()
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)
        folders.add(os.path.dirname(path))
    remove_empty(folders, base, keep)


_STAYS = (
    errno.ENOTEMPTY,
    errno.EEXIST,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EBUSY,
    errno.EROFS,
)
"""Why a folder rightly stays: something is in it, it is somebody else's, or it is gone already."""


def remove_empty(folders: Iterable[str], base: str, keep: Iterable[str] = ()) -> None:
    """Remove empty folders, and their parents if these become empty, up to and without ``base`` and ``keep``.

    :raises OSError: if one cannot be removed for another reason than that it is in use, or not ours.
    """
    stop = os.path.realpath(base)
    kept = {os.path.realpath(path) for path in keep}
    for folder in sorted(set(folders), key=len, reverse=True):
        here = os.path.realpath(folder)
        while here.startswith(stop + os.sep) and here not in kept:
            try:
                os.rmdir(here)
            except OSError as error:
                if error.errno in _STAYS:
                    break
                raise
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
                    layout.extend(("purelib", "{}/{}".format(top, written)) for written in _WRITTEN_BY_PIP)
                if name.endswith(".dist-info/entry_points.txt") and name.count("/") == 1 and member.file_size < 1 << 20:
                    text = archive.read(member).decode("utf-8", "replace")
                    layout.extend(("scripts", script) for script in _script_names(text))
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        message = "not a wheel that can be read: {}".format(error)
        raise Refused("bad-wheel", message, where=os.path.basename(wheel), code=EXIT_HASH) from None
    return layout, size


class Undo:
    """Remembers files before they change, and puts everything back: hard links where possible, else copies.

    ``facts`` is all that it knows, to be written down: another process can put everything back, also what pip had
    begun when it was killed.
    """

    def __init__(self, folder: str, facts: Optional[Dict[str, Any]] = None) -> None:
        self._folder = folder
        known = facts or {}
        self._saved: Dict[str, str] = known.get("saved", {})
        self._absent: Set[str] = set(known.get("absent", []))
        self._fresh: Set[str] = set(known.get("fresh", []))
        self._asides: Dict[str, List[str]] = known.get("asides", {})

    def remember(self, path: str, sites: Iterable[str] = ()) -> None:
        """Remember a file, or that there is none.

        :param sites: folders of packages; a folder of a package that is not there yet is remembered as such.
        """
        if path in self._saved or path in self._absent:
            return
        for folder in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
            if folder not in self._asides:
                self._asides[folder] = _asides(folder)
        if not os.path.lexists(path):
            self._absent.add(path)
            for site in sites:
                top = os.path.join(site, os.path.relpath(path, site).split(os.sep)[0])
                if top not in (path, os.path.join(site, os.pardir)) and not os.path.lexists(top):
                    self._fresh.add(top)
            return
        kept = os.path.join(self._folder, str(len(self._saved)))
        try:
            os.link(path, kept, follow_symlinks=False)
        except OSError:
            shutil.copy2(path, kept, follow_symlinks=False)
        self._saved[path] = kept

    @property
    def facts(self) -> Dict[str, Any]:
        """Return what is remembered, as JSON has it."""
        return {
            "saved": self._saved,
            "absent": sorted(self._absent),
            "fresh": sorted(self._fresh),
            "asides": self._asides,
        }

    def restore(self, base: str) -> None:
        """Put every remembered file back, and remove those that were not there. It may be done twice."""
        grown = set(self._absent)
        for path in self._absent:
            if path.endswith(".py"):
                grown.update(_bytecode(path))
        for path in [*self._absent, *self._saved]:
            if path.endswith(".py"):
                grown.update(_half_written(path))
        for folder, before in self._asides.items():
            for name in set(_asides(folder)) - set(before):
                _remove(os.path.join(folder, name))
        for folder in self._fresh:
            _remove(folder)
        remove_files(grown, base)
        for path, kept in self._saved.items():
            if not os.path.lexists(kept):  # put back before
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.lexists(path) or not os.path.samefile(path, kept):
                os.replace(kept, path)


def _asides(folder: str) -> List[str]:
    """Return the names in a folder to which pip moves what it uninstalls, until it has installed the rest."""
    return sorted(name for name in os.listdir(folder) if name.startswith("~")) if os.path.isdir(folder) else []


def _half_written(path: str) -> List[str]:
    """Return the bytecode of a module that was not written to its end (``alpha.cpython-313.pyc.140123``)."""
    folder, name = os.path.split(path)
    cache = os.path.join(folder, "__pycache__")
    names = os.listdir(cache) if os.path.isdir(cache) else []
    return [
        os.path.join(cache, entry)
        for entry in names
        if entry.startswith(name[:-2]) and re.search(r"\.pyc\.\d+\Z", entry)
    ]


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
