"""Running the application: uvicorn, on loopback unless told otherwise."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheelyard.domain.errors import ConfigError, StorageError, ToolError

if TYPE_CHECKING:
    import uvicorn


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where and how to listen."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: any free one."""
    certificate: Path | None = None
    """PEM; with it, only https is spoken."""
    key: Path | None = None
    access_log: bool = False


def bind(listen: Listen) -> socket.socket:
    """Return a socket that listens.

    :raises ToolError: if the address or port cannot be had.
    """
    try:
        family = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0][0]
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ToolError(f"no such address: {error}", where=listen.host) from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((listen.host, listen.port))
        made.listen(512)
    except OSError as error:
        made.close()
        raise ToolError(
            f"cannot listen: {error.strerror or error}",
            where=f"{listen.host}:{listen.port}",
            hint="choose another port with --port; below 1024 they need root",
        ) from error
    return made


def url_of(listen: Listen, bound: socket.socket) -> str:
    """Return the URL that clients use."""
    host, port = bound.getsockname()[:2]
    scheme = "https" if listen.certificate else "http"
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"


def server(root: Path, listen: Listen) -> uvicorn.Server:
    """Return a server of a wheelhouse, not yet running.

    :raises StorageError: if the folder is no wheelhouse.
    :raises ConfigError: if only one of certificate and key is given, or they cannot be read.
    :raises ToolError: if uvicorn or starlette is not installed.
    """
    if not (root / "simple").is_dir():
        raise StorageError(
            "there is no wheelhouse here: no simple/", where=str(root), hint="run `wheelyard build`, or name its folder"
        )
    if (listen.certificate is None) != (listen.key is None):
        raise ConfigError("TLS needs both a certificate and its key", hint="--tls-certificate FILE --tls-key FILE")
    try:
        # the extra `serve` brings it, which not everybody has
        import uvicorn

        from wheelyard.serve.app import application
    except ImportError as error:
        raise ToolError(
            f"{error.name} is not installed", hint="install the extra: pip install 'wheelyard[serve]'"
        ) from error
    config = uvicorn.Config(
        application(root),
        log_level="info" if listen.access_log else "warning",
        access_log=listen.access_log,
        server_header=False,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.key,
        lifespan="off",
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigError(f"cannot use this certificate or key: {error}", where=str(listen.certificate)) from error
    return uvicorn.Server(config)
