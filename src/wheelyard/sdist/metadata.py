"""What an sdist says of itself without running any of its code."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement

from wheelyard.domain.errors import BuildError
from wheelyard.domain.requirement import parse_requirement
from wheelyard.sdist.reader import members
from wheelyard.wheels import core_metadata

_MAX_METADATA = 16 << 20


_DEPENDENCY_FIELDS = frozenset({"requires-dist", "requires-python", "provides-extra"})


_MAX_TOML = 1 << 20
_MAX_DOTS = 2_000
_LEGACY_REQUIRES = ("setuptools >= 40.8.0",)


def pyproject(source: Path) -> Mapping[str, Any]:
    """Return the content of ``pyproject.toml``, empty where there is none.

    :raises BuildError: if it is not TOML.
    """
    try:
        content = (source / "pyproject.toml").read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}", where=source.name) from error
    return _parsed(content, source.name)


def _parsed(content: bytes, where: str) -> dict[str, Any]:
    """Return what somebody's ``pyproject.toml`` holds, in bounded time: that of a dotted key grows with its square.

    :raises BuildError: if it is not TOML, or has more in it than any project.
    """
    try:
        if len(content) > _MAX_TOML or max(line.count(b".") for line in content.split(b"\n")) > _MAX_DOTS:
            raise ValueError("it is of absurd size")
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}", where=where) from error


def build_backend(sdist: Path, *, filename: str | None = None) -> str | None:
    """Return the build backend (PEP 517) that an sdist names, or None if it names none, without unpacking it.

    :raises WheelError: if the archive is damaged or hostile.
    :raises BuildError: if pyproject.toml is not TOML.
    """
    where = filename or sdist.name
    content = _parsed(_top_files(sdist, ("pyproject.toml",), where).get("pyproject.toml", b""), where)
    table = content.get("build-system")
    backend = table.get("build-backend") if isinstance(table, dict) else None
    return backend if isinstance(backend, str) else None


def declared_requirements(source: Path) -> tuple[str, ...]:
    """Return ``[build-system] requires`` (PEP 518), or setuptools for a source that does not say (PEP 517).

    :raises BuildError: if this is no Python source tree, or the table is wrong.
    """
    table = pyproject(source).get("build-system")
    if table is None:
        if not any((source / name).is_file() for name in ("setup.py", "setup.cfg", "pyproject.toml")):
            raise BuildError("neither pyproject.toml nor setup.py is there: this is no Python sdist", where=source.name)
        return _LEGACY_REQUIRES
    requires = table.get("requires") if isinstance(table, dict) else None
    if not isinstance(requires, list) or not all(isinstance(line, str) for line in requires):
        raise BuildError("pyproject.toml: [build-system] requires must be a list of strings", where=source.name)
    for line in requires:
        try:
            parse_requirement(line)
        except InvalidRequirement as error:
            raise BuildError(f"pyproject.toml: [build-system] requires: {error}", where=source.name) from error
    return tuple(requires)


def static_metadata(sdist: Path, *, filename: str | None = None) -> bytes | None:
    """Return the core metadata of an sdist that is known without running it, or None.

    That is PKG-INFO where it promises (Metadata-Version 2.2 or newer, PEP 643) that no wheel built from it will
    differ in dependencies; else ``[project]`` of pyproject.toml (PEP 621) where its dependencies are not dynamic.

    :raises WheelError: if the archive is damaged or hostile.
    """
    wanted = _top_files(sdist, ("PKG-INFO", "pyproject.toml"), filename or sdist.name)
    info = wanted.get("PKG-INFO")
    if info is None:
        return None
    metadata = core_metadata.parse(info)
    version = metadata.metadata_version
    promises = re.fullmatch(r"\d{1,4}\.\d{1,4}", version) and tuple(map(int, version.split("."))) >= (2, 2)
    if promises and not metadata.dynamic & _DEPENDENCY_FIELDS:
        return info
    with contextlib.suppress(BuildError, InvalidRequirement, TypeError, AttributeError):
        project = _parsed(wanted.get("pyproject.toml", b""), sdist.name).get("project")
        if isinstance(project, dict):
            return _from_project(project, metadata.name, metadata.version)
    return None


def _from_project(project: Mapping[str, Any], name: str, version: str) -> bytes | None:
    """Return METADATA made from a ``[project]`` table, or None where its dependencies are not all said there."""
    dynamic = set(project.get("dynamic", ()))
    # An absent list could still come from setup.py: old setuptools only warned about that.
    if "dependencies" not in project or dynamic & {"dependencies", "optional-dependencies", "requires-python"}:
        return None
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if "requires-python" in project:
        lines.append(f"Requires-Python: {project['requires-python']}")
    lines += [f"Requires-Dist: {parse_requirement(text)}" for text in project["dependencies"]]
    for extra, texts in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for text in texts:
            requirement = parse_requirement(text)
            marker = f'extra == "{extra}"'
            if requirement.marker:
                marker = f"({requirement.marker}) and {marker}"
                requirement.marker = None
            lines.append(
                f"Requires-Dist: {requirement} ; {marker}"
                if requirement.url
                else f"Requires-Dist: {requirement}; {marker}"
            )
    if any("\n" in line for line in lines):
        return None
    return ("\n".join(lines) + "\n").encode()


def _top_files(sdist: Path, names: Sequence[str], where: str) -> dict[str, bytes]:
    """Return the content of files right below the top folder, as many as are there."""
    files: dict[str, bytes] = {}
    with sdist.open("rb") as stream:
        for member, content in members(stream, where):
            if len(member.parts) == 2 and member.parts[1] in names and member.size <= _MAX_METADATA:
                files[member.parts[1]] = b"".join(content)
            if len(files) == len(names):
                break
    return files
