from __future__ import annotations

import subprocess
import threading
import uuid
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.sandboxes import working
from wheelyard.build.environment import create
from wheelyard.domain.errors import ToolError, WheelError
from wheelyard.domain.target import Target
from wheelyard.io import beneath
from wheelyard.sandbox.interpreter import interpreter_folders
from wheelyard.sandbox.protocol import Sandbox
from wheelyard.sandbox.workspace import base, sweep, workspace
from wheelyard.targets.interpreters import find


@pytest.fixture
def sandbox() -> Sandbox:
    return working("bubblewrap")


@pytest.mark.parametrize("version", ["3.6", "3.12"])
def test_wheels_of_every_scheme(tmp_path: Path, sandbox: Sandbox, version: str) -> None:
    found = find(Target(name="any", python=version, python_full=version + ".0", platform="linux_x86_64"))
    if found is None:
        pytest.skip(f"there is no Python {version}")
    data = "my_tool-1.0.data"
    files = {
        "my_tool.py": "def main():\n    print('it runs')\n",
        "my_tool-1.0.dist-info/entry_points.txt": "[console_scripts]\nmy-tool = my_tool:main\n",
        f"{data}/scripts/plain": "#!python\nprint('plain')\n",
        f"{data}/headers/my_tool.h": "",
        f"{data}/data/share/my_tool.txt": "",
        f"{data}/platlib/below.py": "",
    }
    wheel = make_wheel(tmp_path, "my-tool", "1.0", files=files)
    blob = tmp_path / "blob"
    wheel.rename(blob)
    folder = tmp_path / "env"
    python = create(folder, Path(found.path), {wheel.name: blob}, sandbox, log=tmp_path / "log")
    assert python == folder / "bin/python"
    for script, said in (("my-tool", "it runs"), ("plain", "plain")):
        done = subprocess.run([folder / "bin" / script], capture_output=True, text=True, check=True)
        assert done.stdout == said + "\n"
    subprocess.run([python, "-c", "import below"], check=True)
    assert (folder / "share/my_tool.txt").is_file()
    assert list(folder.glob("include/**/my_tool.h"))
    # The pip of our own machine has no part in it.
    assert subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode != 0


def test_errors(tmp_path: Path, sandbox: Sandbox, python: Path) -> None:
    wrong = tmp_path / "demo-1.0-py3-none-any.whl"
    wrong.write_bytes(b"nothing")
    with pytest.raises(WheelError, match="not a whole zip"):
        create(tmp_path / "env", python, [wrong], sandbox, log=tmp_path / "log")
    climbing = make_wheel(tmp_path, "demo", "2.0", files={"../../evil.py": "", "demo.py": ""})
    with pytest.raises(WheelError, match="not a plain relative path"):
        create(tmp_path / "env", python, [climbing], sandbox, log=tmp_path / "log")
    assert not list(tmp_path.glob("**/evil.py"))
    with pytest.raises(ToolError, match="cannot make a build environment"):
        create(tmp_path / "env", Path("/usr/bin/false"), [], sandbox, log=tmp_path / "log")


def test_folders_of_an_interpreter(tmp_path: Path) -> None:
    prefix = tmp_path / "python"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib/python3.12").mkdir(parents=True)
    (prefix / "bin/python3.12").touch()
    (prefix / "bin/python").symlink_to("python3.12")
    assert interpreter_folders(prefix / "bin/python") == (prefix,)
    # One that lies among other people's things: only the file.
    lonely = tmp_path / "home/bin/python"
    lonely.parent.mkdir(parents=True)
    lonely.touch()
    assert interpreter_folders(lonely) == (lonely,)
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    (venv / "bin/python").symlink_to(prefix / "bin/python")
    assert interpreter_folders(venv / "bin/python") == (venv, prefix)
    assert interpreter_folders(Path("/usr/bin/python3")) == ()


def test_a_workspace_has_one_owner() -> None:
    key = "0123456789abcdef" * 4
    with workspace(key) as root:
        assert root == base() / key[:24]
        assert root.stat().st_mode & 0o777 == 0o700
        (root / "left").touch()
        entered = threading.Event()

        def enter() -> None:
            with workspace(key):
                entered.set()

        other = threading.Thread(target=enter)
        other.start()
        assert not entered.wait(0.3)  # it waits for us
        assert (root / "left").exists()
    assert entered.wait(10)
    other.join()
    assert not root.exists()
    with pytest.raises(KeyError), workspace(key, keep_failed=True) as root:
        raise KeyError
    sweep()
    assert root.exists()
    with workspace(key) as root:
        assert not list(root.iterdir())


def test_what_killed_runs_left_is_swept() -> None:
    with workspace(uuid.uuid4().hex) as held:
        left = held.with_name(uuid.uuid4().hex[:24])
        (left / "src").mkdir(parents=True)
        sweep()
        assert held.exists()
        assert not left.exists()
        assert not left.with_name(f"{left.name}.lock").exists()


def test_what_a_build_locked_can_be_removed(tmp_path: Path) -> None:
    deep = tmp_path / "top/a/b"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    outside = tmp_path / "outside"
    outside.mkdir()
    (deep / "link").symlink_to(outside)
    deep.chmod(0)
    deep.parent.chmod(0o500)
    beneath.remove(tmp_path / "top")
    assert not (tmp_path / "top").exists()
    assert outside.stat().st_mode & 0o700 == 0o700
    beneath.remove(tmp_path / "never-was")
