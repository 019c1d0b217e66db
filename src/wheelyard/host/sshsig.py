"""SSHSIG (OpenSSH's PROTOCOL.sshsig) with OpenSSH's allowed signers, verified with the standard library alone.

What is accepted here, ``ssh-keygen -Y verify`` accepts too, and it is tested against it. Certificates are refused.
"""

import base64
import binascii
import calendar
import hashlib
import re
import time
from fnmatch import fnmatchcase
from typing import Container, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from wheelyard.host.refusal import Refused
from wheelyard.host.sshkeys import Wire, key_type, verify_blob

NAMESPACE = "wheelyard-manifest"
MAX_SIGNATURES = 64 << 10  # bytes of all of them
MAX_SIGNERS = 32  # signatures of one manifest
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_OPTION = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?:,|\Z)')
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}\Z")
_KEY_TYPE = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+ +AAAA")
_FIELD = re.compile(r'((?:[^\s"]|"[^"]*")+)\s*')

Signature = NamedTuple("Signature", [("key", bytes), ("namespace", str), ("hash_name", str), ("blob", bytes)])

Signer = NamedTuple(
    "Signer",
    [
        ("principals", str),
        ("key", bytes),
        ("namespaces", Optional[str]),
        ("valid_after", Optional[int]),
        ("valid_before", Optional[int]),
    ],
)


def fingerprint(key: bytes) -> str:
    """Return the fingerprint of a public key blob as OpenSSH shows it: ``SHA256:…``."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def parse_signature(text: str) -> Signature:
    """Return what one armored signature holds; Refused ``bad-signature`` if it is damaged."""
    lines = text.strip().splitlines()
    try:
        if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
            raise ValueError("the first or last line is not that of an SSH signature")
        wire = Wire(base64.b64decode("".join(lines[1:-1]), validate=True))
        if wire.take(6) != b"SSHSIG" or wire.number() != 1:
            raise ValueError("not an SSH signature of version 1")
        key, namespace, _reserved = wire.string(), wire.string().decode(), wire.string()
        hash_name, blob = wire.string().decode("ascii"), wire.string()
        wire.end()
        key_type(key)
        if hash_name not in ("sha256", "sha512"):
            raise ValueError("made with the hash {!a}".format(hash_name))
    except (ValueError, binascii.Error) as error:
        raise Refused("bad-signature", "the signature is damaged: {}".format(error)) from None
    return Signature(key=key, namespace=namespace, hash_name=hash_name, blob=blob)


def split_signatures(text: str) -> List[str]:
    """Return each armored signature of a file of several, one behind the other."""
    if len(text) > MAX_SIGNATURES:
        raise Refused("bad-signature", "the signature file is larger than {} KiB".format(MAX_SIGNATURES >> 10))
    signatures: List[str] = []
    rest = text.strip()
    while rest:
        body, end, rest = rest.partition(_END)
        if not end or not body.startswith(_BEGIN):
            raise Refused("bad-signature", "the signature is damaged: not a row of SSH signatures")
        signatures.append(body + end + "\n")
        if len(signatures) > MAX_SIGNERS:
            raise Refused("bad-signature", "there are more than {} signatures".format(MAX_SIGNERS))
        rest = rest.strip()
    return signatures


def _moment(text: str) -> int:
    """Return an OpenSSH time (YYYYMMDD[HHMM[SS]][Z]) in seconds; without Z it is local time."""
    digits = text[:-1] if text.endswith("Z") else text
    formats = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
    if len(digits) not in formats or not re.match(r"[0-9]+\Z", digits):
        raise ValueError("not a time: {!a}".format(text))
    parsed = time.strptime(digits, formats[len(digits)])
    return calendar.timegm(parsed) if text.endswith("Z") else int(time.mktime(parsed))


def _options(text: str) -> Tuple[Optional[str], Optional[int], Optional[int]]:
    namespaces: Optional[str] = None
    after: Optional[int] = None
    before: Optional[int] = None
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is None:
            raise ValueError("options are not understood: {!a}".format(text))
        name, value, at = match.group(1).lower(), match.group(2), match.end()
        if name == "namespaces" and value is not None:
            namespaces = value
        elif name == "valid-after" and value is not None:
            after = _moment(value)
        elif name == "valid-before" and value is not None:
            before = _moment(value)
        elif name == "cert-authority":
            raise ValueError("certificates are not supported: list the keys themselves")
        else:
            raise ValueError("unknown option {!a}".format(name))
    return namespaces, after, before


def _signer(line: str) -> Signer:
    fields = _FIELD.findall(line)
    position = next((at for at, field in enumerate(fields[:3]) if re.match(r"(sk-)?(ssh|ecdsa)-", field)), None)
    if position not in (0, 1, 2) or len(fields) < position + 2:
        raise ValueError("expected: principals [options] key-type base64-key")
    # A bare public key line (id_ed25519.pub) is taken too: an admin has one at hand.
    principals = fields[0].strip('"') if position else "*"
    namespaces, after, before = _options(fields[1]) if position == 2 else (None, None, None)
    blob = base64.b64decode(fields[position + 1], validate=True)
    if key_type(blob) != fields[position]:
        raise ValueError("the key is not of the type that the line says")
    return Signer(principals=principals, key=blob, namespaces=namespaces, valid_after=after, valid_before=before)


def parse_signers(text: str, where: str = "allowed signers") -> List[Signer]:
    """Return the signers of a file in the format of ssh-keygen(1), ALLOWED SIGNERS, or of plain public keys.

    :raises Refused: ``bad-signers``, naming the line.
    """
    signers: List[Signer] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            signers.append(_signer(line.strip()))
        except (ValueError, binascii.Error, IndexError) as error:
            raise Refused("bad-signers", str(error), where="{}:{}".format(where, number)) from None
    return signers


def _revoked(line: str) -> str:
    """Return the fingerprint of the one key that a line names; ValueError if it may name another one too."""
    if line.startswith("SHA256:"):
        mark = line.split()[0]
        if not _FINGERPRINT.match(mark) or "SHA256:" in line[7:]:
            raise ValueError("not one fingerprint: {!a}".format(line))
        return mark
    if len(_KEY_TYPE.findall(line)) > 1 or "SHA256:" in line:
        raise ValueError("two keys on one line: {!a}".format(line))
    return fingerprint(_signer(line).key)


def parse_revoked(text: str, where: str = "revoked keys") -> FrozenSet[str]:
    """Return the fingerprints of revoked keys: one a line, as in a ``.pub`` file, or as ``SHA256:…``.

    :raises Refused: ``bad-signers``, naming the line.
    """
    revoked = set()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            revoked.add(_revoked(line))
        except (ValueError, binascii.Error) as error:
            raise Refused("bad-signers", str(error), where="{}:{}".format(where, number)) from None
    return frozenset(revoked)


def signer_line(signer: Signer) -> str:
    """Return a signer as a line of allowed signers, without its restrictions: it has passed them."""
    kind = key_type(signer.key)
    name = '"{}"'.format(signer.principals) if " " in signer.principals else signer.principals
    return "{} {} {}\n".format(name, kind, base64.b64encode(signer.key).decode())


def signer_name(signer: Signer) -> str:
    """Return how to call a signer: its principals, or the key's fingerprint where the admin gave a bare key."""
    return fingerprint(signer.key) if signer.principals == "*" else signer.principals


def _fits(pattern_list: str, text: str) -> bool:
    """Whether a text fits a comma-separated list of OpenSSH patterns; ``!`` in front of one forbids."""
    fits = False
    for pattern in pattern_list.split(","):
        wanted = not pattern.startswith("!")
        # fnmatch knows [ ] as a set of characters, OpenSSH does not.
        if fnmatchcase(text, pattern.lstrip("!").replace("[", "[[]")):
            if not wanted:
                return False
            fits = True
    return fits


def _allowed(signature: Signature, signers: Iterable[Signer], moment: int) -> Tuple[Optional[Signer], str]:
    """Return the line of the allowed signers that a signature may rest on, or why there is none."""
    why = "unknown-key"
    for signer in signers:
        if signer.key != signature.key:
            continue
        if signer.namespaces is not None and not _fits(signer.namespaces, signature.namespace):
            why = "wrong-namespace"
        elif signer.valid_after is not None and moment < signer.valid_after:
            why = "key-not-yet-valid"
        elif signer.valid_before is not None and moment >= signer.valid_before:
            why = "key-no-longer-valid"
        else:
            return signer, ""
    return None, why


def signed_bytes(message: bytes, namespace: str, hash_name: str) -> bytes:
    """Return what the key really signs, for a message (PROTOCOL.sshsig, section 3)."""
    parts = (namespace.encode(), b"", hash_name.encode(), hashlib.new(hash_name, message).digest())
    return b"SSHSIG" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def verify_one(
    message: bytes, armored: str, signers: Iterable[Signer], revoked: Container[str], moment: int, namespace: str
) -> Signer:
    """Return the signer of one signature; Refused with the reason if it is not good."""
    signature = parse_signature(armored)
    mark = fingerprint(signature.key)
    if signature.namespace != namespace:
        raise Refused("wrong-namespace", "signed for {!a}, not for {!a}".format(signature.namespace, namespace), mark)
    if mark in revoked:
        raise Refused("revoked-key", "the signing key has been revoked", mark)
    signer, why = _allowed(signature, signers, moment)
    if signer is None:
        text = {"unknown-key": "the signing key is not among the allowed signers"}
        raise Refused(why, text.get(why, "the allowed signers do not accept this key: " + why.replace("-", " ")), mark)
    try:
        good = verify_blob(signature.key, signature.blob, signed_bytes(message, namespace, signature.hash_name))
    except ValueError as error:
        raise Refused("bad-signature", "the signature is damaged: {}".format(error), mark) from None
    if not good:
        raise Refused("bad-signature", "the signature does not belong to this content", mark)
    return signer


def verify_signatures(
    message: bytes,
    text: str,
    signers: Iterable[Signer],
    revoked: Container[str] = (),
    threshold: int = 1,
    moment: Optional[int] = None,
    namespace: str = NAMESPACE,
) -> List[Signer]:
    """Return the distinct signers of a message if there are enough of them; a key that signs twice counts once.

    :param text: one or more armored signatures.
    :param moment: seconds at which the keys must be valid; None: now.
    :raises Refused: the reason of the first bad signature if too few are good, else ``too-few-signatures``.
    """
    known = list(signers)
    now = int(time.time()) if moment is None else moment
    good: List[Signer] = []
    first: Optional[Refused] = None
    for armored in split_signatures(text):
        try:
            signer = verify_one(message, armored, known, revoked, now, namespace)
        except Refused as refused:
            first = first or refused
            continue
        if all(signer.key != other.key for other in good):
            good.append(signer)
    if len(good) >= max(threshold, 1):
        return good
    if first is not None:
        raise first
    if not good:
        raise Refused("unsigned", "there is no signature")
    raise Refused("too-few-signatures", "signed by {} of the {} keys that are needed".format(len(good), threshold))
