"""Every command that pages and summaries print, typed exactly so on the host that it is for, by an ordinary user."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.images import Image
from tests.support.installers import pip_wheel
from tests.support.pythons import need
from tests.support.shop import Shop, folder
from wheelyard.bundle.single import install_py
from wheelyard.cli.build import commands as summary
from wheelyard.domain.command import Command, Limits
from wheelyard.domain.site import Folder, Site, Wheel
from wheelyard.sandbox.container.engine import Engine
from wheelyard.sandbox.container.images import resolve
from wheelyard.sandbox.container.launch import run_in_container
from wheelyard.targets import commands, presets
from wheelyard.targets.commands import Access

pytestmark = pytest.mark.slow

HOSTS = {"el8": "9.0.3", "el9": "", "el10": "", "fedora43": "", "debian12": ""}
"""What is run: Python 3.6 with pip 9.0.3; 3.9 and 3.12 with their own; one that may be under PEP 668, with its own; one
under it and without any pip."""
STANDS_IN = {"fedora43": "3.13"}
OLD = {"el8": "21.3.1"}
SERVED = "http://0.0.0.0:8000/"
"""An address of the container itself that pip takes for a stranger's, as it takes no loopback address for one."""


@dataclass(frozen=True)
class House:
    root: Path
    folders: dict[str, Folder]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A wheelhouse with a folder for each preset's default Python."""
    shop = Shop(tmp_path_factory.mktemp("printed"))
    entry = shop.entry("alpha")
    folders = {}
    for name in presets.presets():
        target = presets.target(name)
        if name in HOSTS:  # what stands in for them has glibc 2.36
            target = replace(target, platform="manylinux_2_28_x86_64", python=STANDS_IN.get(name, target.python))
        path = pip_wheel(OLD.get(name, "24.0")) if name in OLD or target.lacks_pip else None
        pip = None
        if path is not None:
            size, version = path.stat().st_size, path.name.split("-")[1]
            pip = Wheel(filename=path.name, sha256=shop.store.add_file(path), size=size, name="pip", version=version)
        folders[name] = replace(folder(name, [entry]), target=target, pip=pip)
    shop.publish(Site(folders=tuple(folders.values()), documents={"install.py": install_py().encode()}))
    return House(root=shop.into, folders=folders)


def shown(house: House, name: str) -> list[tuple[str, str]]:
    """Return the commands of a target's page, and of its part of a project's page, each with its file if it has one."""
    own = (house.root / "targets" / name / "index.html").read_text()
    project = (house.root / "projects/alpha.html").read_text()
    part = project.partition(f'href="../targets/{name}/index.html"')[2].partition("<h3>")[0]
    boxes = re.findall(r'<div class="command"( data-file="[^"]*")?><pre[^>]*><code>(.*?)</code>', own + part, re.DOTALL)
    return [(file.partition('"')[2].strip('"'), html.unescape(text)) for file, text in boxes]


def in_place(text: str, root: str) -> str | None:
    """Return a command as a page at this place shows it, as the browser's tests hold; None if it is for another one."""
    if "/WHEELHOUSE" in text:
        return text.replace("/WHEELHOUSE", root) if root.startswith("/") else None
    address = "SERVER" in text and root.startswith("http")
    return text.replace("http://SERVER/", root).replace("SERVER", "0.0.0.0") if address else None


def scripts(house: House, name: str) -> list[str]:
    """Return what is typed on a host, each from an empty home."""
    made = house.folders[name]
    found = list(summary(made, house.root))
    texts = ["\n".join(found)]
    for root in (str(house.root), SERVED):
        for file, text in shown(house, name):
            typed = in_place(text, root)
            if typed is None or "pip-sync" in typed or "uv.toml" in file:
                continue  # tools that this host does not have
            if file and made.pip is None and not made.target.externally_managed:
                python = commands.python_command(made.target)
                typed = f"mkdir -p $(dirname {file})\ncat > {file} <<'END'\n{typed}\nEND\n"
                typed += f"{python} -m pip install --user alpha"
            elif file:
                continue  # without a pip of its own, it has nothing that reads it
            texts.append(typed)
    access = Access(root=house.root.as_uri())
    texts.append("\n".join(commands.lines(commands.install(commands.route(made), access))))
    texts.append("\n".join(commands.lines(commands.install(commands.route(made), access, "alpha"))))
    return texts


def script(python: str, texts: Sequence[str], root: Path, old_pip: str) -> str:
    """Return one shell script: each text in a home of its own, after which the package is there."""
    lines = ["set -eu", "test $(id -u) != 0", "base=$HOME"]
    lines.append(f"cd {root}; {python} -m http.server --bind 0.0.0.0 8000 >$base/server.log 2>&1 & cd $base")
    lines.append(
        f"until {python} -c \"import socket; socket.create_connection(('127.0.0.1', 8000), 1)\" 2>/dev/null; do :; done"
    )
    for number, text in enumerate(texts):
        lines += [f"export HOME=$base/{number}", "mkdir $HOME", "cd $HOME", f"echo 'number {number}'"]
        if old_pip:
            lines.append(f"mkdir -p .local/lib && cp -r {old_pip} .local/lib/{python}")
        lines += [text, "if test -e ~/venv; then ~/venv/bin/python -c 'import alpha'; else"]
        lines += [f"{python} -c 'import alpha'; fi", f"echo 'works: {number}'"]
    return "\n".join(lines) + "\nkill %1\n"


@pytest.mark.container
@pytest.mark.network
@pytest.mark.xdist_group("containers")
@pytest.mark.parametrize("name", HOSTS)
def test_every_command_installs(
    name: str, printed: House, tmp_path: Path, engine: Engine, image: Image, request: pytest.FixtureRequest
) -> None:
    target = printed.folders[name].target
    readable, path = [printed.root], "/usr/bin:/bin"
    if name != "debian12":
        prefix = Path(need(target.python)).resolve().parents[1]
        readable.append(prefix)
        path = f"{prefix}/bin:{path}"
    if HOSTS[name]:
        site: Path = request.getfixturevalue("old_pip")
        library = tmp_path / "library"
        shutil.copytree(site, library / "site-packages")
        readable.append(library)
    home = tmp_path / "home"
    home.mkdir()
    texts = scripts(printed, name)
    assert len(texts) >= 7
    old = str(tmp_path / "library") if HOSTS[name] else ""
    typed = script(commands.python_command(target), texts, printed.root, old)
    done = run_in_container(
        engine,
        resolve(engine, image("host"), "x86_64"),
        Command(
            argv=("bash", "-c", typed),
            cwd=home,
            env={"HOME": str(home), "LANG": "C.UTF-8", "PATH": path, "PIP_NO_CACHE_DIR": "off"},
            readable=tuple(readable),
            writable=(home,),
            limits=Limits(seconds=500),
            log=tmp_path / "log",
        ),
    )
    assert done.returncode == 0, done.output[-3000:]
    assert re.findall(r"^works: (\d+)$", done.output, re.MULTILINE) == [str(n) for n in range(len(texts))]


def shapes(house: House, name: str) -> set[str]:
    """Return what is printed for a target, without what is its own: its name, its Python and its pip."""
    found = set()
    for text in [*(text for _, text in shown(house, name)), *summary(house.folders[name], house.root)]:
        plain = re.sub(r"pip-[\d.]+-[\w.]+-none-any\.whl", "PIP", text)
        found.add(re.sub(r"python3\.\d+", "PYTHON", plain.replace(f"targets/{name}", "targets/NAME")))
    return found


def test_nothing_else_is_printed_for_any_preset(printed: House) -> None:
    run = set().union(*(shapes(printed, name) for name in HOSTS))
    for name in printed.folders:
        assert len(shapes(printed, name)) >= 8
        assert shapes(printed, name) <= run, name
