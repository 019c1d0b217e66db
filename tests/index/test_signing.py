"""What is published is signed before anybody sees it; what is not signed has no signature beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.shop import Shop, contents, folder, stamps
from tests.support.signed_wheelhouses import key, public
from tests.support.yard import Yard
from wheelyard.bundle import manifest
from wheelyard.bundle.import_ import TrustOptions, examine
from wheelyard.bundle.manifest import GENERATION
from wheelyard.bundle.sign import fingerprint_of, signers_of
from wheelyard.domain.errors import ToolError, UsageError
from wheelyard.domain.events import Event, Warned
from wheelyard.domain.site import Site
from wheelyard.index.publish import publish
from wheelyard.index.rollback import roll_back
from wheelyard.stages.packing import pack
from wheelyard.store.blobs import Store


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def one(shop: Shop, version: str = "1.0") -> Site:
    return Site(folders=(folder("el9", [shop.entry("beta", version)]),))


def signers(shop: Shop) -> frozenset[str]:
    place = shop.into / "manifest.json.sig"
    return signers_of((shop.into / "manifest.json").read_bytes(), place.read_text()) if place.exists() else frozenset()


def test_what_is_published_with_a_key_is_signed_and_stays_so_without_another_signature(shop: Shop) -> None:
    for version in ("1.0", "1.1"):
        publish(one(shop, version), store=shop.store, into=shop.into, keys=[key()])
        found = examine([shop.into], TrustOptions(trust=public()))
        assert (found.faults, found.looked) == ((), True)
        assert manifest.read(shop.into)[0].created is not None, "a host whose clock was set back can tell"
        before = stamps(shop.into)
        publish(one(shop, version), store=shop.store, into=shop.into, keys=[key()])
        shop.publish(one(shop, version))  # the same is still signed
        assert stamps(shop.into) == before
    assert manifest.read(shop.into)[0].sequence == 3, "where files leave, the number between is that with them"


def test_without_a_key_a_new_generation_has_no_signature_and_that_is_said(shop: Shop) -> None:
    publish(one(shop), store=shop.store, into=shop.into, keys=[key()])
    said: list[Event] = []
    publish(one(shop, "1.1"), store=shop.store, into=shop.into, report=said.append)
    assert not (shop.into / "manifest.json.sig").exists()
    warnings = [each.message for each in said if isinstance(each, Warned)]
    assert [warning.split("; ") for warning in warnings] == [
        [
            f"{shop.into} was signed, and what is published now is not: hosts that trust a key refuse it",
            "publish with --key, or sign it with `wheelyard pack --key`",
        ]
    ]
    publish(one(shop, "1.1"), store=shop.store, into=shop.into, keys=[key()])
    assert signers(shop) == {fingerprint_of(key())}


def test_a_second_key_signs_too_and_a_damaged_signature_is_made_anew(shop: Shop) -> None:
    publish(one(shop), store=shop.store, into=shop.into, keys=[key()])
    content = (shop.into / "manifest.json").read_bytes()
    both = [key(), key("second")]
    publish(one(shop), store=shop.store, into=shop.into, keys=both)
    assert signers(shop) == {fingerprint_of(each) for each in both}
    (shop.into / "manifest.json.sig").write_text("nonsense")
    publish(one(shop), store=shop.store, into=shop.into, keys=both)
    assert signers(shop) == {fingerprint_of(each) for each in both}
    assert (shop.into / "manifest.json").read_bytes() == content


def test_a_key_that_does_not_sign_publishes_nothing(shop: Shop, tmp_path: Path) -> None:
    publish(one(shop), store=shop.store, into=shop.into, keys=[key()])
    before = contents(shop.into)
    bad = tmp_path / "public-only.pub"  # no agent has its private half
    bad.write_text(public("stranger").read_text())
    with pytest.raises(ToolError, match="does not sign"):
        publish(one(shop, "1.1"), store=shop.store, into=shop.into, keys=[bad])
    assert contents(shop.into) == before


def test_packing_and_publishing_go_on_from_one_another(shop: Shop, tmp_path: Path) -> None:
    """A pack signs through the same door; what leaves the house next follows what left it last."""
    shop.publish(one(shop))
    first = pack(shop.into, tmp_path / "1.tar", keys=[key()])
    assert examine([shop.into], TrustOptions(trust=public())).faults == ()
    assert signers(shop) == {fingerprint_of(key())}
    for version in ("1.1", "1.2"):
        publish(one(shop, version), store=shop.store, into=shop.into, keys=[key()])
    second = pack(shop.into, tmp_path / "2.tar", since=first.volumes[0])
    assert second.manifest.previous == first.digest
    assert second.signed
    broken = replace(one(shop, "1.2"), documents={"a.html": b"<p>"})
    shop.publish(broken)
    before = contents(shop.into)
    (shop.into / "a.html").write_bytes(b"<q>")
    with pytest.raises(Exception, match=str(shop.into / "a.html")):
        pack(shop.into, tmp_path / "3.tar", keys=[key()])
    assert contents(shop.into) == {**before, "a.html": contents(shop.into)["a.html"]}, "a pack that fails signs nothing"


def test_build_signs_with_the_keys_of_the_configuration_or_of_the_command_line(yard: Yard) -> None:
    make_wheel(yard.shop, "good", "1.0")
    make_wheel(yard.shop, "good", "1.1")
    yard.write("good==1.0\n", sign=f'key = "{key()}"')
    yard.build("--no-prove")
    trusted = ("check", "wheelhouse", "--trust", str(public()))
    assert yard.run(*trusted).code == 0
    before = yard.state()
    yard.build("--no-prove")
    assert yard.state() == before
    yard.write("good==1.1\n")
    done = yard.build("--no-prove")
    assert "was signed, and what is published now is not" in done.out
    assert yard.run(*trusted).code == 14
    yard.build("--no-prove", "--key", str(key()))
    assert yard.run(*trusted).code == 0
    yard.write("good==1.0\n")
    refused = yard.run("build", "--no-prove", "--key", "requirements.in")
    assert "no SSH key" in refused.err
    yard.write("good\n", sign='key = "nowhere"')
    refused = yard.run("build", "--no-prove")
    assert (refused.code, f"{yard.root}/nowhere: there is no such key" in refused.err) == (3, True)
    assert yard.run("lock").code == 0, "whoever only locks need not have the key"


def test_rolling_back_publishes_what_was_there_before_under_a_new_number(shop: Shop, tmp_path: Path) -> None:
    publish(one(shop, "1.0"), store=shop.store, into=shop.into, keys=[key()])
    with pytest.raises(UsageError, match="no generation before"):
        roll_back(shop.into, store=shop.store)
    first = contents(shop.into)
    publish(one(shop, "1.1"), store=shop.store, into=shop.into, keys=[key()])
    packed = pack(shop.into, tmp_path / "1.tar", created="2026-01-31", keys=[key()])  # a generation of the same site
    roll_back(shop.into, store=Store(tmp_path / "another store"), keys=[key()])  # the bytes are in what was before
    assert manifest.read(shop.into)[0].sequence == packed.manifest.sequence + 2
    assert examine([shop.into], TrustOptions(trust=public())).faults == ()
    of_the_manifest = dict.fromkeys((GENERATION, "manifest.json", "manifest.json.sig", "install.py", "import.py"), "")
    assert {**contents(shop.into), **of_the_manifest} == {**first, **of_the_manifest}
