"""How long what leaves a wheelhouse stays for its readers: one option of all commands that take files out."""

from __future__ import annotations

from typing import Annotated

import typer

Grace = Annotated[
    float,
    typer.Option(
        min=0,
        envvar="WHEELYARD_GRACE",
        show_envvar=False,
        help="Seconds that files which leave stay for who is reading; up to 60 are waited for.",
    ),
]
