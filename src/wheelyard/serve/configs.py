"""Configuration for nginx, Apache and Caddy, so that they serve a wheelhouse as ``wheelyard serve`` does."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Literal, TypeAlias

import jinja2

from wheelyard.domain.errors import ConfigError

Server: TypeAlias = Literal["nginx", "apache", "caddy"]
SERVERS: tuple[Server, ...] = ("nginx", "apache", "caddy")
_SAFE = re.compile(r"/[A-Za-z0-9._/+@-]*\Z")
_HOST = re.compile(r"[A-Za-z0-9.*_:-]+\Z")


def config(server: Server, root: Path, *, listen: int = 80, host: str = "_") -> str:
    """Return a configuration that serves ``root``: HTML or JSON by what is asked for, compressed pages, caching.

    :param host: name of the virtual host; ``_`` is any.
    :raises ConfigError: if a path or name could mean something else to the server.
    """
    place = str(root.resolve())
    if not _SAFE.match(place):
        raise ConfigError("the path has characters that a server's configuration would need quoted", where=place)
    if not _HOST.match(host):
        raise ConfigError("not a host name", where=host)
    template = (resources.files("wheelyard.serve") / "templates" / f"{server}.conf.j2").read_text(encoding="utf-8")
    made = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (not HTML)
    )
    return made.from_string(template).render(root=place, listen=listen, host=host)
