from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interpreters import interpreter
from wheelyard.domain.errors import ConfigError, ToolError
from wheelyard.domain.target import BuildHost, Target
from wheelyard.targets import interpreters
from wheelyard.targets.here import default_name, from_interpreter, this_machine
from wheelyard.targets.interpreters import find, probe, runs_here


def target(python: str, path: str | None = None, platform: str = "linux_x86_64") -> Target:
    build = BuildHost(interpreter=path)
    return Target(name="x", python=python, python_full=f"{python}.0", platform=platform, build=build)


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_this_machine() -> None:
    here = this_machine()
    assert here.python == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert here.python_full == ".".join(map(str, sys.version_info[:3]))
    assert here.build.interpreter
    assert Path(here.build.interpreter).is_file()
    libc = os.confstr("CS_GNU_LIBC_VERSION")
    if libc:
        assert here.platform.startswith("manylinux_" + libc.split()[1].replace(".", "_"))


def test_the_running_one_needs_no_probe() -> None:
    assert interpreters.running() == probe(sys.executable)


def test_a_virtual_environment_answers_with_the_python_it_was_made_from() -> None:
    if sys.prefix == sys.base_prefix:
        pytest.skip("the tests do not run in a virtual environment")
    assert not probe(sys.executable).path.startswith(sys.prefix)


def test_a_pyenv_of_another_user_is_passed_over(tmp_path: Path) -> None:
    locked = tmp_path / "pyenv"
    (locked / "versions" / "3.9.1" / "bin").mkdir(parents=True)
    locked.chmod(0)
    code = "from wheelyard.targets.interpreters import _places; print(list(_places('3.9', 'cpython'))[-1])"
    lower = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    environment = {**os.environ, "PYENV_ROOT": str(locked)}
    done = subprocess.run(
        [*lower, sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    locked.chmod(0o700)
    if "No module named" in done.stderr:
        pytest.skip("this installation is not for every user")
    assert done.stdout == "/usr/bin/python3.9\n", done.stderr


def test_a_shim_that_leads_nowhere_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = interpreter("3.9")
    broken, good = tmp_path / "shims", tmp_path / "good"
    broken.mkdir()
    good.mkdir()
    script(broken / "python3.9", "echo 'pyenv: python3.9: command not found' >&2; exit 127\n")
    script(good / "python3.9", f'exec "{real.path}" "$@"\n')
    monkeypatch.setenv("PATH", f"{broken}:{good}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    assert find(target("3.9")) == real


def test_none_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(
        interpreters, "_places", lambda python, implementation: iter([str(tmp_path / f"python{python}")])
    )
    assert find(target("3.9")) is None


def test_one_that_lies_about_its_version_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "python3.7"
    link.symlink_to(interpreter("3.9").path)
    monkeypatch.setattr(interpreters, "_places", lambda python, implementation: iter([str(link)]))
    assert find(target("3.7")) is None


def test_wrong_version_given() -> None:
    with pytest.raises(ConfigError, match=r"wants cpython 3\.6") as caught:
        find(target("3.6", interpreter("3.9").path))
    assert caught.value.hint


def test_not_an_interpreter_given(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no interpreter there"):
        find(target("3.9", str(tmp_path / "nothing")))
    false = script(tmp_path / "python3.9", "echo broken beyond repair >&2; exit 1\n")
    with pytest.raises(ToolError, match="broken beyond repair"):
        find(target("3.9", str(false)))
    text = tmp_path / "text"
    text.write_text("no program")
    with pytest.raises(ToolError):
        find(target("3.9", str(text)))


def test_asked_once_until_the_file_changes(tmp_path: Path) -> None:
    real, log = interpreter("3.9").path, tmp_path / "log"
    wrapper = script(tmp_path / "python3.9", f'echo asked >> "{log}"\nexec "{real}" "$@"\n')
    assert probe(str(wrapper)) == probe(str(wrapper))
    assert log.read_text().count("asked") == 1
    os.utime(wrapper, ns=(1, 1))
    probe(str(wrapper))
    assert log.read_text().count("asked") == 2


def test_runs_here() -> None:
    real = interpreter("3.9")
    if not real.platform.startswith("manylinux_2_") or not real.platform.endswith("x86_64"):
        pytest.skip("not a glibc x86-64 machine")
    assert runs_here(real, target("3.9", platform="manylinux_2_17_x86_64"))
    assert not runs_here(real, target("3.9", platform="manylinux_2_99_x86_64"))
    assert not runs_here(real, target("3.9", platform="manylinux_2_17_aarch64"))
    assert not runs_here(real, target("3.9", platform="musllinux_1_1_x86_64"))
    assert not runs_here(real, target("3.9", platform="macosx_10_13_x86_64"))


def test_names() -> None:
    assert default_name("3.13t", "manylinux_2_28_x86_64") == "cp313t-manylinux_2_28_x86_64"
    assert from_interpreter(interpreter("3.9"), "mine").name == "mine"


def test_venv_is_reported() -> None:
    real = interpreter("3.12")
    imported = subprocess.run([real.path, "-c", "import venv, ensurepip"], capture_output=True, check=False)
    assert real.has_venv == (imported.returncode == 0)
