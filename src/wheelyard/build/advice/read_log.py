"""What a build's log says that was missing, in the words of compilers, pkg-config, Meson, CMake, shells and Python.

Only a hint is made of it: that the build failed, and how, is known without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["module", "requirement", "h", "p", "x", "c", "l"]
"""A Python module, a requirement of pip's; a header, a pkg-config file, a program, a CMake package, a library."""

_MOST = 3
_NAME = r"[A-Za-z0-9][\w.+-]*"
_HEADER = r"[A-Za-z0-9_][\w./+-]*\.(?:h|hh|hpp|hxx)"

_WORDS: tuple[tuple[Kind, str], ...] = (
    ("module", rf"(?:ModuleNotFoundError|ImportError): No module named '?(?P<name>{_NAME})'?"),
    ("requirement", r"Could not find a version that satisfies the requirement (?P<name>[A-Za-z0-9][^\s(;]*)"),
    ("h", rf"error: '?(?P<name>{_HEADER})'?(?:: No such file or directory| file not found)"),
    ("p", rf"Package '?(?P<name>{_NAME})'?,? (?:required by '[^']*', not found|was not found in the pkg-config)"),
    ("p", rf"No package '(?P<name>{_NAME})' found"),
    ("p", rf"pkg-config(?: --[\w-]+)+ '?(?P<name>{_NAME})'? ?.*returned non-zero"),
    ("p", rf"'pkg-config'(?:, '--[\w-]+')+, '(?P<name>{_NAME})'\S* returned non-zero"),
    ("p", rf"ERROR: Dependency (?:lookup for )?\"?(?P<name>{_NAME})\"? (?:not found|with method)"),
    ("x", r"No such file or directory: '(?P<name>[A-Za-z][\w.+-]*)'"),
    ("x", rf"(?:^|[\s:/])(?P<name>{_NAME}): (?:command )?not found"),
    ("x", rf"(?P<name>{_NAME}) executable not found"),
    ("x", rf"command '(?:/usr/bin/)?(?P<name>{_NAME})' failed: No such file"),
    ("x", rf"unable to execute '(?P<name>{_NAME})'"),
    ("x", rf"ERROR: Program '(?P<name>{_NAME})'.* not found"),
    ("x", rf"ERROR: Unknown compiler\(s\): \[\['?(?P<name>{_NAME})"),
    ("x", r"(?P<name>cargo|cmake|CMake|swig|ninja), .*is not installed"),
    ("x", r"(?P<name>CMake) must be installed|(?:could not find|Problem with the) (?P<other>CMake|cmake)"),
    (
        "x",
        r"can't find (?P<name>Rust) compiler|(?P<other>Rust) toolchain .*not found|Cargo, the (?P<third>Rust) package",
    ),
    ("x", rf"(?:Can not find|can't find|Unable to find|Could not find)(?: the)? (?P<name>{_NAME}[-_]config)\b"),
    ("c", rf"Could not find a package configuration file provided by \"(?P<name>{_NAME})\""),
    ("c", rf"Could NOT find (?P<name>{_NAME})"),
    ("l", r"cannot find -l(?P<name>[\w.+-]+?)(?::|$)"),
    ("l", r"lib(?P<name>[\w+-]+)\.so[.\d]*: cannot open shared object file"),
    ("l", rf"library '?(?P<name>{_NAME})'? not found"),
)
_PATTERNS = tuple((kind, re.compile(text, re.MULTILINE)) for kind, text in _WORDS)
_PROGRAMS = {"Rust": "cargo", "CMake": "cmake"}

_NETWORK = re.compile(
    r"Could(?: not|n't) resolve host(?:name)?|Temporary failure in name resolution|Name or service not known|"
    r"nodename nor servname|Network is unreachable|No address associated with hostname|failed to lookup address|"
    r"Failed to establish a new connection|spurious network error|failed to download from|getaddrinfo|"
    r"dial tcp|\bENOTFOUND\b|\bEAI_AGAIN\b|unable to access 'https?:|<urlopen error",
    re.IGNORECASE,
)
_HOST = re.compile(r"https?://(?:[^\s@/'\"]*@)?(?P<host>[\w.-]+)|resolve host(?:name)?:? '?(?P<other>[\w-]+\.[\w.-]+)")
_CRATES = re.compile(r"\b(?:cargo|crates?)\b|Updating .* index|as a dependency of package `")


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a build wanted and did not have."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """That a build asked for the network."""

    host: str
    """Empty where the log does not say."""
    crates: bool
    """Whether it was cargo, for Rust crates."""


def missing(log: str) -> tuple[Missing, ...]:
    """Return what was missing, by what the log says most surely first; a few things at most."""
    found: dict[Missing, None] = {}
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(log):
            name = next(text for text in match.groupdict().values() if text)
            if kind == "c" and not _is_fatal(log, match.start()):
                continue
            found[Missing(kind, _PROGRAMS.get(name, name.rstrip(".,")))] = None
    return tuple(found)[:_MOST]


def network(log: str) -> Asked | None:
    """Return what a build asked of the network, which it has not; None if nothing says so."""
    match = _NETWORK.search(log)
    if match is None:
        return None
    near = log[max(0, match.start() - 600) : match.end() + 300]
    return Asked(host=next(_hosts(near), ""), crates=_CRATES.search(near) is not None)


def _hosts(text: str) -> Iterator[str]:
    for match in _HOST.finditer(text):
        yield match["host"] or match["other"]


def _is_fatal(log: str, position: int) -> bool:
    """Whether CMake said it as an error: it looks for many things that it can do without."""
    before = log[max(0, position - 400) : position]
    return "CMake Error" in before
