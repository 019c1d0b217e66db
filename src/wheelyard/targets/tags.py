"""The tags that a target accepts, ranked, and those of them that the host's own pip can see."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags
from packaging.version import Version

from wheelyard.domain.target import Target
from wheelyard.targets import platforms

# What each pip learnt, found by asking the pips themselves (tests/targets/test_tags.py asks them again).
_MANYLINUX2010 = Version("19.0")
_MANYLINUX2014 = Version("19.3")
_PACKAGING = Version("20.0")
"""First pip that takes its tags from ``packaging``: more ``py3X-none-*`` tags, no ``cp3-none-any``."""
_PEP600 = Version("20.3")
_MUSLLINUX = Version("21.2")
_FREE_THREADED_STABLE_ABI = Version("26.1")
"""First pip that knows ``abi3t`` (PEP 803)."""
_LINUX_FIRST = Version("26.3")
"""First pip that ranks a plain ``linux_*`` wheel, made for this very host, before the portable ones."""

_NEWEST_PIP = {(3, 6): "21.3.1", (3, 7): "24.0", (3, 8): "25.0.1", (3, 9): "26.0.1"}
_CURRENT_PIP = "26.3"

_PYPY_ABI = "pp73"


def newest_pip(python: str) -> str:
    """Return the newest version of pip known to run on a Python (``X.Y``): the one whose ranking ``tags`` follows."""
    major, minor = python.removesuffix("t").split(".")
    return _NEWEST_PIP.get((int(major), int(minor)), _CURRENT_PIP)


def tags(target: Target) -> tuple[Tag, ...]:
    """Return every tag that the newest pip for the target's Python accepts on such a host, best first."""
    return _tags(target, newest_pip(target.python))


def host_tags(target: Target) -> tuple[Tag, ...]:
    """Return the tags that the host's own pip accepts, best first; without ``target.pip`` the same as ``tags``."""
    return _tags(target, target.pip or newest_pip(target.python))


@functools.lru_cache(maxsize=256)
def _tags(target: Target, pip: str) -> tuple[Tag, ...]:
    version = Version(pip)
    names = tuple(_platforms(platforms.parse(target.platform), version))
    if version < _PACKAGING and target.implementation == "cpython":
        return tuple(_before_packaging(target, names))
    return tuple(dict.fromkeys(_by_packaging(target, names, version)))


def _platforms(platform: platforms.Platform, pip: Version) -> Iterator[str]:
    """Yield the platform tags that this pip accepts on this platform."""
    plain = [] if platform.family in ("macosx", "windows") else [f"linux_{platform.cpu}"]
    if pip >= _LINUX_FIRST:
        yield from plain
    for tag in platforms.accepted(platform):
        if _knows(pip, tag, platform.cpu):
            yield tag
    if pip < _LINUX_FIRST:
        yield from plain


def _knows(pip: Version, tag: str, cpu: str) -> bool:
    """Whether a pip has heard of this kind of tag at all."""
    name = tag.removesuffix(f"_{cpu}")
    if name == "manylinux2014":
        return pip >= _MANYLINUX2014
    if name == "manylinux2010":
        return pip >= _MANYLINUX2010
    if name.startswith("manylinux_"):
        return pip >= _PEP600
    if name.startswith("musllinux"):
        return pip >= _MUSLLINUX
    return True


def cpython_abi(target: Target) -> str:
    """Return the ABI tag of a CPython: ``cp36m``, ``cp39``, ``cp313t`` (PEP 3149; the ``m`` ended with 3.8)."""
    major, minor = target.version_info
    flags = "t" if target.python.endswith("t") else "m" if (major, minor) < (3, 8) else ""
    return f"cp{major}{minor}{flags}"


def _by_packaging(target: Target, names: Iterable[str], pip: Version) -> Iterator[Tag]:
    version = target.version_info
    names = list(names)
    if target.implementation == "pypy":
        interpreter = f"pp{version[0]}{version[1]}"
        own = generic_tags(interpreter, [f"pypy{version[0]}{version[1]}_{_PYPY_ABI}"], names)
        # Since packaging 21 a PyPy takes `pp3-none-any` too.
        yield from own
        yield from compatible_tags(version, "pp3", names)
        return
    for tag in cpython_tags(version, [cpython_abi(target)], names):
        if tag.abi != "abi3t" or pip >= _FREE_THREADED_STABLE_ABI:
            yield tag
    yield from compatible_tags(version, f"cp{version[0]}{version[1]}", names)


def _before_packaging(target: Target, names: tuple[str, ...]) -> Iterator[Tag]:
    """Yield the tags of pip 9 to 19, which had their own idea of PEP 425."""
    major, minor = target.version_info
    own = f"cp{major}{minor}"
    for abi in (cpython_abi(target), "abi3", "none"):
        yield from (Tag(own, abi, name) for name in names)
    for older in range(minor - 1, 1, -1):
        yield from (Tag(f"cp{major}{older}", "abi3", name) for name in names)
    yield from (Tag(f"py{major}", "none", name) for name in names)
    yield Tag(own, "none", "any")
    yield Tag(f"cp{major}", "none", "any")
    yield Tag(f"py{major}{minor}", "none", "any")
    yield Tag(f"py{major}", "none", "any")
    yield from (Tag(f"py{major}{older}", "none", "any") for older in range(minor - 1, -1, -1))
