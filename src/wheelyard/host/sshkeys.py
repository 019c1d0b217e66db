"""The arithmetic of SSH public keys: Ed25519 (RFC 8032), RSA (RFC 8332) and ECDSA P-256 (RFC 5656), verifying only.

Only public values are handled here, so nothing has to run in constant time. Each function says False for anything
that is not exactly right; none raises for what a signer could send.
"""

import hashlib
from typing import Any, Dict, Optional, Tuple

Point = Tuple[int, int, int, int]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_IDENTITY = (0, 1, 1, 0)
_MAX_RSA_BITS = 16384
_MIN_RSA_BITS = 2048
# DigestInfo prefixes of RFC 8017, section 9.2, note 1.
_DIGEST_INFO = {
    "rsa-sha2-256": ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
    "rsa-sha2-512": ("sha512", bytes.fromhex("3051300d060960864801650304020305000440")),
}
# NIST P-256 (SEC 2, secp256r1).
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _add(a: Point, b: Point) -> Point:
    """Add two points of edwards25519 in extended coordinates (RFC 8032, section 5.1.4)."""
    first, second = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    third, fourth = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = second - first, fourth - third, fourth + third, second + first
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(scalar: int, point: Point) -> Point:
    result = _IDENTITY
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _decompress(encoded: bytes) -> Optional[Point]:
    """Return the point that 32 bytes encode, or None (RFC 8032, section 5.1.3)."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


_BASE = _decompress((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or _IDENTITY


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether 64 bytes are the Ed25519 signature of a message (RFC 8032, section 5.1.7, without cofactor)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, nonce = _decompress(public), _decompress(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or scalar >= _L or _multiply(8, key)[0] == 0:  # a key of small order fits anything
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    left, right = _multiply(scalar, _BASE), _add(nonce, _multiply(challenge, key))
    # Projective coordinates: equal if cross products are.
    same_x = (left[0] * right[2] - right[0] * left[2]) % _P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % _P == 0


def verify_rsa(exponent: int, modulus: int, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether bytes are the RSASSA-PKCS1-v1_5 signature of a message (RFC 8017, section 8.2.2).

    The expected block is built and compared whole; nothing of the signature is parsed, so there is nothing to forge.
    """
    if algorithm not in _DIGEST_INFO or not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        return False
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > 64:
        return False
    size = (modulus.bit_length() + 7) // 8
    # OpenSSH leaves leading zeros of the number away.
    value = int.from_bytes(signature, "big")
    if len(signature) > size or value >= modulus:
        return False
    name, prefix = _DIGEST_INFO[algorithm]
    tail = b"\x00" + prefix + hashlib.new(name, message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - 2 - len(tail)) + tail
    return pow(value, exponent, modulus).to_bytes(size, "big") == expected


def _add_p256(a: Any, b: Any) -> Any:
    """Add two affine points of P-256; None is the point at infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % _P256 == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], _P256 - 2, _P256) % _P256
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], _P256 - 2, _P256) % _P256
    x = (slope * slope - a[0] - b[0]) % _P256
    return (x, (slope * (a[0] - x) - a[1]) % _P256)


def _multiply_p256(scalar: int, point: Any) -> Any:
    result = None
    while scalar:
        if scalar & 1:
            result = _add_p256(result, point)
        point = _add_p256(point, point)
        scalar >>= 1
    return result


def verify_p256(public: bytes, r: int, s: int, message: bytes) -> bool:
    """Whether (r, s) is the ECDSA signature with SHA-256 of a message by an uncompressed point of P-256."""
    if len(public) != 65 or public[0] != 4:
        return False
    x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
    if x >= _P256 or y >= _P256 or (y * y - (x * x * x - 3 * x + _P256_B)) % _P256:
        return False
    if not (0 < r < _P256_N and 0 < s < _P256_N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, _P256_N - 2, _P256_N)
    point = _add_p256(
        _multiply_p256(digest * inverse % _P256_N, _P256_G), _multiply_p256(r * inverse % _P256_N, (x, y))
    )
    return point is not None and point[0] % _P256_N == r


class Wire:
    """A reader of SSH's wire encoding (RFC 4251, section 5). ValueError for anything short or long."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise ValueError("ends too early")
        self._at += count
        return taken

    def number(self) -> int:
        """Return the next 32-bit number."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Return the next counted bytes."""
        return self.take(self.number())

    def integer(self) -> int:
        """Return the next multiple precision integer, which must not be negative, nor longer than needed."""
        content = self.string()
        if content and (content[0] & 0x80 or (content[0] == 0 and (len(content) == 1 or not content[1] & 0x80))):
            raise ValueError("a number is negative or padded")
        return int.from_bytes(content, "big")

    def end(self) -> None:
        """Raise ValueError if something is left."""
        if self._at != len(self._content):
            raise ValueError("there is something behind the end")


_SIGNATURES: Dict[str, Tuple[str, ...]] = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ssh-rsa": ("rsa-sha2-256", "rsa-sha2-512"),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "sk-ssh-ed25519@openssh.com": ("sk-ssh-ed25519@openssh.com",),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("sk-ecdsa-sha2-nistp256@openssh.com",),
}


def key_type(blob: bytes) -> str:
    """Return the type of a public key blob; ValueError if it is damaged or of a type that we do not know."""
    name = Wire(blob).string().decode("ascii", "replace")
    if name not in _SIGNATURES:
        raise ValueError("keys of type {!a} are not accepted".format(name))
    return name


def _verify_ecdsa(public: bytes, signature: bytes, message: bytes) -> bool:
    pair = Wire(signature)
    r, s = pair.integer(), pair.integer()
    pair.end()
    return verify_p256(public, r, s, message)


def verify_blob(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an SSH signature blob is by an SSH public key blob over a message.

    Hardware keys (``sk-…``) sign the application, flags and a counter with it; a touch must have been given.

    :raises ValueError: if either blob is damaged or of a type that we do not know.
    """
    kind = key_type(key)
    public = Wire(key)
    public.string()
    wire = Wire(signature)
    algorithm = wire.string().decode("ascii", "replace")
    content = wire.string()
    if algorithm not in _SIGNATURES[kind]:
        return False
    if kind == "ssh-rsa":
        exponent, modulus = public.integer(), public.integer()
        public.end()
        wire.end()
        return verify_rsa(exponent, modulus, algorithm, message, content)
    if "ecdsa" in kind and public.string() != b"nistp256":
        return False
    point = public.string()
    if kind.startswith("sk-"):
        application = public.string()
        flags, counter = wire.take(1), wire.take(4)
        if not flags[0] & 1:
            return False
        message = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(message).digest()
    public.end()
    wire.end()
    if "ed25519" in kind:
        return verify_ed25519(point, message, content)
    return _verify_ecdsa(point, content, message)
