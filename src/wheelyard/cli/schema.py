"""``wheelyard schema``: what ``wheelyard.toml`` may say, for editors and for people."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("schema")(schema)


def schema(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="A page for people instead.")] = False,
) -> int:
    """Print the JSON Schema of wheelyard.toml, with which editors complete and check it."""
    from wheelyard.config.schema import Document
    from wheelyard.schema.describe import json_schema, markdown

    if as_markdown:
        typer.echo(markdown(Document), nl=False)
    else:
        typer.echo(json.dumps(json_schema(Document, title="wheelyard.toml"), indent=2, ensure_ascii=False))
    return 0
