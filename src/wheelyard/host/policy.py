"""The policy of trust: who may sign, how many of them must, for which channel, and what was accepted so far.

It is kept as one small file, ``policy.json``, in ``DIR/trust`` of an import folder, and for each channel in the home of
a user of ``install.py``. Whatever an import learns (a sequence, a rotation, a revocation) is remembered by one durable
write, before the new wheelhouse is published: a crash leaves the old policy or the new one, and never a published
wheelhouse whose lessons were forgotten::

    {"anchor": null,              sha256 of the system's signers that these began with; null: they came from elsewhere
     "channel": "wheelhouse",     the channel that is published
     "format": 1,
     "published": ["000001-…"],   the generations of an import folder, in the order in which they were published
     "revoked": {"SHA256:…": ""}, fingerprint of a key -> sha256 of the manifest that revoked it; "": done by hand
     "seen": {"wheelhouse": {"manifest": "…", "sequence": 7, "signers": "admin ssh-ed25519 AAAA…\\n"}},
     "signers": "admin ssh-ed25519 AAAA…\\n",     OpenSSH's allowed signers
     "threshold": 1,
     "time": "2026-01-31T00:00:00Z"}              the latest time that an accepted manifest says, or null

Signers come from one place: what is given by hand, else the system's (``/etc/wheelyard``), else what is remembered. A
chain of rotations that began at the system's signers is followed until somebody changes these. Revocations come from
all places together, and only ever grow.
"""

import json
import os
import re
from typing import Any, Dict, Iterable, NamedTuple, Optional, Tuple

from wheelyard.host.manifest import digest_of
from wheelyard.host.refusal import EXIT_STORAGE, Refused
from wheelyard.host.smallfiles import MAX_SMALL, bad_record, put_file, read_json, read_text
from wheelyard.host.sshsig import parse_revoked

SYSTEM_TRUST = "/etc/wheelyard"
POLICY = "policy.json"
SIGNERS = "allowed_signers"
REVOKED = "revoked_keys"
BY_HAND = ""
_DIGEST = re.compile(r"([0-9a-f]{64})?\Z")

# What was accepted last of a channel. ``signers``: who signed it, as allowed signers; empty: nobody was checked.
Seen = NamedTuple("Seen", [("sequence", int), ("manifest", str), ("signers", str)])

Policy = NamedTuple(
    "Policy",
    [
        ("signers", str),
        ("revoked", Dict[str, str]),
        ("threshold", int),
        ("channel", Optional[str]),
        ("seen", Dict[str, Seen]),
        ("time", Optional[str]),
        ("anchor", Optional[str]),
        ("published", Tuple[str, ...]),
    ],
)

NO_POLICY = Policy(signers="", revoked={}, threshold=1, channel=None, seen={}, time=None, anchor=None, published=())


def _typed(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError("not a {}".format(kind))
    return value


def _policy(value: Dict[str, Any]) -> Policy:
    """Return the policy of a file; KeyError, TypeError or ValueError if it is none."""
    seen = {
        channel: Seen(
            sequence=_typed(each["sequence"], int),
            manifest=_typed(each["manifest"], str),
            signers=_typed(each.get("signers", ""), str),
        )
        for channel, each in _typed(value.get("seen", {}), dict).items()
    }
    revoked = _typed(value.get("revoked", {}), dict)
    parse_revoked("\n".join(revoked))
    if not all(_DIGEST.match(origin) for origin in revoked.values()):
        raise ValueError("an origin is not a sha256")
    optional = (str, type(None))
    return Policy(
        signers=_typed(value.get("signers", ""), str),
        revoked=revoked,
        threshold=max(_typed(value.get("threshold", 1), int), 1),
        channel=_typed(value.get("channel"), optional),
        seen=seen,
        time=_typed(value.get("time"), optional),
        anchor=_typed(value.get("anchor"), optional),
        published=tuple(_typed(sequence, str) for sequence in _typed(value.get("published", []), list)),
    )


def read_policy(folder: str) -> Policy:
    """Return the policy of a folder: ``policy.json``, with ``allowed_signers`` and ``revoked_keys`` put there by hand.

    :raises Refused: ``bad-record``, ``bad-signers`` or ``unreadable``.
    """
    path = os.path.join(folder, POLICY)
    value = read_json(path)
    try:
        policy = NO_POLICY if value is None else _policy(value)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise bad_record(path) from None
    signers, revoked = os.path.join(folder, SIGNERS), os.path.join(folder, REVOKED)
    if not policy.signers and os.path.isfile(signers):
        policy = policy._replace(signers=read_text(signers))
    if os.path.isfile(revoked):
        policy = policy._replace(revoked=with_revoked(policy.revoked, parse_revoked(read_text(revoked), revoked)))
    return policy


def with_revoked(revoked: Dict[str, str], more: Iterable[str], origin: str = BY_HAND) -> Dict[str, str]:
    """Return more revoked keys; one that somebody revoked by hand is no longer that of a manifest."""
    found = dict(revoked)
    for mark in more:
        found[mark] = BY_HAND if origin == BY_HAND else found.get(mark, origin)
    return found


def merged_policy(own: Policy, system: Policy, signers: str, revoked: str, threshold: Optional[int]) -> Policy:
    """Return the policy that holds, out of what is remembered, the system's, and what is given by hand (else empty)."""
    anchor = digest_of(system.signers.encode()) if system.signers else None
    start = None
    text = signers
    if not signers:
        follows = anchor is None or own.anchor == anchor
        text, start = (own.signers, own.anchor) if follows else (system.signers, anchor)
    return own._replace(
        signers=text,
        anchor=start,
        threshold=threshold or max(own.threshold, system.threshold),
        revoked=with_revoked(with_revoked(own.revoked, system.revoked), parse_revoked(revoked)),
    )


def put_policy(folder: str, policy: Policy) -> None:
    """Remember a policy in one durable write; nothing is written where it is remembered already."""
    value = dict(policy._asdict(), format=1, published=list(policy.published))
    value["seen"] = {channel: dict(each._asdict()) for channel, each in policy.seen.items()}
    path, text = os.path.join(folder, POLICY), json.dumps(value, indent=1, sort_keys=True) + "\n"
    if len(text) > MAX_SMALL:
        raise Refused("cannot-write", "more keys are revoked than can be remembered", where=path, code=EXIT_STORAGE)
    if not os.path.isfile(path) or read_text(path) != text:
        put_file(path, text)
