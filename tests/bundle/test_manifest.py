from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wheelyard.bundle import manifest
from wheelyard.bundle.manifest import FileEntry, Manifest, TargetInfo
from wheelyard.domain.errors import VerificationError
from wheelyard.host.manifest import canonical, digest_of, dump_manifest, load_manifest
from wheelyard.host.refusal import Refused

TARGET = TargetInfo(
    folder="rhel9",
    python="3.9",
    implementation="cpython",
    platform="manylinux_2_34_x86_64",
    pip=None,
    variant=None,
    needs={},
    proof="proven",
    python_archive=None,
)


def site(root: Path) -> Path:
    (root / "files").mkdir(parents=True)
    (root / "files" / "a-1-py3-none-any.whl").write_bytes(b"wheel")
    (root / "targets" / "rhel9").mkdir(parents=True)
    os.link(root / "files" / "a-1-py3-none-any.whl", root / "targets" / "rhel9" / "a-1-py3-none-any.whl")
    (root / "targets" / "rhel9" / "requirements.txt").write_text("a==1\n")
    (root / "index.html").write_text("<html>")
    return root


def entry(path: str, sha256: str = "0" * 64, size: int = 0) -> FileEntry:
    return FileEntry(path=path, size=size, sha256=sha256, kind="other")


def made(*entries: FileEntry) -> Manifest:
    return Manifest(
        channel="c", sequence=1, created=None, expires=None, previous=None, targets=(), files=entries, tool="t"
    )


def test_same_wheelhouse_same_bytes_and_every_file_is_listed(tmp_path: Path) -> None:
    one, two = site(tmp_path / "one"), site(tmp_path / "two")
    (two / ".staging").write_text("not published")
    first = manifest.build(one, targets=[TARGET])
    assert dump_manifest(first) == dump_manifest(manifest.build(two, targets=[TARGET]))
    assert [(file.path, file.kind) for file in first.files] == [
        ("files/a-1-py3-none-any.whl", "wheel"),
        ("index.html", "page"),
        ("targets/rhel9/a-1-py3-none-any.whl", "wheel"),
        ("targets/rhel9/requirements.txt", "lock"),
    ]


def test_known_hashes_are_not_computed_again(tmp_path: Path) -> None:
    root = site(tmp_path / "w")
    found = manifest.build(root, known={"index.html": "f" * 64})
    assert {file.path: file.sha256 for file in found.files}["index.html"] == "f" * 64


def test_update_counts_only_changes_and_drops_the_signature_of_other_bytes(tmp_path: Path) -> None:
    root = site(tmp_path / "w")
    first = manifest.update(root, targets=[TARGET])
    (root / "manifest.json.sig").write_text("signature")
    assert manifest.update(root, targets=[TARGET]) == first
    assert (root / "manifest.json.sig").exists()
    (root / "index.html").write_text("<html>changed")
    digest = digest_of(dump_manifest(first))
    second = manifest.update(root, targets=[TARGET])
    assert (second.sequence, second.previous) == (2, digest)
    assert not (root / "manifest.json.sig").exists()
    assert manifest.read(root)[0] == second


def test_time_comes_from_source_date_epoch_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert manifest.timestamp() is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert manifest.timestamp() == "2026-01-01T00:00:00Z"


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    root = site(tmp_path / "w")
    (root / "link").symlink_to("/etc/passwd")
    with pytest.raises(VerificationError, match="neither a file nor a folder"):
        manifest.build(root)


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/x",
        "a/../b",
        "a//b",
        "./a",
        ".hidden",
        "a\\b",
        "a\nb",
        "a/",
        "",
        "C:x",
        "-rf",
        "x.",
        "é" * 200,
        "é",
        "e\u0301",
        "a\u200bb",
        "\u202efdp",
        "\ud800",
        "\x9b31m",
        "a" * 256,
        "x" * 601,
        "/".join("a" * 17),
    ],
)
def test_paths_that_climb_out_or_trick_are_refused(path: str) -> None:
    with pytest.raises(Refused) as caught:
        load_manifest(dump_manifest(made(entry(path))))
    assert caught.value.name == "unsafe-path"


@pytest.mark.parametrize("paths", [("A", "a"), ("a", "a/b"), ("A/x", "a/y"), ("a/b/C/d", "a/b/c/e")])
def test_names_that_collide_where_case_does_not_count(paths: tuple[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        load_manifest(dump_manifest(made(*(entry(path) for path in sorted(paths)))))
    assert caught.value.name == "same-name"


def test_only_the_canonical_form_is_accepted() -> None:
    content = dump_manifest(made(entry("a")))
    for other in (
        content + b"\n",
        json.dumps(json.loads(content)).encode(),
        content.replace(b'"format":2', b'"format":2,"format":2'),
        content.replace(b'"format":2', b'"format":true'),
        content.replace(b'"size":0', b'"size":0.0'),
        content.replace(b'"size":0', b'"size":true'),
        content.replace(b'"size":0', b'"size":-1'),
        content.replace(b'"kind":"other"', b'"kind":"else"'),
        content.replace(b'"tool"', b'"t\\u006fol"'),
        b"[" * 100_000,
        b"\xff",
        b"",
    ):
        with pytest.raises(Refused) as caught:
            load_manifest(other)
        assert caught.value.name == "bad-manifest"


def test_a_manifest_of_format_1_is_read_as_it_was_signed() -> None:
    now = manifest.Manifest(
        **{**made(entry("a"))._asdict(), "targets": (TARGET, TARGET._replace(needs={"simd": "x86-64-v3"}))}
    )
    old = json.loads(dump_manifest(now)) | {"format": 1}
    for target in old["targets"]:
        target["simd"] = target.pop("needs").get("simd")
    content = canonical(old)
    assert load_manifest(content) == now
    with pytest.raises(Refused, match="not in the canonical form"):
        load_manifest(content.replace(b'"simd":"', b'"simd": "'))
    with pytest.raises(Refused, match="exactly the keys"):
        load_manifest(content.replace(b'"format":1', b'"format":2'))


@pytest.mark.parametrize(
    "needs", [[], {"simd": None}, {"Simd": "x"}, {"simd": "a\nb"}, {f"a{n}": "x" for n in range(17)}]
)
def test_needs_that_are_no_texts_are_refused(needs: object) -> None:
    content = json.loads(dump_manifest(manifest.Manifest(**{**made(entry("a"))._asdict(), "targets": (TARGET,)})))
    content["targets"][0]["needs"] = needs
    with pytest.raises(Refused) as caught:
        load_manifest(canonical(content))
    assert caught.value.name == "bad-manifest"


def test_a_manifest_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as stream:
        stream.truncate(1 << 30)
    with pytest.raises(VerificationError, match="larger than"):
        manifest.read(tmp_path)


def test_files_listed_twice_or_out_of_order_are_refused() -> None:
    for entries in ((entry("b"), entry("a")), (entry("a"), entry("a"))):
        with pytest.raises(Refused, match="order"):
            load_manifest(dump_manifest(made(*entries)))
