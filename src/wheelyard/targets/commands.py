"""The commands that people are told to type, made here alone: for the terminal, the pages and the documentation.

A proof installs by the same words. A command is a tuple of words, a *step*; ``line`` writes it as a shell reads it.
Nothing is printed that needs what the host may lack: no pip where one is carried, no ``--user`` where PEP 668 forbids
it, no ``curl``.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from wheelyard.domain.site import Folder
from wheelyard.domain.target import Target

VENV = "~/venv"
"""Where a virtual environment is made, in what is printed."""

Step = tuple[str, ...]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a host reaches a wheelhouse."""

    root: str
    """Path of the folder as the host sees it; or a URL (``http://``, ``https://``, ``file://``)."""

    @property
    def served(self) -> bool:
        """Whether a server gives it, so that a program cannot open its files."""
        return self.root.startswith(("http://", "https://"))

    @property
    def untrusted_host(self) -> str | None:
        """The server that pip believes only if it is told to; None: it asks nothing (HTTPS, loopback, a folder)."""
        parts = urlsplit(self.root)
        if parts.scheme != "http" or parts.hostname in _LOOPBACK:
            return None
        return parts.netloc.rpartition("@")[2].removesuffix(f":{parts.port}")

    def at(self, path: str) -> str:
        """Return where something of the wheelhouse lies: a path or a URL, as its root is."""
        if self.root in ("", "."):
            return path
        return f"{self.root.rstrip('/')}/{quote(path) if '://' in self.root else path}"

    def file(self, path: str) -> str:
        """Return the path of a file of a wheelhouse that is not served."""
        if self.root.startswith("file://"):
            return Access(root=unquote(urlsplit(self.root).path)).at(path)
        return self.at(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What decides which commands work for one folder of a wheelhouse."""

    folder: str
    """Its name: the target, or ``<target>.<variant>``."""
    python: str
    """The command of the host's Python: ``python3.9``."""
    managed: bool = False
    """Whether the Python is, or may be, the system's alone (PEP 668): packages then go into a virtual environment."""
    pip: str | None = None
    """File name of the pip that the folder carries; it is run straight from its wheel."""
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBlock:
    """Lines that belong together, for one tool."""

    title: str
    """What they are for, in a few words."""
    lines: tuple[str, ...]
    file: str | None = None
    """The file that they are written to; None: they are typed."""


def python_command(target: Target) -> str:
    """Return what starts a target's Python: ``python3.9``, ``python3.13t``, ``pypy3.10``."""
    return f"{'pypy' if target.implementation == 'pypy' else 'python'}{target.python}"


def route(folder: Folder) -> Route:
    """Return the route into a target's folder."""
    target = folder.target
    return Route(
        folder=folder.name,
        python=python_command(target),
        managed=target.externally_managed,
        pip=folder.pip.filename if folder.pip else None,
        variant=folder.variant,
    )


def line(step: Step) -> str:
    """Return a command as it is typed; a word that begins with ``~/`` is left to the shell to expand."""
    return " ".join(_word(word) for word in step)


def _word(word: str) -> str:
    if word.startswith("~/"):
        return "~/" + shlex.quote(word[2:])
    if "'" in word and not set(word) & set('"$`\\!'):
        return f'"{word}"'
    return shlex.quote(word)


def install(
    way: Route, access: Access, requirement: str | None = None, *, venv: str = VENV, own_pip: str | None = None
) -> tuple[Step, ...]:
    """Return how pip installs from a folder: the whole lock with its hashes, or one requirement.

    :param venv: where the virtual environment is made, if one is needed.
    :param own_pip: path of a wheel that stands for the host's own pip, where a proof has a host without.
    """
    steps: list[Step] = []
    python, pip = way.python, own_pip
    if way.pip is not None:
        wheel = f"targets/{way.folder}/{way.pip}"
        pip = way.pip if access.served else access.file(wheel)
        steps += [_fetch(way.python, access.at(wheel), way.pip)] if access.served else []
    if way.managed:
        steps.append((python, "-m", "venv", *(("--without-pip",) if pip else ()), venv))
        python = f"{venv}/bin/python"
    user = () if way.managed else ("--user",)
    run_pip = (python, f"{pip}/pip") if pip else (python, "-m", "pip")
    steps.append((*run_pip, "install", *user, *_source(way, access), *_wanted(way, access, requirement)))
    return tuple(steps)


def _fetch(python: str, url: str, name: str) -> Step:
    """Return how a host that may have nothing but Python gets a file."""
    return (python, "-c", f"from urllib.request import urlretrieve; urlretrieve('{url}', '{name}')")


def _source(way: Route, access: Access) -> Step:
    """Return pip's options for where the files are: they are the same for pip-tools."""
    folder = f"targets/{way.folder}"
    if "://" not in access.root:
        return ("--no-index", "-f", access.at(folder))
    trust = ("--trusted-host", access.untrusted_host) if access.untrusted_host else ()
    return ("--index-url", access.at(f"{folder}/simple/"), *trust)


def _wanted(way: Route, access: Access, requirement: str | None) -> Step:
    if requirement is not None:
        return (requirement,)
    return ("--require-hashes", "-r", access.at(f"targets/{way.folder}/requirements.txt"))


def installer(way: Route, access: Access, *, venv: str = VENV) -> tuple[Step, ...]:
    """Return how ``install.py`` installs: it checks everything, and finds the folder and a pip by itself."""
    options: Step = (*(("--venv", venv) if way.managed else ()), *(("--variant", way.variant) if way.variant else ()))
    if access.served:
        fetched = _fetch(way.python, access.at("install.py"), "install.py")
        return (fetched, (way.python, "-I", "install.py", "--from", access.at(""), *options))
    return ((way.python, "-I", access.file("install.py"), *options),)


def labelled(folder: str, access: Access) -> tuple[Step, ...]:
    """Return how uv, which knows labelled wheels if it is told to, installs from a folder of them."""
    return (("uv", "pip", "install", "--preview-features", "wheel-variants", *_find(folder, access), "NAME"),)


def _find(folder: str, access: Access) -> Step:
    if access.served:
        return ("--default-index", access.at(f"targets/{folder}/simple/"))
    return ("--no-index", "--find-links", access.file(f"targets/{folder}"))


def with_python(access: Access) -> tuple[Step, ...]:
    """Return how a host whose Python is too old gets the one that is carried; any Python from 3.6 on starts it."""
    return (("python3", "-I", access.file("install.py"), "--with-python"),)


def set_up(way: Route, access: Access, *, install_py: bool) -> tuple[CommandBlock, ...]:
    """Return what somebody may type, or write down once, to install from a folder; what works everywhere first.

    :param install_py: whether the wheelhouse has ``install.py``.
    """
    blocks = []
    if install_py:
        blocks.append(CommandBlock(title="install.py", lines=lines(installer(way, access))))
    blocks.append(CommandBlock(title="pip", lines=lines(install(way, access))))
    blocks += _configured(access, f"targets/{way.folder}/simple/", f"targets/{way.folder}")
    blocks.append(CommandBlock(title="pip-tools", lines=lines(pip_sync(way, access))))
    return tuple(blocks)


def set_up_site(access: Access) -> tuple[CommandBlock, ...]:
    """Return what is written down once to take everything from the whole wheelhouse, by the one index of a server."""
    return _configured(access, "simple/", None)


def by_name(access: Access) -> Step:
    """Return how any pip installs a project by its name from the one index of a wheelhouse."""
    trust = ("--trusted-host", access.untrusted_host) if access.untrusted_host else ()
    return ("pip", "install", "--index-url", access.at("simple/"), *trust, "NAME")


def pip_sync(way: Route, access: Access) -> tuple[Step, ...]:
    """Return how pip-tools makes a virtual environment that has exactly what the lock says."""
    lock = f"targets/{way.folder}/requirements.txt"
    source = _source(way, access)
    if not access.served:
        return (("pip-sync", *source, access.file(lock)),)
    return (_fetch(way.python, access.at(lock), "requirements.txt"), ("pip-sync", *source, "requirements.txt"))


def _configured(access: Access, index: str, folder: str | None) -> tuple[CommandBlock, ...]:
    """Return the configuration files of pip and uv; a flat folder is read as one where there is no server."""
    if folder is not None and "://" not in access.root:
        url = f"file://{quote(access.at(folder))}"  # pip reads a blank as the end of a path
        pip = ["no-index = true", f"find-links = {url}"]
        uv = ["no-index = true", f'find-links = ["{url}"]']
    else:
        url = access.at(index)
        pip = [f"index-url = {url}"]
        pip += [f"trusted-host = {access.untrusted_host}"] if access.untrusted_host else []
        uv = ["[[index]]", f'url = "{url}"', "default = true"]
    return (
        CommandBlock(title="pip, from now on", lines=("[global]", *pip), file="~/.config/pip/pip.conf"),
        CommandBlock(title="uv, from now on", lines=tuple(uv), file="~/.config/uv/uv.toml"),
    )


def lines(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return steps as the lines that are typed."""
    return tuple(line(step) for step in steps)
