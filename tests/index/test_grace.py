"""What leaves a wheelhouse stays for a moment, for who has read of it; then it is gone, as if it had not stayed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import Shop, contents, left_over
from tests.support.two_sites import after, before
from wheelyard.domain.events import Event, Told
from wheelyard.host.inspecting import check_tree
from wheelyard.index.publish import publish
from wheelyard.index.rollback import roll_back

GONE = ("files/beta-1.0-py3-none-any.whl", "targets/el9/beta-1.0-py3-none-any.whl")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def right(shop: Shop) -> dict[str, str]:
    """What the second site is when it is published over the first, and nobody reads."""
    place = shop.root / "right"
    shop.publish(before(shop), place)
    shop.publish(after(shop), place)
    return contents(place)


def test_who_has_read_the_lock_before_the_switch_installs_after_it(shop: Shop, right: dict[str, str]) -> None:
    shop.publish(before(shop))
    folder = shop.into / "targets" / "el9"
    lock = shop.root / "lock-of-before.txt"
    lock.write_bytes((folder / "requirements.txt").read_bytes())
    said: list[str] = []

    def read_on(event: Event) -> None:
        if not isinstance(event, Told):
            return
        said.append(event.message)
        assert "beta-1.0" not in (folder / "index.html").read_text()
        assert not check_tree(str(shop.into), None)
        command = [sys.executable, "-m", "pip", "install", "--no-index", "-f", str(folder), "--require-hashes"]
        command += ["-r", str(lock), "--target", str(shop.root / "host")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    publish(after(shop), store=shop.store, into=shop.into, grace=0.01, report=read_on)
    assert said == ["2 files leave in 0.01 s: who is reading can finish (--grace 0: at once)"]
    assert not any((shop.into / path).exists() for path in GONE)
    assert contents(shop.into) == right
    assert not left_over(shop.into)


def test_who_stops_waiting_leaves_a_whole_wheelhouse_and_the_next_run_takes_out_what_left(
    shop: Shop, right: dict[str, str]
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Told):
            raise KeyboardInterrupt

    shop.publish(before(shop))
    old = contents(shop.into)
    with contextlib.suppress(KeyboardInterrupt):
        publish(after(shop), store=shop.store, into=shop.into, grace=60, report=stop)
    assert all((shop.into / path).exists() for path in GONE)
    assert not check_tree(str(shop.into), None)
    shop.publish(after(shop))
    assert contents(shop.into) == right
    roll_back(shop.into, store=shop.store)  # to what was before all of it, not to what was in between
    assert contents(shop.into).keys() == old.keys()
