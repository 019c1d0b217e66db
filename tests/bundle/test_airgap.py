"""The whole way, by the commands of docs/airgap.md; and an ordinary user of a host without a network."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import pack
from tests.support.pythons import need
from tests.support.signed_wheelhouses import house, key, published

PAGE = Path(__file__).parents[2] / "docs" / "airgap.md"


def blocks() -> dict[str, list[str]]:
    """Return the commands of the page by the heading they stand below."""
    found: dict[str, list[str]] = {}
    heading, inside = "", False
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("```"):
            inside = line == "```console"
        elif inside:
            assert line.startswith("$ "), line
            found.setdefault(heading, []).append(line[2:])
    return found


def shell(commands: list[str], cwd: Path, path: str, home: Path) -> str:
    env = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "1767225600"}
    script = "set -eux\n" + "\n".join(commands)
    done = subprocess.run(["bash", "-c", script], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    found = blocks()
    work, home, tools = tmp_path / "work", tmp_path / "home", tmp_path / "bin"
    for folder in (work, home, tools):
        folder.mkdir()
    published(work / "wheelhouse")
    shutil.copy(key(), work / "admin_key")
    shutil.copy(key().with_suffix(".pub"), work / "admin_key.pub")
    (tools / "wheelyard").write_text(f'#!/bin/sh\nexec {sys.executable} -m wheelyard "$@"\n')
    (tools / "wheelyard").chmod(0o755)
    (tools / "python3").symlink_to(need("3.12"))
    path = f"{tools}:/usr/bin:/bin"
    for heading in ("The admin, on the connected side", "The admin, on the other side", "The user of a host"):
        if heading == "The admin, on the connected side":
            report, first, *later = found[heading]
            shell([report, first], work, path, home)
            house(work / "wheelhouse", alpha="1.1", expires="2999-01-01T00:00:00Z")
            assert "updated  alpha" in shell(later, work, path, home)
        else:
            shell(found[heading], work, path, home)
    assert re.match(r"0+\d-", (work / "intranet" / "current").readlink().name)
    assert (home / ".local" / "bin" / "alpha").exists()


def host(python: str, disk: Path, *commands: str, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run commands as an ordinary user of a host without a network, whose home is empty and disk read-only."""
    if shutil.which("bwrap") is None:
        pytest.skip("no bubblewrap here")
    prefix = Path(python).resolve().parents[1]
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--uid", "1000", "--gid", "1000", "--clearenv"]
    for folder in ("/usr", "/lib", "/lib64", "/bin", "/etc"):
        if Path(folder).exists():
            command += ["--ro-bind", folder, folder]
    command += ["--ro-bind", str(prefix), str(prefix), "--ro-bind", str(disk), "/media/disk"]
    if site is not None:
        library = next((prefix / "lib").glob("python3.*/site-packages"))
        command += ["--ro-bind", str(site), str(library)]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/home/user", "--chdir", "/home/user"]
    command += ["--setenv", "HOME", "/home/user", "--setenv", "PATH", f"{prefix}/bin:/usr/bin:/bin"]
    command += ["--setenv", "LANG", "C.UTF-8"]
    return subprocess.run(
        [*command, "bash", "-eux", "-c", "\n".join(commands)], capture_output=True, text=True, check=False
    )


@pytest.mark.network
@pytest.mark.parametrize("version", ["3.6", "3.12"])
def test_an_ordinary_user_without_a_network(version: str, tmp_path: Path, old_pip: Path) -> None:
    python = need(version)
    disk = tmp_path / "disk"
    disk.mkdir()
    published(tmp_path / "house")
    pack(tmp_path / "house", disk / "bundle.tar", keys=[key()])
    shutil.copy(key().with_suffix(".pub"), disk)
    folder = "py" + version.replace(".", "")
    user = f"python{version} -m pip install --user --no-index --require-hashes"
    done = host(
        python,
        disk,
        "! python3 -c \"import socket; socket.create_connection(('192.0.2.1', 80), 1)\"",
        "id -u; ! touch /media/disk/x",
        "tar -xf /media/disk/bundle.tar",
        f"python{version} wheelhouse-1/install.py --trust /media/disk/admin.pub",
        ".local/bin/alpha",
        f"python{version} wheelhouse-1/install.py --uninstall",
        "test -z \"$(find /home/user -mindepth 1 -not -path '*/wheelhouse-1*')\"",
        f"{user} -f wheelhouse-1/targets/{folder} -r wheelhouse-1/targets/{folder}/requirements.txt",
        ".local/bin/alpha",
        site=old_pip if version == "3.6" else None,
    )
    if "Creating new namespace" in done.stderr or "setting up uid map" in done.stderr:
        pytest.skip("this machine gives no name spaces")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1000" in done.stdout.split()
    assert done.stdout.count("alpha with beta 1.0") == 2
    assert f"chosen: targets/{folder}" in done.stdout
    if version == "3.6":
        assert "with: pip 9.0.3 of this host" in done.stdout


def test_the_page_names_every_refusal() -> None:
    named = set(re.findall(r"`([a-z-]+)`", PAGE.read_text()))
    source = "".join(
        (PAGE.parents[1] / "src/wheelyard/host" / f"{name}.py").read_text()
        for name in ("trust", "volumes", "tarstream", "applying", "manifest", "sshsig")
    )
    raised = set(re.findall(r'Refused\(\s*"([a-z-]+)"', source)) - {
        "usage",
        "unreadable",
        "bad-signers",
        "not-a-bundle",
    }
    assert raised - named == set()


def test_shell_quoting_of_the_page() -> None:
    for commands in blocks().values():
        for command in commands:
            assert shlex.split(command)
    assert os.sep == "/"
