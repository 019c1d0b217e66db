from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.shop import Shop, folder
from wheelyard.bundle import manifest
from wheelyard.domain.build import BuiltWheel
from wheelyard.domain.errors import StorageError
from wheelyard.domain.site import Site
from wheelyard.domain.target import BuildHost, Carried, CarriedPython
from wheelyard.host.manifest import canonical
from wheelyard.index import site_state


def test_a_published_site_is_read_again_as_it_was(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    alpha, beta = shop.entry("alpha"), shop.entry("beta", yanked="bad")
    built = BuiltWheel(key="k", filename=beta.wheel.filename, sha256=beta.wheel.sha256, size=1, grafted=("libx.so",))
    beta = replace(beta, origin="built", via=("alpha",), extras=("x",), built=built)
    carried = replace(folder("el9", [alpha, beta]), pip=shop.entry("pip", "24.0").wheel)
    site = Site(folders=(carried,), extra=(shop.entry("gamma"),), documents={"install.py": b"pass\n"}, channel="main")
    shop.publish(site)
    assert site_state.load(shop.into) == site
    assert shop.publish(site_state.load(shop.into)).written == 0


def test_nothing_published_is_an_empty_site_and_one_from_elsewhere_is_an_error(tmp_path: Path) -> None:
    assert site_state.load(tmp_path / "none") == Site(folders=())
    shop = Shop(tmp_path)
    shop.publish(Site(folders=(), extra=(shop.entry("alpha"),)))
    (shop.into / site_state.SHELF).write_text("{")
    with pytest.raises(StorageError, match="damaged"):
        site_state.load(shop.into)
    (shop.into / site_state.SHELF).unlink()
    with pytest.raises(StorageError, match="not made here"):
        site_state.load(shop.into)


def test_a_site_that_was_published_when_a_level_was_the_only_need_is_continued(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    alpha = shop.entry("alpha")
    fast = replace(folder("el9.v3", [alpha], variant="v3"), needs={"simd": "x86-64-v3"})
    site = Site(folders=(folder("el9", [alpha]), fast))
    shop.publish(site)
    shelf, place = shop.into / site_state.SHELF, shop.into / "manifest.json"
    kept, listed = json.loads(shelf.read_text()), json.loads(place.read_text()) | {"format": 1}
    for row in (*kept["folders"], *listed["targets"]):
        row["simd"] = row.pop("needs").get("simd")
    shelf.write_text(json.dumps(kept))
    place.write_bytes(canonical(listed))
    assert site_state.load(shop.into) == site
    old, _ = manifest.read(shop.into)
    shop.publish(replace(site, extra=(shop.entry("beta"),)))
    new, content = manifest.read(shop.into)
    assert new.targets == old.targets
    assert (new.sequence, json.loads(content)["format"]) == (old.sequence + 1, 2)


def test_a_site_that_was_published_when_a_target_was_one_table_is_continued(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    plain = folder("el9", [shop.entry("alpha")])
    python = CarriedPython(archive="/opt/python.tar.gz", sha256="a" * 64)
    target = replace(
        plain.target, build=BuildHost(image="localhost/x", toolchain="zig"), carried=Carried(python=python, pip=True)
    )
    site = Site(folders=(replace(plain, target=target), folder("el8", [])))
    shop.publish(site)
    shelf = shop.into / site_state.SHELF
    kept = json.loads(shelf.read_text())
    for row in (each["target"] for each in kept["folders"]):
        python, pip = row["carried"]["python"], row.pop("carried")["pip"]
        row |= {**row.pop("build"), "carry_pip": pip}
        row |= {"carried_python": python and python["archive"], "carried_python_sha256": python and python["sha256"]}
    shelf.write_text(json.dumps(kept))
    assert "build" not in kept["folders"][0]["target"]
    assert site_state.load(shop.into) == site
