"""PKCS#11 URIs (RFC 7512) that name a signing key in a module.

    pkcs11:token=lab;object=evidence?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/sovereign/pin

The module and the file of the PIN may stand in the environment instead (`SOVEREIGN_AI_PKCS11_MODULE`,
`SOVEREIGN_AI_PIN_FILE`). The PIN itself stands in a file of mode 0600 and nowhere else: `pin-value` is
refused, since every account of a machine can read a command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote_to_bytes

from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean

SCHEME = "pkcs11:"
MODULE, PIN_FILE = "SOVEREIGN_AI_PKCS11_MODULE", "SOVEREIGN_AI_PIN_FILE"
"""Environment variables: path of the module's library, and of the file that holds the PIN."""
_PATH = ("token", "object", "id", "type")
_QUERY = ("module-path", "pin-source")
_LONGEST = 4_096
"""Characters of a URI; a module's path may have as many."""
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
# Without an example: what follows `token=` would be masked as a secret.
_HINT = "a PKCS#11 URI (RFC 7512) names `token`, `object` or `id`, `module-path` and `pin-source`"


@frozen_dataclass
class KeyUri:
    """A key in a module.

    Attributes:
        token: label of the token.
        label: label of the key; empty for any.
        id: identifier of the key; empty for any.
        module: the module's shared library.
        pin_file: the file that holds the PIN.
    """

    token: str
    label: str
    id: bytes
    module: Path
    pin_file: Path


def is_key_uri(key: Path) -> bool:
    """Return whether what names a key is a PKCS#11 URI and no file."""
    return str(key).lower().startswith(SCHEME)


def parse_key_uri(text: str, environment: Mapping[str, str]) -> KeyUri:
    """Read a URI, with what the environment says besides.

    Raises:
        UsageError: every problem of it; no value is repeated, for it may be a PIN.
    """
    if len(text) > _LONGEST:
        message = f"--key: it has more than {_LONGEST:,} characters"
        raise UsageError(Problem("bad-key-uri", message, hint=_HINT))
    path, _, query = text[len(SCHEME) :].partition("?")
    values: dict[str, bytes] = {}
    problems = [*_read(path, ";", _PATH, values), *_read(query, "&", _QUERY, values)]
    if values.get("type", b"private") != b"private":
        problems.append("type: a signing key is `private`")
    if not values.get("token"):
        problems.append("token: the label of the token is missing")
    if not values.get("object") and not values.get("id"):
        problems.append("object: neither the label of the key nor its id is there")
    path_of_module = values.get("module-path", b"").decode(errors="replace")
    module = path_of_module or environment.get(MODULE, "")
    if not module.startswith("/"):
        problems.append(f"module-path: the module's absolute path is missing (or ${MODULE})")
    pin_source = values.get("pin-source", b"").decode(errors="replace")
    pin_file = _pin_file(pin_source) or environment.get(PIN_FILE, "")
    if not pin_file.startswith("/"):
        line = f"pin-source: the absolute path of the file that holds the PIN is missing (or ${PIN_FILE})"
        problems.append(line)
    if problems:
        raise UsageError([Problem("bad-key-uri", f"--key: {problem}", hint=_HINT) for problem in problems])
    token, label = values["token"].decode(), values.get("object", b"").decode()
    return KeyUri(token, label, values.get("id", b""), Path(module), Path(pin_file))


def _read(text: str, separator: str, known: tuple[str, ...], values: dict[str, bytes]) -> Iterator[str]:
    """Read attributes into values, and yield what is wrong with them."""
    for attribute in filter(None, text.split(separator)):
        name, equals, value = attribute.partition("=")
        if name == "pin-value":
            yield "pin-value: every account can read a command line; name the PIN's file by pin-source"
        elif name not in known:
            yield f"{clean(name[:40])!r} is no attribute that is known here {nearest(name, known)}".rstrip()
        elif not equals or name in values:
            yield f"{name}: it is without a value, or there twice"
        elif not _is_text(name, value):
            yield f"{name}: it is no text in percent-encoding"
        else:
            values[name] = unquote_to_bytes(value)


def _is_text(name: str, value: str) -> bool:
    """Return whether a value is percent-encoded, and text unless it is an identifier."""
    if _ENCODED.fullmatch(value) is None:
        return False
    raw = unquote_to_bytes(value)
    try:
        return name == "id" or raw.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _pin_file(source: str) -> str:
    """Return the path of a `pin-source`, which may be a `file:` URI."""
    if not source.startswith("file:"):
        return source
    # `file:///x` has an empty host; a path may lose its double slash on the way here.
    return "/" + source.removeprefix("file:").lstrip("/")
