"""Whether a manifest may be believed: who signed it, for which channel, how new it is, and whether it moved backwards.

Every refusal has its own name, and the flag that overrides it is named for the same danger.
"""

import base64
import calendar
import os
import re
import shutil
import subprocess
import tempfile
import time
from typing import FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from wheelyard.host.manifest import Manifest, digest_of, load_manifest
from wheelyard.host.policy import (
    REVOKED,
    SIGNERS,
    SYSTEM_TRUST,
    Policy,
    Seen,
    merged_policy,
    read_policy,
    with_revoked,
)
from wheelyard.host.refusal import EXIT_HASH, Refused
from wheelyard.host.smallfiles import read_text
from wheelyard.host.sshsig import (
    NAMESPACE,
    Signer,
    parse_revoked,
    parse_signers,
    signer_line,
    split_signatures,
    verify_one,
    verify_signatures,
)

# What may be overridden, and the name of the flag behind "--allow-".
DANGERS = ("unsigned", "rollback", "expired", "wrong-clock", "gap", "other-channel")
_CLOCK_SLACK = 86400  # seconds: hosts without a network may be a day off
_FIRST_OPENSSH = (8, 1)  # has ssh-keygen -Y

# Whom to believe now. ``allowed`` are those of DANGERS that the user accepts; ``by_hand``: the signers were given.
Trust = NamedTuple(
    "Trust",
    [("policy", Policy), ("signers", Tuple[Signer, ...]), ("by_hand", bool), ("allowed", FrozenSet[str])],
)


def trust_for(
    folder: str,
    signers: str = "",
    revoked: str = "",
    threshold: Optional[int] = None,
    allowed: Iterable[str] = (),
) -> Trust:
    """Return whom to believe: by texts that are given, by the system, by what is remembered in a folder.

    :param threshold: so many different keys must have signed; None: as remembered, at first one.
    """
    policy = merged_policy(read_policy(folder), read_policy(SYSTEM_TRUST), signers, revoked, threshold)
    known = tuple(parse_signers(policy.signers))
    return Trust(policy=policy, signers=known, by_hand=bool(signers), allowed=frozenset(allowed))


def positive(text: str) -> int:
    """Return a number of keys as an option says it; ValueError for less than one, which would ask for no key at all."""
    number = int(text)
    if number < 1:
        raise ValueError("less than one")
    return number


def moment_of(text: str) -> int:
    """Return the seconds of a manifest's time."""
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        raise Refused("bad-manifest", "not a time: {}".format(text)) from None


def _openssh() -> Optional[str]:
    """Return the path of an ssh-keygen that can verify, or None."""
    keygen, ssh = shutil.which("ssh-keygen"), shutil.which("ssh")
    if keygen is None or ssh is None:
        return None
    try:
        done = subprocess.Popen([ssh, "-V"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        text = done.communicate()[0].decode("utf-8", "replace")
    except OSError:
        return None
    match = re.match(r"OpenSSH_(\d+)\.(\d+)", text)
    return keygen if match and (int(match.group(1)), int(match.group(2))) >= _FIRST_OPENSSH else None


def _agree(keygen: str, content: bytes, armored: str, signer: Signer) -> None:
    """Have OpenSSH look at a signature that we accepted; Refused if it does not accept it."""
    principal = signer.principals.split(",")[0].replace("*", "any").replace("?", "x").lstrip("!") or "any"
    with tempfile.TemporaryDirectory(prefix="wheelyard-") as folder:
        names = {name: os.path.join(folder, name) for name in ("signers", "signature", "message")}
        key = base64.b64encode(signer.key).decode()
        kind = signer.key[4 : 4 + int.from_bytes(signer.key[:4], "big")].decode()
        for name, text in (
            ("signers", "{} {} {}\n".format(principal, kind, key).encode()),
            ("signature", armored.encode()),
            ("message", content),
        ):
            with open(names[name], "wb") as stream:
                stream.write(text)
        command = [keygen, "-Y", "verify", "-f", names["signers"], "-I", principal, "-n", NAMESPACE]
        with open(names["message"], "rb") as message:
            process = subprocess.Popen(
                [*command, "-s", names["signature"]], stdin=message, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            output = process.communicate()[0].decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise Refused("bad-signature", "ssh-keygen on this host does not accept the signature: {}".format(output))


def _verified(content: bytes, signature: str, trust: Trust) -> List[Signer]:
    """Return who signed the bytes of a manifest, among those who may."""
    policy, digest = trust.policy, digest_of(content)
    # A manifest does not revoke its own signature: it was good when it brought the new keys, and remains so.
    revoked = {mark for mark, origin in policy.revoked.items() if origin != digest}
    signers = list(trust.signers)
    for seen in policy.seen.values():
        if seen.manifest == digest and not trust.by_hand:
            signers += parse_signers(seen.signers)
    good = verify_signatures(content, signature, signers, revoked, policy.threshold)
    keygen = _openssh()
    if keygen is not None:
        now = int(time.time())
        for armored in split_signatures(signature):
            try:
                signer = verify_one(content, armored, signers, revoked, now, NAMESPACE)
            except Refused:
                continue  # one of several; enough others are good
            _agree(keygen, content, armored, signer)
    return good


def check_signature(content: bytes, signature: Optional[str], trust: Trust) -> List[Signer]:
    """Return who signed a manifest, by our own verifier and, where the host has one, by ``ssh-keygen -Y verify``.

    Only bytes are looked at: whatever the manifest says is parsed afterwards. An empty list: it is not signed, and
    ``unsigned`` is allowed.
    """
    if signature is None or not signature.strip():
        if "unsigned" in trust.allowed:
            return []
        raise Refused(
            "unsigned",
            "there is no signature",
            hint="ask the admin for a signed one (wheelyard pack --key KEY), or pass --allow-unsigned",
        )
    if not trust.signers:
        if "unsigned" in trust.allowed:
            return []
        raise Refused("no-trust", "no key to check the signature with is known", hint="pass --trust FILE")
    return _verified(content, signature, trust)


def check_time(manifest: Manifest, trust: Optional[Trust] = None, now: Optional[float] = None) -> None:
    """Refuse a manifest that is expired, or a clock that is earlier than what it, or one before it, says.

    Where the clock was set back, a manifest expires by the latest time that was ever signed here all the same.
    """
    allowed = trust.allowed if trust is not None else frozenset()
    moment = time.time() if now is None else now
    known = trust.policy.time if trust is not None else None
    latest = max(known or "", manifest.created or "")
    if latest and moment + _CLOCK_SLACK < moment_of(latest) and "wrong-clock" not in allowed:
        message = "signed on {}, but this host's clock says it is earlier".format(latest)
        raise Refused("wrong-clock", message, hint="set the clock, or pass --allow-wrong-clock")
    moment = max(moment, moment_of(known) if known else 0)
    if manifest.expires is not None and moment >= moment_of(manifest.expires) and "expired" not in allowed:
        raise Refused(
            "expired",
            "the manifest expired on {}".format(manifest.expires),
            hint="ask for a newer bundle, or pass --allow-expired",
        )


def believed(content: bytes, signature: Optional[str], trust: Trust) -> Tuple[Manifest, List[Signer]]:
    """Return a manifest that may be believed, and who signed it. Its bytes are verified before they are parsed."""
    signers = check_signature(content, signature, trust)
    manifest = load_manifest(content)
    check_time(manifest, trust)
    return manifest, signers


def check_order(manifest: Manifest, digest: str, trust: Trust, gap: bool) -> None:
    """Refuse another channel, an older sequence, the same sequence with other content, and (``gap``) a missing one.

    Each channel has its own count: going to another one and back does not let an older sequence in.
    """
    policy, allowed = trust.policy, trust.allowed
    if policy.channel not in (None, manifest.channel) and "other-channel" not in allowed:
        raise Refused(
            "other-channel",
            "of channel {}, but {} is here".format(manifest.channel, policy.channel),
            hint="import it into another folder, or pass --allow-other-channel",
        )
    seen = policy.seen.get(manifest.channel)
    if seen is None:
        return
    if manifest.sequence < seen.sequence and "rollback" not in allowed:
        raise Refused(
            "older-sequence",
            "sequence {} is older than {}, which was here".format(manifest.sequence, seen.sequence),
            hint="take the newest bundle, or pass --allow-rollback",
        )
    if manifest.sequence == seen.sequence and digest != seen.manifest and "rollback" not in allowed:
        raise Refused(
            "same-sequence",
            "sequence {} is here already, with other content".format(manifest.sequence),
            hint="somebody published twice under one number; make a new bundle, or pass --allow-rollback",
        )
    if gap and manifest.sequence > seen.sequence + 1 and manifest.previous != seen.manifest and "gap" not in allowed:
        raise Refused(
            "sequence-gap",
            "sequence {} follows {}: one between them is missing".format(manifest.sequence, seen.sequence),
            hint="import the missing bundle first, or pass --allow-gap",
        )


def carried_text(root: str, manifest: Manifest, name: str) -> str:
    """Return a small text at the top of a wheelhouse that its manifest lists, checked; empty if it lists none."""
    for entry in manifest.files:
        if entry.path == name:
            text = read_text(os.path.join(root, name))
            if digest_of(text.encode("utf-8")) != entry.sha256:
                raise Refused("changed", "the content is not what the manifest says", where=name, code=EXIT_HASH)
            return text
    return ""


def advanced(root: str, manifest: Manifest, digest: str, trust: Trust, good: List[Signer]) -> Policy:
    """Return the policy for the next time, after a manifest was believed: what was seen, and whom it says to trust.

    A signed wheelhouse may carry new allowed signers, and more revoked keys. A deliberate step back is remembered as
    such, but brings no older signers back; revocations and the time never go back.

    :param good: who signed it; empty: nobody was checked, so nobody's keys are taken over.
    :raises Refused: ``bad-signers`` if what it carries is damaged, or would lock everybody out.
    """
    policy, before = trust.policy, trust.policy.seen.get(manifest.channel)
    signers, revoked = policy.signers, policy.revoked
    if good:
        revoked = with_revoked(revoked, parse_revoked(carried_text(root, manifest, REVOKED), REVOKED), digest)
        if before is None or manifest.sequence >= before.sequence:
            signers = carried_text(root, manifest, SIGNERS) or signers
        if len({signer.key for signer in parse_signers(signers, SIGNERS)}) < policy.threshold:
            message = "lists fewer keys than the {} that must sign".format(policy.threshold)
            raise Refused("bad-signers", message, where=SIGNERS)
    seen = Seen(manifest.sequence, digest, "".join(signer_line(signer) for signer in good))
    made = manifest.created
    believable = made is not None and moment_of(made) <= time.time() + _CLOCK_SLACK
    return policy._replace(
        signers=signers,
        revoked=revoked,
        channel=manifest.channel,
        seen=dict(policy.seen, **{manifest.channel: seen}),
        time=max(policy.time or "", (made or "") if believable else "") or None,
    )
