"""The first time: a wheelhouse that nobody signed, an unknown key, a server, a host without pip, an old Python."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.offline_host import contents, install
from tests.support.pythons import need
from tests.support.signed_wheelhouses import house, key, public, target

VERSION = "3.12"
VERSIONS = ("3.6", "3.12")


@pytest.fixture
def unsigned(tmp_path: Path) -> Path:
    house(tmp_path / "house", targets=[target(each) for each in VERSIONS])
    return tmp_path / "house"


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    house(tmp_path / "house", targets=[target(each) for each in VERSIONS], key=key())
    return tmp_path / "house"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def mark(name: str = "admin") -> str:
    done = subprocess.run(["ssh-keygen", "-lf", public(name)], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wheelhouse_that_was_never_signed_says_so_and_installs(version: str, unsigned: Path, home: Path) -> None:
    done = install(need(version), unsigned, "-q", home=home, trust=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This wheelhouse is not signed." in done.stdout
    assert (home / ".local/bin/alpha").exists()


def test_one_that_was_signed_before_must_stay_so(signed: Path, home: Path) -> None:
    python = need(VERSION)
    assert install(python, signed, "-q", home=home).returncode == 0
    (signed / "manifest.json.sig").unlink()
    refused = install(python, signed, "-q", home=home, trust=False)
    assert (refused.returncode, "[unsigned]" in refused.stderr) == (14, True)


def test_an_unknown_key_is_shown_and_can_be_named(signed: Path, home: Path) -> None:
    python = need(VERSION)
    asked = install(python, signed, home=home, trust=False)
    assert (asked.returncode, "[no-trust]" in asked.stderr) == (14, True)
    assert f"then pass --trust {mark()}" in asked.stderr
    assert contents(home) == []
    other = install(python, signed, "--trust", mark("other"), home=home, trust=False)
    assert (other.returncode, "[unknown-key]" in other.stderr) == (14, True)
    assert install(python, signed, "-q", "--trust", mark(), home=home, trust=False).returncode == 0
    assert install(python, signed, "-q", home=home, trust=False).returncode == 0


def at_a_terminal(command: list[str], home: Path, answer: str) -> tuple[int, str]:
    """Run a program at a terminal, answer its question, and return its exit code and what was seen."""
    ours, theirs = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True) as done:
        os.close(theirs)
        seen = ""
        try:
            while True:
                seen += os.read(ours, 4096).decode()
                if seen.rstrip().endswith("[y/N]") and answer:
                    os.write(ours, answer.encode())
                    answer = ""
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return done.returncode, seen


@pytest.mark.parametrize("version", VERSIONS)
def test_at_a_terminal_the_key_is_trusted_after_a_yes(version: str, signed: Path, home: Path) -> None:
    command = [need(version), "-I", str(signed / "install.py"), "-q"]
    code, seen = at_a_terminal(command, home, "\n")
    assert (code, "[no-trust]" in seen) == (14, True), seen
    code, seen = at_a_terminal(command, home, "y\n")
    assert code == 0, seen
    assert mark() in seen
    assert (home / ".local/bin/alpha").exists()
    code, seen = at_a_terminal(command, home, "")
    assert (code, "[y/N]" in seen) == (0, False), seen


def shell(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    return subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)


def test_what_to_do_next_is_said(unsigned: Path, home: Path) -> None:
    done = install(need(VERSION), unsigned, "-q", "--venv", str(home / "env"), home=home, trust=False)
    assert done.returncode == 0, done.stderr
    (line,) = re.findall(r"^  (source .*)$", done.stdout, re.MULTILINE)
    used = shell(f"{line} && alpha", home)
    assert used.stdout == "alpha with beta 1.0\n", used.stderr
    done = install(need(VERSION), unsigned, "-q", home=home, trust=False)
    (line,) = re.findall(r"(export PATH=\S+)$", done.stdout, re.MULTILINE)
    used = shell(f"{line} && alpha", home)
    assert used.stdout == "alpha with beta 1.0\n", used.stderr


def test_a_requirements_file_of_the_user(unsigned: Path, home: Path) -> None:
    (home / "mine.txt").write_text("beta\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    command = [need(VERSION), str(unsigned / "install.py"), "-q", "-r"]
    done = subprocess.run([*command, "mine.txt"], cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "installed 1 package into" in done.stdout
    done = subprocess.run([*command, "none.txt"], cwd=home, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "none.txt: there is no such file" in done.stderr) == (2, True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "house"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}/"
        made.shutdown()
        thread.join()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["http", "file"])
def test_from_a_server(kind: str, version: str, signed: Path, home: Path, server: str, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(signed / "install.py", alone)
    url = server if kind == "http" else signed.as_uri() + "/"
    done = install(need(version), alone, "-q", "--from", url, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "signed by" in done.stdout
    assert (home / ".local/bin/alpha").exists()
    wheel = next((signed / "targets").glob("*/alpha-*.whl"))
    for path in (signed / "targets").glob(f"*/{wheel.name}"):
        path.unlink()
        path.write_bytes(b"x" * 2_000_000)
    longer = install(need(version), alone, "-q", "--from", url, "--upgrade", home=home)
    assert (longer.returncode, "[too-big]" in longer.stderr) == (6, True), longer.stderr
    gone = install(need(version), alone, "-q", "--from", url + "nothere/", home=home)
    assert (gone.returncode, "[no-manifest]" in gone.stderr) == (2, True), gone.stderr


def test_a_server_that_is_not_there(unsigned: Path, home: Path) -> None:
    done = install(need(VERSION), unsigned, "--from", "http://127.0.0.1:9/", home=home, trust=False)
    assert (done.returncode, "[unreachable]" in done.stderr) == (6, True), done.stderr


def test_a_host_without_pip_uses_the_one_of_ensurepip(unsigned: Path, home: Path) -> None:
    subprocess.run([need(VERSION), "-m", "venv", "--without-pip", str(home / "env")], check=True)
    done = install(str(home / "env/bin/python"), unsigned, "-q", home=home, trust=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of ensurepip, as this host has no pip" in done.stdout
    assert (home / "env/bin/alpha").exists()


@pytest.mark.parametrize("program", ["install.py", "import.py"])
def test_an_old_python_is_told_so(program: str, unsigned: Path) -> None:
    from wheelyard.bundle.single import import_py

    (unsigned / "import.py").write_text(import_py())
    old = Path(sys.base_prefix).parent / "2.7.18" / "bin" / "python2.7"
    python = str(old) if old.exists() else shutil.which("python2.7")
    if python is None:
        pytest.skip("there is no Python 2.7 here")
    done = subprocess.run([python, str(unsigned / program)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{program} needs Python 3.6 or newer" in done.stderr
