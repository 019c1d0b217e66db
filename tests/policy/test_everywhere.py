"""One policy, asked where versions are chosen, before anything is published, packed and imported: the same answer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.packages import make_sdist, make_wheel
from tests.support.yard import TARGET, Yard
from wheelyard.domain.errors import PolicyError

OLD, NEW = "2020-01-01T00:00:00Z", "2020-06-01T00:00:00Z"
DATE = 'exclude-newer = "2020-03-01"'


@pytest.fixture
def shop(yard: Yard) -> Yard:
    """A yard whose index knows when its files were uploaded."""
    for version in ("1.0", "2.0"):
        make_wheel(yard.shop, "demo", version, headers=["License-Expression: MIT"])
    make_wheel(yard.shop, "strict", "1.0", headers=["License-Expression: AGPL-3.0-only"])
    make_wheel(yard.shop, "undated", "1.0", headers=["License-Expression: MIT"])
    yard.index.json = True
    times = {path.name: OLD for path in yard.shop.iterdir() if not path.name.startswith("undated")}
    yard.index.uploaded = {**times, "demo-2.0-py3-none-any.whl": NEW}
    return yard


def locked(yard: Yard) -> str:
    return (yard.root / f"requirements.{TARGET}.txt").read_text()


def test_the_resolver_chooses_among_what_may_enter(shop: Yard) -> None:
    shop.write("demo\n", policy=DATE)
    assert shop.run("lock").code == 0
    assert "demo==1.0" in locked(shop)
    shop.write("demo==2.0\nundated\nstrict\n", policy=f'{DATE}\ndeny-licenses = ["AGPL-3.0-only"]')
    done = shop.run("lock")
    assert done.code in (4, 5)
    assert "policy (age)" in done.err
    assert "nothing after 2020-03-01 is taken" in done.err
    shop.write("undated\n", policy=DATE)
    assert "index 'default' does not say when it was uploaded" in shop.run("lock").err
    shop.write("strict\n", policy='deny-licenses = ["AGPL-3.0-only"]')
    assert "policy (license): its licence is AGPL-3.0-only" in shop.run("lock").err


def test_what_came_to_be_known_since_is_refused_everywhere(shop: Yard, tmp_path: Path) -> None:
    sdist = make_sdist(
        shop.shop,
        "made",
        "1.0",
        {
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            "backend.py": BACKEND,
            "PKG-INFO": "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n",
        },
    )
    shop.index.uploaded = {**shop.index.uploaded, sdist.name: OLD}
    shop.write("demo\nmade\n", policy=DATE)
    shop.build("--no-prove")
    rules = tmp_path / "policy.toml"
    bundle = tmp_path / "bundle.tar"
    assert shop.run("pack", "--to", str(bundle)).code == 0

    about = {"package": {"ecosystem": "PyPI", "name": "made"}, "versions": ["1.0"]}
    for folder in (tmp_path, shop.root):
        (folder / "osv.json").write_text(json.dumps({"id": "MAL-1", "modified": OLD, "affected": [about]}))
    of_import = ("import", str(bundle), "--into", str(tmp_path / "into"), "--allow-unsigned")
    for command, text, told in (
        (
            ("pack", "--to", str(tmp_path / "o.tar")),
            'exclude-newer = "2019-01-01"',
            "policy (age): uploaded 2020-01-01",
        ),
        (of_import, 'advisories = "osv.json"', "policy (advisory): MAL-1: malware"),
        (of_import, 'allow-licenses = ["MIT"]', "policy (license): no licence that is known"),  # of what was built
    ):
        rules.write_text(text)
        done = shop.run(*command, "--policy", str(rules))
        assert done.code == PolicyError.exit_code, done
        assert told in done.err
        assert "made-1.0" in done.err
    assert not (tmp_path / "o.tar").exists()
    assert not (tmp_path / "into" / "current").exists()
    checked = shop.run("policy", "check", "--in", "wheelhouse", "--policy", str(rules), "--json")
    assert checked.code == PolicyError.exit_code
    assert {event["name"] for event in checked.events if not event["passes"]} == {"made"}
    shop.write("demo\nmade\n", policy='advisories = "osv.json"')
    before = shop.state()
    done = shop.run("build", "--no-prove")
    assert "MAL-1: malware" in done.err
    assert shop.state() == before


def test_a_waiver_lets_one_file_pass_until_its_date(shop: Yard, tmp_path: Path) -> None:
    digest = hashlib.sha256((shop.shop / "demo-2.0-py3-none-any.whl").read_bytes()).hexdigest()

    def waive(sha256: str, until: str) -> None:
        shop.write(
            "demo==2.0\n",
            **{
                "policy": DATE,
                "[policy.waiver]": f'file = "demo-2.0-py3-none-any.whl"\nsha256 = "{sha256}"\nrules = ["age"]\n'
                f'by = "Ada"\nreason = "the fix"\nuntil = "{until}"\n',
            },
        )

    waive(digest, "2999-01-01")
    done = shop.run("build", "--no-prove")
    assert done.code == 0, done.err
    assert "demo-2.0-py3-none-any.whl passes by a waiver of Ada until 2999-01-01 (the fix)" in done.err
    assert "waived by Ada" in shop.run("policy", "explain", "Demo").out
    waive(digest, "2020-01-01")
    done = shop.run("lock")
    assert done.code == PolicyError.exit_code
    assert "the waiver of Ada for demo-2.0-py3-none-any.whl ended on 2020-01-01" in done.err


def test_what_is_mirrored_and_added_is_judged_too(shop: Yard, tmp_path: Path) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text(f'{DATE}\ndeny-licenses = ["AGPL-3.0-only"]')
    done = shop.run("mirror", "demo", "strict", "undated", "--policy", str(rules))
    assert done.code == PolicyError.exit_code or "policy (age)" in done.err
    assert "strict-1.0-py3-none-any.whl: policy (license): its licence is AGPL-3.0-only" in done.err
    assert "undated: no file of it may enter: undated 1.0: policy (age)" in done.err
    pool = {path.name for path in shop.wheelhouse.glob("files/**/*.whl")}
    assert pool == {"demo-1.0-py3-none-any.whl"}
    done = shop.run("add", str(shop.shop / "strict-1.0-py3-none-any.whl"), "--policy", str(rules))
    assert done.code == PolicyError.exit_code
    assert "its licence is AGPL-3.0-only" in done.err


BACKEND = """
import base64, hashlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "made-1.0-py3-none-any.whl"
    info = "made-1.0.dist-info"
    members = {
        "made.py": b"",
        f"{info}/METADATA": b"Metadata-Version: 2.1\\nName: made\\nVersion: 1.0\\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    def digest(data):
        return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    record = "".join(f"{path},sha256={digest(data)},{len(data)}\\n" for path, data in members.items())
    with zipfile.ZipFile(f"{folder}/{name}", "w") as archive:
        for path, data in {**members, f"{info}/RECORD": (record + f"{info}/RECORD,,\\n").encode()}.items():
            archive.writestr(path, data)
    return name
"""
