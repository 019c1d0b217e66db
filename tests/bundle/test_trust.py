"""What an import remembers, and when: nothing that was learnt is lost, whatever happens, and nothing goes back."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.bundles import members, pack, write
from tests.support.signed_wheelhouses import house, key, public, target
from tests.support.trees import tree
from wheelyard.bundle import manifest as manifests
from wheelyard.bundle.import_ import (
    TrustOptions,
    change_policy,
    check,
    examine,
    generations_of,
    import_bundle,
    policy_of,
    prune,
    repair,
    rollback,
)
from wheelyard.bundle.manifest import read
from wheelyard.bundle.sign import sign
from wheelyard.cli.main import main
from wheelyard.domain.errors import ConfigError, HashMismatchError, VerificationError, WheelyardError
from wheelyard.host.manifest import Manifest, dump_manifest, load_manifest
from wheelyard.host.refusal import Refused
from wheelyard.host.sshsig import fingerprint, parse_revoked, parse_signers
from wheelyard.host.trust import check_time, trust_for

Publish = Callable[..., Path]


def mark(name: str) -> str:
    return fingerprint(parse_signers(public(name).read_text())[0].key)


def allow(*dangers: str) -> TrustOptions:
    return TrustOptions(allowed=frozenset(dangers))


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """Return what makes the next bundle: other wheels, signed by some keys, with more files at the top."""

    def make(
        alpha: str, *signers: str, since: Path | None = None, top: dict[str, str] | None = None, **options: str
    ) -> Path:
        root = tmp_path / options.pop("house", "house")
        root.mkdir(exist_ok=True)
        for name, text in (top or {}).items():
            (root / name).write_text(text)
        house(root, targets=[target("3.12")], alpha=alpha, **options)  # type: ignore[arg-type]  # texts only
        path = tmp_path / f"{root.name}-{alpha}.tar"
        pack(root, path, keys=[key(name) for name in signers or ("admin",)], since=since)
        return path

    return make


@pytest.fixture
def into(tmp_path: Path, publish: Publish) -> Path:
    """A folder with alpha 1.0 published."""
    import_bundle([publish("1.0")], tmp_path / "into", TrustOptions(trust=public()))
    return tmp_path / "into"


def rotation() -> dict[str, str]:
    return {"allowed_signers": f"new {public('other').read_text()}", "revoked_keys": public().read_text()}


def test_what_is_learnt_is_remembered_before_it_is_published(
    into: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, bundle = tree(into / "current"), publish("1.1", top=rotation())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("wheelyard.host.applying.switch_to", killed)
        with pytest.raises(KeyboardInterrupt):
            import_bundle([bundle], into)
    assert tree(into / "current") == old
    assert mark("admin") in policy_of(into).revoked
    with pytest.raises(VerificationError, match=r"revoked-key|unknown-key"):
        import_bundle([publish("1.2")], into)
    import_bundle(
        [bundle], into
    )  # the same one completes what was begun, though its key is revoked: it did that itself
    assert (into / "current/files/alpha-1.1-py3-none-any.whl").is_file()
    assert check([into]) == ([], True)
    assert [path.name for path in (into / "generations").iterdir() if path.name.startswith(".")] == []


def test_a_rotation_is_taken_over_once_and_the_same_bundle_again_changes_nothing(into: Path, publish: Publish) -> None:
    bundle = publish("1.1", top=rotation())
    import_bundle([bundle], into)
    policy = policy_of(into)
    assert import_bundle([bundle], into).new == 0
    assert policy_of(into) == policy
    assert check([into]) == check([into / "current"]) == check([(into / "current").resolve()]) == ([], True)
    with pytest.raises(VerificationError, match="revoked-key"):
        import_bundle([publish("1.2")], into, TrustOptions(trust=public()))
    import_bundle([publish("1.3", "other")], into, allow("gap"))
    assert (into / "current/files/alpha-1.3-py3-none-any.whl").is_file()


def test_the_same_bundle_again_is_judged_whole(into: Path, publish: Publish, tmp_path: Path) -> None:
    bundle = publish("1.1")
    import_bundle([bundle], into)
    content = bundle.read_bytes()
    (tmp_path / "cut.tar").write_bytes(content[: len(content) // 2])
    with pytest.raises(VerificationError, match="truncated"):
        import_bundle([tmp_path / "cut.tar"], into)
    wheel = into / "current/files/alpha-1.1-py3-none-any.whl"
    good = wheel.read_bytes()
    wheel.write_bytes(good[:-1] + b"x")
    with pytest.raises(HashMismatchError, match=r"what is published.*\[changed\].*--repair"):
        import_bundle([bundle], into)
    repair(into, [bundle])
    assert wheel.read_bytes() == good
    assert import_bundle([bundle], into).new == 0


def test_revocations_are_merged_not_joined(into: Path, publish: Publish, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):  # none of them ends in a newline
        (tmp_path / name).write_text(public(name).read_text().strip() if name != "two" else mark(name))
        import_bundle([tmp_path / "house-1.0.tar"], into, TrustOptions(revoked=tmp_path / name))
    import_bundle([publish("1.1", top={"revoked_keys": mark("four")})], into)
    assert set(policy_of(into).revoked) == {mark(name) for name in ("one", "two", "three", "four")}
    assert policy_of(into).revoked[mark("one")] == ""
    assert policy_of(into).revoked[mark("four")] == policy_of(into).seen["wheelhouse"].manifest


@pytest.mark.parametrize("form", ["{a}{b}", "{a} {b}", "{A}{B}", "{A} x{B}", "SHA256:short", "{A}{b}"])
def test_a_line_that_may_name_two_keys_is_refused_not_read_as_one(form: str) -> None:
    keys = {"a": mark("admin"), "b": mark("other")}
    keys |= {"A": public().read_text().strip(), "B": public("other").read_text().strip()}
    with pytest.raises(Refused, match="revoked keys:1"):
        parse_revoked(form.format(**keys))


def test_the_threshold_is_remembered_and_shown(
    publish: Publish, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both, into = tmp_path / "both", tmp_path / "into"
    both.write_text(public().read_text() + public("other").read_text())
    import_bundle([publish("1.0", "admin", "other")], into, TrustOptions(trust=both, threshold=2))
    with pytest.raises(VerificationError, match="too-few-signatures"):
        import_bundle([publish("1.1", "admin")], into)
    with pytest.raises(VerificationError, match="bad-signers"):  # nobody could sign any more
        import_bundle([publish("1.2", "admin", "other", top=rotation())], into, allow("gap"))
    assert main(["trust", str(into), "--show"]) == 0
    shown = capsys.readouterr().out
    assert "threshold:  2" in shown
    assert "channel:    wheelhouse" in shown
    assert mark("admin") in shown
    assert main(["trust", str(into), "--revoked", str(public("other"))]) == 0
    assert "REVOKED" in capsys.readouterr().out
    assert change_policy(into, TrustOptions(threshold=1)).threshold == policy_of(into).threshold == 1


def test_signers_come_from_one_place_and_revocations_from_all(
    into: Path, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "etc"
    system.mkdir()
    (system / "allowed_signers").write_text(f"root {public().read_text()}root {public('second').read_text()}")
    monkeypatch.setattr("wheelyard.host.trust.SYSTEM_TRUST", str(system))
    import_bundle([publish("1.1", "second")], into)  # the system's signers
    (tmp_path / "mine").write_text(public("second").read_text())
    with pytest.raises(VerificationError, match="revoked-key"):
        import_bundle([publish("1.2", "second")], into, TrustOptions(revoked=tmp_path / "mine"))
    with pytest.raises(VerificationError, match="revoked-key"):  # the system does not hide what was revoked here
        import_bundle([tmp_path / "house-1.2.tar"], into)
    import_bundle([publish("1.3", top={"allowed_signers": public("third").read_text()})], into, allow("gap"))
    import_bundle([publish("1.4", "third")], into)  # a chain that began at the system's signers is followed
    (system / "revoked_keys").write_text(public("third").read_text())
    with pytest.raises(VerificationError, match="revoked-key"):
        import_bundle([publish("1.5", "third")], into)
    (system / "allowed_signers").write_text(public("fourth").read_text())  # root's word, until the next rotation
    import_bundle([publish("1.6", "fourth")], into, allow("gap"))


def rewritten(bundle: Path, name: str, content: bytes, goal: Path) -> Path:
    found = members(bundle)
    for number, (info, _) in enumerate(found):
        if info.name.endswith("/" + name):
            info.size = len(content)
            found[number] = (info, content)
    return write(goal, found)


def test_what_the_courier_writes_into_bundle_json_hides_no_gap(into: Path, publish: Publish, tmp_path: Path) -> None:
    published = policy_of(into).seen["wheelhouse"].manifest
    publish("1.1")  # which the courier keeps
    bundle = publish("1.2")
    with pytest.raises(VerificationError, match="sequence-gap"):
        import_bundle([bundle], into)
    text = f'{{"base":"{published}","format":1,"removed":[],"volume":1,"volumes":1}}\n'.encode()
    forged = rewritten(bundle, "bundle.json", text, tmp_path / "forged.tar")
    with pytest.raises(VerificationError, match="sequence-gap"):
        import_bundle([forged], into)
    assert [fault.name for fault in check([forged], TrustOptions(trust=public()))[0]] == ["bad-bundle"]


def test_a_delta_against_any_bundle_says_so_in_what_is_signed(into: Path, publish: Publish, tmp_path: Path) -> None:
    publish("1.1")  # never carried here
    first = tmp_path / "house-1.0.tar"
    import_bundle([publish("1.2", since=first)], into)
    assert (into / "current/files/alpha-1.2-py3-none-any.whl").is_file()
    with pytest.raises(ConfigError, match="--key"):
        pack(tmp_path / "house", tmp_path / "unsigned.tar", since=tmp_path / "house-1.1.tar")


@pytest.mark.parametrize("what", ["behind the end", "far behind the end", "twice", "link", "manifest twice"])
def test_check_and_import_are_one_judge(what: str, into: Path, publish: Publish, tmp_path: Path) -> None:
    bundle, bad = publish("1.1"), tmp_path / "bad.tar"
    found = members(bundle)
    top = found[0][0].name.partition("/")[0]
    link = tarfile.TarInfo(f"{top}/targets/py312/index.html")
    link.type, link.linkname = tarfile.LNKTYPE, f"{top}/index.html"
    plain = next(each for each in found if each[0].name == f"{top}/index.html")
    repeated = next(each for each in found if each[0].islnk())
    others = [each for each in found if each[0].name != link.name]
    bad.write_bytes(bundle.read_bytes() + (bytes(3 << 20) if what == "far behind the end" else b"") + b"garbage")
    if what == "twice":
        write(bad, [*found, repeated])
    elif what == "link":
        write(bad, [*others, (link, b"")])
    elif what == "manifest twice":
        write(bad, [*found[:3], found[1], *found[3:]])
    assert plain
    with pytest.raises(WheelyardError) as caught:
        import_bundle([bad], into)
    judged = examine([bad], TrustOptions(trust=public()))
    assert judged.exit_code == caught.value.exit_code
    assert f"[{judged.faults[0].name}]" in caught.value.message
    assert check([bundle], TrustOptions(trust=public())) == ([], True)


def test_a_manifest_says_when_it_was_packed_and_created_makes_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    packed = []
    for name in ("one", "two"):
        house(tmp_path / name, targets=[target("3.12")])
        command = ["pack", str(tmp_path / name), "--key", str(key()), "-q", "--to", str(tmp_path / f"{name}.tar")]
        assert main([*command, "--created", "2026-02-03"]) == 0
        packed.append((tmp_path / f"{name}.tar").read_bytes())
    assert packed[0] == packed[1]
    assert read(tmp_path / "one")[0].created == "2026-02-03T00:00:00Z"
    house(tmp_path / "one", targets=[target("3.12")], alpha="1.1")
    assert main(["pack", str(tmp_path / "one"), "--key", str(key()), "-q", "--to", str(tmp_path / "3.tar")]) == 0
    created = read(tmp_path / "one")[0].created
    assert created is not None
    assert created > "2026-02-03T00:00:00Z"
    assert main(["pack", str(tmp_path / "one"), "-q", "--to", str(tmp_path / "4.tar")]) == 0
    assert (tmp_path / "3.tar").read_bytes() == (tmp_path / "4.tar").read_bytes()


def test_the_latest_time_is_remembered_and_a_clock_that_goes_back_is_noticed(
    into: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_bundle([publish("1.1", created="2026-03-01T00:00:00Z")], into)
    import_bundle(
        [publish("1.2", created="2026-02-01T00:00:00Z", expires="2026-02-20T00:00:00Z")], into, allow("expired")
    )
    assert policy_of(into).time == "2026-03-01T00:00:00Z"
    trust = trust_for(str(into / "trust"))
    february = 1770681600.0  # the tenth
    sample = load_manifest((into / "current/manifest.json").read_bytes())
    with pytest.raises(Refused, match="clock"):
        check_time(sample, trust, now=february)
    late = trust_for(str(into / "trust"), allowed=["wrong-clock"])
    with pytest.raises(Refused, match="expired"):  # by the time that was seen, not by the clock
        check_time(sample, late, now=february)
    monkeypatch.setattr("wheelyard.host.trust.time.time", lambda: february)
    with pytest.raises(VerificationError, match="wrong-clock"):
        import_bundle([publish("1.3", created="2026-02-09T00:00:00Z")], into)
    import_bundle([publish("1.4", created="2999-01-01T00:00:00Z")], into, allow("wrong-clock", "gap"))
    assert policy_of(into).time == "2026-03-01T00:00:00Z"  # what was let through is not believed


def test_an_absurd_sequence_pushes_no_good_generation_out(into: Path, publish: Publish, tmp_path: Path) -> None:
    def at(sequence: int, alpha: str) -> Path:
        publish(alpha)
        root, path = tmp_path / "house", tmp_path / f"at-{alpha}.tar"
        found, content = read(root)
        previous = policy_of(into).seen["wheelhouse"].manifest
        (root / "manifest.json").write_bytes(
            dump_manifest(found._replace(sequence=sequence, previous=previous, channel="wheelhouse"))
        )
        assert content
        sign(root, [key()])
        pack(root, path)
        return path

    import_bundle([at(1 << 52, "9.0")], into)
    for number in (5, 6, 7):
        import_bundle([at(number, f"1.{number}")], into, allow("rollback") if number == 5 else TrustOptions())
    names, now = generations_of(into)
    assert now == names[-1]
    assert names[-1].startswith("000007-")
    prune(into, 2)
    assert [name[:6] for name in generations_of(into)[0]] == ["000006", "000007"]
    assert rollback(into).startswith("000006-")


def test_two_other_channels_do_not_add_up_to_a_rollback(into: Path, publish: Publish, tmp_path: Path) -> None:
    import_bundle([publish("1.1")], into)
    other = publish("3.0", house="other", channel="other")
    import_bundle([other], into, allow("other-channel"))
    with pytest.raises(VerificationError, match="older-sequence"):
        import_bundle([tmp_path / "house-1.0.tar"], into, allow("other-channel"))
    import_bundle([tmp_path / "house-1.1.tar"], into, allow("other-channel"))
    assert (into / "current/files/alpha-1.1-py3-none-any.whl").is_file()


def test_two_wheelhouses_have_two_channels_and_the_same_one_has_the_same(tmp_path: Path) -> None:
    made: list[Manifest] = []
    for name, text in (("a", "one"), ("b", "two"), ("c", "one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(text)
        made.append(manifests.update(tmp_path / name))
    assert made[0].channel != made[1].channel
    assert made[0] == made[2]
    (tmp_path / "a" / "index.html").write_text("three")
    assert (manifests.update(tmp_path / "a").channel, made[0].sequence) == (made[0].channel, 1)


def test_hidden_files_are_seen_and_no_name_steers_a_terminal(into: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = into / "current"
    (root / ".htaccess").write_text("Options +Indexes")
    (root / "files" / ".hidden").write_text("")
    os.close(os.open(os.fsencode(root) + b"/a\x07\xff\xc2\x9b", os.O_CREAT))
    assert main(["check", str(into)]) == 7
    shown = capsys.readouterr().out
    assert {"extra-file: .htaccess", "extra-file: files/.hidden"} <= {
        line.rpartition(": ")[0] for line in shown.splitlines()
    }
    assert "a\\x07\\udcff\\x9b" in shown
    assert all(sign.isprintable() or sign == "\n" for sign in shown)


def test_a_damaged_manifest_that_is_published_says_so_and_is_healed(into: Path, publish: Publish) -> None:
    bundle, listed = publish("1.1"), into / "current/manifest.json"
    content = listed.read_bytes()
    listed.write_bytes(content.replace(b'"sequence"', b'"Sequence"'))
    with pytest.raises(VerificationError, match=r"the manifest that is published.*--repair"):
        import_bundle([bundle], into)
    faults = check([into])[0]
    assert faults[-1].path.endswith("manifest.json")
    with pytest.raises(VerificationError, match="came with"):  # another one would be a step back, or forward
        repair(into, [bundle])
    repair(into, [bundle.with_name("house-1.0.tar")])
    assert listed.read_bytes() == content
    import_bundle([bundle], into)
