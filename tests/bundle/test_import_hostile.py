"""Every bad input on the import side: refused by name, and what was published before still is, whole."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bundles import Member, members, pack, write
from tests.support.signed_wheelhouses import house, key, public, target
from tests.support.trees import tree
from wheelyard.bundle.import_ import TrustOptions, check, import_bundle, policy_of
from wheelyard.bundle.manifest import read
from wheelyard.bundle.sign import sign
from wheelyard.domain.errors import HashMismatchError, StorageError, VerificationError, WheelyardError
from wheelyard.host import sshsig
from wheelyard.host.manifest import FileEntry, Manifest, dump_manifest

TRUST = TrustOptions()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "house"


@pytest.fixture
def into(tmp_path: Path, root: Path) -> Path:
    """A folder with sequence 1 published; sequence 2 lies in ``root``."""
    house(root, targets=[target("3.12")])
    packed = pack(root, tmp_path / "1.tar", keys=[key()])
    import_bundle(packed.volumes, tmp_path / "into", TrustOptions(trust=public()))
    house(root, targets=[target("3.12")], alpha="1.1")
    return tmp_path / "into"


def refused(into: Path, *bundles: Path, name: str, options: TrustOptions = TRUST, code: int | None = None) -> None:
    before = tree(into / "current")
    with pytest.raises(WheelyardError, match=rf"\[{name}\]") as caught:
        import_bundle(bundles, into, options)
    assert isinstance(caught.value, VerificationError | HashMismatchError | StorageError)
    assert code in (None, caught.value.exit_code)
    assert tree(into / "current") == before
    assert check([into]) == ([], True)
    assert [path.name for path in (into / "generations").iterdir()] == [(into / "current").readlink().name]


def extra(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, link: str = "", size: int = 0) -> Member:
    info = tarfile.TarInfo(f"wheelhouse-2/{name}" if not name.startswith("!") else name[1:])
    info.type, info.mode, info.linkname, info.size = kind, mode, link, size
    return info, bytes(size)


HOSTILE: dict[str, tuple[Member, str]] = {
    "climbs out": (extra("../../etc/passwd"), "extra-file"),
    "absolute": (extra("!/etc/passwd"), "extra-file"),
    "another folder": (extra("!wheelhouse-3/index.html"), "extra-file"),
    "symlink": (extra("files/link", tarfile.SYMTYPE, link="/etc"), "unsafe-member"),
    "hard link out": (extra("files/link", tarfile.LNKTYPE, link="/etc/passwd"), "unsafe-member"),
    "hard link to another": (
        extra("targets/py312/index.html", tarfile.LNKTYPE, link="wheelhouse-2/index.html"),
        "unsafe-member",
    ),
    "character device": (extra("files/null", tarfile.CHRTYPE), "unsafe-member"),
    "block device": (extra("files/disk", tarfile.BLKTYPE), "unsafe-member"),
    "pipe": (extra("files/pipe", tarfile.FIFOTYPE), "unsafe-member"),
    "folder": (extra("files/folder", tarfile.DIRTYPE), "unsafe-member"),
    "setuid": (extra("files/root", mode=0o4755), "unsafe-member"),
    "extra file": (extra("files/evil-1-py3-none-any.whl", size=10), "extra-file"),
    "other case": (extra("INDEX.html", size=10), "extra-file"),
    "twice": (extra("index.html", size=20), "changed"),
    "bomb": (extra("targets/py312/index.html", size=50_000_000), "changed"),
    "long name": (extra("x" * 30_000), "bad-tar"),
}


@pytest.mark.parametrize("what", list(HOSTILE))
def test_a_hostile_member_is_refused(what: str, into: Path, root: Path, tmp_path: Path) -> None:
    packed = pack(root, tmp_path / "2.tar", keys=[key()])
    member, name = HOSTILE[what]
    found = members(packed.volumes[0])
    if what in ("hard link to another", "bomb"):  # in place of the good one
        found = [each for each in found if each[0].name != member[0].name]
    refused(into, write(tmp_path / "bad.tar", [*found, member]), name=name)


def test_a_flipped_bit_anywhere_is_refused(into: Path, root: Path, tmp_path: Path) -> None:
    packed = pack(root, tmp_path / "2.tar", keys=[key()])
    content = packed.volumes[0].read_bytes()
    bad = tmp_path / "bad.tar"
    before = tree(into / "current")
    accepted = []
    step = 1999  # a prime: falls on headers, contents and padding alike
    for at in range(0, len(content), step):
        bad.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        try:
            import_bundle([bad], into, TRUST)
        except WheelyardError as error:
            assert error.exit_code in (7, 14), (at, error)  # noqa: PT017
        else:
            accepted.append(at)
    # What no checksum covers (a number of a volume, a date) may be accepted only if the result is the signed one.
    if accepted:
        assert tree(into / "current") == tree(root)
    else:
        assert tree(into / "current") == before
    assert len(accepted) <= 2


def test_truncated_anywhere_is_refused(into: Path, root: Path, tmp_path: Path) -> None:
    packed = pack(root, tmp_path / "2.tar", keys=[key()])
    content = packed.volumes[0].read_bytes()
    for size in (0, 100, 512, 5_000, len(content) // 2, len(content) - 1025, len(content) - 1):
        (tmp_path / "bad.tar").write_bytes(content[:size])
        name = "not-a-bundle" if size < 512 else "truncated"
        refused(into, tmp_path / "bad.tar", name=name)
    (tmp_path / "bad.tar").write_bytes(content + b"more")
    refused(into, tmp_path / "bad.tar", name="extra-file")


def test_volumes_missing_mixed_and_twice(into: Path, root: Path, tmp_path: Path) -> None:
    two = pack(root, tmp_path / "2.tar", keys=[key()], volume_size=120_000).volumes
    house(root, targets=[target("3.12")], alpha="1.2")
    three = pack(root, tmp_path / "3.tar", keys=[key()], volume_size=120_000).volumes
    assert len(two) == len(three) > 1
    refused(into, *two[1:], name="missing-volume")
    refused(into, two[0], *three[1:], name="mixed-volumes")
    refused(into, *two, two[0], name="mixed-volumes")
    cut = tmp_path / "cut.tar"
    cut.write_bytes(two[-1].read_bytes()[:-2000])
    refused(into, *two[:-1], cut, name="truncated")


def test_signatures(into: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "2.tar"
    pack(root, bundle)
    refused(into, bundle, name="unsigned")
    pack(root, bundle, keys=[key("other")])
    refused(into, bundle, name="unknown-key")
    pack(root, bundle, keys=[key()])
    pack(root, bundle, keys=[key(), key()])
    refused(into, bundle, name="too-few-signatures", options=TrustOptions(threshold=2))
    monkeypatch.setattr("wheelyard.bundle.sign.NAMESPACE", "git")
    pack(root, bundle, keys=[key()])
    refused(into, bundle, name="wrong-namespace")
    monkeypatch.undo()
    pack(root, bundle, keys=[key(), key("other")])
    both = tmp_path / "both"
    both.write_text(public().read_text() + public("other").read_text())
    assert len(import_bundle([bundle], into, TrustOptions(trust=both, threshold=2)).signers) == 2


def test_a_key_that_is_revoked_by_hand_stays_revoked_though_the_bundle_is_refused(
    into: Path, root: Path, tmp_path: Path
) -> None:
    pack(root, tmp_path / "2.tar", keys=[key()])
    before, revoked = tree(into / "current"), tmp_path / "revoked"
    revoked.write_text(public().read_text())
    for options in (TrustOptions(revoked=revoked), TrustOptions(), TrustOptions(trust=public())):
        for bundle in ("2.tar", "1.tar"):  # a new one, and the one that is published
            with pytest.raises(VerificationError, match="revoked-key"):
                import_bundle([tmp_path / bundle], into, options)
    assert tree(into / "current") == before
    assert [(fault.name, fault.code) for fault in check([into])[0]] == [("revoked-key", 14)]


def test_unsigned_is_accepted_only_when_asked_for_and_is_logged(into: Path, root: Path, tmp_path: Path) -> None:
    pack(root, tmp_path / "2.tar")
    import_bundle([tmp_path / "2.tar"], into, TrustOptions(allowed=frozenset({"unsigned"})))
    last = json.loads((into / "import.log").read_text().splitlines()[-1])
    assert (last["allowed"], last["signers"]) == (["unsigned"], [])


def test_order_time_and_channel(into: Path, root: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b.tar"

    def publish(**options: str) -> None:
        house(root, targets=[target("3.12")], **options)  # type: ignore[arg-type]  # texts only
        pack(root, bundle, keys=[key()])

    publish(alpha="1.1")  # which is lost
    publish(alpha="1.2")
    refused(into, bundle, name="sequence-gap")
    import_bundle([bundle], into, TrustOptions(allowed=frozenset({"gap"})))
    refused_old = tmp_path / "1.tar"
    with pytest.raises(VerificationError, match="older-sequence"):
        import_bundle([refused_old], into)
    (root / "manifest.json").unlink()
    (root / ".released").unlink()
    for alpha in ("1.3", "1.4", "1.5"):
        publish(alpha=alpha)
    with pytest.raises(VerificationError, match="same-sequence"):
        import_bundle([bundle], into)
    publish(alpha="1.6", expires="2020-01-01T00:00:00Z")
    with pytest.raises(VerificationError, match="expired"):
        import_bundle([bundle], into)
    publish(alpha="1.7", created="2999-01-01T00:00:00Z")
    with pytest.raises(VerificationError, match="wrong-clock"):
        import_bundle([bundle], into)
    publish(alpha="1.8", channel="another")
    with pytest.raises(VerificationError, match="other-channel"):
        import_bundle([bundle], into)
    assert (into / "current" / "files" / "alpha-1.2-py3-none-any.whl").is_file()
    import_bundle([refused_old], into, TrustOptions(allowed=frozenset({"rollback"})))
    assert (into / "current" / "files" / "alpha-1.0-py3-none-any.whl").is_file()


def crafted(root: Path, change: Callable[[Manifest], Manifest]) -> None:
    found, _ = read(root)
    (root / "manifest.json").write_bytes(dump_manifest(change(found)))
    sign(root, [key()])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../evil", "unsafe-path"),
        ("/etc/evil", "unsafe-path"),
        ("files/.hidden", "unsafe-path"),
        ("FILES/x", "same-name"),
        ("Index.html", "same-name"),
        ("files", "same-name"),
        ("files/new", "missing"),
    ],
)
def test_a_rightly_signed_but_hostile_manifest_is_refused(
    path: str, name: str, into: Path, root: Path, tmp_path: Path
) -> None:
    packed = pack(root, tmp_path / "2.tar", keys=[key()])

    def change(found: Manifest) -> Manifest:
        more = (*found.files, FileEntry(path=path, size=3, sha256="a" * 64, kind="other"))
        return found._replace(files=tuple(sorted(more, key=lambda entry: entry.path)))

    crafted(root, change)
    content = {n: (root / n).read_bytes() for n in ("manifest.json", "manifest.json.sig")}
    found = members(packed.volumes[0])
    for number, (info, _) in enumerate(found[:3]):
        short = info.name.partition("/")[2]
        if short in content:
            info.size = len(content[short])
            found[number] = (info, content[short])
    refused(into, write(tmp_path / "bad.tar", found), name=name)


def test_a_manifest_of_a_gigabyte_is_refused_unread(into: Path, tmp_path: Path) -> None:
    first = tarfile.TarInfo("wheelhouse-2/bundle.json")
    text = b'{"base":null,"format":1,"removed":[],"volume":1,"volumes":1}\n'
    first.size = len(text)
    second = tarfile.TarInfo("wheelhouse-2/manifest.json")
    second.size = 1 << 30
    bad = tmp_path / "bad.tar"
    bad.write_bytes(first.tobuf(tarfile.USTAR_FORMAT) + text + bytes(512 - len(text)) + second.tobuf())
    with bad.open("ab") as stream:
        stream.truncate(stream.tell() + (1 << 30) + 1024)
    refused(into, bad, name="manifest-too-big")


def test_what_cannot_fit_is_refused_at_once(
    into: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(root, tmp_path / "2.tar", keys=[key()])
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("wheelyard.host.applying.shutil.disk_usage", lambda path: usage)
    refused(into, tmp_path / "2.tar", name="disk-full", code=12)


def test_a_folder_that_holds_other_things_is_left_alone(root: Path, tmp_path: Path) -> None:
    house(root)
    packed = pack(root, tmp_path / "1.tar", keys=[key()])
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("mine")
    with pytest.raises(WheelyardError, match="not-ours"):
        import_bundle(packed.volumes, tmp_path / "www", TrustOptions(trust=public()))
    assert [path.name for path in (tmp_path / "www").iterdir()] == ["index.html"]


def test_a_new_key_comes_signed_by_the_old_one(into: Path, root: Path, tmp_path: Path) -> None:
    (root / "allowed_signers").write_text(f"new {public('other').read_text()}")
    (root / "revoked_keys").write_text(public().read_text())
    for alpha, signer, accepted in (("2.0", "admin", True), ("2.1", "admin", False), ("2.1", "other", True)):
        house(root, targets=[target("3.12")], alpha=alpha)
        pack(root, tmp_path / "b.tar", keys=[key(signer)])
        options = TrustOptions(allowed=frozenset({"gap"}))
        if accepted:
            import_bundle([tmp_path / "b.tar"], into, options)
        else:
            with pytest.raises(VerificationError, match=r"revoked-key|unknown-key"):
                import_bundle([tmp_path / "b.tar"], into, options)
    assert sshsig.parse_signers(policy_of(into).signers)[0].principals == "new"
