"""The one reader of key material: what it returns may be trusted to be a key that only its owner signs for.

Libraries read more than that. Any 32 bytes are an Ed25519 key to them, also a point for which everybody can
sign, one for which nobody can, and a second spelling of a point; base64 has several texts for the same bytes,
and a file may hold a second key behind the first. A key that has two spellings passes for two persons.

    >>> exact_base64("aGk="), public_key("MCowBQYDK2VwAyEA" + "A" * 43 + "=")
    Traceback (most recent call last):
    ...
    sovereign_ai.key_material.RefusedKeyError: everybody can sign for this key: it is no point of full order

No other module loads a key or decodes what is signed; `tests/test_key_material.py` walks the package for it.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

# `cryptography` is imported late: the import is slow, and most descriptions name no key.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
    from cryptography.x509 import Certificate

NEW_KEY = "openssl genpkey -algorithm ed25519"
"""How a key is made, for hints."""
_BEGIN, _END = b"-----BEGIN ", b"-----END "
_PUBLIC = "PUBLIC KEY"
_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME
"""The constant of Ed25519's curve, -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1)."""
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Every encoding of a point of small order on Ed25519's curve, without the bit of its sign.

For such a key a signature that fits a text is found by a few guesses (Chalkias, Garillot, Nikolaenko: Taming
the many EdDSAs, 2020), and RFC 8032 does not have verifiers refuse it.
"""
_FEWEST_RSA_BITS = 2048
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_SSH_PREFIX = "sk-"
"""Beginning of the types of keys that a security key holds."""
_SECRET_BLOCK = b"PRIVATE KEY-----"
"""The end of the first line of each private key in PEM, encrypted or not."""
_PUBLIC_PACKET = 6
_KEY_PACKETS = frozenset({2, _PUBLIC_PACKET, 13, 14, 17})
"""Packets of an OpenPGP public key that others may have (RFC 9580, 10.1): the key, its signatures, names and
pictures, and its subkeys. A compressed packet may hold secret ones."""
_SECRET_PACKETS = frozenset({5, 7})
_LONGEST_HEADER = 6
_TWO_OCTETS, _PARTIAL, _FOUR_OCTETS = 192, 224, 255
"""First octets from which on the length of a packet has two octets, is told in parts, and has four."""
_NO_END = 3
"""The kind of length, in packets of the older form, by which one goes on to the end of the file."""


class RefusedKeyError(ValueError):
    """What was read is no key, or none that may be trusted; the message says why."""


def exact_base64(text: object) -> bytes:
    """Return the bytes of a text in base64, which must be the one text that base64 writes for them.

    Raises:
        RefusedKeyError: it is another, or none.
    """
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (ValueError, binascii.Error):
        raw = None
    if raw is None:
        raise RefusedKeyError("it is no base64")
    if base64.b64encode(raw).decode() != text:
        raise RefusedKeyError("it is base64 of another spelling than the one that base64 writes")
    return raw


def public_key(text: object) -> PublicKeyTypes:
    """Return the public key of a text: base64 of its SubjectPublicKeyInfo, in the one spelling.

    Raises:
        RefusedKeyError: it is none, or none that may be trusted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see above

    der = exact_base64(text)
    try:
        key = serialization.load_der_public_key(der)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        written = key.public_bytes(serialization.Encoding.DER, form)
    except (ValueError, UnsupportedAlgorithm):
        raise RefusedKeyError("it is no public key") from None
    judge_key(key)
    if written != der:
        raise RefusedKeyError("the key is written in another way than programs write it")
    return key


def ed25519_key(text: object) -> Ed25519PublicKey:
    """Return the Ed25519 public key of a text, as `public_key` reads it.

    Raises:
        RefusedKeyError: it is none, or none that may be trusted.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    key = public_key(text)
    if not isinstance(key, Ed25519PublicKey):
        raise RefusedKeyError("it is no Ed25519 key")
    return key


def ed25519_point(point: bytes) -> Ed25519PublicKey:
    """Return the Ed25519 public key of 32 bytes, as modules of hardware hold it.

    Raises:
        RefusedKeyError: it is none, or none that may be trusted.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        key = Ed25519PublicKey.from_public_bytes(point)
    except ValueError:
        raise RefusedKeyError("it is no Ed25519 key") from None
    judge_key(key)
    return key


def public_key_in(pem: bytes) -> PublicKeyTypes:
    """Return the public key of a PEM file, which must be the only thing in it.

    Raises:
        RefusedKeyError: it holds none, more than that, or a key that may not be trusted.
    """
    return public_key(_only_block(pem, _PUBLIC))


def public_key_text(pem: bytes) -> str:
    """Return the text of the public key of a PEM file, as descriptions list it and `public_key` reads it.

    Raises:
        RefusedKeyError: it holds none, more than that, or a key that may not be trusted.
    """
    text = _only_block(pem, _PUBLIC)
    public_key(text)
    return text


def private_key_in(pem: bytes) -> PrivateKeyTypes:
    """Return the unencrypted private key of a PEM file, which must be the only thing in it.

    Raises:
        RefusedKeyError: it holds none, more than that, or a key that may not be trusted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    _require_one_block(pem)
    try:
        # An encrypted key raises TypeError here, since no password is passed.
        key = load_pem_private_key(pem, None)
        public = key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise RefusedKeyError("it is no unencrypted private key in PEM") from None
    judge_key(public)
    return key


def ssh_key(line: str) -> PublicKeyTypes:
    """Return the public key of a line as OpenSSH writes it.

    Raises:
        RefusedKeyError: it is none, or none that may be trusted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key  # noqa: PLC0415

    kind, _, rest = line.partition(" ")
    exact_base64(rest.partition(" ")[0])
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        message = f"it is no {kind.removeprefix(_SSH_PREFIX).partition('@')[0][:40]} key"
        raise RefusedKeyError(message) from None
    judge_key(key)
    return key


def openpgp_key(text: object) -> bytes:
    """Return the packets of a text in base64: of OpenPGP public keys, and nothing else.

    Raises:
        RefusedKeyError: it is none, or a secret key or anything else stands behind it.
    """
    octets = exact_base64(text)
    rest, is_first = octets, True
    while rest:
        tag, rest = _next_packet(rest)
        if is_first and tag != _PUBLIC_PACKET:
            raise RefusedKeyError("it does not begin with a public key")
        if tag not in _KEY_PACKETS:
            word = "a secret key" if tag in _SECRET_PACKETS else f"a packet of kind {tag}"
            raise RefusedKeyError(f"it holds {word}, which is no part of a public key")
        is_first = False
    if is_first:
        raise RefusedKeyError("it does not begin with a public key")
    return octets


def _next_packet(octets: bytes) -> tuple[int, bytes]:
    """Return the kind of the first OpenPGP packet, and what stands behind it (RFC 9580, 4.2).

    Raises:
        RefusedKeyError: it is no packet, or one whose length is not told at once, as no key has it.
    """
    # Padded, so that each form of a length can be read; what is cut off is noticed below.
    header = octets[:_LONGEST_HEADER].ljust(_LONGEST_HEADER, b"\0")
    first, one, two = header[:3]
    if first & 0x40:
        tag, begin, length = first & 0x3F, 2, one
        if _TWO_OCTETS <= one < _PARTIAL:
            begin, length = 3, ((one - _TWO_OCTETS) << 8) + two + _TWO_OCTETS
        elif one == _FOUR_OCTETS:
            begin, length = 6, int.from_bytes(header[2:6], "big")
        is_told = one < _PARTIAL or one == _FOUR_OCTETS
    else:
        tag, begin = (first & 0x3C) >> 2, 1 + (1 << (first & 0x03))
        length = int.from_bytes(header[1:begin], "big")
        is_told = first & 0x03 != _NO_END
    if not first & 0x80 or not is_told or len(octets) < begin + length:
        raise RefusedKeyError("it is no OpenPGP key, or cut off")
    return tag, octets[begin + length :]


def certificates_in(pem: bytes, *, beside_key: bool = False) -> list[Certificate]:
    """Return the certificates of a PEM file; the key of each may be trusted.

    Args:
        pem: the file's content.
        beside_key: whether a private key may stand beside them, as in the owner's own credentials.

    Raises:
        RefusedKeyError: it holds none, one whose key may not be trusted, or a private key.
    """
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above

    if _SECRET_BLOCK in pem and not beside_key:
        raise RefusedKeyError("it holds a private key, which others may have read")
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            judge_key(certificate.public_key())
    except RefusedKeyError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise RefusedKeyError("it holds no certificate in PEM") from None
    return certificates


def judge_key(key: object) -> None:
    """Refuse a public key that somebody else could sign for, or nobody.

    Raises:
        RefusedKeyError: it is one.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415 - see above

    if isinstance(key, ed25519.Ed25519PublicKey):
        _judge_point(key.public_bytes_raw())
    elif isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _FEWEST_RSA_BITS:
            raise RefusedKeyError(f"the RSA key has {key.key_size} bits, fewer than {_FEWEST_RSA_BITS}")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise RefusedKeyError("the key is of a kind that is not trusted; Ed25519, RSA and P-256 are")


def _judge_point(point: bytes) -> None:
    """Refuse 32 bytes that are no point of Ed25519's curve, a weak one, or one that is written otherwise.

    Raises:
        RefusedKeyError: they are that.
    """
    unsigned = point[:-1] + bytes([point[-1] & 0x7F])
    if unsigned in _SMALL_ORDER:
        raise RefusedKeyError("everybody can sign for this key: it is no point of full order")
    y = int.from_bytes(unsigned, "little")
    if y >= _PRIME:
        raise RefusedKeyError("the key is a second spelling of another")
    # There is such a point if x^2 = (y^2 - 1) / (d y^2 + 1) is a square, by Euler's criterion.
    square = (y * y - 1) * (_D * y * y + 1) % _PRIME
    if pow(square, (_PRIME - 1) // 2, _PRIME) != 1:
        raise RefusedKeyError("nobody can sign for this key: it is no point of the curve")


def _require_one_block(pem: bytes) -> None:
    """Refuse a PEM file with no block, or several: which key is meant would be for each program to choose.

    Raises:
        RefusedKeyError: it is one.
    """
    if pem.count(_BEGIN) == 1 and pem.count(_END) == 1:
        return
    word = "more than one key" if _BEGIN in pem else "no key in PEM"
    raise RefusedKeyError(f"it holds {word}")


def _only_block(pem: bytes, kind: str) -> str:
    """Return the base64 of the one block of a PEM file.

    Raises:
        RefusedKeyError: the file has no block, several, or one of another kind.
    """
    _require_one_block(pem)
    _, _, rest = pem.partition(_BEGIN + kind.encode() + b"-----")
    body, end, _ = rest.partition(_END + kind.encode() + b"-----")
    if not end:
        raise RefusedKeyError(f"it holds no {kind.lower()} in PEM")
    try:
        return "".join(body.decode("ascii").split())
    except UnicodeDecodeError:
        raise RefusedKeyError("it is no base64") from None
