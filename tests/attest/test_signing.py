"""Keys from files of their owner, and the encoding that DSSE signs."""

from __future__ import annotations

import base64
import doctest
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sovereign_ai.attest import signing
from sovereign_ai.attest.evidence import (
    PAYLOAD,
)
from sovereign_ai.attest.signing import pae, private_key, public_key
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from tests.attest.test_evidence import _KEY, _envelope


def test_the_signature_is_over_the_encoding_that_dsse_asks_for() -> None:
    envelope = _envelope()
    payload = base64.b64decode(envelope["payload"])
    text = b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" " + payload
    assert pae(PAYLOAD, payload) == text
    _KEY.public_key().verify(base64.b64decode(envelope["signatures"][0]["sig"]), text)
    assert doctest.testmod(signing).failed == 0


def _pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def test_a_key_is_read_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(_pem(_KEY))
    path.chmod(0o600)
    assert private_key(path).private_bytes_raw() == _KEY.private_bytes_raw()
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(EnvironmentLacksError, match="chmod 600"):
            private_key(path)
    with pytest.raises(EnvironmentLacksError, match="genpkey"):
        private_key(tmp_path / "none.pem")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    for raw in (b"nothing", _pem(generate_private_key(SECP256R1()))):
        path.write_bytes(raw)
        path.chmod(0o600)
        with pytest.raises(UsageError, match="Ed25519 private key"):
            private_key(path)
        with pytest.raises(UsageError, match="Ed25519 public key"):
            public_key(path)
    path.write_bytes(_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert public_key(path) == _KEY.public_key()
