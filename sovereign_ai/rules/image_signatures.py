"""Whose signature is on which image, decided offline from the description alone.

An image runs by a digest that a declared signer signed. What counts as a signature of an image:

* a statement of the kind that `cosign sign` makes, a payload of simple signing, or a signature over the
  manifest itself, by the key of a signer without `builder`;
* SLSA provenance that states the signer's `builder`, by the key of a signer with one.

A bill of materials, a report of vulnerabilities and any other statement about an image is no approval of it,
whoever signed it. The bytes that were signed are parsed only after their signature was verified.

Nothing is asked over the network: no transparency log, no registry, no authority. A key counts until the
description no longer lists it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import SIGNATURE, parse_json
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import RefusedKeyError, exact_base64, public_key
from sovereign_ai.rules.approval import pae

if TYPE_CHECKING:
    from sovereign_ai.spec import Images, ImageSignature, Signer

NOT_CHECKED = (
    "the transparency log, and when a signature was made",
    "certificates of short life and the identities in them: only declared keys count",
    "the revocation of a key: a key counts for as long as the description lists it",
    "the contents of the image, and of its provenance beside the builder's identity",
)
"""What is not verified, for whoever reads that something is."""
_STATEMENT = "application/vnd.in-toto+json"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
# cosign v3, read 2026-11-27.
_SIGN = "https://sigstore.dev/cosign/sign/v1"
_SIMPLE_SIGNING = "cosign container image signature"
# SLSA 1.0 and 0.2: where the predicate states the builder's identity.
_BUILDER_PATHS: Mapping[str, tuple[str, ...]] = {
    "https://slsa.dev/provenance/v1": ("runDetails", "builder", "id"),
    "https://slsa.dev/provenance/v0.2": ("builder", "id"),
}
_MOST_SUBJECTS = 1_000
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@frozen_dataclass
class SignatureReview:
    """What a signature proves.

    Attributes:
        file: the file that it was read from.
        digests: the images that it signs, as `sha256:…`; none where it does not count.
        signer: the signer by whom it counts.
        builder: the builder that its provenance states; empty for a signature that is no provenance.
        reason: why it does not count; empty if it does.
    """

    file: str
    digests: tuple[str, ...] = ()
    signer: str = ""
    builder: str = ""
    reason: str = ""


class _RefusedError(Exception):
    """A signature does not count; its text is the reason."""


@lru_cache(maxsize=16)
def review_signatures(images: Images) -> tuple[SignatureReview, ...]:
    """Return what each signature of a description proves, in the order of the description."""
    reviews: list[SignatureReview] = []
    for signature in images.signatures:
        try:
            reviews.append(_review(signature, images.signers))
        except _RefusedError as error:
            reviews.append(SignatureReview(signature.file, reason=str(error)))
    return tuple(reviews)


def signed_registries(images: Images) -> tuple[str, ...]:
    """Return the registries whose images must be signed, each with its slash, sorted."""
    declared = {f"{registry.rstrip('/')}/" for registry in images.registries}
    listed: set[str] = set()
    for signer in images.signers:
        listed.update(_listed(signer) or declared)
    return tuple(sorted(listed))


def signer_rows(images: Images) -> tuple[tuple[str, ...], ...]:
    """Return for each signer its name and its registries, sorted; the empty text stands for all of them."""
    rows = [(signer.name, *(sorted(_listed(signer)) or ("",))) for signer in images.signers]
    return tuple(sorted(rows))


def signed_digests(images: Images) -> tuple[str, ...]:
    """Return each verified digest behind its signer, such as `release/sha256:…`, sorted."""
    verified: set[str] = set()
    for review in review_signatures(images):
        verified.update(f"{review.signer}/{digest}" for digest in review.digests)
    return tuple(sorted(verified))


def explain_unsigned(images: Images, reference: str) -> str:
    """Return why an image may not run for want of a signature; empty if it may.

    The rule IMG-004 decides the same on objects.

    Args:
        images: the part `images` of the description.
        reference: the image, as a workload names it.
    """
    verified = signed_digests(images)
    for prefix in signed_registries(images):
        if not reference.startswith(prefix):
            continue
        _, _, digest = reference.partition("@")
        if not digest:
            return "it is named by a tag, and only a digest is signed"
        names = [signer.name for signer in images.signers if prefix in (_listed(signer) or {prefix})]
        if not any(f"{name}/{digest}" in verified for name in names):
            return f"no valid signature by {' or '.join(names)} is among the signatures of the description"
    return ""


def _listed(signer: Signer) -> set[str]:
    """Return the registries that a signer lists, each with the slash that is its path boundary."""
    return {f"{registry.rstrip('/')}/" for registry in signer.registries}


def _review(signature: ImageSignature, signers: tuple[Signer, ...]) -> SignatureReview:
    """Return what a signature proves.

    Raises:
        _RefusedError: it does not count.
    """
    # Bytes in base64 and a digest have different letters, so that none passes for the other.
    if (signature.form == "digest") != bool(_DIGEST.fullmatch(signature.content)):
        message = f"its content is not of the form {signature.form!r}"
        raise _RefusedError(message)
    try:
        own = [signer for signer in signers if _is_made_by(signer.key, signature)]
    except RefusedKeyError as error:
        raise _RefusedError(str(error)) from None
    if not own:
        raw = signature.form == "digest"
        hint = "; over a manifest only a P-256 key's signature can be verified" if raw else ""
        message = f"no declared key made it{hint}"
        raise _RefusedError(message)
    digests, builder = _claims(signature)
    # At most one: the description lists no two signers of one key and builder.
    counted = [signer.name for signer in own if signer.builder == builder]
    if not counted:
        wanted = " or ".join(_expected(signer) for signer in own)
        what = f"provenance of {builder!r}" if builder is not None else "a signature of the image"
        message = f"it is {what}, and {wanted} is expected"
        raise _RefusedError(message)
    return SignatureReview(signature.file, digests, counted[0], builder or "")


def _expected(signer: Signer) -> str:
    """Return what a signer's key must have signed, in words."""
    if signer.builder is None:
        return f"a signature of the image by {signer.name}"
    return f"provenance of {signer.builder!r} by {signer.name}"


def _claims(signature: ImageSignature) -> tuple[tuple[str, ...], str | None]:
    """Return the digests that a verified signature is about, and the builder if it is provenance.

    Raises:
        _RefusedError: it says nothing that counts.
    """
    if signature.form == "digest":
        return (signature.content,), None
    try:
        data = parse_json(exact_base64(signature.content), signature.file, SIGNATURE).data
    except SovereignError as error:
        message = f"what is signed cannot be read: {error.problems[0].message}"
        raise _RefusedError(message) from None
    if signature.form == "simple-signing":
        return (_simple_signing(data),), None
    return _statement(data)


def _simple_signing(data: Any) -> str:
    """Return the digest that a payload of simple signing names.

    Raises:
        _RefusedError: it is no payload of an image's signature.
    """
    digest = _at(data, ("critical", "image", "docker-manifest-digest"))
    if _at(data, ("critical", "type")) != _SIMPLE_SIGNING:
        message = f"the payload's type is not {_SIMPLE_SIGNING!r}"
        raise _RefusedError(message)
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        message = "the payload names no image by its SHA-256"
        raise _RefusedError(message)
    return digest


def _statement(data: Any) -> tuple[tuple[str, ...], str | None]:
    """Return the digests of an in-toto statement's subjects, and the builder if it is provenance.

    Raises:
        _RefusedError: it is another kind of statement, or has no subject with a SHA-256.
    """
    if _at(data, ("_type",)) not in _STATEMENTS:
        message = "what is signed is no in-toto statement of version 1 or 0.1"
        raise _RefusedError(message)
    kind = _at(data, ("predicateType",))
    builder: str | None = None
    if kind != _SIGN:
        path = _BUILDER_PATHS.get(kind) if isinstance(kind, str) else None
        value = _at(data, ("predicate", *path)) if path else None
        if not isinstance(value, str):
            message = "the statement is neither a signature of an image nor SLSA provenance with a builder"
            raise _RefusedError(message)
        builder = value
    subjects = data.get("subject")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= _MOST_SUBJECTS:
        message = f"the statement does not have 1 to {_MOST_SUBJECTS:,} subjects"
        raise _RefusedError(message)
    digests: set[str] = set()
    for subject in subjects:
        digest = _at(subject, ("digest", "sha256"))
        if not isinstance(digest, str) or not _HEX.fullmatch(digest):
            message = "a subject of the statement has no SHA-256"
            raise _RefusedError(message)
        digests.add(f"sha256:{digest}")
    return tuple(sorted(digests)), builder


def _at(data: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of nested objects; None where there is none."""
    for step in path:
        if not isinstance(data, dict):
            return None
        data = data.get(step)
    return data


def _is_made_by(key_text: str, signature: ImageSignature) -> bool:
    """Return whether a key made a signature.

    Raises:
        RefusedKeyError: the key or the signature is written otherwise than programs write them.
    """
    # Imported late: the import is slow, and most descriptions have no signers.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: PLC0415 - see above

    key = public_key(key_text)
    proof = exact_base64(signature.signature)
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            if signature.form == "digest":
                # Ed25519 signs the bytes themselves, and only their digest is known here.
                return False
            key.verify(proof, _signed_bytes(signature))
        elif isinstance(key, ec.EllipticCurvePublicKey):
            _verify_ecdsa(key, proof, signature)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _verify_ecdsa(key: Any, proof: bytes, signature: ImageSignature) -> None:
    """Verify an ECDSA signature with SHA-256.

    Raises:
        InvalidSignature: the key did not make it.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above

    if signature.form == "digest":
        # The digest of an image is the SHA-256 of its manifest, which is what ECDSA signs.
        digest = bytes.fromhex(signature.content.removeprefix("sha256:"))
        key.verify(proof, digest, ec.ECDSA(utils.Prehashed(SHA256())))
    else:
        key.verify(proof, _signed_bytes(signature), ec.ECDSA(SHA256()))


def _signed_bytes(signature: ImageSignature) -> bytes:
    """Return the bytes that were signed: a payload as it is, a statement in DSSE's encoding."""
    payload = exact_base64(signature.content)
    return pae(_STATEMENT, payload) if signature.form == "statement" else payload
