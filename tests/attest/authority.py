"""A time stamp authority for tests that signs whatever it is told, also what no honest one would."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

from cryptography import x509
from cryptography.hazmat.asn1 import encode_der
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sovereign_ai.attest.asn1 import Nonce, Oid, OidValue, tlv

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
POLICY = "1.3.6.1.4.1.99999.1"
STAMPED = b"the signature that was stamped"
SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"
STAMP = "1.2.840.113549.1.9.16.1.4"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_DAY = timedelta(days=1)
KEY_USAGES = tuple(signature(x509.KeyUsage).parameters)
"""Every use of a key that a certificate can state (RFC 5280, 4.2.1.3)."""


def sequence(*parts: bytes) -> bytes:
    return tlv(b"\x30", b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    return tlv(b"\x31", b"".join(parts))


def octets(raw: bytes) -> bytes:
    return tlv(b"\x04", raw)


def oid(number: str) -> bytes:
    return encode_der(OidValue(value=Oid(number)))[2:]


def integer(number: int) -> bytes:
    return encode_der(Nonce(value=number))[2:]


@dataclass(frozen=True)
class Party:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def issue(
    name: str,
    issuer: Party | None = None,
    *,
    ca: bool = False,
    purposes: Sequence[Any] = (),
    critical: bool = True,
    key_cert_sign: bool = True,
    key_usage: Sequence[str] | None = None,
    begins: datetime = AT - 30 * _DAY,
    ends: datetime = AT + 365 * _DAY,
) -> Party:
    """Issue a certificate; without an issuer it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    usages = ["crl_sign", *(["key_cert_sign"] if key_cert_sign else [])] if ca else key_usage
    if usages is not None:
        usage = {name: name in usages for name in KEY_USAGES}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    return Party(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def authority(issuer: Party, **changes: Any) -> Party:
    """Issue the certificate of a time stamp authority."""
    wanted: dict[str, Any] = {"purposes": [ExtendedKeyUsageOID.TIME_STAMPING]} | changes
    return issue("Example Time", issuer, **wanted)


def stamp_info(
    stamped: bytes = STAMPED,
    *,
    version: int = 1,
    policy: str = POLICY,
    algorithm: str = SHA256,
    at: str = "20261127120000Z",
    rest: bytes = b"",
) -> bytes:
    """Return a `TSTInfo`."""
    digest = hashlib.new({SHA256: "sha256", SHA1: "sha1"}[algorithm], stamped).digest()
    imprint = sequence(sequence(oid(algorithm), b"\x05\x00"), octets(digest))
    return sequence(integer(version), oid(policy), imprint, integer(31), tlv(b"\x18", at.encode()), rest)


def token(
    signer: Party,
    *,
    info: bytes | None = None,
    signed_info: bytes | None = None,
    kind: str = STAMP,
    signed_kind: str = "",
    bound: x509.Certificate | None = None,
    without: str = "",
    twice: bool = False,
    key: ec.EllipticCurvePrivateKey | None = None,
    signers: int = 1,
    chain: Sequence[x509.Certificate] = (),
) -> bytes:
    """Return a token.

    Args:
        signer: whose certificate it names.
        info: its content.
        signed_info: the content whose digest is signed, where that is another.
        kind: the type of the content.
        signed_kind: the type that is signed, where that is another.
        bound: the certificate that the signature is bound to, where that is another.
        without: an attribute that is left out: `type`, `digest` or `certificate`.
        twice: whether the digest is there twice.
        key: the key that signs, where that is another.
        signers: how often the signer is there.
        chain: certificates that it holds besides.
    """
    content = stamp_info() if info is None else info
    digest = hashlib.sha256(content if signed_info is None else signed_info).digest()
    fingerprint = (bound or signer.certificate).fingerprint(hashes.SHA256())
    attributes = {
        "type": sequence(oid("1.2.840.113549.1.9.3"), set_of(oid(signed_kind or kind))),
        "digest": sequence(oid("1.2.840.113549.1.9.4"), set_of(octets(digest))),
        "certificate": sequence(
            oid("1.2.840.113549.1.9.16.2.47"), set_of(sequence(sequence(sequence(octets(fingerprint)))))
        ),
    }
    attributes.pop(without, None)
    signed = b"".join(attributes.values()) + (attributes["digest"] if twice else b"")
    signature = (key or signer.key).sign(tlv(b"\x31", signed), ec.ECDSA(hashes.SHA256()))
    row = sequence(
        integer(1),
        sequence(signer.certificate.issuer.public_bytes(), integer(signer.certificate.serial_number)),
        sequence(oid(SHA256)),
        tlv(b"\xa0", signed),
        sequence(oid(_ECDSA_SHA256)),
        octets(signature),
    )
    certificates = (signer.certificate, *chain)
    held = b"".join(certificate.public_bytes(Encoding.DER) for certificate in certificates)
    data = sequence(
        integer(3),
        set_of(sequence(oid(SHA256))),
        sequence(oid(kind), tlv(b"\xa0", octets(content))),
        tlv(b"\xa0", held),
        set_of(*[row] * signers),
    )
    return sequence(oid("1.2.840.113549.1.7.2"), tlv(b"\xa0", data))
