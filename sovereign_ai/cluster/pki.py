"""Keys and certificates of one embedded control plane.

Rules: three authorities that do not trust each other (cluster, etcd, front proxy); a separate key for every
listener, every client and the service accounts; names for loopback only; private keys of mode 0600. The
elliptic curve is P-256 throughout, which Kubernetes 1.37 and etcd 3.7 accept for TLS and for service account
tokens (ES256).

    ca = authority(folder, "cluster-ca")
    issue(ca, folder, Leaf("kube-apiserver", "kube-apiserver", server=True))
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import CLUSTER, content_of, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import RefusedKeyError, certificates_in, private_key_in

_AUTHORITY_DAYS, _LEAF_DAYS, _RENEW_DAYS = 3650, 365, 60
_CLOCK_SKEW = timedelta(minutes=5)
"""How far a certificate's validity begins in the past, for clients whose clock is late."""
LOOPBACK = "127.0.0.1"


@frozen_dataclass
class Authority:
    """A certificate authority: its certificate and the key that signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@frozen_dataclass
class Leaf:
    """A certificate to issue.

    Attributes:
        file: the file name without its ending; the certificate is `.crt`, the key `.key`.
        user: the common name, which is the user in Kubernetes.
        groups: the organisations, which are the groups in Kubernetes.
        server: usable by a listener on loopback.
        client: usable to authenticate a client.
    """

    file: str
    user: str
    groups: tuple[str, ...] = ()
    server: bool = False
    client: bool = False


@frozen_dataclass
class KeyPair:
    """A certificate with its key, as PEM."""

    certificate: bytes
    key: bytes


def authority(folder: Path, file: str) -> Authority:
    """Return an authority; create it where there is none.

    Raises:
        EnvironmentLacksError: one of its files is damaged, or they are of two authorities.
    """
    certificate_file, key_file = folder / f"{file}.crt", folder / f"{file}.key"
    if certificate_file.exists() and key_file.exists():
        kept = _kept_authority(certificate_file, key_file)
        if kept is not None:
            return kept
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"sovereign-ai {file}")])
    builder = _builder(name, name, key.public_key(), timedelta(days=_AUTHORITY_DAYS))
    # `path_length=0`: what it signs cannot be an authority itself.
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    # The certificate last, and no older one beside the new key: a crash in between leaves no pair.
    certificate_file.unlink(missing_ok=True)
    write_private(key_file, _key_pem(key))
    write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(certificate, key)


def _kept_authority(certificate_file: Path, key_file: Path) -> Authority | None:
    """Return the authority of two files; None where the key is of another kind than this program makes.

    Raises:
        EnvironmentLacksError: one of them is damaged, or they do not fit.
    """
    path = key_file
    try:
        key = private_key_in(read(key_file, CLUSTER))
        path = certificate_file
        certificate = certificates_in(read(certificate_file, CLUSTER))[0]
    except RefusedKeyError as error:
        raise _damaged("bad-authority", path, str(error)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    if certificate.public_key() != key.public_key():
        raise _damaged("bad-authority", path, "it is not the certificate of the key beside it")
    return Authority(certificate, key)


def _damaged(code: str, path: Path, reason: str) -> EnvironmentLacksError:
    """Return the error that a file of a control plane's keys is damaged."""
    hint = "put it back from a copy, or begin anew: `sovereign-ai cluster down`, then `cluster up`"
    return EnvironmentLacksError(Problem(code, f"the file is damaged: {reason}", Where(str(path)), hint))


def sign(ca: Authority, leaf: Leaf, lifetime: timedelta = timedelta(days=_LEAF_DAYS)) -> KeyPair:
    """Return a new key with a certificate that an authority signs; nothing is written."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, leaf.user)])
    builder = _builder(subject, ca.certificate.subject, key.public_key(), lifetime)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    uses = []
    if leaf.server:
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    if leaf.client:
        uses.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if leaf.server:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(ca.key, hashes.SHA256())
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def issue(ca: Authority, folder: Path, leaf: Leaf) -> None:
    """Write a certificate and its key, unless both exist, fit, and are valid for some weeks more.

    Raises:
        EnvironmentLacksError: something else than a file is in the place of one of them.
    """
    certificate_file, key_file = folder / f"{leaf.file}.crt", folder / f"{leaf.file}.key"
    # Both before anything is written: a new key without its certificate would be of no use.
    key, certificate = content_of(key_file, CLUSTER), content_of(certificate_file, CLUSTER)
    if key and certificate and _is_good(certificate, key, ca):
        return
    pair = sign(ca, leaf)
    write_private(key_file, pair.key)
    write_private(certificate_file, pair.certificate)


def signing_key(folder: Path, file: str) -> None:
    """Write a bare key pair (`.key`, `.pub`) for tokens; a key that is there stays, since tokens need it.

    The public half follows from the key, whatever a crash left of it.

    Raises:
        EnvironmentLacksError: the key is damaged, or something else than a file is in the place of a half.
    """
    key_file, public_file = folder / f"{file}.key", folder / f"{file}.pub"
    kept, kept_public = content_of(key_file, CLUSTER), content_of(public_file, CLUSTER)
    key = ec.generate_private_key(ec.SECP256R1()) if kept is None else _kept_signing_key(key_file, kept)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if kept is None:
        write_private(key_file, _key_pem(key))
    if kept_public != public:
        write_private(public_file, public)


def _kept_signing_key(path: Path, pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key of a file that signs tokens.

    Raises:
        EnvironmentLacksError: it holds none, or one of another kind than this program makes.
    """
    try:
        key = private_key_in(pem)
    except RefusedKeyError as error:
        raise _damaged("bad-signing-key", path, str(error)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _damaged("bad-signing-key", path, "it is a key of another kind")
    return key


def _is_good(pem: bytes, key_pem: bytes, ca: Authority) -> bool:
    """Return whether a certificate is the key's, signed by the authority, and does not expire soon."""
    try:
        certificate = certificates_in(pem)[0]
        certificate.verify_directly_issued_by(ca.certificate)
        key = private_key_in(key_pem)
    except (ValueError, TypeError, InvalidSignature):
        return False
    if certificate.public_key() != key.public_key():
        return False
    return certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=_RENEW_DAYS)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    """Return a certificate builder with names, key, a random serial number and validity."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _CLOCK_SKEW).not_valid_after(now + lifetime)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Return the key usage of an authority, or of a leaf."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the private key as PKCS#8 PEM, without a passphrase: its file is readable by its owner only."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
