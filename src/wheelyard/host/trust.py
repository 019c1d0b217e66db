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
from typing import FrozenSet, List, NamedTuple, Optional, Tuple

from wheelyard.host.manifest import Manifest
from wheelyard.host.refusal import EXIT_USAGE, Refused
from wheelyard.host.sshsig import (
    NAMESPACE,
    Signer,
    parse_revoked,
    parse_signers,
    split_signatures,
    verify_one,
    verify_signatures,
)

SIGNERS = "allowed_signers"
REVOKED = "revoked_keys"
# What may be overridden, and the name of the flag behind "--allow-".
DANGERS = ("unsigned", "rollback", "expired", "wrong-clock", "gap", "other-channel")
_CLOCK_SLACK = 86400  # seconds: hosts without a network may be a day off
_FIRST_OPENSSH = (8, 1)  # has ssh-keygen -Y

# Whom to believe. ``allowed`` are those of DANGERS that the user accepts.
Trust = NamedTuple(
    "Trust",
    [
        ("signers", Tuple[Signer, ...]),
        ("signers_text", str),
        ("revoked", FrozenSet[bytes]),
        ("revoked_text", str),
        ("threshold", int),
        ("allowed", FrozenSet[str]),
    ],
)

# What was accepted before: channel, sequence and sha256 of the manifest.
Seen = NamedTuple("Seen", [("channel", str), ("sequence", int), ("manifest", str)])


def read_text(path: str) -> str:
    """Return a small text file; Refused if it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(1 << 20).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("unreadable", "cannot read: {}".format(error), where=path, code=EXIT_USAGE) from None


def make_trust(signers: str, revoked: str = "", threshold: int = 1, allowed: FrozenSet[str] = frozenset()) -> Trust:
    """Return a Trust from the texts of an allowed signers file and of a list of revoked keys."""
    return Trust(
        signers=tuple(parse_signers(signers)),
        signers_text=signers,
        revoked=parse_revoked(revoked),
        revoked_text=revoked,
        threshold=threshold,
        allowed=allowed,
    )


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
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", text)
    return keygen if found and (int(found.group(1)), int(found.group(2))) >= _FIRST_OPENSSH else None


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


def check_signature(content: bytes, signature: Optional[str], trust: Trust) -> List[Signer]:
    """Return who signed a manifest, by our own verifier and, where the host has one, by ``ssh-keygen -Y verify``.

    An empty list: it is not signed, and ``unsigned`` is allowed.
    """
    if signature is None or not signature.strip():
        if "unsigned" in trust.allowed:
            return []
        raise Refused(
            "unsigned", "there is no signature", hint="sign with wheelyard pack --key KEY, or pass --allow-unsigned"
        )
    if not trust.signers:
        if "unsigned" in trust.allowed:
            return []
        raise Refused("no-trust", "no key to check the signature with is known", hint="pass --trust FILE")
    good = verify_signatures(content, signature, trust.signers, trust.revoked, trust.threshold)
    keygen = _openssh()
    if keygen is not None:
        now = int(time.time())
        for armored in split_signatures(signature):
            try:
                signer = verify_one(content, armored, trust.signers, trust.revoked, now, NAMESPACE)
            except Refused:
                continue  # one of several; enough others are good
            _agree(keygen, content, armored, signer)
    return good


def check_time(manifest: Manifest, allowed: FrozenSet[str], now: Optional[float] = None) -> None:
    """Refuse a manifest that is expired, or that a clock which is right could not have seen yet."""
    moment = time.time() if now is None else now
    made = moment_of(manifest.created) if manifest.created is not None else 0
    if moment + _CLOCK_SLACK < made and "wrong-clock" not in allowed:
        message = "made on {}, but this host's clock says it is earlier".format(manifest.created)
        raise Refused("wrong-clock", message, hint="set the clock, or pass --allow-wrong-clock")
    if manifest.expires is not None and moment >= moment_of(manifest.expires) and "expired" not in allowed:
        raise Refused(
            "expired",
            "the manifest expired on {}".format(manifest.expires),
            hint="ask for a newer bundle, or pass --allow-expired",
        )


def check_order(manifest: Manifest, digest: str, seen: Optional[Seen], allowed: FrozenSet[str], gap: bool) -> None:
    """Refuse another channel, an older sequence, the same sequence with other content, and (``gap``) a missing one."""
    if seen is None:
        return
    if manifest.channel != seen.channel:
        if "other-channel" in allowed:
            return
        raise Refused(
            "other-channel",
            "of channel {!a}, but {!a} is here".format(manifest.channel, seen.channel),
            hint="import it into another folder, or pass --allow-other-channel",
        )
    if manifest.sequence < seen.sequence and "rollback" not in allowed:
        raise Refused(
            "older-sequence",
            "sequence {} is older than {}, which is here".format(manifest.sequence, seen.sequence),
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
