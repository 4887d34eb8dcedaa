"""The ASN.1 of RFC 3161 time stamps, and of the CMS (RFC 5652) around them, by the `cryptography` package.

Only DER is read, and of each structure only what a time stamp has. Sets are read as sequences where
authorities write them unsorted (OpenSSL does), so that their order is not checked.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1

_Structure = TypeVar("_Structure")
Oid = x509.ObjectIdentifier
SEQUENCE, SET, SIGNED_ATTRIBUTES = b"\x30", b"\x31", b"\xa0"
_SHORT_LENGTH = 0x80
"""Lengths below are written in one byte; from here on the byte says how many bytes of length follow."""


class Asn1Error(Exception):
    """The bytes are not the structure that was expected."""


@asn1.sequence
class Algorithm:
    """`AlgorithmIdentifier`, of algorithms without parameters."""

    algorithm: Oid
    parameters: asn1.Null | None


@asn1.sequence
class Imprint:
    """`MessageImprint`: what was stamped."""

    algorithm: Algorithm
    digest: bytes


@asn1.sequence
class Request:
    """`TimeStampReq`, as it is asked."""

    version: int
    imprint: Imprint
    policy: Oid | None
    nonce: int | None
    certificates: Annotated[bool, asn1.Default(value=False)]


@asn1.sequence
class Status:
    """`PKIStatusInfo`."""

    status: int
    text: list[str] | None
    failure: asn1.BitString | None


@asn1.sequence
class Refusal:
    """`TimeStampResp` without a token."""

    status: Status


@asn1.sequence
class Response:
    """`TimeStampResp` with a token."""

    status: Status
    token: asn1.TLV


@asn1.sequence
class Issuer:
    """`IssuerAndSerialNumber`."""

    name: asn1.TLV
    serial: int


@asn1.sequence
class Attribute:
    """`Attribute`."""

    kind: Oid
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class Attributes:
    """The attributes of a signer, in a sequence around them."""

    attributes: list[Attribute]


@asn1.sequence
class Signer:
    """`SignerInfo`."""

    version: int
    signer: Issuer | Annotated[bytes, asn1.Implicit(0)]
    digest: Algorithm
    signed: asn1.TLV
    algorithm: Algorithm
    signature: bytes
    unsigned: Annotated[list[Attribute] | None, asn1.Implicit(1)]


@asn1.sequence
class Content:
    """`EncapsulatedContentInfo`."""

    kind: Oid
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class SignedData:
    """`SignedData`."""

    version: int
    digests: asn1.SetOf[Algorithm]
    content: Content
    certificates: Annotated[list[x509.Certificate] | None, asn1.Implicit(0)]
    revoked: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signers: asn1.SetOf[Signer]


@asn1.sequence
class Token:
    """`ContentInfo` of signed data."""

    kind: Oid
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class Members:
    """A sequence of anything, in a sequence around it."""

    members: list[asn1.TLV]


@asn1.sequence
class Stamp:
    """The members that every `TSTInfo` begins with."""

    version: int
    policy: Oid
    imprint: Imprint
    serial: int
    at: asn1.GeneralizedTime


@asn1.sequence
class Extension:
    """`Extension`."""

    kind: Oid
    critical: Annotated[bool, asn1.Default(value=False)]
    value: bytes


@asn1.sequence
class Extensions:
    """The extensions of a stamp, in a sequence around them."""

    extensions: list[Extension]


@asn1.sequence
class Accuracy:
    """`Accuracy`."""

    seconds: int | None
    milliseconds: Annotated[int | None, asn1.Implicit(0)]
    microseconds: Annotated[int | None, asn1.Implicit(1)]


@asn1.sequence
class Nonce:
    """An INTEGER, in a sequence around it."""

    value: int


@asn1.sequence
class CertificateDigest2:
    """`ESSCertIDv2` (RFC 5816); the algorithm is SHA-256 where none is named."""

    algorithm: Algorithm | None
    digest: bytes
    issuer: list[asn1.TLV] | None


@asn1.sequence
class CertificateDigests2:
    """`SigningCertificateV2`."""

    certificates: list[CertificateDigest2]
    policies: list[asn1.TLV] | None


@asn1.sequence
class OidValue:
    """An OBJECT IDENTIFIER, in a sequence around it."""

    value: Oid


@asn1.sequence
class OctetsValue:
    """An OCTET STRING, in a sequence around it."""

    value: bytes


def decode(kind: type[_Structure], raw: bytes) -> _Structure:
    """Read a structure.

    Raises:
        Asn1Error: the bytes are another one, or no DER.
    """
    try:
        return asn1.decode_der(kind, raw)
    except (ValueError, OverflowError, x509.InvalidVersion) as error:
        raise Asn1Error from error


def tlv(tag: bytes, contents: bytes) -> bytes:
    """Return contents with their tag and length before them, in DER."""
    length = len(contents)
    if length < _SHORT_LENGTH:
        return tag + bytes([length]) + contents
    written = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return tag + bytes([_SHORT_LENGTH | len(written)]) + written + contents


def encoded(value: asn1.TLV) -> bytes:
    """Return a value with its tag and length."""
    return tlv(bytes(value.tag_bytes), bytes(value.data))


def wrapped(value: asn1.TLV) -> bytes:
    """Return a value with a sequence around it, by which any type of value can be read as a structure."""
    return tlv(SEQUENCE, encoded(value))
