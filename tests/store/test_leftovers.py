"""What a killed process leaves behind is gone after the next one; what a living one works with is not touched."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from wheelyard.io import files
from wheelyard.io.temporary import temporary_folder
from wheelyard.store.blobs import Store

FOLDER = """
from wheelyard.io.temporary import temporary_folder
with temporary_folder("demo") as folder:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("x")
    (folder / "sub").chmod(0)
    print(folder, flush=True)
    input()
"""
BLOB = """
import pathlib, sys
from wheelyard.store.blobs import Store
with Store(pathlib.Path(sys.argv[1])).scratch() as folder:
    print(folder, flush=True)
    input()
"""
FILE = """
import pathlib, sys
from wheelyard.io.files import replacing
with replacing(pathlib.Path(sys.argv[1])) as stream:
    stream.write(b"half of a longer text")
    stream.flush()
    print("writing", flush=True)
    input()
"""


def started(program: str, *arguments: str | Path, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Return a process that has begun and waits, and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def killed(program: str, *arguments: str | Path, folder: Path) -> str:
    process, said = started(program, *arguments, folder=folder)
    process.kill()
    process.communicate()
    return said


def ended(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def test_a_folder_of_a_killed_process_is_removed_by_the_next_one(tmp_path: Path) -> None:
    left = Path(killed(FOLDER, folder=tmp_path))
    assert left.parent == tmp_path
    assert left.is_dir()
    process, alive = started(FOLDER, folder=tmp_path)
    assert [str(path) for path in tmp_path.iterdir()] == [alive]
    with temporary_folder("demo", tmp_path):
        assert Path(alive).is_dir()  # its owner lives
    ended(process)
    assert not list(tmp_path.iterdir())


def test_what_others_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "wheelyard-temporary-x").symlink_to(tmp_path / "mine")
    with temporary_folder("demo", tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "wheelyard-temporary-x"]


def test_the_scratch_of_a_killed_run_is_removed_from_the_store(tmp_path: Path) -> None:
    killed(BLOB, tmp_path, folder=tmp_path)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    with Store(tmp_path).scratch() as folder:
        assert list((tmp_path / "tmp").iterdir()) == [folder]
    assert not list((tmp_path / "tmp").iterdir())


def test_a_file_that_was_half_written_is_taken_by_the_next_writer(tmp_path: Path) -> None:
    goal = tmp_path / "file"
    killed(FILE, goal, folder=tmp_path)
    assert not goal.exists()
    assert len(list(tmp_path.iterdir())) == 1
    assert files.write(goal, b"whole")
    assert list(tmp_path.iterdir()) == [goal]
    assert goal.read_bytes() == b"whole"


def test_two_writers_of_one_file_write_one_after_the_other(tmp_path: Path) -> None:
    goal, done = tmp_path / "file", threading.Event()

    def second() -> None:
        files.write(goal, b"second")
        done.set()

    process, _ = started(FILE, goal, folder=tmp_path)
    thread = threading.Thread(target=second)
    thread.start()
    assert not done.is_set()
    ended(process)
    thread.join()
    assert goal.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [goal]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127])
def test_the_longest_name_can_be_written(name: str, tmp_path: Path) -> None:
    assert files.write(tmp_path / name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_is_swept_before_it_is_opened_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = tempfile.mkdtemp

    def swept_at_once(prefix: str, dir: Path) -> str:  # noqa: A002  (the names in the library)
        made.append(real(prefix=prefix, dir=dir))
        if len(made) == 1:
            Path(made[0]).rmdir()  # as a process does that comes there first and finds nobody's lock on it
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_once)
    with temporary_folder("demo", tmp_path) as folder:
        assert folder == Path(made[1])
        assert folder.is_dir()
