"""A wheel's file name as a value (the binary distribution format, and PEP 825's label)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

__all__ = ["InvalidWheelFilename", "WheelName", "parse"]


@dataclass(frozen=True)
class WheelName:
    """``DISTRIBUTION-VERSION(-BUILD)?-PYTHON-ABI-PLATFORM(-LABEL)?.whl``, each part as it is spelled."""

    distribution: str
    version: str
    build: str
    """A number and what is behind it; empty: none."""
    python: str
    """One or more, with dots between: ``py2.py3``."""
    abi: str
    platform: str
    label: str = ""
    """Of a variant (PEP 825); empty: none."""

    def __str__(self) -> str:
        parts = (self.distribution, self.version, self.build, self.python, self.abi, self.platform, self.label)
        return "-".join(filter(None, parts)) + ".whl"

    @cached_property
    def project(self) -> NormalizedName:
        """The project's name, normalised (PEP 503)."""
        return canonicalize_name(self.distribution)

    @cached_property
    def parsed_version(self) -> Version:
        """The version as a value."""
        return Version(self.version)

    @cached_property
    def build_number(self) -> tuple[int, str]:
        """The build tag in the order that installers prefer: the number, and what is behind it; (-1, "") for none."""
        digits = "".join(itertools.takewhile("0123456789".__contains__, self.build))
        return (int(digits), self.build[len(digits) :]) if digits else (-1, "")

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Every expanded tag, in the name's order: ``cp312-cp312-manylinux_2_17_x86_64``."""
        return _expanded(self.python, self.abi, self.platform)

    @cached_property
    def tag_set(self) -> frozenset[Tag]:
        """The same as ``packaging``'s values."""
        return parse_tag(f"{self.python}-{self.abi}-{self.platform}")

    @property
    def is_pure(self) -> bool:
        """Whether it runs on any platform."""
        return self.platform == "any"

    @property
    def unlabelled(self) -> WheelName:
        """The same without the label of a variant."""
        return replace(self, label="") if self.label else self


@lru_cache(maxsize=1 << 14)
def _expanded(pythons: str, abis: str, platforms: str) -> tuple[str, ...]:
    every = itertools.product(pythons.split("."), abis.split("."), platforms.split("."))
    return tuple("-".join(tag).lower() for tag in every)


@lru_cache(maxsize=1 << 16)
def parse(filename: str) -> WheelName:
    """Return what a wheel's file name says; no path, but the name alone.

    :raises InvalidWheelFilename: if it is not a wheel's, as ``packaging`` judges; it is a ValueError.
    """
    *parts, last = filename.removesuffix(".whl").split("-")
    # Of six parts one is a build tag or a label: a build tag begins with a digit, and no Python tag does.
    has_label = len(parts) == 6 or (len(parts) == 5 and not parts[2][:1].isdigit())
    if not has_label or not filename.endswith(".whl"):
        parse_wheel_filename(filename)
        return _of((*parts, last))
    parse_wheel_filename("-".join(parts) + ".whl")
    return replace(_of(tuple(parts)), label=last)


def unlabelled(filename: str) -> str:
    """Return a wheel's name without the label of a variant, and any other file's as it is."""
    try:
        return str(parse(filename).unlabelled)
    except ValueError:
        return filename


def _of(parts: tuple[str, ...]) -> WheelName:
    distribution, version, *build, python, abi, platform = parts
    return WheelName(distribution, version, "".join(build), python, abi, platform)
