"""A store that is damaged heals: what was fetched or built is fetched or built again, and it is said once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.sdists import extension, sdist
from tests.support.yard import Yard, bundled_pip
from wheelyard.io.files import sha256
from wheelyard.store.blobs import Store


@pytest.fixture
def built(yard: Yard) -> Yard:
    """A yard that has published a wheel from its index and one that it compiled."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    make_wheel(yard.shop, "app", "1.0", requires=["fast"])
    sdist(yard.shop, "fast", fast__c=extension("fast"))
    yard.write("app\n")
    yard.build()
    return yard


def blobs(yard: Yard) -> dict[str, Path]:
    """The blobs that a build needs, by what they are."""
    (record,) = (yard.root / "cache" / "builds").glob("*.json")
    digests = {
        "wheel": sha256(yard.shop / "app-1.0-py3-none-any.whl"),
        "sdist": sha256(yard.shop / "fast-1.0.tar.gz"),
        "built": json.loads(record.read_text())["sha256"],
        "pip": sha256(yard.shop / bundled_pip().name),
    }
    return {what: Store(yard.root / "cache").path(digest) for what, digest in digests.items()}


def damage(blob: Path, *, with_time: bool = False) -> None:
    before = blob.stat()
    blob.chmod(0o644)
    content = blob.read_bytes()
    blob.write_bytes(content[:60] + b"?" + content[61:])
    if with_time:
        os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_was_damaged_is_fetched_and_built_again(built: Yard) -> None:
    published = {path.name: path.read_bytes() for path in built.folder.glob("*.whl")}
    known = blobs(built)
    for blob in known.values():
        damage(blob)
    shutil.rmtree(built.wheelhouse)
    shutil.rmtree(built.root / "cache" / "proofs")  # so that all of it is used
    done = built.build()
    told = [event["message"] for event in done.events if event["event"] == "warned" and "damaged" in event["message"]]
    assert sorted(told) == sorted(
        f"{blob} was damaged and is removed: it is fetched or built again" for blob in known.values()
    )
    assert {path.name: path.read_bytes() for path in built.folder.glob("*.whl")} == published
    assert all(sha256(blob) == blob.name for blob in known.values())


@pytest.mark.parametrize(("what", "code"), [("wheel", 11), ("pip", 11)])
def test_nothing_rotten_goes_into_a_proof(built: Yard, what: str, code: int) -> None:
    """The disk has lied without a trace: it is found when the file is used, and the next run is whole again."""
    blob = blobs(built)[what]
    damage(blob, with_time=True)
    shutil.rmtree(built.root / "cache" / "proofs")
    done = built.run("build")
    assert done.code == code, done.out + done.err
    assert f"its copy in the store is damaged: {blob}" in (done.out + done.err).replace("\n", "")
    assert built.build().summary["targets"][0]["proof"] == "proven"
    assert sha256(blob) == blob.name
