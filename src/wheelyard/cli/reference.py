"""The reference of the command line, out of the command line: ``docs/commands.md`` and the manual's pages.

``python -m wheelyard.cli.reference`` writes both again; a test compares them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import typer
from typer.core import TyperCommand, TyperGroup

from wheelyard import __version__
from wheelyard.cli import help as plain
from wheelyard.cli.main import load_commands
from wheelyard.io import files

_HELP = ["-h", "--help"]
_HEAD = """\
# Commands

Made by `make keys` out of the program itself: what `wheelyard COMMAND --help` says. `man wheelyard-build` has the same.
"""


def _commands() -> Iterator[tuple[str, str, TyperCommand, typer.Context]]:
    """Yield group, name, command and context of every command."""
    group = cast("TyperGroup", typer.main.get_command(load_commands()))
    context = typer.Context(group, info_name="wheelyard")
    for title, names in plain.GROUPS.items():
        for name in names:
            command = cast("TyperCommand", group.get_command(context, name))
            yield title, name, command, typer.Context(command, info_name=name, parent=context, help_option_names=_HELP)


def markdown() -> str:
    """Return the page of all commands."""
    parts, last = [_HEAD], ""
    for title, name, command, context in _commands():
        if title != last:
            parts.append(f"## {title}\n")
            last = title
        usage = " ".join(["wheelyard", name, *command.collect_usage_pieces(context)])
        rows = [
            f"| `{line.name.replace('|', ',')}` | {line.text.replace('|', ',')} |"
            for line in plain.lines(command, context)
        ]
        parts.append(f"### {name}\n\n{_text(command)}\n\n```console\n$ {plain.EXAMPLES[name]}\n```\n\n`{usage}`\n")
        parts.append("\n".join(["| | |", "| --- | --- |", *rows]) + "\n")
    return "\n".join(parts)


def _text(command: TyperCommand) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))


def man_pages() -> dict[str, str]:
    """Return the manual's pages by file name: ``wheelyard.1``, and ``wheelyard-COMMAND.1`` for each command."""
    pages, overview = {}, []
    for title, name, command, context in _commands():
        if f".SH {title.upper()}" not in overview:
            overview.append(f".SH {title.upper()}")
        text = _text(command)
        overview += [".TP", f".BR wheelyard\\-{name} (1)", _roff(text.partition("\n\n")[0])]
        usage = " ".join(["wheelyard", name, *command.collect_usage_pieces(context)])
        body = [f'.TH WHEELYARD\\-{name.upper()} 1 "" "wheelyard {__version__}"', ".SH NAME"]
        body += [f"wheelyard\\-{name} \\- {_roff(text.partition('. ')[0].rstrip('.'))}"]
        body += [".SH SYNOPSIS", _roff(usage), ".SH DESCRIPTION", _roff(text).replace("\n\n", "\n.PP\n")]
        body += [".SH OPTIONS"]
        for line in plain.lines(command, context):
            body += [".TP", f".B {_roff(line.name)}", _roff(line.text)]
        body += [".SH EXAMPLE", ".EX", _roff(plain.EXAMPLES[name]), ".EE", ".SH SEE ALSO", ".BR wheelyard (1)"]
        pages[f"wheelyard-{name}.1"] = "\n".join(body) + "\n"
    head = [f'.TH WHEELYARD 1 "" "wheelyard {__version__}"', ".SH NAME"]
    head += ["wheelyard \\- build, prove and carry wheelhouses for hosts without a network"]
    head += [".SH SYNOPSIS", "wheelyard COMMAND [OPTIONS]"]
    pages["wheelyard.1"] = "\n".join([*head, *overview]) + "\n"
    return pages


def _roff(text: str) -> str:
    """Return a text for troff: a hyphen that may be typed stays one, and no line begins with a request."""
    plain_text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in plain_text.splitlines())


def main(docs: Path) -> None:
    """Write the page and the manual into the documentation's folder."""
    files.write(docs / "commands.md", markdown())
    for name, text in man_pages().items():
        files.write(docs / "man" / name, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
