"""What decides whether a bundle is believed: never a traceback, never much work, and Python 3.6 and 3.13 agree."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.fuzzing import Judges, effort
from tests.support.mutations import as_json, changed, damaged, lines, texts
from tests.support.signed_wheelhouses import key, public
from wheelyard.bundle.sign import sign_bytes
from wheelyard.host.manifest import canonical
from wheelyard.host.policy import NO_POLICY, Seen

WHEEL = "alpha-1.0-py3-none-any.whl"
TARGET = {
    "folder": "py39",
    "python": "3.9",
    "implementation": "cpython",
    "platform": "manylinux_2_17_x86_64",
    "pip": "pip-24.0-py3-none-any.whl",
    "variant": None,
    "needs": {"simd": "x86-64-v3"},
    "proof": "proven",
    "python_archive": "python/cpython.tar",
}
FILES = [
    {"path": f"files/{WHEEL}", "size": 100, "sha256": "a" * 64, "kind": "wheel"},
    {"path": "index.html", "size": 0, "sha256": "b" * 64, "kind": "page"},
    {"path": f"targets/py39/{WHEEL}", "size": 100, "sha256": "a" * 64, "kind": "wheel"},
    {"path": "targets/py39/requirements.txt", "size": 7, "sha256": "c" * 64, "kind": "lock"},
]
MANIFEST = {
    "format": 2,
    "channel": "wheelhouse",
    "sequence": 1,
    "created": "2026-01-31T00:00:00Z",
    "expires": None,
    "previous": "d" * 64,
    "tool": "wheelyard 1",
    "targets": [TARGET, {**TARGET, "folder": "py39.v4", "variant": "v4", "needs": {}}],
    "files": FILES,
}
OLD = {
    **MANIFEST,
    "format": 1,
    "targets": [{**{name: each for name, each in TARGET.items() if name != "needs"}, "simd": "x86-64-v3"}],
}
POLICY = {
    **NO_POLICY._replace(
        signers="admin ssh-ed25519 AAAA\n",
        revoked={"SHA256:" + "A" * 43: "", "SHA256:" + "B" * 43: "e" * 64},
        channel="wheelhouse",
        seen={"wheelhouse": Seen(7, "f" * 64, "")},
        time="2026-01-31T00:00:00Z",
        published=("000001-aa",),
    )._asdict(),
    "format": 1,
}
POLICY["seen"] = {"wheelhouse": {"sequence": 7, "manifest": "f" * 64, "signers": ""}}
POLICY["published"] = ["000001-aa"]


def test_what_is_valid_is_read(hosts: Judges) -> None:
    """Else nothing below would be a change of something valid."""
    valid = {
        "manifest": canonical(MANIFEST),
        "choice": canonical(OLD),
        "signature": signed().encode(),
        "signers": "\n".join(signer_lines()).encode(),
        "revoked": "\n".join(revoked_lines()).encode(),
        "policy": json.dumps(POLICY).encode(),
    }
    for kind, content in valid.items():
        assert hosts(kind, content).startswith("ok: "), kind


@effort(50)
@given(content=as_json(MANIFEST, canonical) | as_json(OLD, canonical))
@example(content=b'{"channel":"a",' + b'"a":{' * 100_000)
@example(content=canonical({**MANIFEST, "sequence": 10**16}))
def test_manifests(hosts: Judges, content: bytes) -> None:
    hosts("manifest", content)
    hosts("choice", content)


@functools.cache
def signed(*more: str) -> str:
    return "".join(sign_bytes(b"message", key(name)) for name in ("admin", *more))


def armored(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    rows = "\n".join(text[at : at + 70] for at in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{rows}\n-----END SSH SIGNATURE-----\n"


@st.composite
def signatures(draw: st.DrawFn) -> bytes:
    """Fields of SSH's wire encoding changed one by one, then the armour and the row of signatures."""
    rows = "".join(signed().splitlines()[1:-1])
    blob = base64.b64decode(rows)
    fields: list[Any] = []
    at = 10
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "big")
        fields.append(blob[at + 4 : at + 4 + size].decode("latin-1"))
        at += 4 + size
    made = draw(changed(fields, 2))
    parts = [str(each).encode("latin-1", "replace") for each in (made if isinstance(made, list) else [made])]
    wire = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    text = armored(draw(damaged(blob[:10] + wire, 1)))
    text = draw(st.sampled_from([text, text + signed("second"), signed() + text, text * 2, text * 40]))
    return draw(damaged(text.encode(), 1))


@effort(50)
@given(content=signatures())
@example(content=b"-----BEGIN SSH SIGNATURE-----\n" * 2000)
def test_signatures(hosts: Judges, content: bytes) -> None:
    hosts("signature", content)


def signer_lines() -> list[str]:
    kind, blob, _ = public().read_text().split()
    return [
        "# who may sign",
        public().read_text().strip(),
        f"admin@example.org {kind} {blob}",
        f'admin,*@x namespaces="wheelyard-manifest,git",valid-after="20200101",valid-before="20991231Z" {kind} {blob}',
        f'"some body" valid-before="202001010000" {kind} {blob}',
    ]


def revoked_lines() -> list[str]:
    return ["SHA256:" + "A" * 43, public().read_text().strip(), "SHA256:" + "B" * 43 + " a comment"]


@st.composite
def signer_options(draw: st.DrawFn) -> bytes:
    """Times and patterns as options have them."""
    kind, blob, _ = public().read_text().split()
    moment = draw(
        texts
        | st.from_regex(r"\d{8}(\d{4}(\d\d)?)?Z?", fullmatch=True)
        | st.sampled_from(["00010101", "99991231235959", "19700101Z", "2020010²"])
    )
    name = draw(st.sampled_from(["valid-after", "valid-before", "namespaces", "cert-authority", "x"]))
    return f'a {name}="{moment}" {kind} {blob}\n'.encode("utf-8", "surrogatepass")


@effort(40)
@given(content=lines(signer_lines()) | lines(revoked_lines()) | signer_options())
def test_signers_and_revoked_keys(hosts: Judges, content: bytes) -> None:
    for kind in ("signers", "revoked", "policy_files"):
        hosts(kind, content)


@effort(40)
@given(content=as_json(POLICY, lambda value: json.dumps(value, indent=1).encode()))
@example(content=json.dumps(POLICY).encode().replace(b'"sequence": 7', b'"sequence": ' + b"7" * 900_000))
@example(content=json.dumps(POLICY).encode().replace(b"[", b"[" * 100_000))
def test_policies(hosts: Judges, content: bytes) -> None:
    hosts("policy", content)
