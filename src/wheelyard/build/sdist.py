"""Sdists: unpacked without trusting them, patched, and read without running anything of theirs.

PEP 517, 518 (build system), 621 (project table), 643 (metadata of sdists), 706 (safe extraction).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from wheelyard.check.members import Member
from wheelyard.check.sdist import members
from wheelyard.doors import run as door
from wheelyard.doors.files import storage_error
from wheelyard.errors import BuildError, ToolError

_MAX_METADATA = 16 << 20
_DEPENDENCY_FIELDS = frozenset({"requires-dist", "requires-python", "provides-extra"})
_LATEST = 2**32 - 1
"""Seconds since the epoch: times beyond it are no times of files, and some file systems take none."""
_PATCH_SAYS = re.compile(r"patching file|Hunk #|Reversed|\d+ out of|.*(can't find|malformed|garbage)")
_LEGACY_REQUIRES = ("setuptools >= 40.8.0",)


def unpack_sdist(sdist: Path, into: Path, *, filename: str | None = None) -> Path:
    """Unpack an sdist (tar with any usual compression, or zip) and return the one folder that it holds.

    :param into: a folder that is empty, or not there yet.
    :param filename: its name, where ``sdist`` is a blob of the store.
    :raises WheelError: if it is damaged, or has members that climb out, devices, too much, or not one top folder.
    """
    where = filename or sdist.name
    top: str | None = None
    try:
        into.mkdir(parents=True, exist_ok=True)
        with sdist.open("rb") as stream:
            for member, content in members(stream, where):
                top = member.parts[0]
                _write(into, member, content)
    except OSError as error:
        raise storage_error(into, error) from error
    assert top is not None  # noqa: S101  (an archive without members is refused)
    return into / top


def _write(into: Path, member: Member, content: Iterator[bytes]) -> None:
    """Write one member. No owner, no setuid and no mode but "executable" is taken over from the archive (PEP 706)."""
    path = into.joinpath(*member.parts)
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.kind == "symlink":
        path.symlink_to("/".join(member.link))
    elif member.kind == "hardlink":
        path.hardlink_to(into.joinpath(*member.link))
    else:
        with path.open("xb") as sink:
            for piece in content:
                sink.write(piece)
        path.chmod(0o755 if member.is_executable else 0o644)
        written = min(member.mtime, _LATEST)
        os.utime(path, (written, written))


def apply_patches(source: Path, patches: Sequence[Path], *, log: Path | None = None) -> None:
    """Apply patch files in order with ``patch -p1``.

    :raises BuildError: naming the patch and the hunk that does not fit.
    :raises ToolError: if there is no patch program.
    """
    if patches and shutil.which("patch") is None:
        raise ToolError("the program patch is needed and not installed", hint="dnf install patch, apt install patch")
    for patch in patches:
        if not patch.is_file():
            raise BuildError("there is no such patch", where=str(patch), hint="see [packages.NAME] patches")
        command = ["patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch", "--reject-file=-", "-i"]
        done = door.run([*command, patch.resolve()], cwd=source, log=log, merge=True, timeout=60)
        if done.returncode != 0:
            lines = [line for line in done.output.splitlines() if not line.startswith("$ ")]
            said = [line for line in lines if _PATCH_SAYS.match(line)]
            raise BuildError(
                "the patch does not apply: " + ("; ".join(said) or "; ".join(lines[-3:])),
                where=patch.name,
                hint="make the patch again for this version",
                log=log,
            )


def pyproject(source: Path) -> Mapping[str, Any]:
    """Return the content of ``pyproject.toml``, empty where there is none.

    :raises BuildError: if it is not TOML.
    """
    try:
        return tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}", where=source.name) from error


def build_backend(sdist: Path, *, filename: str | None = None) -> str | None:
    """Return the build backend (PEP 517) that an sdist names, or None if it names none, without unpacking it.

    :raises WheelError: if the archive is damaged or hostile.
    :raises BuildError: if pyproject.toml is not TOML.
    """
    where = filename or sdist.name
    try:
        content = tomllib.loads(_top_files(sdist, ("pyproject.toml",), where).get("pyproject.toml", b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(f"pyproject.toml cannot be read: {error}", where=where) from error
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
            Requirement(line)
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
    headers = BytesHeaderParser().parsebytes(info)
    version = str(headers.get("Metadata-Version", "1.0")).strip()
    dynamic = {str(value).strip().lower() for value in headers.get_all("Dynamic", [])}
    promises = re.fullmatch(r"\d+\.\d+", version) and tuple(map(int, version.split("."))) >= (2, 2)
    if promises and not dynamic & _DEPENDENCY_FIELDS:
        return info
    with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidRequirement, TypeError, ValueError):
        project = tomllib.loads(wanted.get("pyproject.toml", b"").decode()).get("project")
        if isinstance(project, dict):
            return _from_project(project, str(headers["Name"]).strip(), str(headers["Version"]).strip())
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
    lines += [f"Requires-Dist: {Requirement(text)}" for text in project["dependencies"]]
    for extra, texts in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for text in texts:
            requirement = Requirement(text)
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
    found: dict[str, bytes] = {}
    with sdist.open("rb") as stream:
        for member, content in members(stream, where):
            if len(member.parts) == 2 and member.parts[1] in names and member.size <= _MAX_METADATA:
                found[member.parts[1]] = b"".join(content)
            if len(found) == len(names):
                break
    return found
