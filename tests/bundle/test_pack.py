from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.bundles import pack
from tests.support.packages import make_wheel
from tests.support.signed_wheelhouses import house, key, public, target
from tests.support.trees import tree
from wheelyard.bundle import manifest
from wheelyard.bundle.import_ import TrustOptions, check, import_bundle, prune, repair, rollback
from wheelyard.domain.errors import ConfigError, HashMismatchError, VerificationError

TRUST = TrustOptions(trust=None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    house(tmp_path / "house", bulk=400_000)
    return tmp_path / "house"


@pytest.fixture
def trust() -> TrustOptions:
    return TrustOptions(trust=public())


def test_same_wheelhouse_same_bytes_and_plain_tar_opens_it(root: Path, tmp_path: Path, trust: TrustOptions) -> None:
    first = pack(root, tmp_path / "one.tar", keys=[key()])
    pack(root, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert first.bytes < 1.4 * 450_000  # hard links carry nothing twice
    subprocess.run(["tar", "-xf", "one.tar"], cwd=tmp_path, check=True)
    opened = tree(tmp_path / "wheelhouse-1")
    del opened["bundle.json"]
    assert opened == tree(root)
    with tarfile.open(tmp_path / "one.tar") as archive:
        assert {member.mtime for member in archive} == {315532800}
        assert archive.getnames()[3] == "wheelhouse-1/install.py"
    assert check([tmp_path / "one.tar"], trust) == ([], True)


def test_volumes_keep_their_size_and_cut_what_fits_none(root: Path, tmp_path: Path, trust: TrustOptions) -> None:
    packed = pack(root, tmp_path / "b.tar", keys=[key()], volume_size=150_000)
    assert len(packed.volumes) > 3
    assert packed.volumes[0].name == f"b.001-of-{len(packed.volumes):03d}.tar"
    assert all(volume.stat().st_size <= 150_000 for volume in packed.volumes)
    assert check(packed.volumes, trust) == ([], True)
    import_bundle(list(reversed(packed.volumes)), tmp_path / "into", trust)
    assert tree(tmp_path / "into" / "current") == tree(root)
    with pytest.raises(ConfigError, match="too small"):
        pack(root, tmp_path / "c.tar", volume_size=5_000)


def test_a_delta_is_small_and_makes_the_same_bytes_as_the_full_bundle(
    root: Path, tmp_path: Path, trust: TrustOptions
) -> None:
    pack(root, tmp_path / "1.tar", keys=[key()])
    house(root, alpha="1.1", bulk=400_000)
    full = pack(root, tmp_path / "2.tar", keys=[key()])
    delta = pack(root, tmp_path / "2-delta.tar", since=tmp_path / "1.tar")
    assert delta.bytes * 3 < full.bytes
    assert "files/alpha-1.0-py3-none-any.whl" in delta.removed
    import_bundle([tmp_path / "1.tar"], tmp_path / "a", trust)
    import_bundle([tmp_path / "2-delta.tar"], tmp_path / "a", trust)
    import_bundle([tmp_path / "2.tar"], tmp_path / "b", trust)
    assert tree(tmp_path / "a" / "current") == tree(tmp_path / "b" / "current") == tree(root)
    with pytest.raises(VerificationError, match="missing-base"):
        import_bundle([tmp_path / "2-delta.tar"], tmp_path / "c", trust)


def test_builds_between_two_bundles_are_no_gap_but_a_lost_bundle_is(
    root: Path, tmp_path: Path, trust: TrustOptions
) -> None:
    for number, alpha in enumerate(["1.0", "1.1", "1.2"], 1):
        for beta in ("1.0", "1.1", "1.2"):  # published three times, carried once
            house(root, alpha=alpha, beta=beta, bulk=number)
        pack(root, tmp_path / f"{number}.tar", keys=[key()])
    import_bundle([tmp_path / "1.tar"], tmp_path / "a", trust)
    import_bundle([tmp_path / "2.tar"], tmp_path / "a")
    import_bundle([tmp_path / "3.tar"], tmp_path / "a")
    import_bundle([tmp_path / "1.tar"], tmp_path / "b", trust)
    with pytest.raises(VerificationError, match="sequence-gap"):
        import_bundle([tmp_path / "3.tar"], tmp_path / "b")


def test_a_wheel_is_carried_as_what_changed(tmp_path: Path, trust: TrustOptions) -> None:
    root, into = tmp_path / "house", tmp_path / "into"
    for version in ("1.0", "1.1"):
        for old in root.glob("files/*"):
            old.unlink()
        files = {
            f"big/m{n}.bin": bytes(hashlib.sha256(f"{n}{i}".encode()).digest()[0] for i in range(2000))
            for n in range(40)
        }
        files["big/changed.bin"] = version.encode() * 100
        wheel = make_wheel(root / "files", "big", version, files=files)
        shutil.rmtree(root / "targets", ignore_errors=True)
        (root / "targets" / "a").mkdir(parents=True)
        (root / "targets" / "a" / wheel.name).hardlink_to(wheel)
        manifest.update(root)
        pack(root, tmp_path / f"{version}.tar", keys=[key()])
    whole = (root / "files" / "big-1.1-py3-none-any.whl").stat().st_size
    for name, since in (("a", tmp_path / "1.0.tar"), ("b", into / "current")):
        import_bundle([tmp_path / "1.0.tar"], into, trust) if name == "a" else None
        delta = pack(root, tmp_path / f"{name}.tar", since=since)
        assert delta.bytes < whole / 3
        assert check([tmp_path / f"{name}.tar"], trust) == ([], True)
    import_bundle([tmp_path / "a.tar"], into)
    assert tree(into / "current") == tree(root)
    content = (tmp_path / "b.tar").read_bytes()
    at = content.index(b'"ops":[[') + 8
    (tmp_path / "bad.tar").write_bytes(content[:at] + b"9" + content[at + 1 :])
    rollback(into)
    with pytest.raises(HashMismatchError, match="changed"):
        import_bundle([tmp_path / "bad.tar"], into)
    only_listed = pack(root, tmp_path / "c.tar", since=manifest_of(tmp_path / "1.0.tar", tmp_path))
    assert only_listed.bytes > whole


def manifest_of(bundle: Path, folder: Path) -> Path:
    with tarfile.open(bundle) as archive:
        stream = archive.extractfile(archive.getnames()[1])
        assert stream is not None
        (folder / "old.json").write_bytes(stream.read())
    return folder / "old.json"


def test_some_targets_only(root: Path, tmp_path: Path, trust: TrustOptions) -> None:
    packed = pack(root, tmp_path / "some.tar", keys=[key()], targets=["py36"])
    import_bundle(packed.volumes, tmp_path / "into", trust)
    found = tree(tmp_path / "into" / "current")
    assert not [path for path in found if path.startswith(("targets/py312", "simple/"))]
    assert [path for path in found if path.startswith("targets/py36/")]
    assert [each.folder for each in packed.manifest.targets] == ["py36"]
    with pytest.raises(ConfigError, match="no such target"):
        pack(root, tmp_path / "none.tar", targets=["py27"])


def test_variants_by_name_or_all(tmp_path: Path) -> None:
    house(tmp_path / "h", targets=[target("3.12"), target("3.12", variant="v3")])
    for names, folders in (
        (["py312"], ["py312"]),
        (["py312.*"], ["py312", "py312.v3"]),
        (["py312.v3"], ["py312.v3"]),
    ):
        packed = pack(tmp_path / "h", tmp_path / "b.tar", targets=names)
        assert [each.folder for each in packed.manifest.targets] == folders


def test_a_file_that_changed_since_is_not_packed(root: Path, tmp_path: Path) -> None:
    (root / "index.html").write_text("<html>changed</html>\n")
    with pytest.raises(HashMismatchError):
        pack(root, tmp_path / "b.tar", volume_size=150_000)
    assert not list(tmp_path.glob("b*"))


def test_rollback_and_prune(root: Path, tmp_path: Path, trust: TrustOptions) -> None:
    into, versions = tmp_path / "into", ["1.0", "1.1", "1.2"]
    for version in versions:
        house(root, alpha=version, beta=version, bulk=1000)
        packed = pack(root, tmp_path / f"{version}.tar", keys=[key()])
        import_bundle(packed.volumes, into, trust)
    assert rollback(into) == sorted(path.name for path in (into / "generations").iterdir())[1]
    assert (into / "current" / "files" / "alpha-1.1-py3-none-any.whl").is_file()
    import_bundle([tmp_path / "1.2.tar"], into)  # again, from a remembered key
    assert (into / "current" / "files" / "alpha-1.2-py3-none-any.whl").is_file()
    (into / "current" / "files" / "stray.whl").write_bytes(b"")
    gone = prune(into, 2)
    assert len(gone) == 2
    assert gone[1].endswith("files/stray.whl")
    assert len(list((into / "generations").iterdir())) == 2
    assert check([into])[0] == []


def test_check_names_each_fault_and_repair_heals(root: Path, tmp_path: Path, trust: TrustOptions) -> None:
    packed = pack(root, tmp_path / "b.tar", keys=[key()])
    good = tree(root)
    wheel = next((root / "files").glob("ballast*.whl"))
    content = bytearray(wheel.read_bytes())
    content[1000] ^= 1
    wheel.write_bytes(content)  # through every hard link
    (root / "index.html").unlink()
    (root / "files" / "extra.whl").write_bytes(b"")
    faults, looked = check([root], trust)
    assert looked
    named = {(fault.name, fault.path) for fault in faults}
    assert named == {
        ("changed", f"files/{wheel.name}"),
        ("changed", f"targets/py36/{wheel.name}"),
        ("changed", f"targets/py312/{wheel.name}"),
        ("missing", "index.html"),
        ("extra-file", "files/extra.whl"),
    }
    repair(root, packed.volumes, trust)
    assert check([root], trust) == ([], True)
    assert tree(root) == good
    assert wheel.stat().st_nlink == 3
    (root / "manifest.json").write_text("{}")
    assert [fault.name for fault in check([root], trust)[0]] == ["bad-manifest"]
    repair(root, packed.volumes, trust)
    assert tree(root) == good
