"""What a build tries, and sees denied; each attempt is shown to work where nothing is cut off."""

from __future__ import annotations

import fcntl
import os
import socket
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandboxes import working
from tests.support.waiting import wait_for
from wheelyard.domain.command import Command, Completed, Limits
from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.domain.events import Event, Warned
from wheelyard.domain.settings import BuildSettings
from wheelyard.sandbox import local as room
from wheelyard.sandbox.interpreter import interpreter_folders
from wheelyard.sandbox.protocol import Sandbox


class Place:
    """A folder to write in, and one that is none of the build's business."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.inside = folder / "inside"
        self.outside = folder / "outside"
        self.log = folder / "log"
        self.python = python
        self.inside.mkdir()
        self.outside.mkdir()

    def run(self, sandbox: Sandbox, script: str, *, limits: Limits | None = None) -> Completed:
        return sandbox.run(
            Command(
                argv=(str(self.python), "-I", "-c", textwrap.dedent(script)),
                cwd=self.inside,
                env={"PATH": "/usr/bin:/bin", "TMPDIR": str(self.inside)},
                readable=interpreter_folders(self.python),
                writable=(self.inside,),
                limits=limits or Limits(seconds=300),
                log=self.log,
            )
        )


@pytest.fixture
def place(tmp_path: Path, python: Path) -> Place:
    return Place(tmp_path, python)


@pytest.fixture(params=["bubblewrap", "unshare"])
def shut(request: pytest.FixtureRequest) -> Sandbox:
    """Each sandbox that claims to cut everything off."""
    sandbox = working(request.param)
    assert sandbox.isolation == "full"
    return sandbox


@pytest.fixture
def server() -> Iterator[int]:
    """A port of this machine that greets whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()
        listener.settimeout(0.2)

        def greet() -> None:
            while not done.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.sendall(b"hello")

        thread = threading.Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join()


def is_free(path: Path) -> bool:
    with path.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.parametrize("name", ["bubblewrap", "unshare"])
def test_no_network(place: Place, server: int, name: str) -> None:
    script = f"import socket; print(socket.create_connection(('127.0.0.1', {server}), timeout=60).recv(5))"
    assert "hello" in place.run(room.Bare(), script).output
    denied = place.run(working(name), script)
    assert denied.returncode != 0
    assert "hello" not in denied.output


def test_no_file_of_the_host(place: Place, shut: Sandbox) -> None:
    secret = place.outside / "id_ed25519"
    secret.write_text("very secret")
    script = f"print(open({str(secret)!r}).read())"
    assert "very secret" in place.run(room.Bare(), script).output
    denied = place.run(shut, script)
    assert "FileNotFoundError" in denied.output
    assert "very secret" not in denied.output


def test_home_and_etc_are_not_there(place: Place, shut: Sandbox) -> None:
    script = "import os; print(sorted(os.listdir('/')), os.path.exists('/etc/shadow'), os.path.exists('/etc/hostname'))"
    done = place.run(shut, script)
    assert done.returncode == 0
    assert "'var'" in done.output or "'tmp'" in done.output
    assert "'home'" not in done.output
    assert done.output.strip().endswith("False False")


def test_no_secret_of_the_environment(place: Place, shut: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPLOAD_TOKEN", "very-secret")
    for sandbox in (room.Bare(), shut):
        done = place.run(sandbox, "import os; print(sorted(os.environ))")
        assert done.returncode == 0
        assert "UPLOAD_TOKEN" not in done.output
    # Nor by way of another process: there is none of ours to be seen.
    script = """
        import glob
        for name in glob.glob('/proc/[0-9]*/environ'):
            try:
                print(open(name).read())
            except OSError:
                pass
    """
    assert "very-secret" not in place.run(shut, script).output


def test_nothing_is_written_outside(place: Place, shut: Sandbox) -> None:
    script = f"""
        import os
        for path in ({str(place.outside / "x")!r}, '/usr/wheelyard-x', '/etc/wheelyard-x', {str(place.inside / "x")!r}):
            try:
                open(path, 'w').close()
                print('wrote', path)
            except OSError as error:
                print(error)
    """
    done = place.run(shut, script)
    assert done.output.count("wrote") == 1
    assert not list(place.outside.iterdir())
    assert [path.name for path in place.inside.iterdir()] == ["x"]
    place.run(room.Bare(), f"open({str(place.outside / 'y')!r}, 'w').close()")
    assert (place.outside / "y").exists()


def test_no_right_is_left(place: Place, shut: Sandbox) -> None:
    """Neither what root may do, nor what is behind the mounts, nor another root by way of a new user name space."""
    script = f"""
        import os, subprocess
        print('user', os.getuid(), os.getgroups())
        status = dict(line.split(':\\t') for line in open('/proc/self/status') if ':\\t' in line)
        rights = {{int(status[name], 16) for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')}}
        print('rights', rights, status['NoNewPrivs'])
        for program in ('mount -o remount,bind,rw /usr', 'umount /usr', 'umount -l {place.inside}', 'umount /tmp'):
            print('0' if subprocess.call(['sh', '-c', program]) == 0 else 'denied', program)
            inner = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', program]
            print('0' if subprocess.call(inner) == 0 else 'denied', 'inner', program)
        for path in ('/proc/1/root/etc/shadow', '/proc/1/cwd/etc/shadow', '/dev/kmsg', '/dev/mem'):
            print('0' if os.access(path, os.R_OK) else 'denied', path)
        print(sorted(os.listdir('/dev')))
    """
    done = place.run(shut, script)
    assert done.returncode == 0, done.output
    assert "rights {0} 1" in done.output
    assert "user 0" not in done.output or os.geteuid() != 0
    assert not [line for line in done.output.splitlines() if line.startswith("0 ")], done.output


def test_what_a_build_wrote_is_not_what_shuts_the_next_one_in(place: Place, shut: Sandbox) -> None:
    """The first folder of a build's PATH is one that its own code may write."""
    for name in ("unshare", "bwrap", "setpriv", "prlimit", "sh", "python3"):
        program = place.inside / name
        program.write_text(f"#!/bin/sh\necho x >> {place.outside}/ran\n")
        program.chmod(0o755)
    done = shut.run(
        Command(
            argv=(str(place.python), "-c", "print('ran')"),
            cwd=place.inside,
            env={"PATH": f"{place.inside}:/usr/bin:/bin"},
            readable=interpreter_folders(place.python),
            writable=(place.inside,),
            limits=Limits(seconds=300),
            log=place.log,
        )
    )
    assert done.output.strip() == "ran"
    assert not (place.outside / "ran").exists()


def test_no_process_of_the_host(place: Place, shut: Sandbox) -> None:
    script = f"import os; os.kill({os.getpid()}, 0); print('alive')"
    if os.geteuid() == 0:
        assert "alive" in place.run(room.Bare(), script).output
    assert "alive" not in place.run(shut, script).output


@pytest.mark.parametrize("name", ["bubblewrap", "unshare", "none"])
def test_a_build_without_end_is_ended(place: Place, name: str) -> None:
    sandbox = room.Bare() if name == "none" else working(name)
    done = place.run(sandbox, "import time; print('x', flush=True); time.sleep(3000)", limits=Limits(seconds=1))
    assert done.timed_out


def test_a_log_has_a_bound(place: Place, bubblewrap: Sandbox) -> None:
    script = "for _ in range(100):\n    print('x' * (1 << 20))\nprint('the very end')"
    done = place.run(bubblewrap, script)
    assert done.returncode == 0
    assert done.output.endswith("x\nthe very end\n")
    assert len(done.output) < 20 << 20
    said = place.log.read_bytes()
    assert len(said) < 70 << 20
    assert said.endswith(b"x\nthe very end\n")
    assert b"bytes of output are left out here" in said[64 << 20 :]


@pytest.mark.parametrize("name", ["bubblewrap", "unshare"])
def test_what_it_started_has_ended_with_it(place: Place, name: str) -> None:
    beat = place.inside / "beat"
    script = f"""
        import fcntl, os, time
        if os.fork() == 0:
            os.setsid()
            stream = open({str(beat)!r}, 'a')
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.write('x')
            stream.flush()
            time.sleep(3000)
        while not os.path.exists({str(beat)!r}) or not os.path.getsize({str(beat)!r}):
            time.sleep(0.01)
    """
    assert place.run(working(name), script).returncode == 0
    with beat.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # free: who held it is gone


@pytest.mark.parametrize("name", ["bubblewrap", "unshare"])
def test_what_it_left_behind_is_ended_too(place: Place, name: str) -> None:
    beat = place.inside / "beat"
    script = f"""
        import fcntl, os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                stream = open({str(beat)!r}, 'a')
                fcntl.flock(stream, fcntl.LOCK_EX)
                stream.write('x')
                stream.flush()
                time.sleep(3000)
            os._exit(0)
        time.sleep(3000)
    """
    for seconds in (1.5, 10, 60, 300):  # until a busy machine has come to where it leaves something behind
        assert place.run(working(name), script, limits=Limits(seconds=seconds)).timed_out
        if beat.exists() and beat.stat().st_size:
            break
    # The kernel ends a process name space in its own time where the build did not end by itself.
    wait_for(lambda: is_free(beat))  # who held it is gone


def test_forks_without_end_meet_a_limit(place: Place, shut: Sandbox) -> None:
    script = """
        import os, time
        count = 0
        try:
            while count < 2000:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                count += 1
        except OSError as error:
            print('stopped at', count, type(error).__name__)
    """
    done = place.run(shut, script, limits=Limits(seconds=300, processes=40))
    assert "stopped at" in done.output
    assert int(done.output.split("stopped at")[1].split()[0]) < 40 + 200  # what the user had running before is added


def test_memory_meets_a_limit(place: Place, shut: Sandbox) -> None:
    done = place.run(shut, "b = b'x' * (300 << 20); print('got it')", limits=Limits(seconds=300, memory=200 << 20))
    assert "MemoryError" in done.output
    assert "got it" in place.run(shut, "b = b'x' * (300 << 20); print('got it')").output


def test_the_best_that_works_is_found() -> None:
    heard: list[Event] = []
    found = room.find_sandbox(BuildSettings(), heard.append)
    if room._refusal("bubblewrap") is None:
        assert (found.name, found.isolation, heard) == ("bubblewrap", "full", [])
    else:
        assert any(isinstance(event, Warned) for event in heard)


def test_none_is_loud_and_can_be_refused() -> None:
    heard: list[Event] = []
    found = room.find_sandbox(BuildSettings(sandbox="none"), heard.append)
    assert found.isolation == "none"
    (warning,) = heard
    assert isinstance(warning, Warned)
    assert "NO SANDBOX" in warning.message
    with pytest.raises(ToolError, match="cannot be cut off"):
        room.find_sandbox(BuildSettings(sandbox="none", require_sandbox=True), heard.append)


def test_containers_are_not_made_up() -> None:
    with pytest.raises(ConfigError, match="no image"):
        room.find_sandbox(BuildSettings(sandbox="container"), lambda _: None)


def test_what_does_not_work_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_refusal", lambda name: f"no {name} today")
    with pytest.raises(ToolError, match="no bubblewrap today"):
        room.find_sandbox(BuildSettings(sandbox="bubblewrap"), lambda _: None)
    heard: list[Event] = []
    assert room.find_sandbox(BuildSettings(), heard.append).name == "none"
    assert "no bubblewrap today" in str(heard[0])
    assert "no unshare today" in str(heard[0])
    with pytest.raises(ToolError, match="no unshare today"):
        room.find_sandbox(BuildSettings(require_sandbox=True), heard.append)
