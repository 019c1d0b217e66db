from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.pythons import need
from wheelyard.bundle.sign import NAMESPACE, sign_bytes
from wheelyard.bundle.single import single_file
from wheelyard.domain.errors import ToolError
from wheelyard.host.refusal import Refused
from wheelyard.host.sshkeys import verify_blob, verify_ed25519, verify_p256, verify_rsa
from wheelyard.host.sshsig import (
    fingerprint,
    parse_revoked,
    parse_signature,
    parse_signers,
    signed_bytes,
    split_signatures,
    verify_signatures,
)

MESSAGE = b'{"channel":"c"}\n'
KINDS = {"ed25519": ["-t", "ed25519"], "rsa": ["-t", "rsa", "-b", "2048"], "ecdsa": ["-t", "ecdsa", "-b", "256"]}
needs_openssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")

# RFC 8032, section 7.1: TEST 1, 2, 3 and SHA(abc).
RFC8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC8032)
def test_rfc_8032(public: str, message: str, signature: str) -> None:
    key, text, good = (bytes.fromhex(each) for each in (public, message, signature))
    assert verify_ed25519(key, text, good)
    assert not verify_ed25519(key, text + b"x", good)
    for at in (0, 31, 32, 63):
        assert not verify_ed25519(key, text, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])


def test_wycheproof() -> None:
    vectors: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "wycheproof.json").read_text())
    keys, wrong = vectors["keys"], []
    for kind in ("ed25519", "p256", "rsa"):
        for case in vectors[kind]:
            key, message, signature = keys[case["key"]], bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            if kind == "ed25519":
                good = verify_ed25519(bytes.fromhex(key), message, signature)
            elif kind == "rsa":
                good = verify_rsa(int(key[1], 16), int(key[2], 16), key[0], message, signature)
            else:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                good = len(signature) == 64 and verify_p256(bytes.fromhex(key), r, s, message)
            if good != case["good"]:
                wrong.append((kind, case["what"]))
    assert not wrong
    assert sum(len(vectors[kind]) for kind in ("ed25519", "p256", "rsa")) > 100


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    for name, options in {**KINDS, "other": KINDS["ed25519"]}.items():
        command = ["ssh-keygen", "-q", *options, "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return {name: folder / name for name in (*KINDS, "other")}


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def refused(name: str, *args: Any, **kwargs: Any) -> None:
    with pytest.raises(Refused) as caught:
        verify_signatures(*args, **kwargs)
    assert caught.value.name == name


@needs_openssh
@pytest.mark.parametrize("kind", list(KINDS))
def test_ssh_keygen_accepts_ours_and_we_accept_ssh_keygens(kind: str, keys: dict[str, Path], tmp_path: Path) -> None:
    armored = sign_bytes(MESSAGE, keys[kind])
    line = f'admin namespaces="{NAMESPACE}" {public(keys[kind])}'
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"# who may sign\n\n{line}\n")
    (tmp_path / "sig").write_text(armored)
    command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "admin", "-n", NAMESPACE]
    done = subprocess.run([*command, "-s", str(tmp_path / "sig")], input=MESSAGE, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [
        signature.principals for signature in verify_signatures(MESSAGE, armored, parse_signers(signers.read_text()))
    ] == ["admin"]
    refused("bad-signature", MESSAGE + b" ", armored, parse_signers(line))


@needs_openssh
@pytest.mark.parametrize("version", ["3.6", "3.13"])
def test_the_verifier_runs_on(version: str, keys: dict[str, Path], tmp_path: Path) -> None:
    python = need(version)
    (tmp_path / "sshsig.py").write_text(single_file("sshsig"))
    (tmp_path / "signers").write_text("".join(f"admin {public(keys[kind])}\n" for kind in KINDS))
    (tmp_path / "sig").write_text("".join(sign_bytes(MESSAGE, keys[kind]) for kind in KINDS))
    code = (
        "import sshsig; s = sshsig.parse_signers(open('signers').read()); t = open('sig').read()\n"
        f"print(len(sshsig.verify_signatures({MESSAGE!r}, t, s, threshold=3)))\n"
        f"try: sshsig.verify_signatures({MESSAGE!r} + b'x', t, s)\n"
        "except sshsig.Refused as refused: print(refused.name)"
    )
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["3", "bad-signature"], done.stderr


@needs_openssh
def test_one_key_signing_twice_counts_once(keys: dict[str, Path]) -> None:
    signers = parse_signers(
        f"one {public(keys['ed25519'])}\ntwo {public(keys['other'])}\nagain {public(keys['other'])}"
    )
    once, other = sign_bytes(MESSAGE, keys["ed25519"]), sign_bytes(MESSAGE, keys["other"])
    refused("too-few-signatures", MESSAGE, once + once, signers, threshold=2)
    refused("too-few-signatures", MESSAGE, other + other, signers, threshold=2)
    assert len(verify_signatures(MESSAGE, once + other, signers, threshold=2)) == 2


@needs_openssh
def test_what_is_refused_by_name(keys: dict[str, Path], tmp_path: Path) -> None:
    good = sign_bytes(MESSAGE, keys["ed25519"])
    line = public(keys["ed25519"])
    refused("unsigned", MESSAGE, "", parse_signers(line))
    refused("unknown-key", MESSAGE, good, parse_signers(public(keys["other"])))
    for revoked in (line, f"{line} comment", fingerprint(parse_signature(good).key)):
        refused("revoked-key", MESSAGE, good, parse_signers(line), revoked=parse_revoked(revoked))
    refused("wrong-namespace", MESSAGE, good, parse_signers(f'a namespaces="git,file" {line}'))
    refused("key-not-yet-valid", MESSAGE, good, parse_signers(f'a valid-after="20990101Z" {line}'))
    refused("key-no-longer-valid", MESSAGE, good, parse_signers(f'a valid-before="20200101000000Z" {line}'))
    refused("bad-signature", MESSAGE, good.replace("A", "B", 5), parse_signers(line))
    refused("bad-signature", MESSAGE, "x" * 100_000, parse_signers(line))
    message = tmp_path / "m"
    message.write_bytes(MESSAGE)
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(keys["ed25519"]), str(message)],
        check=True,
        capture_output=True,
    )
    refused("wrong-namespace", MESSAGE, (tmp_path / "m.sig").read_text(), parse_signers(line))


@needs_openssh
def test_every_flipped_bit_of_a_signature_is_refused(keys: dict[str, Path]) -> None:
    armored = sign_bytes(MESSAGE, keys["ed25519"])
    raw = base64.b64decode("".join(armored.splitlines()[1:-1]))
    signers = parse_signers(public(keys["ed25519"]))
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ (1 << (at % 8))]) + raw[at + 1 :]
        text = f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(changed).decode()}\n-----END SSH SIGNATURE-----\n"
        with pytest.raises(Refused):
            verify_signatures(MESSAGE, text, signers)


@pytest.mark.parametrize(
    "line",
    [
        "admin cert-authority ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        'admin valid-after="soon" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
        "admin no-touch-required ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "admin ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "admin ssh-dss AAAAB3NzaC1kc3MAAAAA",
        "admin ssh-ed25519 not-base64!",
        "admin ssh-ed25519",
        "nonsense",
    ],
)
def test_a_bad_line_of_the_signers_is_named(line: str) -> None:
    with pytest.raises(Refused, match=r"signers:2: ") as caught:
        parse_signers(f"# first\n{line}\n", "signers")
    assert caught.value.name == "bad-signers"


def test_a_hardware_key_must_have_been_touched() -> None:
    cryptography = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    import hashlib

    def string(content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + content

    private = cryptography.Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    kind = b"sk-ssh-ed25519@openssh.com"
    key = string(kind) + string(raw) + string(b"ssh:")
    message = signed_bytes(MESSAGE, NAMESPACE, "sha512")
    for flags, accepted in ((b"\x01", True), (b"\x00", False)):
        tail = flags + b"\x00\x00\x00\x07"
        signed = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(message).digest()
        assert verify_blob(key, string(kind) + string(private.sign(signed)) + tail, message) is accepted


def test_signing_with_a_file_that_is_no_key_says_so(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nothing")
    with pytest.raises(ToolError):
        sign_bytes(MESSAGE, tmp_path / "key")


def test_only_whole_signatures_are_split() -> None:
    with pytest.raises(Refused):
        split_signatures("-----BEGIN SSH SIGNATURE-----\nAAAA\n")
