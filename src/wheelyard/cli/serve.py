"""``wheelyard serve``: the wheelhouse over HTTP, or the configuration for a web server that does it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from wheelyard.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("serve")(serve)


def serve(
    folder: Annotated[Path, typer.Argument(help="The wheelhouse.")] = Path("wheelhouse"),
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every network.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one. [default: 8000; with --config: 80]")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="PEM certificate (chain): speak https only.", show_default=False)
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM key of the certificate.", show_default=False)] = None,
    access_log: Annotated[bool, typer.Option("--access-log", help="One line a request.")] = False,
    config: Annotated[
        Literal["nginx", "apache", "caddy"] | None,
        typer.Option(help="Print the configuration for this web server, and serve nothing.", show_default=False),
    ] = None,
    server_name: Annotated[str, typer.Option(help="With --config: name of the virtual host; _ is any.")] = "_",
) -> int:
    """Serve a wheelhouse for pip, uv and browsers; on this machine only, unless --host says otherwise."""
    from wheelyard.bundle.given import need_wheelhouse
    from wheelyard.serve import configs
    from wheelyard.serve.run import Listen, bind, server, url_of
    from wheelyard.targets import commands

    need_wheelhouse(folder)
    if config is not None:
        say(configs.config(config, folder, listen=80 if port is None else port, host=server_name).rstrip("\n"))
        return 0
    listen = Listen(
        host=host,
        port=8000 if port is None else port,
        certificate=tls_certificate,
        key=tls_key,
        access_log=access_log,
    )
    made = server(folder, listen)
    with bind(listen) as bound:
        url = url_of(listen, bound)
        install = commands.line(commands.by_name(commands.Access(root=url)))
        say(f"{folder} is at {url}\n  {install}\nCtrl-C ends it.")
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it, not to break it off
            made.run(sockets=[bound])
    return 0
