"""RFC 3161 time stamps: an authority signs that some bytes existed at a time.

The token of an authority lies beside the signature of the evidence (`timestamp` in the envelope, base64).
What is stamped is that signature, as RFC 3161 (appendix A) has it, so that it existed at that time.
Verification needs no network: the reader names the authority's certificate.

    request = request_of(signature)
    token = read_response(answer, request)
    stamp = verify_token(token, signature, read_authorities(path))      # stamp.at

What verification checks: the token's form, the digest, policy and time that it states, the signature by the
certificate that the token names (RFC 5816), that certificate's only purpose (timeStamping, critical) and the
chain to the reader's certificates at the time of the token; issuers name no purpose, or time stamps too. Not
checked: whether a certificate was revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.asn1 import TLV, Null, encode_der
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store
from cryptography.x509.verification import VerificationError as ChainError

from sovereign_ai.attest import asn1
from sovereign_ai.attest.asn1 import Asn1Error, Oid, decode
from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import AUTHORITY, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import RefusedKeyError, certificates_in, judge_key
from sovereign_ai.text import clean

MOST_TOKEN = 64 << 10
"""Bytes of a token, with its chain of certificates; usual ones have 2 to 8 KiB."""
_MOST_ACCURACY = timedelta(days=1)
"""A stamp that may be further off shows no order of events; ETSI EN 319 421 asks for one second."""
_NONCE_BITS = 63
"""Positive as a signed integer of 64 bits, which old authorities require."""
_GRANTED = (0, 1)
"""`granted` and `grantedWithMods`."""
_MOST_CHAIN = 6
_SHA256 = Oid("2.16.840.1.101.3.4.2.1")
_HASHES: dict[Oid, hashes.HashAlgorithm] = {
    _SHA256: hashes.SHA256(),
    Oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    Oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
"""RFC 8933 and the authorities' own policies: no SHA-1."""
_SIGNED_DATA, _STAMP = Oid("1.2.840.113549.1.7.2"), Oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE, _DIGEST = Oid("1.2.840.113549.1.9.3"), Oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE = Oid("1.2.840.113549.1.9.16.2.47")
_RSA, _ED25519 = Oid("1.2.840.113549.1.1.1"), Oid("1.3.101.112")
_SIGNATURES: dict[Oid, hashes.HashAlgorithm] = {
    Oid("1.2.840.113549.1.1.11"): hashes.SHA256(),
    Oid("1.2.840.113549.1.1.12"): hashes.SHA384(),
    Oid("1.2.840.113549.1.1.13"): hashes.SHA512(),
    Oid("1.2.840.10045.4.3.2"): hashes.SHA256(),
    Oid("1.2.840.10045.4.3.3"): hashes.SHA384(),
    Oid("1.2.840.10045.4.3.4"): hashes.SHA512(),
}
"""Signature algorithms that name their hash: RSA with PKCS #1 v1.5, and ECDSA."""
_ACCURACY, _ORDERING, _NONCE, _NAME, _EXTENSIONS = b"\x30", b"\x01", b"\x02", b"\xa0", b"\xa1"
_DIRECTORY_NAME = b"\xa4"
"""The tag of a `GeneralName` that is the name of a subject."""
_OPTIONAL = (_ACCURACY, _ORDERING, _NONCE, _NAME, _EXTENSIONS)
"""The tags of a `TSTInfo`'s optional members, in their order."""
_STAMPING = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
"""Purposes of which an issuer that names any must name one."""
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_BAD_CERTIFICATE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the package raises where a certificate's members, which it reads late, are damaged."""
_REQUIRED = 5
"""How many members come before them."""


class StampError(Exception):
    """A token does not show what it should; the text says why."""


@frozen_dataclass
class Request:
    """A question to an authority.

    Attributes:
        stamped: the bytes whose digest is stamped.
        nonce: a random number that the answer repeats, so that it is no older one.
        policy: the policy asked for, as a dotted number; empty for the authority's own.
    """

    stamped: bytes
    nonce: int
    policy: str = ""

    def to_der(self) -> bytes:
        """Return it as an authority takes it."""
        imprint = asn1.Imprint(
            algorithm=asn1.Algorithm(algorithm=_SHA256, parameters=Null()),
            digest=hashlib.sha256(self.stamped).digest(),
        )
        policy = Oid(self.policy) if self.policy else None
        request = asn1.Request(version=1, imprint=imprint, policy=policy, nonce=self.nonce, certificates=True)
        return encode_der(request)


@frozen_dataclass
class TimeStamp:
    """What a token states.

    Attributes:
        at: the authority's time, UTC.
        accuracy: how far it may be off, as the authority says.
        policy: the policy that it was made under, as a dotted number.
        serial: its number.
        nonce: the number of the request; None where there was none.
        authority: the subject of the certificate that signed it.
    """

    at: datetime
    accuracy: timedelta
    policy: str
    serial: int
    nonce: int | None
    authority: str

    @property
    def line(self) -> str:
        """What it states, in words."""
        at = self.at.isoformat(timespec="seconds")
        return f"time-stamped: signed no later than {at}, by {self.authority} (policy {self.policy})"


def request_of(stamped: bytes, policy: str = "") -> Request:
    """Return a question about some bytes.

    Raises:
        UsageError: the policy is no dotted number.
    """
    return Request(stamped, secrets.randbits(_NONCE_BITS) | 1 << (_NONCE_BITS - 1), checked_policy(policy))


def checked_policy(policy: str) -> str:
    """Return a policy's number as it was given, if it is one.

    Raises:
        UsageError: it is no dotted number.
    """
    try:
        if policy:
            Oid(policy)
    except ValueError:
        message = f"--tsa-policy: {clean(policy[:80])!r} is no object identifier"
        hint = "write the number of the authority's policy, such as 1.2.3.4.1"
        raise UsageError(Problem("bad-policy", message, hint=hint)) from None
    return policy


def read_authorities(path: Path) -> list[x509.Certificate]:
    """Read the certificates that a reader trusts to stamp time: the authority's own, or one that issued it.

    Raises:
        UsageError: the file cannot be read, or holds none in PEM.
    """
    raw = read(path, AUTHORITY)
    try:
        return certificates_in(raw)
    except RefusedKeyError as error:
        message = f"no certificate of the file can be trusted: {error}"
        raise UsageError(Problem("bad-certificate", message, Where(str(path)), AUTHORITY.hint)) from None


def read_response(answer: bytes, request: Request) -> bytes:
    """Return the token of an authority's answer.

    Raises:
        StampError: it is no answer to this request, or a refusal.
    """
    try:
        response = decode(asn1.Response, answer)
    except Asn1Error:
        raise StampError(_refusal(answer)) from None
    if response.status.status not in _GRANTED:
        raise StampError(_refused(response.status))
    token = asn1.encoded(response.token)
    nonce, policy = _stamp_of(_signed_data(token))[1], _stamp_of(_signed_data(token))[0].policy
    if nonce != request.nonce:
        raise StampError("its nonce is not that of the request: it is the answer to another one")
    if request.policy and policy != Oid(request.policy):
        raise StampError(
            f"it was made under policy {policy.dotted_string}, and {request.policy} was asked for"
        )
    return token


def _refusal(answer: bytes) -> str:
    """Return what an answer without a token says."""
    try:
        return _refused(decode(asn1.Refusal, answer).status)
    except Asn1Error:
        return "it is no answer as RFC 3161 has it"


def _refused(status: asn1.Status) -> str:
    """Return an authority's reasons for a refusal."""
    reasons = clean("; ".join(status.text or ())[:200])
    return f"the authority refused (status {status.status}){': ' if reasons else ''}{reasons}"


def verify_token(
    token: bytes, stamped: bytes, authorities: Sequence[x509.Certificate], policy: str = ""
) -> TimeStamp:
    """Verify a token without a network, and return what it states.

    Args:
        token: the token's bytes.
        stamped: the bytes that it must be about.
        authorities: the certificates that the reader trusts; empty to check all but the trust in the signer.
        policy: the policy that it must be made under; empty for any.

    Raises:
        StampError: it does not show that the bytes existed at its time.
    """
    data = _signed_data(token)
    stamp, nonce, accuracy, name = _stamp_of(data)
    _check_imprint(stamp.imprint, stamped)
    if policy and stamp.policy != Oid(policy):
        raise StampError(f"it was made under policy {stamp.policy.dotted_string}, expected {policy}")
    at = stamp.at.as_datetime().replace(tzinfo=UTC)
    try:
        certificate = _verified_signer(data, authorities, at)
        _check_name(name, certificate)
        authority = clean(certificate.subject.rfc4514_string()[:200])
    except _BAD_CERTIFICATE:
        raise StampError("a certificate in it is damaged, or of a kind that is not known") from None
    return TimeStamp(at, accuracy, stamp.policy.dotted_string, stamp.serial, nonce, authority)


def _verified_signer(
    data: asn1.SignedData, authorities: Sequence[x509.Certificate], at: datetime
) -> x509.Certificate:
    """Return the certificate that signed data, after every check of it.

    Raises:
        StampError: one of the checks failed.
    """
    [signer] = data.signers.as_list()
    certificate = _certificate_of(signer, data.certificates or [])
    _check_signature(signer, certificate, data.content.content)
    _check_purpose(certificate)
    if authorities:
        _check_chain(certificate, data.certificates or [], authorities, at)
    return certificate


def _signed_data(token: bytes) -> asn1.SignedData:
    """Read a token's signed data; it has one signer, and a stamp inside.

    Raises:
        StampError: it has another form.
    """
    if len(token) > MOST_TOKEN:
        raise StampError(f"it has more than {MOST_TOKEN:,} bytes")
    try:
        info = decode(asn1.Token, token)
    except Asn1Error:
        raise StampError("it is no token as RFC 3161 has it") from None
    data = info.content
    if info.kind != _SIGNED_DATA or data.content.kind != _STAMP:
        raise StampError("what it signs is no time stamp")
    if len(data.signers.as_list()) != 1:
        raise StampError("it has not exactly one signer")
    return data


def _stamp_of(data: asn1.SignedData) -> tuple[asn1.Stamp, int | None, timedelta, bytes]:
    """Return the stamp of signed data, its nonce, its accuracy, and the name of its authority.

    The name is empty where the stamp has none.

    Raises:
        StampError: it has another form, a critical extension, or an accuracy that says nothing.
    """
    try:
        members = decode(asn1.Members, asn1.tlv(asn1.SEQUENCE, data.content.content)).members
        required = b"".join(asn1.encoded(member) for member in members[:_REQUIRED])
        stamp = decode(asn1.Stamp, asn1.tlv(asn1.SEQUENCE, required))
        optional = {bytes(member.tag_bytes): member for member in members[_REQUIRED:]}
        tags = [bytes(member.tag_bytes) for member in members[_REQUIRED:]]
        if tags != [tag for tag in _OPTIONAL if tag in optional]:
            raise StampError("its members are not those of a time stamp")
        nonce = None
        if _NONCE in optional:
            nonce = decode(asn1.Nonce, asn1.wrapped(optional[_NONCE])).value
        accuracy = timedelta()
        if _ACCURACY in optional:
            stated = decode(asn1.Accuracy, asn1.encoded(optional[_ACCURACY]))
            accuracy = timedelta(
                seconds=stated.seconds or 0,
                milliseconds=stated.milliseconds or 0,
                microseconds=stated.microseconds or 0,
            )
        is_critical = _EXTENSIONS in optional and _has_critical(optional[_EXTENSIONS])
    except (Asn1Error, OverflowError):
        raise StampError("what it signs is no time stamp as RFC 3161 has it") from None
    if not timedelta() <= accuracy <= _MOST_ACCURACY:
        # Added to a time, some would lie beyond the last day that there is.
        raise StampError("its accuracy is negative, or more than a day")
    if stamp.version != 1 or is_critical:
        raise StampError("it is of another version, or has a critical extension that is not known here")
    return stamp, nonce, accuracy, bytes(optional[_NAME].data) if _NAME in optional else b""


def _has_critical(extensions: TLV) -> bool:
    """Return whether one of a stamp's extensions must be understood.

    Those of the European Union's qualified authorities need not be (ETSI EN 319 422).

    Raises:
        Asn1Error: they are no extensions.
    """
    sequence = asn1.tlv(asn1.SEQUENCE, asn1.tlv(asn1.SEQUENCE, bytes(extensions.data)))
    return any(extension.critical for extension in decode(asn1.Extensions, sequence).extensions)


def _check_imprint(imprint: asn1.Imprint, stamped: bytes) -> None:
    """Check that a stamp is about some bytes.

    Raises:
        StampError: it is about others, or by a digest that proves nothing.
    """
    algorithm = _HASHES.get(imprint.algorithm.algorithm)
    if algorithm is None:
        raise StampError("its digest is by an algorithm that is not accepted")
    if not hmac.compare_digest(imprint.digest, hashlib.new(algorithm.name, stamped).digest()):
        raise StampError("it is about other bytes than this signature")


def _certificate_of(signer: asn1.Signer, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the certificate that a signer names by issuer and serial number.

    Raises:
        StampError: the token does not hold it.
    """
    if not isinstance(signer.signer, asn1.Issuer):
        raise StampError("it names its signer otherwise than by issuer and serial number")
    name = asn1.encoded(signer.signer.name)
    for certificate in certificates:
        if certificate.serial_number == signer.signer.serial and certificate.issuer.public_bytes() == name:
            return certificate
    raise StampError("the certificate of its signer is not in it")


def _check_signature(signer: asn1.Signer, certificate: x509.Certificate, content: bytes) -> None:
    """Check the signature over a token's attributes, and the attributes against its content.

    Raises:
        StampError: one of them does not fit.
    """
    algorithm = _HASHES.get(signer.digest.algorithm)
    if algorithm is None or bytes(signer.signed.tag_bytes) != asn1.SIGNED_ATTRIBUTES:
        raise StampError("its attributes are not signed by an algorithm that is accepted")
    attributes = bytes(signer.signed.data)
    kind, digest, bound = _signed_attributes(attributes)
    if kind != _STAMP or not hmac.compare_digest(digest, hashlib.new(algorithm.name, content).digest()):
        raise StampError("its content was changed after it was signed")
    _check_bound(bound, certificate)
    # RFC 5652, 5.4: what is signed is the set of attributes under the tag of a set.
    signed = asn1.tlv(asn1.SET, attributes)
    try:
        public = certificate.public_key()
        judge_key(public)
        _check_public_key(public, signer, algorithm, signed)
    except RefusedKeyError as error:
        raise StampError(f"the key of its signer may not be trusted: {error}") from None
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise StampError("its signature does not fit the certificate that it names") from None


def _check_public_key(key: object, signer: asn1.Signer, digest: hashes.HashAlgorithm, signed: bytes) -> None:
    """Check a signature by a key.

    Raises:
        InvalidSignature: it does not fit, or is by another kind of key.
    """
    kind = signer.algorithm.algorithm
    algorithm = digest if kind == _RSA else _SIGNATURES.get(kind)
    if isinstance(key, ed25519.Ed25519PublicKey) and kind == _ED25519:
        key.verify(signer.signature, signed)
    elif (
        isinstance(key, rsa.RSAPublicKey) and algorithm and not kind.dotted_string.startswith("1.2.840.10045")
    ):
        key.verify(signer.signature, signed, padding.PKCS1v15(), algorithm)
    elif (
        isinstance(key, ec.EllipticCurvePublicKey)
        and algorithm
        and kind.dotted_string.startswith("1.2.840.10045")
    ):
        key.verify(signer.signature, signed, ec.ECDSA(algorithm))
    else:
        raise InvalidSignature


def _signed_attributes(attributes: bytes) -> tuple[Oid, bytes, asn1.CertificateDigests2]:
    """Return the type and digest of a signed content, and the certificate that its signature is bound to.

    Raises:
        StampError: one of these is missing, or is there twice.
    """
    values: dict[Oid, bytes] = {}
    try:
        sequence = asn1.tlv(asn1.SEQUENCE, asn1.tlv(asn1.SEQUENCE, attributes))
        for attribute in decode(asn1.Attributes, sequence).attributes:
            [value] = attribute.values.as_list()
            if attribute.kind in values:
                raise StampError("an attribute of its signature is there twice")
            values[attribute.kind] = asn1.encoded(value)
        kind = decode(asn1.OidValue, asn1.tlv(asn1.SEQUENCE, values[_CONTENT_TYPE])).value
        digest = decode(asn1.OctetsValue, asn1.tlv(asn1.SEQUENCE, values[_DIGEST])).value
        bound = decode(asn1.CertificateDigests2, values[_SIGNING_CERTIFICATE])
    except (Asn1Error, KeyError, ValueError):
        raise StampError("its signature lacks type, digest or certificate (RFC 5816)") from None
    return kind, digest, bound


def _check_bound(bound: asn1.CertificateDigests2, certificate: x509.Certificate) -> None:
    """Check that a signature is bound to a certificate: the first of those that it names.

    Raises:
        StampError: it is bound to another.
    """
    for named in bound.certificates[:1]:
        algorithm = _HASHES.get(named.algorithm.algorithm) if named.algorithm else hashes.SHA256()
        if algorithm and hmac.compare_digest(named.digest, certificate.fingerprint(algorithm)):
            return
    raise StampError("its signature is bound to another certificate")


def _check_purpose(certificate: x509.Certificate) -> None:
    """Check that a certificate is for time stamps only, as RFC 3161 (2.3) requires, and may sign.

    Raises:
        StampError: it is not, or its key is for something else than signatures (RFC 5280, 4.2.1.3).
    """
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    is_critical = purposes is not None and purposes.critical
    if purposes is None or not is_critical or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise StampError("the certificate of its signer is not for time stamps alone (critical timeStamping)")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        raise StampError("the certificate of its signer is not for signatures (keyUsage)")


def _check_name(name: bytes, certificate: x509.Certificate) -> None:
    """Check that the authority which a stamp names is the one that signed it, as RFC 3161 (2.4.2) requires.

    Args:
        name: a `GeneralName`, in DER; empty where the stamp names none.
        certificate: the signer's.

    Raises:
        StampError: it is another.
    """
    if not name:
        return
    names = [asn1.tlv(_DIRECTORY_NAME, certificate.subject.public_bytes())]
    alternative = _extension(certificate, x509.SubjectAlternativeName)
    if alternative is not None:
        listed = decode(asn1.Members, asn1.tlv(asn1.SEQUENCE, alternative.value.public_bytes()))
        names += [asn1.encoded(member) for member in listed.members]
    if name not in names:
        raise StampError("it names another authority than the one that signed it")


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
    """Return an extension of a certificate; None if it has none of the kind."""
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def _check_chain(
    certificate: x509.Certificate,
    others: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    """Check that a certificate is one of the reader's, or leads to one, and was valid at a time.

    Raises:
        StampError: it does not, or was not.
    """
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise StampError("the certificate of its signer was not valid at its time")
    # A certificate that the reader named needs no issuer.
    if certificate in authorities:
        return
    issuers = (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _require_authority)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _require_signing)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _require_stamping)
    )
    purposes = ExtensionPolicy.permit_all().require_present(x509.ExtendedKeyUsage, Criticality.CRITICAL, None)
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities)))
        .time(at)
        .max_chain_depth(_MOST_CHAIN)
        .extension_policies(ca_policy=issuers, ee_policy=purposes)
        .build_client_verifier()
    )
    try:
        verifier.verify(certificate, [other for other in others if other != certificate])
    except (ChainError, ValueError):
        raise StampError(
            "its signer leads to none of the certificates that were named as authorities"
        ) from None


def _require_authority(_policy: Policy, _certificate: x509.Certificate, value: x509.BasicConstraints) -> None:
    """Refuse an issuer that is no authority."""
    if not value.ca:
        message = "the issuer is no authority"
        raise ValueError(message)


def _require_signing(_policy: Policy, _certificate: x509.Certificate, value: x509.KeyUsage | None) -> None:
    """Refuse an issuer that may not sign certificates."""
    if value is not None and not value.key_cert_sign:
        message = "the issuer may not sign certificates"
        raise ValueError(message)


def _require_stamping(
    _policy: Policy, _certificate: x509.Certificate, value: x509.ExtendedKeyUsage | None
) -> None:
    """Refuse an issuer that is for other purposes: whoever runs an authority for servers stamps no time."""
    if value is not None and not _STAMPING & set(value):
        message = "the issuer is not for time stamps"
        raise ValueError(message)
