"""What ``--help`` shows: commands by the work that they are for, whole summaries, an example each, plain words.

The same records are the pages of ``docs/commands.md`` and the manual (``wheelyard.cli.reference``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

GROUPS = {
    "Make a wheelhouse": ("init", "build", "lock", "why", "mirror", "add", "prune"),
    "Check it": ("check", "policy", "report", "diff", "doctor", "schema"),
    "Carry it": ("pack", "import", "rollback", "generations", "trust"),
    "Serve it": ("serve",),
}
"""The commands by the work that they are for, each once."""

EXAMPLES = {
    "init": "wheelyard init requirements.in --target el9",
    "build": "wheelyard build",
    "lock": "wheelyard lock --upgrade-package numpy",
    "why": "wheelyard why numpy",
    "mirror": "wheelyard mirror 'numpy>=2' --newest 3",
    "add": "wheelyard add dist/ours-1.0-py3-none-any.whl",
    "prune": "wheelyard prune --newest 2 --dry-run",
    "check": "wheelyard check wheelhouse",
    "policy": "wheelyard policy check --in wheelhouse --policy policy.toml",
    "report": "wheelyard report wheelhouse --osv all.zip",
    "diff": "wheelyard diff bundle.tar wheelhouse",
    "doctor": "wheelyard doctor wheelyard.toml",
    "schema": "wheelyard schema",
    "pack": "wheelyard pack wheelhouse --key ~/.ssh/id_ed25519 --to bundle.tar",
    "import": "wheelyard import bundle.tar --into intranet --trust admin.pub",
    "rollback": "wheelyard rollback intranet",
    "generations": "wheelyard generations intranet --keep 3",
    "trust": "wheelyard trust intranet --show",
    "serve": "wheelyard serve wheelhouse",
}

_VALUES = {
    "--target": "TARGET",
    "--index": "URL",
    "--bind": "PROJECT=NAME",
    "--mirror-of": "NAME=OTHER",
    "--platform": "TAG",
    "--python": "X.Y",
    "--expires": "WHEN",
    "--created": "WHEN",
    "--key": "KEY",
    "--bytes": "SIZE",
}
"""What stands for the value of an option; else it is what its type is called here."""
_TYPES = {"Path": "PATH", "path": "PATH", "int": "N", "integer": "N", "float": "N", "str": "NAME", "text": "NAME"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An argument or option as people read it."""

    name: str
    """``-t, --target TARGET``."""
    text: str
    is_option: bool


def lines(command: TyperCommand, context: typer.Context) -> Iterator[Line]:
    """Yield the arguments and options of a command, in their order."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        # The bounds of numbers and "required" say again what the words and the usage say.
        text = re.sub(r"\[(.*)\]$", _bracket, record[1]).rstrip()
        if isinstance(parameter, TyperArgument):
            yield Line(name=argument_name(parameter).strip("[]"), text=text, is_option=False)
        elif isinstance(parameter, TyperOption):
            yield Line(name=_option_name(parameter, context), text=text, is_option=True)


def _bracket(found: re.Match[str]) -> str:
    parts = [part for part in found[1].split("; ") if part != "required" and not re.match(r"\d*<?=?x[<>]=?\d+", part)]
    return f"[{'; '.join(parts)}]" if parts else ""


def argument_name(argument: TyperArgument) -> str:
    """Return an argument as the usage has it: ``DIR``, ``[WHEELHOUSE]``, ``BUNDLE...``."""
    name = (argument.metavar or argument.name or "").strip("[]").removesuffix("...")
    name = (name if argument.metavar else name.upper()) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option_name(option: TyperOption, context: typer.Context) -> str:
    names = sorted(option.opts, key=len)
    if option.is_flag:
        return ", ".join(names) + (f" / {', '.join(option.secondary_opts)}" if option.secondary_opts else "")
    said = option.display_type_rich(ctx=context) or ""
    kind = re.sub(r"[<>]|list\[(.*)\]", r"\1", said).removesuffix(" range")
    return f"{', '.join(names)} {option.metavar or _VALUES.get(names[-1]) or _TYPES.get(kind, kind)}"


class PlainCommand(TyperCommand):
    """A command whose help has no types of Python, and ends with an example."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # its own click, vendored
        """Return what stands behind the command's name."""
        arguments = [param for param in self.get_params(ctx) if isinstance(param, TyperArgument)]
        return ["[OPTIONS]", *map(argument_name, arguments)]

    def format_options(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]
        """Write arguments, options and an example."""
        found = list(lines(self, ctx))
        for title, is_option in (("Arguments", False), ("Options", True)):
            rows = [(line.name, line.text) for line in found if line.is_option is is_option]
            if rows:
                with formatter.section(title):  # type: ignore[attr-defined]
                    formatter.write_dl(rows)  # type: ignore[attr-defined]
        if self.name in EXAMPLES:
            with formatter.section("Example"):  # type: ignore[attr-defined]
                formatter.write_text(EXAMPLES[self.name])  # type: ignore[attr-defined]


class GroupedCommands(TyperGroup):
    """The program: its commands by the work that they are for."""

    def format_commands(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]
        """Write every command with its whole summary."""
        for title, names in GROUPS.items():
            with formatter.section(title):  # type: ignore[attr-defined]
                formatter.write_dl([(name, summary(self, ctx, name)) for name in names])  # type: ignore[attr-defined]

    def format_options(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]
        """Write the commands first, as they are what is looked for."""
        self.format_commands(ctx, formatter)
        rows = [record for param in self.get_params(ctx) if (record := param.get_help_record(ctx))]
        with formatter.section("Options"):  # type: ignore[attr-defined]
            formatter.write_dl(rows)  # type: ignore[attr-defined]


def summary(group: TyperGroup, context: typer.Context, name: str) -> str:
    """Return the first sentence of a command's help, whole."""
    command = group.get_command(context, name)
    return " ".join(((command and command.help) or "").split("\n\n")[0].split())
