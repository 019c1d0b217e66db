"""A publication that dies leaves a whole site, and the next one goes on from there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.installers import CLIENTS, install, installed
from tests.support.page_reading import faults
from tests.support.shop import Shop, contents, folder
from wheelyard.bundle import manifest
from wheelyard.domain.site import Site
from wheelyard.io import exchange


def before(shop: Shop) -> Site:
    alpha, beta = shop.entry("alpha", requires=["beta"]), shop.entry("beta")
    return Site(folders=(folder("el9", [alpha, beta]), folder("old", [beta])), extra=(shop.entry("gone"),))


def after(shop: Shop) -> Site:
    alpha, beta, new = shop.entry("alpha", requires=["beta"]), shop.entry("beta", "1.1"), shop.entry("new")
    return Site(folders=(folder("el9", [alpha, beta]), folder("fresh", [beta, new])), documents={"report.html": b"<p>"})


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


def published_in_child(shop: Shop, site: Site, step: int) -> int:
    """Publish in a child that dies at a step; return its exit status: 0 if it came to its end first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside the threads of a test runner
        child = os.fork()
    if child == 0:
        status = 1
        try:
            die_at(step)
            shop.publish(site)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_death_before_any_change_of_a_name_leaves_a_whole_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # the machine does not die here, only the process
    monkeypatch.setattr(exchange, "flush", lambda place: None)
    other = Shop(tmp_path / "right")
    other.publish(after(other))
    right = contents(other.into)
    for step in range(1, 400, 3):  # every third: each was walked once, and all of them take a minute
        shop = Shop(tmp_path / str(step))
        shop.publish(before(shop))
        site = after(shop)
        status = published_in_child(shop, site, step)
        assert status in (0, 9)
        assert not faults(shop.into), f"step {step}"
        for name in {"el9", "old"} & {path.name for path in (shop.into / "targets").iterdir()}:
            versions = {path.name.split("-")[1] for path in (shop.into / "targets" / name).glob("beta*.whl")}
            assert len(versions) == 1, f"step {step}: the folder is neither the old one nor the new one"
        if status == 0:
            assert step > 30, "the walk ended before it began"
            return
        shop.publish(site)
        assert {**contents(shop.into), "manifest.json": ""} == {**right, "manifest.json": ""}, f"step {step}"
        assert {each.path for each in manifest.read(shop.into)[0].files} == set(right) - {"manifest.json"}
        assert not [path for path in shop.into.iterdir() if path.name.startswith(".staging")]
    pytest.fail("a publication of ten files changes more than 400 names")


PUBLISHER = """
import sys
from pathlib import Path
from tests.support.shop import Shop, folder
from wheelyard.domain.site import Site
shop = Shop(Path(sys.argv[1]))
fill = [shop.entry(f"fill-{number}") for number in range(150)]
alpha = shop.entry("alpha", requires=["beta"])
print("ready", flush=True)
while True:
    for version in ("1.0", "1.1"):
        shop.publish(Site(folders=(folder("el9", [alpha, shop.entry("beta", version)]),), extra=tuple(fill)))
        fill.reverse()
        fill.pop(0) if version == "1.0" and len(fill) > 9 else None
"""


def test_kill_at_random_moments_then_pip_installs_and_the_next_run_finishes(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    alpha, beta = shop.entry("alpha", requires=["beta"]), shop.entry("beta", "1.0")
    shop.publish(Site(folders=(folder("el9", [alpha, beta]),)))
    moments = random.Random(20260131)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert process.stdout is not None
        with process.stdout:
            process.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.4))
            process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not faults(shop.into)
    place = shop.into / "targets" / "el9"
    lock = ["--require-hashes", "-r", str(place / "requirements.txt")]
    result = install(CLIENTS[4], tmp_path / "t", "--no-index", "-f", str(place), *lock)
    assert result.returncode == 0, result.stdout
    assert "alpha-1.0" in installed(tmp_path / "t")
    site = Site(folders=(folder("el9", [alpha, beta]),))
    shop.publish(site)
    assert not list(shop.into.glob(".staging-*"))
    assert sorted(path.name for path in (shop.into / "files").glob("*.whl")) == [
        "alpha-1.0-py3-none-any.whl",
        "beta-1.0-py3-none-any.whl",
    ]


def test_where_exchange_is_not_known_two_renames_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        """A C library from before ``renameat2`` and ``syncfs``."""

    monkeypatch.setattr(exchange, "_libc", Old)
    shop = Shop(tmp_path)
    shop.publish(before(shop))
    shop.publish(after(shop))
    assert not faults(shop.into)
    assert sorted(path.name for path in (shop.into / "targets").iterdir()) == ["el9", "fresh"]


def test_a_reader_never_meets_a_half_site(tmp_path: Path) -> None:
    """What a page lists exists, with the hash it says, while twenty publications exchange folders and replace pages."""
    shop = Shop(tmp_path)
    alpha, more = shop.entry("alpha"), [shop.entry(f"more-{number % 10}", f"1.{number}") for number in range(20)]
    shop.publish(Site(folders=(folder("el9", [alpha]),)))
    stop = threading.Event()
    found: list[str] = []
    reads = [0]

    def read() -> None:
        while not stop.is_set():
            found.extend(faults(shop.into))
            reads[0] += 1

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        shop.publish(Site(folders=(folder("el9", [alpha, *more[:number]]),), extra=tuple(more[: number + 1])))
    stop.set()
    reader.join()
    assert reads[0] > 3
    assert not found
