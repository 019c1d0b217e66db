"""The command line: ``wheelyard COMMAND``. Every command is a module beside this one."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from wheelyard import __version__
from wheelyard.cli import last_door
from wheelyard.cli.help import GroupedCommands, PlainCommand
from wheelyard.cli.output import complain, say_json
from wheelyard.domain.errors import Failures, Interrupted, StorageError, UsageError, WheelyardError

COMMANDS = (
    *("init", "build", "lock", "why"),
    *("pack", "check", "import_", "diff", "rollback", "trust", "report", "policy"),
    *("serve", "mirror", "add", "prune"),
    *("doctor", "schema"),
)
"""Modules of this package, in the order that ``--help`` shows them."""

app = typer.Typer(
    name="wheelyard",
    cls=GroupedCommands,
    help="Build, prove and carry wheelhouses for hosts without a network.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wheelyard {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Build, prove and carry wheelhouses for hosts without a network."""


def load_commands() -> typer.Typer:
    """Return the application with all its commands."""
    if not app.registered_commands and not app.registered_groups:
        for name in COMMANDS:
            importlib.import_module(f"wheelyard.cli.{name}").register(app)
        for command in app.registered_commands:
            command.cls = PlainCommand
    return app


def show_error(error: WheelyardError, *, as_json_lines: bool) -> None:
    """Print an error for people, or as one JSON line for each thing that is wrong."""
    errors = error.errors if isinstance(error, Failures) else (error,)
    for fault in errors:
        if as_json_lines:
            facts = {
                "event": "error",
                "class": type(fault).__name__,
                "exit_code": fault.exit_code,
                "message": fault.message,
                "where": fault.where,
                "hint": fault.hint,
                "log": None if fault.log is None else os.fspath(fault.log),
            }
            say_json(facts)
        else:
            complain(f"error: {fault}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; no error of any kind ends in a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json_lines = "--json" in given
    try:
        result = load_commands()(args=given, prog_name="wheelyard", standalone_mode=False)
        if result == Interrupted.exit_code:  # what typer makes of a Ctrl-C, without a word
            raise KeyboardInterrupt
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)  # that of the command whose arguments are wrong
        command = context.command_path if context else "wheelyard"
        show_error(
            UsageError(error.format_message().rstrip("."), hint=f"see `{command} --help`"), as_json_lines=as_json_lines
        )
        return UsageError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        show_error(Interrupted("interrupted; run the same command again to go on"), as_json_lines=as_json_lines)
        return Interrupted.exit_code
    except WheelyardError as error:
        show_error(error, as_json_lines=as_json_lines)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        named = os.fspath(error.filename) if error.filename else None
        log = None if named else last_door.unforeseen(error, given).log  # it says nothing about where
        show_error(
            StorageError(str(error.strerror or error), where=named, log=log),
            as_json_lines=as_json_lines,
        )
        return StorageError.exit_code
    except Exception as error:
        shown = last_door.unforeseen(error, given)
        show_error(shown, as_json_lines=as_json_lines)
        return shown.exit_code
    return result if isinstance(result, int) else 0


def script() -> None:
    """Entry point of the ``wheelyard`` program."""
    last_door.watch_threads(sys.argv[1:])
    sys.exit(main())
