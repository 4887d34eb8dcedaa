"""Ed25519 keys from files of the user's choice, and the encoding that DSSE signs.

A private key is read from a PEM file that only its owner can read, never from an argument or a variable. A
DSSE signature is over the pre-authentication encoding `DSSEv1 <length of type> <type> <length of payload>
<payload>`, so that a payload of one type never passes for one of another.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import PRIVATE_KEY, PUBLIC_KEY, read
from sovereign_ai.key_material import NEW_KEY, RefusedKeyError, private_key_in, public_key_in
from sovereign_ai.rules import pae

__all__ = ["Signer", "base64_text", "is_signed", "key_id", "pae", "private_key", "public_key"]


class Signer(Protocol):
    """A private key that signs, in a file or a hardware module."""

    def public_key(self) -> Ed25519PublicKey:
        """Return its public key."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the Ed25519 signature (RFC 8032) of data."""


def key_id(key: Ed25519PublicKey) -> str:
    """Return a key's identifier as securesystemslib computes it, so that its tools recognise the key.

    No check relies on it. It is the SHA-256 of the key's description in canonical JSON
    (securesystemslib/signer/_utils.py, read 2026-11-26).
    """
    public = key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    described = f'{{"keytype":"ed25519","keyval":{{"public":"{public}"}},"scheme":"ed25519"}}'
    return hashlib.sha256(described.encode()).hexdigest()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from a PEM file that only its owner can read.

    Raises:
        EnvironmentLacksError: the file is missing, or others can read it.
        UsageError: it holds no unencrypted Ed25519 private key.
    """
    raw = read(path, PRIVATE_KEY)
    try:
        key = private_key_in(raw)
    except RefusedKeyError as error:
        raise _no_key(path, "private", str(error)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private", "it is a key of another kind")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key from a PEM file.

    Raises:
        UsageError: the file is missing, or holds no Ed25519 public key that may be trusted.
    """
    raw = read(path, PUBLIC_KEY)
    try:
        key = public_key_in(raw)
    except RefusedKeyError as error:
        raise _no_key(path, "public", str(error)) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public", "it is a key of another kind")
    return key


def _no_key(path: Path, kind: str, reason: str) -> UsageError:
    """Return the error that a file holds no key of a kind, `private` or `public`."""
    hint = NEW_KEY if kind == "private" else PUBLIC_KEY.hint
    message = f"the file holds no unencrypted Ed25519 {kind} key in PEM: {reason}"
    return UsageError(Problem("bad-key", message, Where(str(path)), hint))


def is_signed(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    """Return whether a key made a signature over a text."""
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def base64_text(raw: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(raw).decode()
