"""Encryption under a seed, in the form in which the API server stores what a KMS v2 provider encrypted.

A seed of 32 bytes is encrypted by the key service; each object gets a key of its own out of it
(HKDF-SHA256, expand only, with 32 random bytes), and AES-256-GCM binds it to its place in etcd.
The form: k8s.io/apiserver v0.37.2, kmsv2/v2/api.proto and encrypt/aes/aes_extended_nonce.go.

    >>> seed = Seed(b"0" * 32, "plane/1", b"encrypted seed")
    >>> opened(seed.secret, seed.close(b"hidden", b"/registry/secrets/a/b"), b"/registry/secrets/a/b")
    b'hidden'
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sovereign_ai.cluster.keys.wire import STORED

SEED_BYTES = 32
_INFO, _NONCE = 32, 12
_EXPANDED_SEED = 1
"""`EncryptedDEKSourceType.HKDF_SHA256_XNONCE_AES_GCM_SEED`."""


class DamagedError(Exception):
    """What is stored is not what was encrypted there."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed and how it is stored.

    Attributes:
        secret: the seed itself; lives in memory alone.
        key_id: which version of which key encrypted it.
        encrypted: the seed as the key service encrypted it.
    """

    secret: bytes = field(repr=False)
    key_id: str
    encrypted: bytes

    def close(self, data: bytes, place: bytes) -> Any:
        """Encrypt data for its place in etcd; give the stored message."""
        info, nonce = os.urandom(_INFO), os.urandom(_NONCE)
        hidden = info + nonce + AESGCM(_derived(self.secret, info)).encrypt(nonce, data, place)
        return STORED["EncryptedObject"](data=hidden, key_id=self.key_id, seed=self.encrypted, seed_type=_EXPANDED_SEED)


def opened(secret: bytes, stored: Any, place: bytes) -> bytes:
    """Decrypt a stored message with its seed.

    Raises:
        DamagedError: it was changed, belongs to another place, or is of another form.
    """
    if stored.seed_type != _EXPANDED_SEED or len(stored.data) < _INFO + _NONCE:
        raise DamagedError
    info, nonce, hidden = stored.data[:_INFO], stored.data[_INFO : _INFO + _NONCE], stored.data[_INFO + _NONCE :]
    try:
        return AESGCM(_derived(secret, info)).decrypt(nonce, hidden, place)
    except InvalidTag:
        raise DamagedError from None


def _derived(secret: bytes, info: bytes) -> bytes:
    """Derive the key of one object."""
    return HKDFExpand(SHA256(), 32, info).derive(secret)
