"""A PEP 517 frontend whose hooks run in a sandbox: ``build`` decides what is called, the sandbox runs it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from packaging.requirements import InvalidRequirement

from build import BuildBackendException, BuildException, ProjectBuilder
from wheelyard.domain.command import Command, Completed
from wheelyard.domain.errors import BuildError, WheelyardError
from wheelyard.domain.requirement import parse_requirement
from wheelyard.io import beneath
from wheelyard.sandbox.local import FILE_SIZE
from wheelyard.sandbox.workspace import Workspace, workspace
from wheelyard.sdist.metadata import declared_requirements, static_metadata
from wheelyard.sdist.patches import apply_patches
from wheelyard.sdist.unpack import unpack_sdist
from wheelyard.toolchain import guard

__all__ = [
    "Workspace",
    "apply_patches",
    "build_sdist",
    "build_wheel",
    "declared_requirements",
    "dynamic_requirements",
    "prepare_metadata",
    "static_metadata",
    "unpack_sdist",
    "workspace",
]

Kind: TypeAlias = Literal["wheel", "sdist"]

_SUFFIXES: Mapping[Kind, str] = {"wheel": ".whl", "sdist": ".tar.gz"}
_MAX_ANSWER = 16 << 20
_INTERESTING = re.compile(r"(^|[\s:])(fatal )?error\b[:\[]|undefined reference|cannot find -l|Error:", re.IGNORECASE)
_COMMAND = re.compile(r"\s*(error|subprocess\.CalledProcessError): [Cc]ommand ")


def dynamic_requirements(place: Workspace, kind: Kind = "wheel") -> tuple[str, ...]:
    """Return what the backend asks for besides ``[build-system] requires`` (``get_requires_for_build_wheel``), sorted.

    :param kind: what is to be built.
    :raises BuildError: if the backend fails.
    """
    with _backend(place) as builder:
        lines = builder.get_requires_for_build(kind, place.recipe.config_settings)
    for line in lines:
        try:
            parse_requirement(line)
        except (InvalidRequirement, TypeError) as error:
            raise _failure(place, f"its backend asks for something that is no requirement: {error}") from error
    return tuple(sorted(lines))


def prepare_metadata(place: Workspace) -> bytes:
    """Return METADATA as the backend prepares it; where it cannot, from a wheel that is built for that.

    :raises BuildError: if the backend fails or answers nonsense.
    """
    with _backend(place) as builder:
        into = beneath.fresh(place.root, "metadata")
        prepared = builder.prepare("wheel", into, place.recipe.config_settings)
        if prepared is not None:
            return beneath.read(place.root, f"metadata/{Path(prepared).name}/METADATA", most=_MAX_ANSWER)
        wheel = _build(place, builder)
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (member for member in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", member))
            if archive.getinfo(name).file_size > _MAX_ANSWER:
                raise ValueError("METADATA is too big")
            return archive.read(name)
    except (zipfile.BadZipFile, ValueError) as error:
        raise _failure(place, f"the wheel that it built has no metadata: {error}") from error


def build_wheel(place: Workspace) -> Path:
    """Build the wheel and return its path: a copy aside, which nothing that the backend left behind can change.

    No link is left in the workspace then that leads out of it: repair may look for libraries there.

    :raises BuildError: if the backend fails, or leaves no wheel or more than one.
    """
    with _backend(place) as builder:
        return _build(place, builder)


def build_sdist(place: Workspace) -> Path:
    """Build the sdist of a source tree and return its path, a copy aside as ``build_wheel`` has it.

    :raises BuildError: if the backend fails, or leaves no sdist or more than one.
    """
    with _backend(place) as builder:
        return _build(place, builder, "sdist")


def _build(place: Workspace, builder: ProjectBuilder, kind: Kind = "wheel") -> Path:
    into = beneath.fresh(place.root, "out")
    try:
        builder.build(kind, into, place.recipe.config_settings)
    except (TypeError, ValueError, AttributeError) as error:  # raised by what reads the backend's answer
        hook = f"build_{kind}"
        raise _failure(place, f"its backend answered {hook} with something else than a file name: {error}") from error
    products = [name for name in beneath.names(place.root, "out") if name.endswith(_SUFFIXES[kind])]
    if len(products) != 1:
        names = ", ".join(products) or "none"
        raise _failure(place, f"its backend is to make one {kind}, and left {len(products)}: {names}")
    taken = place.aside / "raw" / products[0]
    taken.parent.mkdir()
    beneath.take(place.root, f"out/{products[0]}", taken, most=FILE_SIZE)
    beneath.wash(place.root)
    return taken


@contextmanager
def _backend(place: Workspace) -> Iterator[ProjectBuilder]:
    """Yield the builder; whatever it raises becomes an error for people.

    It reads ``pyproject.toml``: before the backend runs, which may put something else there.
    """
    try:
        yield ProjectBuilder(place.source, str(place.python), runner=_Runner(place))
    except BuildBackendException as error:
        cause = error.exception
        if isinstance(cause, beneath.NotPlainError):
            raise _failure(place, f"what its backend left cannot be taken: {cause}") from error
        if isinstance(cause, WheelyardError):
            raise cause from error
        raise _failure(place, f"its build backend failed: {cause}") from error
    except BuildException as error:
        raise _failure(place, str(error)) from error
    except beneath.NotPlainError as error:
        raise _failure(place, f"what its backend left cannot be taken: {error}") from error


class _Runner:
    """Runs one hook in the sandbox.

    The script and its input are put into the workspace, and only the answer is taken out of it again: so the sandbox
    needs no folder but the workspace, and the backend never sees one of ours.
    """

    def __init__(self, place: Workspace) -> None:
        self._place = place

    def __call__(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        place = self._place
        python, script, hook, control = cmd
        inside = beneath.fresh(place.root, "hook")
        beneath.put(place.root, "hook/hook.py", Path(script).read_bytes())
        beneath.put(place.root, "hook/input.json", Path(control, "input.json").read_bytes())
        beneath.put(place.root, "hook/compilers.sh", guard.GUARD.encode())
        done = place.sandbox.run(
            Command(
                argv=("/bin/sh", str(inside / "compilers.sh"), python, str(inside / "hook.py"), hook, str(inside)),
                cwd=Path(cwd) if cwd else place.source,
                env={**place.environment(), **(extra_environ or {})},
                readable=(*place.interpreter, *place.readable),
                writable=(place.root,),
                limits=place.limits,
                log=place.log,
            )
        )
        if done.timed_out:
            raise _failure(
                place,
                f"did not end within {place.limits.seconds:g} seconds",
                hint="raise [build] timeout, or see the log for what it waits for",
            )
        if done.reason:
            raise _failure(place, done.reason, hint="see [build] memory and jobs, or the log for what it does")
        if done.returncode != 0:
            raise _failed_hook(place, hook, done)
        answer = beneath.read(place.root, "hook/output.json", most=_MAX_ANSWER)
        Path(control, "output.json").write_bytes(_without_warnings(answer, place.log))


def _without_warnings(answer: bytes, log: Path) -> bytes:
    """Return a hook's answer without the backend's warnings, which go into the log: they are not about us."""
    try:
        said = json.loads(answer)
        warnings = said.pop("warnings", [])
    except (ValueError, TypeError, AttributeError):
        return answer  # whoever called the hook says what is wrong with it
    if warnings:
        with log.open("a", encoding="utf-8") as stream:
            stream.writelines(f"warning: {str(warning)[:2000]}\n" for warning in warnings[:50])
    return json.dumps(said).encode()


def last_lines(output: str, count: int = 15) -> str:
    """Return the lines of a log that say why a build failed: the first compiler errors, else the last lines."""
    lines = [_cut(line.rstrip()) for line in output.splitlines() if line.strip() and not line.startswith("$ ")]
    wrong = [number for number, line in enumerate(lines) if _INTERESTING.search(line)]
    shown = sorted({near for number in wrong[:4] for near in range(number, min(number + 3, len(lines)))})
    chosen = [lines[number] for number in shown] or lines[-count:]
    return "\n".join(f"    {line}" for line in chosen[:count])


def _cut(line: str) -> str:
    """Return a line that is not too long; of a whole command, the log has the rest."""
    most = 100 if _COMMAND.match(line) else 400
    return line if len(line) <= most else f"{line[:most]}…"


def _failed_hook(place: Workspace, hook: str, done: Completed) -> BuildError:
    # late: its tables are for builds that fail
    from wheelyard.build.advice.advise import advise

    said = f"{hook} failed (exit code {done.returncode}):\n{last_lines(done.output)}"
    return _failure(place, said, hint=advise(done.output, place))


def _failure(place: Workspace, message: str, *, hint: str | None = None) -> BuildError:
    return BuildError(message, where=place.package or place.source.name, hint=hint, log=place.log)
