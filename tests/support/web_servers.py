"""The real web servers, each on a port of its own, with the configuration that Wheelyard makes for it."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.waiting import wait_for
from wheelyard.serve.configs import Server, config
from wheelyard.serve.run import Listen, bind, server, url_of

_MODULES = Path("/usr/lib/apache2/modules")
_NEEDED = ("mpm_event", "authz_core", "dir", "headers", "mime", "rewrite", "deflate", "filter", "setenvif")


def free_port() -> int:
    """Return a port below those that the kernel gives out by itself: nobody gets it before the server does."""
    for port in random.sample(range(10_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.socket() as attempt:
            attempt.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def listening(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"the server did not start: {log.read_text()}"
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=60):
        return True
    return False


def ordinary_user() -> str:
    """Return whom a server started by root shall become."""
    for name in ("www-data", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("there is no user for a web server")


@contextlib.contextmanager
def ended(command: list[str], port: int, log: Path) -> Iterator[str]:
    """Run a server for the block."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: listening(port, process, log))
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(300)


@contextlib.contextmanager
def nginx(root: Path, scratch: Path) -> Iterator[str]:
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed")
    port = free_port()
    user = f"user {ordinary_user()};" if os.getuid() == 0 else ""
    paths = "".join(
        f"{each}_temp_path {scratch}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = scratch / "nginx.conf"
    whole.write_text(
        f"{user}\nworker_processes 1;\ndaemon off;\npid {scratch}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}"
        + config("nginx", root, listen=port)
        + "}\n"
    )
    log = scratch / "nginx.log"
    with ended(["nginx", "-p", str(scratch), "-e", str(scratch / "error.log"), "-c", str(whole)], port, log) as url:
        yield url


@contextlib.contextmanager
def apache(root: Path, scratch: Path) -> Iterator[str]:
    if not shutil.which("apache2") or not _MODULES.is_dir():
        pytest.skip("Apache is not installed")
    port = free_port()
    loaded = "".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so\n" for name in _NEEDED)
    user = f"User {ordinary_user()}\n" if os.getuid() == 0 else ""
    whole = scratch / "apache.conf"
    whole.write_text(
        f"ServerRoot {scratch}\nServerName wheelhouse.test\nListen 127.0.0.1:{port}\nPidFile {scratch}/pid\n"
        f"DefaultRuntimeDir {scratch}\nMutex file:{scratch} default\nTypesConfig /dev/null\n"
        f"ErrorLog {scratch}/error.log\n{user}{loaded}"
        "<Directory />\nRequire all denied\nAllowOverride None\n</Directory>\n" + config("apache", root, listen=port)
    )
    log = scratch / "apache.log"
    with ended(["apache2", "-f", str(whole), "-D", "FOREGROUND"], port, log) as url:
        yield url


@contextlib.contextmanager
def own(root: Path, scratch: Path, *, certificate: Path | None = None, key: Path | None = None) -> Iterator[str]:
    del scratch
    listen = Listen(port=0, certificate=certificate, key=key)
    made = server(root, listen)
    with bind(listen) as bound:
        thread = threading.Thread(target=made.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            wait_for(lambda: made.started)
            yield url_of(listen, bound)
        finally:
            made.should_exit = True
            thread.join(300)


def serving(kind: str, root: Path, scratch: Path) -> contextlib.AbstractContextManager[str]:
    """Return the server of a kind."""
    return {"nginx": nginx, "apache": apache, "own": own}[kind](root, scratch)


KINDS: tuple[Server | str, ...] = ("nginx", "apache", "own")


@dataclass(frozen=True)
class Served:
    kind: str
    url: str
    root: Path
