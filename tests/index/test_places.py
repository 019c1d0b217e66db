"""Where a wheelhouse may lie, and what becomes of it there: mounted, stood in, copied, without hard links."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shop import Shop, contents, left_over, state_of
from tests.support.two_sites import after, before
from wheelyard.domain.errors import StorageError
from wheelyard.host.inspecting import check_tree

PUBLISHER = """
import sys
from pathlib import Path
from tests.support.shop import Shop
from tests.support.two_sites import after
from wheelyard.domain.events import Warned
from wheelyard.index.publish import publish
shop = Shop(Path(sys.argv[1]))
said = []
publish(after(shop), store=shop.store, into=Path(sys.argv[2]), report=said.append)
print([each.message for each in said if isinstance(each, Warned)])
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def published_elsewhere(shop: Shop, into: str, *wrapper: str, cwd: Path) -> str:
    """Publish in a process of its own and return what it warned of."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [*wrapper, sys.executable, "-c", PUBLISHER, str(shop.root), into]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def right(shop: Shop) -> dict[str, str]:
    """Return what the second site is when it is published over the first."""
    other = shop.root / "right"
    shop.publish(before(shop), other)
    shop.publish(after(shop), other)
    return contents(other)


def test_who_publishes_from_inside_is_told_and_stays_in_the_wheelhouse(shop: Shop) -> None:
    shop.publish(before(shop))
    folder = shop.into.stat().st_ino
    said = published_elsewhere(shop, ".", cwd=shop.into)
    assert "this run was started in it: start it outside" in said
    assert shop.into.stat().st_ino == folder
    assert contents(shop.into) == right(shop)
    assert not check_tree(str(shop.into), None)
    shop.publish(before(shop))
    assert not check_tree(str(shop.into), None)
    assert not (shop.into / ".wheelyard").exists()


def _bubblewrap_works() -> bool:
    return subprocess.run(["bwrap", "--dev-bind", "/", "/", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(shutil.which("bwrap") is None or not _bubblewrap_works(), reason="bubblewrap is missing or may not")
def test_where_something_is_mounted_the_parts_are_put_in_place(shop: Shop) -> None:
    shop.publish(before(shop))
    mounted = ("bwrap", "--dev-bind", "/", "/", "--bind", str(shop.into), str(shop.into))
    said = published_elsewhere(shop, str(shop.into), *mounted, cwd=shop.root)
    assert "something is mounted there" in said
    assert contents(shop.into) == right(shop)
    assert not check_tree(str(shop.into), None)


def test_without_hard_links_files_are_copied(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = right(shop)

    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    shop.publish(before(shop))
    shop.publish(after(shop))
    assert contents(shop.into) == wanted
    assert shop.publish(after(shop)).written == 0
    assert not left_over(shop.into)


def test_a_copy_is_a_wheelhouse_and_can_be_published_over(shop: Shop) -> None:
    shop.publish(before(shop))
    shop.publish(after(shop))
    stick = shop.root / "stick"
    stick.mkdir()
    subprocess.run(["cp", "-r", shop.into, stick], check=True)
    copied = stick / "wheelhouse"
    assert contents(copied) == contents(shop.into)
    assert not [path for path in copied.rglob("*") if path.is_symlink()], "a FAT disk has no links"
    assert not check_tree(str(copied), None)
    done = shop.publish(after(shop), copied)
    assert (done.added, done.restored, done.removed) == (0, 0, 0)
    assert contents(copied) == contents(shop.into)


def test_a_link_to_the_wheelhouse_stays_a_link(shop: Shop) -> None:
    shop.publish(before(shop), shop.root / "real")
    shop.into.symlink_to("real")
    shop.publish(after(shop))
    assert shop.into.readlink() == Path("real")
    assert not check_tree(str(shop.root / "real"), None)


def test_an_earlier_generation_is_not_published_over(shop: Shop) -> None:
    """Whoever stood in the wheelhouse while it was published has a path of the old one."""
    shop.publish(before(shop))
    shop.publish(after(shop))
    with pytest.raises(StorageError, match="an earlier generation"):
        shop.publish(before(shop), state_of(shop.into) / "before")


def test_check_looks_again_if_another_generation_is_published_meanwhile(shop: Shop) -> None:
    shop.publish(before(shop))
    sites = [before(shop), after(shop)]

    def publish(_: int) -> None:
        if sites:
            shop.publish(sites.pop())

    assert check_tree(str(shop.into), None, publish) == []
    assert not sites
