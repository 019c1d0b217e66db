"""``wheelyard policy``: what may enter, and why something may not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wheelyard.cli.output import counted, say, say_json
from wheelyard.domain.errors import ConfigError, PolicyError

if TYPE_CHECKING:
    from wheelyard.policy.model import AdmissionPolicy, Ruling

PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="A policy: a TOML file with the keys of [policy].")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("policy")(policy)


def policy(
    action: Annotated[
        Literal["check", "explain"], typer.Argument(help="Judge everything, or tell all of one package.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="For explain: the package.")] = None,
    at: Annotated[
        Path, typer.Option("--in", metavar="PATH", help="A configuration (its locks), or a wheelhouse.")
    ] = Path("wheelyard.toml"),
    file: PolicyFile = None,
    sarif: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what is refused as SARIF 2.1.0, for other programs.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> int:
    """Say what the policy refuses, and by which rule and evidence; nothing is changed, and no network asked."""
    from packaging.utils import canonicalize_name

    from wheelyard.policy import papers

    if (action == "explain") != (name is not None):
        raise ConfigError(f"policy {action}: {'name a package' if name is None else 'takes no NAME'}", where="policy")
    rulings = tuple(_rulings(at, file))
    if name is not None:
        wanted = canonicalize_name(name)
        rulings = tuple(ruling for ruling in rulings if ruling.file.name == wanted)
        if not rulings:
            raise ConfigError(f"nothing here is named {name}", where=str(at), hint="see `wheelyard policy check`")
    if sarif is not None:
        from wheelyard.io import files

        files.write(sarif, papers.sarif(rulings))
    refused = [ruling for ruling in rulings if not ruling.passes]
    if as_json:
        for ruling in rulings:
            say_json(papers.row(ruling))
    else:
        for line in _lines(rulings, every=name is not None):
            say(line)
        say(f"{counted(len(rulings), 'file')} judged, {len(refused)} refused")
    return PolicyError.exit_code if refused else 0


def policy_of(file: Path | None) -> AdmissionPolicy | None:
    """Return the policy that ``--policy`` names."""
    from wheelyard.policy.read import load

    return None if file is None else load(file)


def _rulings(at: Path, file: Path | None) -> Iterator[Ruling]:
    from wheelyard.config.load import load
    from wheelyard.host.inspecting import wheelhouse_root
    from wheelyard.lock.lock import read
    from wheelyard.policy import moments
    from wheelyard.policy.judge import check_policy
    from wheelyard.stages import judging

    given = policy_of(file)
    if at.is_dir() and not (at / "wheelyard.toml").exists():
        if given is None:
            raise ConfigError("by which policy?", where=str(at), hint="name it: --policy FILE")
        check_policy(given, moments.now())
        yield from judging.of_wheelhouse(Path(wheelhouse_root(str(at))), given)
        return
    config = load(at)
    rules = given or config.policy
    check_policy(rules, moments.now())
    locks = [found for target in config.targets if (found := read(config, target.name))]
    if not locks:
        raise ConfigError("nothing is locked yet", where=str(at), hint="run `wheelyard lock` first")
    unique = {ruling.file: ruling for found in locks for ruling in judging.of_lock(found, rules)}
    yield from unique.values()


def _lines(rulings: Iterable[Ruling], *, every: bool) -> Iterator[str]:
    from wheelyard.policy import moments

    for ruling in rulings:
        if every and not ruling.objections:
            yield f"{ruling.file.filename}: nothing is against it"
        for objection in ruling.objections:
            end = ""
            if waiver := objection.waiver:
                end = f" [waived by {waiver.by} until {moments.shown(waiver.until)}: {waiver.reason}]"
            yield f"{ruling.file.filename}: {objection.rule}: {objection.message}{end}"
