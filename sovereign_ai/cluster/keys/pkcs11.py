"""The PKCS#11 module: create, list, use, withdraw and restore keys.

A key is an AES-256 secret key that the module never gives out. Its versions share one label and have their
number as identifier. A key is withdrawn by removing the right to encrypt and decrypt (CKA_ENCRYPT,
CKA_DECRYPT) from all its versions. The module itself enforces that, and the custodian can also do it with the
module's own tools. `python-pkcs11` is optional: the extra `kms` brings it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import PIN, decode, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean

if TYPE_CHECKING:
    from sovereign_ai.cluster.keys.custody import ModuleLocation

_NONCE, _TAG_BITS, _KEY_BITS = 12, 128, 256
"""AES-GCM with a nonce of 12 bytes and a full tag, as NIST SP 800-38D recommends."""
_PROBE = b"sovereign-ai probe"


class WithdrawnError(Exception):
    """The module refuses to use a key: it was withdrawn, or does not exist."""


class ModuleError(EnvironmentLacksError):
    """The module gave no usable answer, so that the state of the key is unknown."""

    def __init__(self, kind: str) -> None:
        """Name the error's kind only: its text might quote what the module was given."""
        message = f"the PKCS#11 module gave no usable answer: {kind}"
        hint = "see that the module's own service is up and its token is there, and run the command again"
        super().__init__(Problem("pkcs11-failed", message, hint=hint))


@frozen_dataclass
class Version:
    """One version of a key.

    Attributes:
        number: counted from 1.
        usable: whether the module lets it encrypt and decrypt.
    """

    number: int
    usable: bool


def are_usable(versions: Sequence[Version]) -> bool:
    """Return whether a key exists and the module lets every version of it be used."""
    return bool(versions) and all(version.usable for version in versions)


class Pkcs11Module:
    """An open session with a module; one call at a time."""

    def __init__(self, place: ModuleLocation) -> None:
        """Log in.

        Raises:
            EnvironmentLacksError: `python-pkcs11`, the module, the token or the PIN file is missing, or the
                PIN is wrong.
        """
        self._pkcs11 = load_library()
        self._lock = Lock()
        self._session = open_session(self._pkcs11, place, writable=True)

    def close(self) -> None:
        """Log out; a module that failed has reported it already."""
        with self._lock, contextlib.suppress(self._pkcs11.exceptions.PKCS11Error):
            self._session.close()

    def versions(self, label: str) -> tuple[Version, ...]:
        """Return the versions of a key, oldest first; none if there is no such key.

        Raises:
            ModuleError: the module gave no answer.
        """
        with self._session_in_use():
            return tuple(self._version(key) for _, key in self._keys(label))

    def generate(self, label: str) -> int:
        """Create the next version of a key, which cannot be extracted from the module; return its number.

        Raises:
            ModuleError: the module gave no answer.
        """
        with self._session_in_use():
            keys = self._keys(label)
            number = keys[-1][0] + 1 if keys else 1
            attribute = self._pkcs11.Attribute
            template = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
            # A key that may wrap others could export them; this one only encrypts and decrypts.
            for right in (attribute.WRAP, attribute.UNWRAP, attribute.SIGN, attribute.VERIFY):
                template[right] = False
            self._session.generate_key(
                self._pkcs11.KeyType.AES,
                _KEY_BITS,
                label=label,
                id=str(number).encode(),
                store=True,
                template=template,
            )
            return number

    def allow(self, label: str, *, allowed: bool) -> int:
        """Allow or forbid every version of a key to encrypt and decrypt; return how many there are.

        Raises:
            ModuleError: the module gave no answer.
        """
        with self._session_in_use():
            keys = self._keys(label)
            for _, key in keys:
                key[self._pkcs11.Attribute.ENCRYPT] = allowed
                key[self._pkcs11.Attribute.DECRYPT] = allowed
            return len(keys)

    def encrypt(self, label: str, data: bytes, bound: bytes = b"") -> tuple[int, bytes]:
        """Encrypt under the newest version.

        Args:
            label: the key.
            data: what to encrypt.
            bound: authenticated with the data; decryption needs the same bytes.

        Returns:
            The number of the version, and nonce and ciphertext.

        Raises:
            WithdrawnError: the key may not be used, or does not exist.
            ModuleError: the module gave no answer.
        """
        nonce = os.urandom(_NONCE)
        with self._session_in_use():
            keys = self._keys(label)
            if not keys:
                raise WithdrawnError
            number, key = keys[-1]
            return number, nonce + self._run(key, "encrypt", data, nonce, bound)

    def decrypt(self, label: str, number: int, data: bytes, bound: bytes = b"") -> bytes:
        """Decrypt under one version.

        Raises:
            WithdrawnError: the key may not be used, or does not exist.
            ModuleError: the module gave no answer, or the data was not encrypted under this version.
        """
        nonce, encrypted = data[:_NONCE], data[_NONCE:]
        with self._session_in_use():
            for version, key in self._keys(label):
                if version == number:
                    return self._run(key, "decrypt", encrypted, nonce, bound)
            raise WithdrawnError

    def probe(self, label: str) -> int:
        """Use the newest version both ways and return its number.

        Raises:
            WithdrawnError: the key may not be used, or does not exist.
            ModuleError: the module gave no answer, or a wrong one.
        """
        number, data = self.encrypt(label, _PROBE)
        if self.decrypt(label, number, data) != _PROBE:
            raise ModuleError("a probe came back as something else")
        return number

    def _keys(self, label: str) -> list[tuple[int, Any]]:
        """Return the versions of a key by their number, oldest first."""
        attribute, kinds = self._pkcs11.Attribute, self._pkcs11.ObjectClass
        template = {attribute.CLASS: kinds.SECRET_KEY, attribute.LABEL: label}
        versions = [(int(key.id), key) for key in self._session.get_objects(template)]
        # By number only: two keys of the same number cannot be compared themselves.
        versions.sort(key=lambda version: version[0])
        return versions

    def _version(self, key: Any) -> Version:
        """Read the rights of one version from the module."""
        attribute = self._pkcs11.Attribute
        usable = bool(key[attribute.ENCRYPT]) and bool(key[attribute.DECRYPT])
        return Version(int(key.id), usable)

    def _run(self, key: Any, verb: str, data: bytes, nonce: bytes, bound: bytes) -> bytes:
        """Let the module encrypt or decrypt with AES-GCM; a key that lacks the right is a withdrawn one."""
        attribute = self._pkcs11.Attribute
        right = attribute.ENCRYPT if verb == "encrypt" else attribute.DECRYPT
        # python-pkcs11 gives a key the method only where it had the right when it was looked up.
        if not key[right] or not hasattr(key, verb):
            raise WithdrawnError
        parameters = self._pkcs11.GCMParams(nonce, bound, _TAG_BITS)
        run = getattr(key, verb)
        return bytes(run(data, mechanism=self._pkcs11.Mechanism.AES_GCM, mechanism_param=parameters))

    @contextlib.contextmanager
    def _session_in_use(self) -> Iterator[None]:
        """Lock the session, and convert the library's errors to `ModuleError`, without their texts."""
        with self._lock:
            try:
                yield
            # ValueError: another program gave a key of this label an identifier that is no number.
            except (self._pkcs11.exceptions.PKCS11Error, ValueError) as error:
                raise ModuleError(type(error).__name__) from None


def open_session(pkcs11: Any, place: ModuleLocation, *, writable: bool = False) -> Any:
    """Log in to a token.

    Args:
        pkcs11: the package, as `load_library` returned it.
        place: the module, its token and the file of the PIN.
        writable: whether keys can be made and changed.

    Raises:
        EnvironmentLacksError: the module, the token or the PIN file is missing, or the PIN is wrong.
    """
    # The library reads its own variables from the process' environment when it is loaded.
    os.environ.update(place.environment)
    pin = read_pin(place.pin_file)
    # The package's own errors are RuntimeErrors.
    errors = (RuntimeError, OSError)
    try:
        library = pkcs11.lib(str(place.library))
    except errors as error:
        # The loader knows no PIN, so that its text cannot quote one.
        reason = str(error).rpartition(": ")[2]
        raise _refused(place, f"no PKCS#11 module can be loaded from it: {reason}", _NO_LIBRARY) from None
    try:
        token = library.get_token(token_label=place.token)
    except errors as error:
        labels = ", ".join(repr(label) for label in _labels(library)) or "none"
        message = f"token {place.token!r} cannot be found: {type(error).__name__}"
        raise _refused(place, message, f"the labels of its tokens: {labels}") from None
    try:
        return token.open(rw=writable, user_pin=pin)
    except errors as error:
        # By the error's kind only: its text might quote the PIN.
        message = f"token {place.token!r} cannot be opened: {type(error).__name__}"
        raise _refused(place, message, _NOT_OPENED) from None


def _labels(library: Any) -> list[str]:
    """Return the labels of a module's tokens; none where it does not list them."""
    try:
        return sorted({clean(str(token.label)) for token in library.get_tokens()} - {""})
    except RuntimeError:
        return []


def read_pin(path: Path) -> str:
    """Read the PIN from its file.

    Raises:
        EnvironmentLacksError: the file does not exist, is empty, or others can read it.
    """
    text = decode(read(path, PIN), str(path), PIN).strip()
    if not text:
        message = "the file that should hold the PIN is empty"
        problem = Problem("pin-file-missing", message, Where(file=str(path)), "write the PIN into it")
        raise EnvironmentLacksError(problem)
    return text


def load_library() -> Any:
    """Import `python-pkcs11`.

    Raises:
        EnvironmentLacksError: it is not installed.
    """
    try:
        import pkcs11  # noqa: PLC0415 - optional
        import pkcs11.exceptions  # noqa: PLC0415
    except ImportError:
        hint = "pip install 'sovereign-ai[kms]'"
        raise EnvironmentLacksError(
            Problem("kms-extra-missing", "a PKCS#11 module needs the package python-pkcs11", hint=hint)
        ) from None
    return pkcs11


_NO_LIBRARY = "name the module's shared library by its path, such as /usr/lib/softhsm/libsofthsm2.so"
_NOT_OPENED = "see that the PIN in its file is right: a token locks itself after some wrong ones"


def _refused(place: ModuleLocation, message: str, hint: str) -> EnvironmentLacksError:
    """Return why a module, or a token of it, could not be opened."""
    return EnvironmentLacksError(Problem("pkcs11-refused", message, Where(file=str(place.library)), hint))
