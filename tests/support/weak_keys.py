"""Keys that no reader may take: points of Ed25519's curve that are weak, and other spellings of good keys."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIME = 2**255 - 19
GOOD = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
HEAD = base64.b64decode("MCowBQYDK2VwAyEA")
"""The beginning of an Ed25519 key's SubjectPublicKeyInfo."""
FORGED = bytes([1]) + bytes(63)
"""The neutral point, and no number: under the neutral point as a key it is a signature of any text."""
NEUTRAL = bytes([1]) + bytes(31)


def points_of_small_order() -> list[bytes]:
    """Return every encoding of a point of small order, with and without the bit of its sign.

    They are eight times any point of the curve's other part, of which y has these values.
    """
    root_of_minus_one = pow(2, (PRIME - 1) // 4, PRIME)
    # x and y of a point of order eight satisfy y^2 = -x^2, so that d*y^4 + 2*y^2 - 1 = 0 on the curve.
    d = -121665 * pow(121666, -1, PRIME) % PRIME
    values = {0, 1, PRIME - 1, PRIME, PRIME + 1}
    under_root = (1 + d) % PRIME
    root = pow(under_root, (PRIME + 3) // 8, PRIME)
    if root * root % PRIME != under_root:
        root = root * root_of_minus_one % PRIME
    for signed in (root, -root):
        square = (signed - 1) * pow(d, -1, PRIME) % PRIME
        y = pow(square, (PRIME + 3) // 8, PRIME)
        if y * y % PRIME != square:
            y = y * root_of_minus_one % PRIME
        if y * y % PRIME == square:
            values |= {y, PRIME - y}
    points = []
    for value in sorted(values):
        point = value.to_bytes(32, "little")
        points += [point, point[:31] + bytes([point[31] | 0x80])]
    return points


# 2 is no y of a point of the curve; 3 and 4 are, and behind the prime they are spelled a second time.
WEAK_POINTS: dict[str, bytes] = {
    "no point of the curve": bytes([2]) + bytes(31),
    "a second spelling of 3": (PRIME + 3).to_bytes(32, "little"),
    "a second spelling of 4": (PRIME + 4).to_bytes(32, "little"),
    "a second spelling of 3 with its sign": (PRIME + 3 + 2**255).to_bytes(32, "little"),
    **{f"small order {point.hex()[:4]}…{point.hex()[-2:]}": point for point in points_of_small_order()},
}


def key_of_point(point: bytes) -> Ed25519PublicKey:
    """Return a point as a key, as the library does with any 32 bytes."""
    return Ed25519PublicKey.from_public_bytes(point)


def text_of(point: bytes) -> str:
    """Return a point as a description lists a key."""
    return base64.b64encode(HEAD + point).decode()


def pem_of(text: str, kind: str = "PUBLIC KEY") -> bytes:
    """Return base64 as a PEM file."""
    return f"-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n".encode()


def other_spellings() -> dict[str, str]:
    """Return texts of a good key that are not the one that base64 writes, or not the one of its DER."""
    text = text_of(GOOD.public_bytes_raw())
    raw = base64.b64decode(text)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = letters.index(text[-2])
    # The last letter holds two bits that no byte has.
    spellings = {f"unused bits {number}": f"{text[:-2]}{letters[last + number]}=" for number in (1, 2, 3)}
    return spellings | {
        "without padding": text[:-1],
        "twice padded": f"{text}=",
        "for URLs": text.replace("/", "_").replace("+", "-"),
        "a stranger's letter": text[:20] + "\u0410" + text[21:],
        "bytes behind it": base64.b64encode(raw + b"\0").decode(),
        "a longer length": base64.b64encode(b"\x30\x81\x2a" + raw[2:]).decode(),
        "parameters": base64.b64encode(b"\x30\x2c\x30\x07" + raw[4:9] + b"\x05\x00" + raw[9:]).decode(),
        "another kind": base64.b64encode(raw[:8] + b"\x6e" + raw[9:]).decode(),
        "nothing": "",
    }
