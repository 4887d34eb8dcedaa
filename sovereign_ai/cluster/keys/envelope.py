"""Encrypt and decrypt under a seed, in the form in which the API server stores values of a KMS v2 provider.

The key service encrypts a seed of 32 bytes. From it each object gets a key of its own (HKDF-SHA256, expand
only, with 32 random bytes), and AES-256-GCM binds the object to its key in etcd.
The form: k8s.io/apiserver v0.37.2, kmsv2/v2/api.proto and encrypt/aes/aes_extended_nonce.go.

    >>> seed = Seed(b"0" * 32, "plane/1", b"encrypted seed")
    >>> opened(seed.secret, seed.close(b"hidden", b"/registry/secrets/a/b"), b"/registry/secrets/a/b")
    b'hidden'
"""

from __future__ import annotations

import os
from dataclasses import field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from sovereign_ai.cluster.keys.messages import STORED
from sovereign_ai.frozen_dataclass import frozen_dataclass

SEED_BYTES = 32
_INFO, _NONCE = 32, 12
"""Bytes of HKDF's info, which is random, and of AES-GCM's nonce; both precede the ciphertext."""
_EXPANDED_SEED = 1
"""`EncryptedDEKSourceType.HKDF_SHA256_XNONCE_AES_GCM_SEED`."""


class DamagedError(Exception):
    """A stored value differs from the one that was encrypted there."""


@frozen_dataclass
class Seed:
    """A seed and how it is stored.

    Attributes:
        secret: the seed itself, which is kept in memory only.
        key_id: which version of which key encrypted it.
        encrypted: the seed as the key service encrypted it.
    """

    secret: bytes = field(repr=False)
    key_id: str
    encrypted: bytes

    def close(self, data: bytes, place: bytes) -> Any:
        """Encrypt data for its key in etcd; return the message to store."""
        info, nonce = os.urandom(_INFO), os.urandom(_NONCE)
        cipher = AESGCM(_derived_key(self.secret, info))
        # The key in etcd is authenticated with the data: a value that is copied to another key does not open.
        encrypted = cipher.encrypt(nonce, data, place)
        return STORED["EncryptedObject"](
            data=info + nonce + encrypted, key_id=self.key_id, seed=self.encrypted, seed_type=_EXPANDED_SEED
        )


def parse(message: Any, raw: bytes) -> Any:
    """Read a protobuf message of a class that `messages` declares.

    Raises:
        DamagedError: the bytes are no such message.
    """
    try:
        return message.FromString(raw)
    except DecodeError:
        raise DamagedError from None


def opened(secret: bytes, stored: Any, place: bytes) -> bytes:
    """Decrypt a stored message with its seed.

    Raises:
        DamagedError: it was changed, belongs to another key in etcd, or is of another form.
    """
    data = stored.data
    if stored.seed_type != _EXPANDED_SEED or len(data) < _INFO + _NONCE:
        raise DamagedError
    info = data[:_INFO]
    nonce = data[_INFO : _INFO + _NONCE]
    encrypted = data[_INFO + _NONCE :]
    try:
        return AESGCM(_derived_key(secret, info)).decrypt(nonce, encrypted, place)
    except InvalidTag:
        raise DamagedError from None


def _derived_key(secret: bytes, info: bytes) -> bytes:
    """Return the key of one object."""
    return HKDFExpand(SHA256(), 32, info).derive(secret)
