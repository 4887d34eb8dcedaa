"""An Ed25519 key that signs in a PKCS#11 module and never leaves it.

    key = signing_key(Path("pkcs11:token=lab;object=evidence?module-path=…&pin-source=…"))
    key.sign(b"…")

Whatever signs evidence, the log, a waiver or an approval takes a file or such a URI. Each signature is
verified before it is used: a module that signs with another key, or wrongly, is noticed before anything is
written.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sovereign_ai.attest.key_uri import KeyUri, is_key_uri, parse_key_uri
from sovereign_ai.attest.signing import Signer, is_signed, private_key
from sovereign_ai.cluster.keys import ModuleError, ModuleLocation, load_library, open_session
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.key_material import RefusedKeyError, ed25519_point

_KEY_BYTES = 32
_OCTET_STRING = b"\x04\x20"
"""DER's tag and length before a point: most modules write them, some write the point alone."""
_PROBE = b"sovereign-ai signing key"


class HardwareKey:
    """A key pair in a module."""

    def __init__(self, uri: KeyUri) -> None:
        """Log in and find the key.

        Raises:
            EnvironmentLacksError: the module, its token, the PIN file or the key is missing, or refuses.
        """
        self._uri = uri
        self._pkcs11 = load_library()
        self._session = _session(uri.module, uri.token, uri.pin_file)
        kinds = self._pkcs11.ObjectClass
        try:
            self._private = self._key(kinds.PRIVATE_KEY)
            self._public = self._point(self._key(kinds.PUBLIC_KEY))
        except self._pkcs11.exceptions.PKCS11Error as error:
            raise ModuleError(type(error).__name__) from None
        # A private key and the public key of another pair may have one label.
        self.sign(_PROBE)

    def public_key(self) -> Ed25519PublicKey:
        """Return its public key."""
        return self._public

    def sign(self, data: bytes, /) -> bytes:
        """Return the Ed25519 signature of data, which was verified.

        Raises:
            ModuleError: the module gave none, or a wrong one.
        """
        try:
            signature = bytes(self._private.sign(data, mechanism=self._pkcs11.Mechanism.EDDSA))
        # AttributeError: the package gives a key that may not sign no such method.
        except (self._pkcs11.exceptions.PKCS11Error, AttributeError) as error:
            raise ModuleError(type(error).__name__) from None
        if not is_signed(self._public, signature, data):
            raise ModuleError("its signature does not fit the public key beside it")
        return signature

    def _key(self, kind: Any) -> Any:
        """Return the one object of a kind that the URI names.

        Raises:
            EnvironmentLacksError: there is none, or more than one.
        """
        attribute = self._pkcs11.Attribute
        wanted = {attribute.CLASS: kind, attribute.KEY_TYPE: self._pkcs11.KeyType.EC_EDWARDS}
        if self._uri.label:
            wanted[attribute.LABEL] = self._uri.label
        if self._uri.id:
            wanted[attribute.ID] = self._uri.id
        objects = list(self._session.get_objects(wanted))
        if len(objects) == 1:
            return objects[0]
        name = kind.name.lower().replace("_", " ")
        message = (
            f"token {self._uri.token!r} holds {len(objects)} Ed25519 keys ({name}) of this name, expected 1"
        )
        hint = "name the key by its label (object) or its id, and keep its public key beside it"
        raise EnvironmentLacksError(Problem("no-key", message, Where(str(self._uri.module)), hint))

    def _point(self, key: Any) -> Ed25519PublicKey:
        """Return a public key as the package reads it.

        Raises:
            ModuleError: it is none that may be trusted.
        """
        point = bytes(key[self._pkcs11.Attribute.EC_POINT])
        if len(point) == _KEY_BYTES + len(_OCTET_STRING):
            point = point.removeprefix(_OCTET_STRING)
        try:
            return ed25519_point(point)
        except RefusedKeyError as error:
            raise ModuleError(f"its public key is none of Ed25519: {error}") from None


@cache
def _session(module: Path, token: str, pin_file: Path) -> Any:
    """Return a session with a token; a process can log in to one only once, and a handover takes two keys.

    Raises:
        EnvironmentLacksError: the module, the token or the PIN file is missing, or the PIN is wrong.
    """
    return open_session(load_library(), ModuleLocation(module, token, pin_file, {}))


def signing_key(key: Path) -> Signer:
    """Return the key that a file holds, or that a PKCS#11 URI names.

    Raises:
        EnvironmentLacksError: file or module is missing, or others can read the file or that of the PIN.
        UsageError: it holds no Ed25519 private key, or the URI is none.
    """
    if is_key_uri(key):
        return HardwareKey(parse_key_uri(str(key), os.environ))
    return private_key(key)
