"""The PKCS#11 module: where keys are made, kept, used, withdrawn and given back.

A key is an AES-256 secret key that the module never gives out. Its versions carry one label and
their number as identifier. A key is withdrawn by taking from all its versions the right to encrypt
and decrypt (CKA_ENCRYPT, CKA_DECRYPT), which the module itself enforces and which the custodian can
also do with the module's own tools. `python-pkcs11` is optional: the extra `kms` brings it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.cluster.keys.custody import ModulePlace

_NONCE, _TAG_BITS, _KEY_BITS = 12, 128, 256
_PROBE = b"sovereign-ai probe"


class WithdrawnError(Exception):
    """The module refuses to use a key: it was withdrawn, or is not there."""


class ModuleError(EnvironmentLacksError):
    """The module gave no usable answer; nobody knows what became of the key."""

    def __init__(self, said: str) -> None:
        """Say the error's kind alone: its text might quote what the module was given."""
        hint = "see that the module's own service is up and its token is there, and run the command again"
        super().__init__(Problem("pkcs11-failed", f"the PKCS#11 module gave no usable answer: {said}", hint=hint))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key.

    Attributes:
        number: counts from one.
        usable: whether the module lets it encrypt and decrypt.
    """

    number: int
    usable: bool


def are_usable(versions: Sequence[Version]) -> bool:
    """Tell whether a key is there and the module lets every version of it be used."""
    return bool(versions) and all(one.usable for one in versions)


class Module:
    """An open session with a module; one call at a time."""

    def __init__(self, place: ModulePlace) -> None:
        """Log in.

        Raises:
            EnvironmentLacksError: `python-pkcs11`, the module, the token or the PIN file is missing, or the PIN is wrong.
        """
        os.environ.update(place.environment)
        self._pkcs11 = _library()
        self._lock = Lock()
        pin = read_pin(place.pin_file)
        try:
            token = self._pkcs11.lib(str(place.library)).get_token(token_label=place.token)
            self._session = token.open(rw=True, user_pin=pin)
        except (self._pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
            raise _refused(place, error) from None

    def close(self) -> None:
        """Log out; a module that failed has said so already."""
        with self._lock, contextlib.suppress(self._pkcs11.exceptions.PKCS11Error):
            self._session.close()

    def versions(self, label: str) -> tuple[Version, ...]:
        """Give the versions of a key, oldest first; none if there is no such key.

        Raises:
            ModuleError: the module gave no answer.
        """
        with self._use():
            return tuple(self._version(key) for _, key in self._keys(label))

    def generate(self, label: str) -> int:
        """Make the next version of a key, which cannot be taken out of the module; give its number.

        Raises:
            ModuleError: the module gave no answer.
        """
        with self._use():
            number = max((number for number, _ in self._keys(label)), default=0) + 1
            attribute = self._pkcs11.Attribute
            template = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
            template |= dict.fromkeys((attribute.WRAP, attribute.UNWRAP, attribute.SIGN, attribute.VERIFY), False)
            self._session.generate_key(
                self._pkcs11.KeyType.AES, _KEY_BITS, label=label, id=str(number).encode(), store=True, template=template
            )
            return number

    def allow(self, label: str, *, allowed: bool) -> int:
        """Give every version of a key the right to encrypt and decrypt, or take it away; give how many there are.

        Raises:
            ModuleError: the module gave no answer.
        """
        with self._use():
            keys = [key for _, key in self._keys(label)]
            for key in keys:
                for right in (self._pkcs11.Attribute.ENCRYPT, self._pkcs11.Attribute.DECRYPT):
                    key[right] = allowed
            return len(keys)

    def encrypt(self, label: str, data: bytes, bound: bytes = b"") -> tuple[int, bytes]:
        """Encrypt under the newest version; what is bound must be given again to decrypt.

        Raises:
            WithdrawnError: the key may not be used, or is not there.
            ModuleError: the module gave no answer.
        """
        nonce = os.urandom(_NONCE)
        with self._use():
            keys = self._keys(label)
            if not keys:
                raise WithdrawnError
            number, key = keys[-1]
            return number, nonce + self._run(key, "encrypt", data, nonce, bound)

    def decrypt(self, label: str, number: int, data: bytes, bound: bytes = b"") -> bytes:
        """Decrypt under one version.

        Raises:
            WithdrawnError: the key may not be used, or is not there.
            ModuleError: the module gave no answer, or the data was not encrypted so.
        """
        with self._use():
            key = next((key for version, key in self._keys(label) if version == number), None)
            if key is None:
                raise WithdrawnError
            return self._run(key, "decrypt", data[_NONCE:], data[:_NONCE], bound)

    def probe(self, label: str) -> int:
        """Use the newest version both ways and give its number.

        Raises:
            WithdrawnError: the key may not be used, or is not there.
            ModuleError: the module gave no answer, or a wrong one.
        """
        number, data = self.encrypt(label, _PROBE)
        if self.decrypt(label, number, data) != _PROBE:
            raise ModuleError("a probe came back as something else")
        return number

    def _keys(self, label: str) -> list[tuple[int, Any]]:
        """Find the versions of a key, oldest first."""
        attribute, kinds = self._pkcs11.Attribute, self._pkcs11.ObjectClass
        found = self._session.get_objects({attribute.CLASS: kinds.SECRET_KEY, attribute.LABEL: label})
        return sorted(((int(key.id), key) for key in found), key=lambda one: one[0])

    def _version(self, key: Any) -> Version:
        """Read what the module says of one version."""
        rights = (self._pkcs11.Attribute.ENCRYPT, self._pkcs11.Attribute.DECRYPT)
        return Version(int(key.id), all(bool(key[right]) for right in rights))

    def _run(self, key: Any, verb: str, data: bytes, nonce: bytes, bound: bytes) -> bytes:
        """Have the module encrypt or decrypt with AES-GCM; a key that lacks the right is a withdrawn one."""
        right = self._pkcs11.Attribute.ENCRYPT if verb == "encrypt" else self._pkcs11.Attribute.DECRYPT
        if not key[right] or not hasattr(key, verb):
            raise WithdrawnError
        parameters = self._pkcs11.GCMParams(nonce, bound, _TAG_BITS)
        return bytes(getattr(key, verb)(data, mechanism=self._pkcs11.Mechanism.AES_GCM, mechanism_param=parameters))

    @contextlib.contextmanager
    def _use(self) -> Iterator[None]:
        """Hold the session, and turn the library's errors into ours, a version that is no number too; they hold no key material."""
        with self._lock:
            try:
                yield
            except (self._pkcs11.exceptions.PKCS11Error, ValueError) as error:
                raise ModuleError(type(error).__name__) from None


def read_pin(path: Path) -> str:
    """Read the PIN from its file.

    Raises:
        EnvironmentLacksError: it is not there, empty, or others can read it.
    """
    where = Where(file=str(path))
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        hint = f"write the PIN into it and `chmod 600 {path}`, or name another by --pin-file"
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise EnvironmentLacksError(Problem("pin-file-missing", f"the PIN cannot be read: {why}", where, hint)) from None
    if mode & 0o077:
        raise EnvironmentLacksError(Problem("open-pin-file", "others can read the file that holds the PIN", where, f"chmod 600 {path}"))
    if not text:
        raise EnvironmentLacksError(
            Problem("pin-file-missing", "the file that should hold the PIN is empty", where, "write the PIN into it")
        )
    return text


def _library() -> Any:
    """Import `python-pkcs11`.

    Raises:
        EnvironmentLacksError: it is not installed.
    """
    try:
        import pkcs11  # noqa: PLC0415 - optional
        import pkcs11.exceptions  # noqa: PLC0415
    except ImportError:
        hint = "pip install 'sovereign-ai[kms]'"
        raise EnvironmentLacksError(Problem("kms-extra-missing", "a PKCS#11 module needs the package python-pkcs11", hint=hint)) from None
    return pkcs11


def _refused(place: ModulePlace, error: Exception) -> EnvironmentLacksError:
    """Say why a module could not be opened, by the error's kind alone: its text might quote what it was given."""
    message = f"token {place.token!r} of the PKCS#11 module cannot be opened: {type(error).__name__}"
    hint = "see that module, token label, PIN and the module's own configuration are right"
    return EnvironmentLacksError(Problem("pkcs11-refused", message, Where(file=str(place.library)), hint))
