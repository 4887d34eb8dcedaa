"""Ed25519 keys from files of the user's choice, and what DSSE signs.

A private key is read from a PEM file that only its owner can read, never from an argument or a variable. A DSSE signature
is over the pre-authentication encoding `DSSEv1 <length of type> <type> <length of payload> <payload>`, so that a payload
of one type never passes for one of another.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError

_MOST_BYTES = 16 << 20


def pae(kind: str, payload: bytes) -> bytes:
    """Give DSSE's pre-authentication encoding, version 1.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def key_id(key: Ed25519PublicKey) -> str:
    """Name a key by the SHA-256 of its SubjectPublicKeyInfo; a hint, which nothing trusts."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from a PEM file that only its owner can read.

    Raises:
        EnvironmentLacksError: the file is missing, or others can read it.
        UsageError: it holds no unencrypted Ed25519 private key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_MOST_BYTES)
    except OSError as error:
        hint = f"openssl genpkey -algorithm ed25519 -out {path} && chmod 600 {path}"
        raise EnvironmentLacksError(Problem("no-key", f"{path}: {error.strerror}", hint=hint)) from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise EnvironmentLacksError(Problem("open-key-file", f"others can read the key {path}", hint=f"chmod 600 {path}"))
    try:
        key = load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(path, "private") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Read an Ed25519 public key from a PEM file.

    Raises:
        EnvironmentLacksError: the file is missing.
        UsageError: it holds no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(read_bytes(path))
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path, "public") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return key


def _no_key(path: Path, kind: str) -> UsageError:
    hint = "openssl genpkey -algorithm ed25519" if kind == "private" else "openssl pkey -pubout, from the private key"
    return UsageError(Problem("bad-key", f"{path} holds no unencrypted Ed25519 {kind} key in PEM", hint=hint))


def read_bytes(path: Path) -> bytes:
    """Read a file of at most 16 MiB.

    Raises:
        EnvironmentLacksError: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise EnvironmentLacksError(Problem("no-file", f"{path}: {error.strerror}", hint="name a file that can be read")) from None
    if len(raw) > _MOST_BYTES:
        raise EnvironmentLacksError(Problem("too-large", f"{path} has more than 16 MiB", hint="that is no file of ours"))
    return raw


def read_lines(path: Path) -> Iterator[bytes]:
    """Read a file of any length a line at a time, each with its end; the last may have none.

    Raises:
        EnvironmentLacksError: it cannot be read, or a line of it has more than 16 MiB.
    """
    try:
        with path.open("rb") as file:
            while line := file.readline(_MOST_BYTES + 1):
                if len(line) > _MOST_BYTES:
                    raise EnvironmentLacksError(
                        Problem("too-large", f"{path} has a line of more than 16 MiB", hint="that is no file of ours")
                    )
                yield line
    except OSError as error:
        raise EnvironmentLacksError(Problem("no-file", f"{path}: {error.strerror}", hint="name a file that can be read")) from None


def signed(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    """Tell whether a key made a signature over a text."""
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def base64_text(raw: bytes) -> str:
    """Write bytes as base64."""
    return base64.b64encode(raw).decode()
