"""What core metadata, WHEEL and entry points may say, in wheels and sdists alike."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from wheelyard.archives.members import shown
from wheelyard.domain.requirement import parse_requirement
from wheelyard.wheels.core_metadata import Headers

_ONCE = ("Metadata-Version", "Name", "Version", "Requires-Python")
_WHEEL_ONCE = ("Wheel-Version", "Root-Is-Purelib")
_SCRIPT = re.compile(r"[\w.]+\s*:\s*[\w.]+\s*(\[[^\]]*\])?")
"""A module, an object in it, and extras: it is written into a program as it is."""


def identity_faults(what: str, found: str, found_version: str, *, name: str, version: Version) -> Iterator[str]:
    """Yield where a name and a version are not those of the file name; ``name`` is normalised (PEP 503)."""
    if canonicalize_name(found) != name:
        yield f"{what} says the name is {found!r}, the file name says {name!r}"
    try:
        same = Version(found_version) == version
    except InvalidVersion:
        same = False
    if not same:
        yield f"{what} says the version is {found_version!r}, the file name says '{version}'"


def metadata_faults(what: str, headers: Headers) -> Iterator[str]:
    """Yield what is wrong with core metadata: a field twice (readers take the first or the last), a bad requirement."""
    yield from _twice(what, headers, _ONCE)
    for line in headers.every("Requires-Dist"):
        try:
            parse_requirement(line)
        except InvalidRequirement as error:
            yield f"{what} has a Requires-Dist that is none: {shown(line)} ({str(error).splitlines()[0]})"


def wheel_faults(headers: Headers) -> Iterator[str]:
    """Yield what is wrong with WHEEL, tags apart."""
    yield from _twice("WHEEL", headers, _WHEEL_ONCE)
    version = headers.one("Wheel-Version")
    if version.partition(".")[0] != "1":
        yield f"WHEEL says its format is version {version!r}, which nobody knows"


def _twice(what: str, headers: Headers, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if len(headers.raw(key)) > 1:
            yield f"{what} has {key} more than once"


def tags_of(headers: Headers) -> frozenset[Tag]:
    """Return every expanded tag of WHEEL."""
    return frozenset(tag for text in headers.every("Tag") if text.count("-") == 2 for tag in parse_tag(text))


def same_kind(said: frozenset[Tag], tags: frozenset[Tag]) -> bool:
    """Whether tags differ by no more than what repair and retag tools leave behind: the release of a platform.

    A wheel that says nothing, or says ``linux_x86_64`` and is called ``manylinux1_x86_64``, is such a one.
    """
    return not said or {_kind(tag) for tag in said} <= {_kind(tag) for tag in tags}


def _kind(tag: Tag) -> tuple[str, str, str]:
    platform = re.sub(r"^(many|musl)?linux(\d+|_\d+_\d+)?_", "linux_", tag.platform)
    if platform.startswith("macosx_"):
        platform = "macosx"  # a universal wheel holds the CPUs that others have one by one
    return tag.interpreter, tag.abi, platform


def entry_point_faults(content: bytes) -> Iterator[str]:
    """Yield what is wrong with ``entry_points.txt``: the names of scripts become files, their values code."""
    parser = configparser.RawConfigParser(delimiters=("=",), default_section="\0")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are told apart by case
    try:
        parser.read_string(content.decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error) as error:
        yield f"entry_points.txt cannot be read: {str(error).splitlines()[0]}"
        return
    for group in ("console_scripts", "gui_scripts"):
        for name, value in parser[group].items() if parser.has_section(group) else ():
            if not name.isprintable() or name in (".", "..") or "/" in name or "\\" in name:
                yield f"entry_points.txt has a script of the name {shown(name)}"
            elif not _SCRIPT.fullmatch(value):
                yield f"entry_points.txt has a script {shown(name)} that is no module and object: {shown(value)}"
