"""A folder that could not be proven says why on its page in our words: those of other programs name this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.shop import Shop, folder
from wheelyard.domain.errors import ToolError
from wheelyard.domain.events import silent
from wheelyard.domain.folder import FilledFolder
from wheelyard.domain.lock import Lock
from wheelyard.domain.site import Site
from wheelyard.domain.target import Target
from wheelyard.prove.stage import Question, prove_all
from wheelyard.targets import presets

SECRET = "lookup images.example on 10.11.12.13:53: no such host"


def test_what_an_engine_says_stays_off_the_page(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    made = replace(folder("fedora45", [shop.entry("alpha")]), target=presets.target("fedora45"))

    def no_image(target: Target) -> None:
        raise ToolError(SECRET, where=target.name)

    lock = Lock(target=made.name, requires_python="==3.15.*", environment="", requirements_sha256="", packages=())
    filled = FilledFolder(name=made.name, target=made.target, lock=lock, entries=made.entries, facts={})
    proofs = prove_all(
        [Question(folder=filled, imports={})],
        store=shop.store,
        sandbox=lambda: (_ for _ in ()).throw(AssertionError),
        hosts=no_image,
        host_pip=lambda version: (version, ""),
        report=silent,
        failed=lambda name, error: None,
    )
    proof = proofs["fedora45"]
    assert proof.outcome == "not run"
    assert SECRET in proof.reason, "the admin is told"
    shop.publish(Site(folders=(replace(made, proof=proof),)))
    said = (shop.into / "targets/fedora45/index.html").read_text()
    assert "this machine has no cpython 3.15, and no image of such a host could be had" in said
    assert not [path for path in shop.into.rglob("*.html") if "10.11.12.13" in path.read_text()]
