"""A publication that dies leaves the wheelhouse that was, or the new one; the next run completes it and clears up."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.page_reading import faults
from tests.support.shop import Shop, contents, folder, left_over
from tests.support.two_sites import after, before
from wheelyard.domain.site import Site
from wheelyard.host.inspecting import check_tree
from wheelyard.io import exchange


class Walk:
    """A wheelhouse that is published over, again and again; what it is before, and what it is to be."""

    def __init__(self, root: Path) -> None:
        self.shop = Shop(root)
        self.start = root / "start"
        self.shop.publish(before(self.shop), self.start)
        self.old = contents(self.start)
        right = root / "right"
        self.shop.publish(before(self.shop), right)
        self.shop.publish(after(self.shop), right)
        self.new = contents(right)
        assert self.old != self.new

    def fresh(self, number: int) -> Path:
        """Return a copy of the wheelhouse, with what its publisher keeps beside it."""
        into = self.shop.root / str(number) / "wheelhouse"
        shutil.copytree(self.start, into)
        shutil.copytree(self.start.parent / ".start.wheelyard", into.parent / ".wheelhouse.wheelyard")
        return into

    def look(self, into: Path, where: str) -> None:
        """Make sure that readers find one of the two wheelhouses, and that the next run completes the new one."""
        assert contents(into) in (self.old, self.new), f"{where}: neither the old wheelhouse nor the new one"
        assert not check_tree(str(into), None), where
        self.shop.publish(after(self.shop), into)
        assert contents(into) == self.new, where
        assert not left_over(into), where
        assert not check_tree(str(into), None), where


def die_at(step: int) -> None:
    """End this process as ``kill -9`` does, just before its ``step``-th change of a name."""
    left = [step]

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object, **options: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
            return call(*arguments, **options)

        return called

    for name in ("replace", "rename", "link", "unlink", "mkdir", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))
    exchange.exchange = counted(exchange.exchange)  # type: ignore[assignment]


def published_in_child(shop: Shop, site: Site, into: Path, step: int) -> int:
    """Publish in a child that dies at a step; return its exit status: 0 if it came to its end first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside the threads of a test runner
        child = os.fork()
    if child == 0:
        status = 1
        try:
            die_at(step)
            shop.publish(site, into)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("exchanges", [True, False])
def test_death_before_a_change_of_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # the machine does not die here, only the process
    monkeypatch.setattr(exchange, "flush", lambda place: None)
    if not exchanges:
        monkeypatch.setattr(exchange, "_libc", Old)
    walk = Walk(tmp_path)
    site = after(walk.shop)
    for step in range(1, 400, 3):  # every third: each was walked once, and all of them take a minute
        into = walk.fresh(step)
        status = published_in_child(walk.shop, site, into, step)
        assert status in (0, 9)
        if exchanges or into.exists():
            walk.look(into, f"step {step}")
        else:  # between two renames there is nothing; the next run puts one of the two back
            walk.shop.publish(site, into)
            assert (contents(into), left_over(into)) == (walk.new, [])
        if status == 0:
            assert step > 30, "the walk ended before it began"
            return
        shutil.rmtree(into.parent)
    pytest.fail("a publication of ten files changes more than 400 names")


class Old:
    """A C library from before ``renameat2`` and ``syncfs``."""


PUBLISHER = """
import sys
from pathlib import Path
from tests.support.two_sites import after
from tests.support.shop import Shop
shop = Shop(Path(sys.argv[1]))
shop.publish(after(shop), Path(sys.argv[2]))
"""
CALLS = "write,fsync,syncfs,fchmod,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir"


def published_under_strace(walk: Walk, into: Path, *arguments: str | Path) -> int:
    """Publish under strace and return how it ended."""
    command = ["strace", "-qq", *arguments, sys.executable, "-B", "-c", PUBLISHER, str(walk.shop.root), str(into)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def _strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


@pytest.mark.skipif(not _strace_works(), reason="strace is missing or may not trace")
def test_sigkill_at_calls_of_the_system_then_install_py_and_the_next_run(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    trace = tmp_path / "trace"
    published_under_strace(walk, walk.fresh(0), "-o", trace, f"--trace={CALLS}")
    calls = [found[1] for line in trace.read_text().splitlines() if (found := re.match(r"(\w+)\(", line))]
    switch = calls.index("renameat2")
    sample = random.Random(20260131).sample(range(calls.index("mkdir"), len(calls) - 1), 3)
    for number in sorted({*sample, switch, switch + 1}):
        into = walk.fresh(number + 1)
        name, count = calls[number], calls[: number + 1].count(calls[number])
        kill = f"--inject={name}:signal=KILL:when={count}"
        assert published_under_strace(walk, into, "-o", "/dev/null", f"--trace={name}", kill) != 0
        done = subprocess.run(
            [sys.executable, "-I", into / "install.py", "--dry-run", "--allow-unsigned", "--no-system-packages"],
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"call {number}: {done.stdout}{done.stderr}"
        assert (contents(into) == walk.new) == (number > switch)
        walk.look(into, f"call {number}, {name}")


def test_what_others_put_there_is_there_in_the_next_generation_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.publish(before(shop))
    hidden = shop.into / ".git" / "refs"
    hidden.mkdir(parents=True)
    (hidden / "main").write_text("0123")
    (shop.into / ".htaccess").write_text("Options -Indexes")
    (shop.into / "mine").mkdir()
    (shop.into / "mine" / "link").symlink_to("nowhere")
    (shop.into / "empty").mkdir()
    shop.into.chmod(0o2751)
    for site in (after(shop), before(shop)):
        shop.publish(site)
        assert (shop.into / ".git/refs/main").read_text() == "0123"
        assert (shop.into / ".htaccess").read_text() == "Options -Indexes"
        assert (shop.into / "mine" / "link").readlink() == Path("nowhere")
        assert (shop.into / "empty").is_dir()
        assert shop.into.stat().st_mode & 0o7777 == 0o2751


def test_who_has_the_folder_open_reads_on_in_the_generation_before(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.publish(before(shop))
    old = contents(shop.into)
    opened = os.open(shop.into, os.O_RDONLY | os.O_DIRECTORY)
    try:
        shop.publish(after(shop))
        assert contents(Path(f"/proc/self/fd/{opened}")) == old
    finally:
        os.close(opened)
    kept = tmp_path / ".wheelhouse.wheelyard"
    assert contents(kept / "before") == old
    assert kept.stat().st_mode & 0o777 == 0o700, "what was taken out is for no server to give away"


def test_a_wheelhouse_that_an_earlier_wheelyard_made_is_taken_over(tmp_path: Path) -> None:
    """It kept its record and its lock in the folder, and left there what it was killed over."""
    shop = Shop(tmp_path)
    shop.publish(before(shop))
    right = contents(shop.into)
    (tmp_path / ".wheelhouse.wheelyard" / "published.json").rename(shop.into / ".published.json")
    for name in (".lock", ".facts.json"):
        (shop.into / name).write_text("")
    (shop.into / ".staging-12" / "files").mkdir(parents=True)
    assert shop.publish(before(shop)).written == 0
    assert contents(shop.into) == right
    shop.publish(after(shop))
    assert sorted(path.name for path in shop.into.iterdir() if path.name.startswith(".")) == [".site.json"]


def test_two_machines_publish_the_same_bytes_hidden_ones_too(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        shop = Shop(tmp_path / name)
        shop.publish(before(shop))
        shop.publish(after(shop))
        files = (path for path in sorted(shop.into.rglob("*")) if path.is_file())
        made.append({path.relative_to(shop.into): path.read_bytes() for path in files})
    assert made[0] == made[1]


def test_who_holds_the_folder_meets_one_generation_while_the_next_is_made(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    alpha, more = shop.entry("alpha"), [shop.entry(f"more-{number % 5}", f"1.{number}") for number in range(10)]
    shop.publish(Site(folders=(folder("el9", [alpha]),)))
    for number in range(10):
        site = Site(folders=(folder("el9", [alpha, *more[:number]]),), extra=tuple(more[: number + 1]))
        held = os.open(shop.into, os.O_RDONLY | os.O_DIRECTORY)
        publisher = threading.Thread(target=shop.publish, args=(site,))
        publisher.start()
        place = Path(f"/proc/self/fd/{held}")
        reads = 0
        while publisher.is_alive() or not reads:
            assert not [*faults(place), *check_tree(str(place), None)]
            reads += 1
        publisher.join()
        os.close(held)
        assert not [*faults(shop.into), *check_tree(str(shop.into), None)]
