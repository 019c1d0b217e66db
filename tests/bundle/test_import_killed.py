"""Death at every rename, link and fsync of an import, and a disk that is full at every write: strace makes it so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.signed_wheelhouses import house, key, public, target
from tests.support.trees import tree
from wheelyard.bundle.import_ import TrustOptions, check, import_bundle, policy_of
from wheelyard.bundle.manifest import read
from wheelyard.bundle.pack import pack
from wheelyard.bundle.single import import_py

CALLS = "rename,renameat,renameat2,symlink,symlinkat,fsync,fdatasync,link,linkat,unlink,unlinkat"


def _strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


needs_strace = pytest.mark.skipif(not _strace_works(), reason="strace is missing or may not trace")


class Stage:
    """An intranet folder with sequence 1, a bundle of sequence 2, and import.py to import it with."""

    def __init__(self, folder: Path) -> None:
        root = folder / "house"
        house(root, targets=[target("3.12")])
        import_bundle(
            pack(root, folder / "1.tar", keys=[key()]).volumes, folder / "start", TrustOptions(trust=public())
        )
        self.old = tree(folder / "start" / "current")
        house(root, targets=[target("3.12")], alpha="1.1")
        pack(root, folder / "2.tar", keys=[key()], since=folder / "1.tar")
        self.new = tree(root)
        (folder / "import.py").write_text(import_py())
        self.folder = folder

    def run(self, into: Path, *strace: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-E", "-S", str(self.folder / "import.py"), "--into", str(into)]
        command += [str(self.folder / "2.tar")]
        tracing = ["strace", "-qq", "-o", str(self.folder / "trace"), *strace] if strace else []
        # Without OpenSSH in the way: our own verifier is enough here, and the walk is long.
        env = {"PATH": str(self.folder), "HOME": str(self.folder)}
        tool = [shutil.which(tracing[0]) or "", *tracing[1:]] if tracing else []
        return subprocess.run([*tool, *command], env=env, capture_output=True, text=True, check=False)

    def fresh(self, name: str) -> Path:
        shutil.copytree(self.folder / "start", self.folder / name, symlinks=True)
        return self.folder / name

    def trace(self, calls: str) -> list[str]:
        into = self.fresh("counted")
        assert self.run(into, "-e", f"trace={calls}").returncode == 0
        assert tree(into / "current") == self.new
        lines = (self.folder / "trace").read_text().splitlines()
        shutil.rmtree(into)
        return [line for line in lines if re.match(r"\w+\(", line)]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@needs_strace
@pytest.mark.slow
def test_killed_at_every_step_the_old_or_the_new_one_is_published_whole(stage: Stage) -> None:
    steps = stage.trace(CALLS)
    assert sum(line.startswith("rename") for line in steps) >= 3  # what was learnt, the generation, the link
    assert sum(line.startswith("fsync") for line in steps) >= 10
    outcomes = []
    for number, step in enumerate(steps, 1):
        call = step.partition("(")[0]
        ordinal = sum(each.startswith(f"{call}(") for each in steps[:number])  # strace counts each call by itself
        into = stage.fresh(f"killed-{number}")
        done = stage.run(into, "-e", f"inject={call}:signal=KILL:when={ordinal}")
        assert done.returncode in (-9, 137), (number, done)
        found = tree(into / "current")
        assert found in (stage.old, stage.new), steps[number - 1]
        shown = read(into / "current")[0]  # what is published was remembered before, whatever came between
        assert policy_of(into).seen[shown.channel].sequence >= shown.sequence, steps[number - 1]
        outcomes.append(found == stage.new)
        if number % 5 == 0 or outcomes[-1]:  # the next run goes on from there
            again = stage.run(into)
            assert again.returncode == 0, again.stderr
            assert tree(into / "current") == stage.new
            assert check([into]) == ([], True)
            assert not [path for path in (into / "generations").iterdir() if path.name.startswith(".")]
        shutil.rmtree(into)
    assert outcomes == sorted(outcomes)  # once switched, switched
    assert outcomes[0] is False
    assert outcomes[-1] is True


@needs_strace
@pytest.mark.parametrize(("call", "fault"), [("write", "ENOSPC"), ("fsync", "EIO"), ("link", "ENOSPC")])
def test_a_disk_that_is_full_or_broken_at_any_step(call: str, fault: str, stage: Stage) -> None:
    count = len(stage.trace(call))
    assert count
    for number in sorted({1, 2, 3, count // 2 or 1, max(count - 4, 1)}):
        into = stage.fresh(f"full-{number}")
        done = stage.run(into, "-e", f"inject={call}:error={fault}:when={number}+")
        found = tree(into / "current")
        assert found in (stage.old, stage.new), (number, done)
        if found == stage.old:
            assert done.returncode != 0
            assert "Traceback" not in done.stderr
            assert not [path for path in (into / "generations").iterdir() if path.name.startswith(".")]
        assert stage.run(into).returncode == 0
        assert tree(into / "current") == stage.new


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    root = tmp_path / "house"
    house(root, targets=[target("3.12")])
    first = pack(root, tmp_path / "1.tar", keys=[key()]).volumes
    house(root, targets=[target("3.12")], alpha="1.1", bulk=1_000_000)
    second = pack(root, tmp_path / "2.tar", keys=[key()]).volumes
    code = (
        "import sys; from pathlib import Path\n"
        "from wheelyard.bundle.import_ import *; from wheelyard.domain.errors import StorageError\n"
        "from wheelyard.host import applying\n"
        "applying._room = lambda *a: None\n"  # the check before is tested elsewhere: this is the disk's own word
        f"import_bundle([Path({str(first[0])!r})], Path('disk/into'), TrustOptions(trust=Path({str(public())!r})))\n"
        f"try: import_bundle([Path({str(second[0])!r})], Path('disk/into'))\n"
        "except StorageError as error: print(error)\n"
        "print(check([Path('disk/into')]))\n"
        "print(sorted(p.name[0] for p in Path('disk/into/generations').iterdir()))\n"
    )
    shell = f'mount -t tmpfs -o size=600k none disk && exec {sys.executable} -c "$CODE"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell],
        cwd=tmp_path,
        env={**os.environ, "CODE": code},
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr:
        pytest.skip("may not mount here")
    assert "[disk-full]" in done.stdout, done.stdout + done.stderr
    assert done.stdout.splitlines()[1:] == ["([], True)", "['0']"]
