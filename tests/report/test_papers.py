from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.exception import MissingOptionalDependencyException
from cyclonedx.schema import SchemaVersion

from tests.support.packages import make_wheel
from tests.support.shop import Shop, contents
from tests.support.signed_wheelhouses import house, target
from wheelyard.bundle import manifest as manifests
from wheelyard.bundle.import_ import check
from wheelyard.domain.errors import ConfigError
from wheelyard.domain.site import Imprint, Site
from wheelyard.report import papers
from wheelyard.report.inventory import inventory
from wheelyard.report.vulnerabilities import look
from wheelyard.wheels import core_metadata
from wheelyard.wheels.licence import license_of


class Reader(HTMLParser):
    """Collects what a browser would run or load, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.dangerous: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "img") or any(name.startswith("on") for name, _ in attrs):
            self.dangerous.append(tag)
        links = [value or "" for name, value in attrs if name == "href"]
        self.dangerous += [link for link in links if link.startswith("javascript:")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(content: str) -> Reader:
    reader = Reader()
    reader.feed(content)
    return reader


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "house"
    house(root, targets=[target("3.12")])
    return root


def add(root: Path, name: str, files: dict[str, str], version: str = "1.0") -> None:
    wheel = make_wheel(root / "files", name, version, files=files)
    (root / "targets/py312" / wheel.name).hardlink_to(wheel)
    found, _ = manifests.read(root)
    manifests.update(root, targets=found.targets)


def test_papers_are_listed_and_settle(root: Path) -> None:
    papers.write(root)
    first = (root / "manifest.json").read_bytes()
    content = {name: (root / name).read_bytes() for name in ("sbom.cdx.json", "licenses.html", "report.html")}
    papers.write(root)
    assert (root / "manifest.json").read_bytes() == first
    assert {name: (root / name).read_bytes() for name in content} == content
    assert check([root])[0] == []


def test_pages_that_were_made_here_lead_to_the_papers_and_settle(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    site = Site(folders=(), extra=(shop.entry("alpha"),), imprint=Imprint(name="Ours"))
    shop.publish(site)
    assert "report.html" not in (shop.into / "index.html").read_text()
    papers.write(shop.into, store=shop.store)
    assert 'href="../report.html"' in (shop.into / "projects/alpha.html").read_text()
    assert "<title>Report: Ours</title>" in (shop.into / "report.html").read_text()
    assert check([shop.into])[0] == []
    first = contents(shop.into)
    papers.write(shop.into, store=shop.store)
    assert contents(shop.into) == first
    (shop.into / "report.html").unlink()
    shop.publish(site)
    assert "report.html" not in (shop.into / "index.html").read_text()


def test_the_sbom_is_valid_and_names_grafted_libraries(root: Path) -> None:
    sbom = {"components": [{"name": "gfortran", "version": "5.0", "purl": "pkg:rpm/almalinux/libgfortran@8.5"}]}
    add(
        root,
        "grafty",
        {
            "grafty/__init__.py": "",
            "grafty.libs/libgfortran-040039e1.so.5.0.0": "\x7fELF",
            "grafty-1.0.dist-info/sboms/auditwheel.cdx.json": json.dumps(sbom),
        },
    )
    papers.write(root)
    text = (root / "sbom.cdx.json").read_text()
    document = json.loads(text)
    assert "timestamp" not in document["metadata"]
    grafty = next(each for each in document["components"] if each["name"] == "grafty")
    assert [each["name"] for each in grafty["components"]] == ["libgfortran-040039e1.so.5.0.0"]
    assert {each["name"] for each in document["components"]} == {"alpha", "beta", "grafty"}
    needs = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    alpha = next(ref for ref in needs if ref.startswith("alpha"))
    assert [ref.partition("-")[0] for ref in needs[alpha]] == ["beta"]


def test_the_sbom_fits_the_schema(root: Path) -> None:
    from cyclonedx.validation.json import JsonStrictValidator  # parses grammars for seconds

    papers.write(root)
    try:
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str((root / "sbom.cdx.json").read_text())
    except MissingOptionalDependencyException:
        pytest.skip("cyclonedx-python-lib is installed without its extra json-validation")
    assert wrong is None


EVIL = '"><script>alert(1)</script>'
TOLD: dict[str, tuple[object, str | None]] = {
    "no object": ([], None),
    "no title": ({"blas": {"licence": "MIT"}}, None),
    "no text": ({"blas": {"title": ["x"]}}, None),
    "nonsense": ({"blas": {"title": "A BLAS", "licence": 3, "files": "x", "version": None}}, "unknown"),
    "no licence": ({"blas": {"title": "A BLAS", "licence": "as you like"}}, "unknown"),
    "hostile": ({"blas": {"title": EVIL, "licence": EVIL, "restricted": EVIL, "files": [3, EVIL]}}, "unknown"),
    "another wheel's": ({"blas": {"title": "A BLAS", "licence": "MIT", "loaded-from": "ablas"}}, None),
    "a licence": ({"blas": {"title": "A BLAS", "licence": "bsd-3-clause"}}, "BSD-3-Clause"),
}


@pytest.mark.parametrize("what", TOLD)
def test_a_record_is_believed_only_where_it_makes_sense(root: Path, what: str) -> None:
    note, licence = TOLD[what]
    add(root, "demo", {"demo.py": "", "demo-1.0.dist-info/wheelyard.json": json.dumps(note)})
    papers.write(root)
    document = json.loads((root / "sbom.cdx.json").read_text())
    demo = next(each for each in document["components"] if each["name"] == "demo")
    told = [
        str(each.get("expression") or each["license"]["name"])
        for part in demo.get("components", [])
        for each in part["licenses"]
    ]
    assert told == ([licence] if licence else [])
    facts = {each["name"]: each["value"] for each in demo["properties"]}
    assert facts.get("wheelyard:blas") == ("A BLAS, of ablas" if what == "another wheel's" else None)
    for name in ("licenses.html", "report.html"):
        assert read((root / name).read_text()).dangerous == []


@pytest.mark.parametrize(
    ("metadata", "expression", "source"),
    [
        ("License-Expression: mit or apache-2.0\n", "MIT OR Apache-2.0", "License-Expression"),
        ("License: BSD-3-Clause\n", "BSD-3-Clause", "License"),
        ("License: BSD 3-Clause License\n        \n        Copyright (c) somebody\n", "BSD-3-Clause", "License"),
        ("Classifier: License :: OSI Approved :: MIT License\n", "MIT", "classifier"),
        ("Classifier: License :: OSI Approved :: BSD License\n", None, "none"),
        (
            "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: BSD License\n",
            None,
            "none",
        ),
        ("License: Proprietary, ask us\n", None, "none"),
        ("License-Expression: No-Such-Licence\n", None, "none"),
        ("", None, "none"),
    ],
)
def test_a_licence_is_known_only_without_doubt(metadata: str, expression: str | None, source: str) -> None:
    found = license_of(core_metadata.parse(metadata.encode()))
    assert (found.expression, found.source) == (expression, source)


def test_hostile_metadata_cannot_speak_html(root: Path) -> None:
    evil = "<script>alert(1)</script>"
    info = "evil-1.0.dist-info"
    add(root, "evil", {"evil.py": "", f"{info}/licenses/LICENSE": f"</pre>{evil}", f"{info}/COPYING<b>": "x"})
    wheel = root / "files" / "evil-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\nSummary: {evil}\nLicense: {evil}\n"
        'Home-page: javascript:alert(1)\nProject-URL: home, https://example.org/"onclick="alert(1)\n'
    ).encode()
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    manifests.update(root, targets=[target("3.12")])
    papers.write(root)
    for name in ("licenses.html", "report.html"):
        page = read((root / name).read_text())
        assert page.dangerous == []
    assert evil in read((root / "licenses.html").read_text()).text


def advisory(name: str, events: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": f"PYSEC-{name}", "modified": "2026-01-02T00:00:00Z", "affected": [affected | more], "summary": "bad"}


@pytest.mark.parametrize(
    ("events", "more", "hit"),
    [
        ([{"introduced": "0"}], {}, True),
        ([{"introduced": "0"}, {"fixed": "1.0"}], {}, False),
        ([{"introduced": "0"}, {"fixed": "1.0.1"}], {}, True),
        ([{"introduced": "0"}, {"last_affected": "1.0"}], {}, True),
        ([{"introduced": "0"}, {"last_affected": "0.9"}], {}, False),
        ([{"introduced": "2.0"}, {"introduced": "0.5"}, {"fixed": "0.9"}], {}, False),
        ([], {"versions": ["1.0.0"]}, True),
        ([], {"versions": ["1.1"]}, False),
    ],
)
def test_ranges(events: list[dict[str, str]], more: dict[str, Any], hit: bool, root: Path, tmp_path: Path) -> None:
    found, _ = manifests.read(root)
    (tmp_path / "osv.json").write_text(json.dumps([advisory("Alpha", events, **more)]))
    outcome = look(inventory(root, found), tmp_path / "osv.json")
    assert outcome.looked
    assert [each.id for each in outcome.found] == (["PYSEC-Alpha"] if hit else [])


def test_an_absent_or_empty_database_never_reads_as_clean(root: Path, tmp_path: Path) -> None:
    papers.write(root)
    assert "NOT CHECKED" in (root / "report.html").read_text()
    other = advisory("alpha", [{"introduced": "0"}])
    other["affected"][0]["package"]["ecosystem"] = "npm"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("x.json", json.dumps(other))
    papers.write(root, osv=tmp_path / "all.zip")
    assert "NOT CHECKED" in (root / "report.html").read_text()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("x.json", json.dumps(advisory("other", [{"introduced": "0"}])))
        archive.writestr("y.json", json.dumps(advisory("beta", [{"introduced": "not a version"}])))
    papers.write(root, osv=tmp_path / "all.zip")
    text = (root / "report.html").read_text()
    assert "NOT CHECKED" not in text
    assert "2026-01-02" in text
    assert "Could not be judged: beta 1.0: PYSEC-beta" in text
    with pytest.raises(ConfigError, match="no such OSV"):
        papers.write(root, osv=tmp_path / "absent.zip")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigError, match="not an OSV export"):
        papers.write(root, osv=tmp_path / "bad.json")


def test_a_browser_takes_the_one_style_and_nothing_else(root: Path) -> None:
    papers.write(root)
    for name in ("licenses.html", "report.html"):
        page = (root / name).read_text()
        style = page.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        style_source = f"style-src 'self' 'sha256-{digest}'"  # itself: the generation's number
        policy = f"default-src 'none'; {style_source}; img-src 'self'; base-uri 'none'; form-action 'none'"
        assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
        assert page.index("Content-Security-Policy") < page.index("<title>")
        assert " style=" not in page


def test_the_report_compares_with_the_last_bundle(root: Path, tmp_path: Path) -> None:
    (tmp_path / "before.json").write_bytes((root / "manifest.json").read_bytes())
    house(root, targets=[target("3.12")], alpha="1.1")
    papers.write(root, since=tmp_path / "before.json")
    first = (root / "report.html").read_bytes()
    papers.write(root, since=tmp_path / "before.json")
    assert (root / "report.html").read_bytes() == first
    text = read(first.decode()).text
    assert "updated" in text
    assert "Against sequence 1: " in text
