"""``wheelyard mirror``: whole projects from an index, kept up to date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wheelyard.cli import completion
from wheelyard.cli.grace import Grace
from wheelyard.cli.output import counted, human_bytes, say, say_json
from wheelyard.cli.policy import PolicyFile, policy_of
from wheelyard.cli.reporters import reporter

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from wheelyard.domain.index import IndexSource
    from wheelyard.domain.target import Target
    from wheelyard.mirror.model import Mirrored


class Removed(StrEnum):
    """What becomes of files that upstream has no more."""

    keep = "keep"
    mark = "mark"
    drop = "drop"


class Strategy(StrEnum):
    """What becomes of a project that several indexes have and that is bound to none."""

    one = "one-index"
    first = "first-index"


class Sdists(StrEnum):
    """Whether sdists are mirrored."""

    never = "never"
    missing = "missing"
    all = "all"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("mirror")(mirror)


def mirror(
    projects: Annotated[
        list[str] | None, typer.Argument(help="Projects, with specifiers if you like: 'numpy>=2'.", show_default=False)
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--from", "-r", help="A file with one project a line.", show_default=False)
    ] = None,
    into: Annotated[Path, typer.Option(help="The wheelhouse.")] = Path("wheelhouse"),
    newest: Annotated[int, typer.Option(min=0, help="So many versions of each; 0: all.")] = 0,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            help="Only wheels for this preset, such as el9 (repeatable).",
            autocompletion=completion.presets,
        ),
    ] = None,
    python: Annotated[
        list[str] | None, typer.Option(help="With --platform: only for this Python (repeatable).")
    ] = None,
    platform: Annotated[
        list[str] | None, typer.Option(help="With --python: only for this tag, as manylinux_2_28_x86_64 (repeatable).")
    ] = None,
    index: Annotated[
        list[str] | None,
        typer.Option(help="Index to mirror: URL, or NAME=URL (repeatable); otherwise those of pip's configuration."),
    ] = None,
    bind: Annotated[
        list[str] | None, typer.Option(help="PROJECT=NAME: this project comes from that index alone (repeatable).")
    ] = None,
    mirror_of: Annotated[
        list[str] | None, typer.Option(help="NAME=OTHER: that index has the files of the other (repeatable).")
    ] = None,
    index_strategy: Annotated[
        Strategy, typer.Option(help="A project that several indexes have is refused, or comes from the first.")
    ] = Strategy.one,
    prereleases: Annotated[bool, typer.Option("--pre", help="Take pre-releases too.")] = False,
    sdists: Annotated[Sdists, typer.Option(help="missing: only where a version has no fitting wheel.")] = Sdists.never,
    dependencies: Annotated[bool, typer.Option("--dependencies", help="Also what they require, and so on.")] = False,
    removed: Annotated[Removed, typer.Option(help="What becomes of files that upstream has no more.")] = Removed.keep,
    grace: Grace = 600,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", "-k", help="SSH key to sign with, or its .pub if an agent has it (repeatable)."),
    ] = None,
    policy: PolicyFile = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Mirror whole projects; what is there already is not fetched again. Not zero if a file could not be had."""
    from wheelyard.domain.errors import Failures
    from wheelyard.mirror.model import Wish
    from wheelyard.policy.model import ANYTHING
    from wheelyard.stages.mirroring import mirror as mirror_projects

    wish = Wish(
        projects=_requirements(projects or (), listed),
        targets=_targets(target or (), python or (), platform or ()),
        newest=newest,
        prereleases=prereleases,
        sdists=sdists.value,
        dependencies=dependencies,
        removed=removed.value,
        policy=policy_of(policy) or ANYTHING,
    )
    indexes = _indexes(index or (), mirror_of or ())
    bound = _bound(bind or (), indexes)
    with reporter(quiet=quiet, as_json_lines=as_json) as report:
        done = mirror_projects(
            wish,
            into=into,
            indexes=indexes,
            bound=bound,
            strategy=index_strategy.value,
            keys=key or (),
            grace=grace,
            report=report,
        )
    if as_json:
        facts = {key: value for key, value in asdict(done).items() if key != "failures"}
        say_json({"event": "mirrored", **facts})
    elif not quiet:
        _show(done, into)
    if done.failures:
        raise done.failures[0] if len(done.failures) == 1 else Failures(done.failures)
    return 0


def _requirements(given: Iterable[str], listed: Path | None) -> tuple[Requirement, ...]:
    from packaging.requirements import InvalidRequirement

    from wheelyard.domain.errors import ConfigError
    from wheelyard.domain.redact import hide_line
    from wheelyard.domain.requirement import parse_requirement

    lines = [(text, "the command line") for text in given]
    if listed is not None:
        try:
            text = listed.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(listed)) from error
        for number, line in enumerate(text.splitlines(), 1):
            if wanted := line.partition("#")[0].strip():
                lines.append((wanted, f"{listed}:{number}"))
    requirements = []
    for text, where in lines:
        try:
            requirements.append(parse_requirement(text))
        except InvalidRequirement as error:
            raise ConfigError(
                f"not a project with a specifier: {hide_line(text)}", where=where, hint=str(error).splitlines()[0]
            ) from error
        if requirements[-1].url is not None:
            raise ConfigError(
                f"a URL cannot be mirrored: {hide_line(text)}", where=where, hint="fetch it, then `wheelyard add` it"
            )
    if not requirements:
        raise ConfigError("there is nothing to mirror", hint="name projects, or a file of them with --from")
    return tuple(requirements)


_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)=(?P<place>.+)")


def _indexes(given: Iterable[str], mirrors: Iterable[str]) -> tuple[IndexSource, ...]:
    """Return the indexes of ``--index``, named by the user or by their number, in order."""
    from wheelyard.domain.errors import UsageError
    from wheelyard.domain.index import IndexSource

    indexes: dict[str, IndexSource] = {}
    for number, text in enumerate(given, 1):
        named = _NAMED.fullmatch(text)
        name, url = (named["name"], named["place"]) if named else (f"index-{number}", text)
        if name in indexes:
            raise UsageError(f"two indexes are named {name!r}", where="--index", hint="rename one of them")
        indexes[name] = IndexSource(name=name, url=url)
    for name, other in _pairs(mirrors, "--mirror-of"):
        if name not in indexes or other not in indexes or name == other or indexes[other].mirror_of:
            raise UsageError(
                "not NAME=OTHER of two indexes, the other of which is no mirror itself",
                where=f"--mirror-of {name}={other}",
                hint="known: " + (", ".join(indexes) or "none: name them with --index NAME=URL"),
            )
        indexes[name] = replace(indexes[name], mirror_of=other)
    return tuple(indexes.values())


def _bound(given: Iterable[str], indexes: Iterable[IndexSource]) -> dict[str, str]:
    """Return the projects of ``--bind`` by normalised name, each with the name of its index."""
    from packaging.utils import canonicalize_name

    from wheelyard.domain.errors import UsageError

    names = [source.name for source in indexes]
    found: dict[str, str] = {}
    for project, index in _pairs(given, "--bind"):
        if names and index not in names:
            raise UsageError(
                f"no index is named {index!r}", where=f"--bind {project}={index}", hint="known: " + ", ".join(names)
            )
        found[canonicalize_name(project)] = index
    return found


def _pairs(given: Iterable[str], option: str) -> Iterable[tuple[str, str]]:
    from wheelyard.domain.errors import UsageError

    for text in given:
        first, equals, second = text.partition("=")
        if not (first and equals and second):
            raise UsageError(f"expected two names with = between them, found {text!r}", where=option)
        yield first, second


def _targets(presets_named: Iterable[str], pythons: Iterable[str], platforms: Iterable[str]) -> tuple[Target, ...]:
    from wheelyard.domain.errors import ConfigError
    from wheelyard.domain.target import Target
    from wheelyard.targets import presets

    pythons, platforms = list(pythons), list(platforms)
    if bool(pythons) != bool(platforms):
        raise ConfigError("--python and --platform belong together", hint="give both, or a --target")
    found = [presets.target(name) for name in presets_named]
    for python in pythons:
        for platform in platforms:
            full = presets.late_release(python)
            found.append(Target(name=f"py{python}-{platform}", python=python, python_full=full, platform=platform))
    return tuple(found)


def _show(done: Mirrored, into: Path) -> None:
    from wheelyard.targets import commands

    size = human_bytes(done.bytes)
    added = f"{counted(len(done.added), 'file')} added ({size})"
    say(f"{counted(done.projects, 'project')}: {added}, {done.unchanged} unchanged")
    if not (done.added or done.marked or done.unmarked or done.dropped):
        say("nothing new upstream: nothing was fetched")
    for what, names in (
        ("yanked or marked", done.marked),
        ("not yanked any more", done.unmarked),
        ("gone upstream", done.vanished),
        ("dropped", done.dropped),
    ):
        if names:
            say(f"{what}: {', '.join(names)}")
    access = commands.Access(root=into.absolute().as_uri())
    say(f"  {commands.line(commands.by_name(access))}")
