"""What it means that a module does not import: the folder is not to be published, or it is only told.

The rule in words is ``docs/decisions/0006-modules-that-do-not-import.md``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from wheelyard.prove.model import Bring
from wheelyard.wheels import core_metadata

_LIBRARY = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How the import of one module failed."""

    module: str
    error: str
    """The last line of what it said."""
    lacks: str | None = None
    """The module that was not found behind it, if it was that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the faults of one folder come to."""

    blocking: tuple[str, ...] = ()
    """Why the folder is not to be published; none: it may be."""
    hint: str | None = None
    """What settles it: a line for ``wheelyard.toml``."""
    told: tuple[str, ...] = ()
    """What else did not import, and why, for the page and for whoever built it."""


def judge(brought: Mapping[str, Bring], faults: Mapping[str, Fault]) -> Verdict:
    """Return what the modules that did not import come to.

    :param brought: all that was imported, by project.
    :param faults: by module.
    """
    locked = {module.partition(".")[0] for each in brought.values() for module in each.modules}
    blocking: list[str] = []
    told: list[str] = []
    hint = None
    for project, bring in sorted(brought.items()):
        failed = [faults[module] for module in bring.modules if module in faults]
        stopping = [fault for fault in failed if _blocks(project, bring, fault, failed, locked)]
        blocking += [f"{project}: import {fault.module}: {fault.error}" for fault in stopping]
        told += [_words(project, bring, fault, locked) for fault in failed if fault not in stopping]
        if stopping and hint is None:
            hint = _hint(project, bring, stopping[0], failed, locked)
    return Verdict(blocking=tuple(blocking[:_SHOWN]), hint=hint, told=tuple(told))


def _blocks(project: str, bring: Bring, fault: Fault, failed: list[Fault], locked: set[str]) -> bool:
    """Whether a folder in which this module does not import is not to be published."""
    if bring.chosen:
        return True
    if not bring.required:
        # A package that others need is theirs to judge: if they cannot do without, they do not import either. But
        # nothing that was compiled here goes out broken.
        return bring.built and not _lacking(fault, locked)
    is_main = canonicalize_name(fault.module) == project
    return is_main or len(failed) == len(bring.modules) or not (bring.extras and _lacking(fault, locked))


def _lacking(fault: Fault, locked: set[str]) -> bool:
    """Whether the module only asks for another that no package of the lock has."""
    top = (fault.lacks or "").partition(".")[0]
    return bool(top) and top not in locked and top not in sys.stdlib_module_names


def _words(project: str, bring: Bring, fault: Fault, locked: set[str]) -> str:
    name = fault.module if canonicalize_name(fault.module) == project else f"{fault.module} (of {project})"
    if not _lacking(fault, locked):
        return f"{name}: {fault.error}"
    extra = _extra(bring, fault)
    return f"{name} wants {fault.lacks}" + (f", which {project}[{extra}] brings" if extra else "")


def _extra(bring: Bring, fault: Fault) -> str | None:
    return bring.extras.get(canonicalize_name((fault.lacks or "").partition(".")[0]))


def _hint(project: str, bring: Bring, fault: Fault, failed: list[Fault], locked: set[str]) -> str:
    """Return what to do about a module that blocks, with the line of TOML that leaves it out of the proof."""
    bad = {failure.module for failure in failed}
    line = f"imports = {json.dumps([module for module in bring.modules if module not in bad])}"
    advice = ""
    library = _LIBRARY.search(fault.error)
    if library:
        advice = f"the hosts need {library[1]}: prove in an image that has it (host-image), or, if they have it, "
    elif _lacking(fault, locked):
        extra = _extra(bring, fault)
        advice = f"require {project}[{extra}]" if extra else f"require what brings {fault.lacks}"
        advice += ", or, if the hosts can do without, "
    return f"{advice}write in wheelyard.toml, below [packages.{project}]: {line}"


def unasked(metadata: bytes, asked: tuple[str, ...]) -> Mapping[str, str]:
    """Return what only extras bring that nobody asked for: the first such extra by the name of the distribution.

    :param metadata: of the wheel.
    :param asked: the extras that were asked for.
    """
    return dict(reversed(list(_unasked(metadata, {canonicalize_name(extra) for extra in asked}))))


def _unasked(metadata: bytes, asked: set[str]) -> Iterator[tuple[str, str]]:
    for requirement in core_metadata.parse(metadata).requirements():
        extras = core_metadata.extras_of(requirement)
        if extras and not asked & {canonicalize_name(extra) for extra in extras}:
            yield canonicalize_name(requirement.name), extras[0]
