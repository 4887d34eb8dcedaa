"""Check that the key file is the one that a state's secrets are encrypted under.

The engine refuses another key when it starts, and by then a command may have written policies that the
engine was to follow with the objects. So a command asks before its first write. The check derives the key as
the engine does, by a million rounds of PBKDF2 (half a second), and is not repeated while the file and the
salt stay the same: a note beside the state holds the file's inode and times, and nothing of its content.

    salt = "v1:SALT:v1:NONCE:CIPHERTEXT"    # as a checkpoint has it; the text `pulumi`, encrypted
    require_key(key_file(), salt, note)
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from pathlib import Path

from sovereign_ai.deploy.state.durable import write_durably
from sovereign_ai.deploy.state.kept_files import content_if_whole
from sovereign_ai.deploy.state.pulumi_environment import KEY_FILE
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import STATE_KEY, read

_ROUNDS, _KEY_BYTES = 1_000_000, 32
"""As Pulumi 3.259.0 derives the key of its secrets manager `passphrase` (tried, 2026-12-01)."""
_KNOWN = b"pulumi"
"""What the salt encrypts."""


def require_key(key_file: Path, salt: str, note: Path) -> None:
    """Check that a key file opens the secrets of a state.

    Args:
        key_file: the key file.
        salt: the salt of the state; one of a form that is not known decides nothing.
        note: the file that remembers the last check that succeeded.

    Raises:
        EnvironmentLacksError: it is another key.
    """
    seen = _seen(key_file, salt)
    if content_if_whole(note) == seen:
        return
    if not opens(read(key_file, STATE_KEY), salt):
        message = (
            f"the key file {key_file} is not the one that the state was written under; nothing was changed"
        )
        hint = f"put the right one back, or name it by {KEY_FILE}"
        raise EnvironmentLacksError(Problem("other-key-file", message, hint=hint))
    # Without a note, as on a full disk, the next command checks again.
    with contextlib.suppress(OSError):
        write_durably(note, seen)


def opens(passphrase: bytes, salt: str) -> bool:
    """Return whether a passphrase is that of a salt; True where the salt's form is not known.

    Args:
        passphrase: the content of a key file; white space around it does not count.
        salt: the salt, as a checkpoint has it.
    """
    # The import is slow, and most commands find the note.
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

    match salt.split(":"):
        case ["v1", first, "v1", nonce, encrypted]:
            pass
        case _:
            return True
    try:
        raw_salt, raw_nonce, ciphertext = map(base64.b64decode, (first, nonce, encrypted))
    except ValueError:
        return True
    key = hashlib.pbkdf2_hmac("sha256", passphrase.strip(), raw_salt, _ROUNDS, _KEY_BYTES)
    try:
        return AESGCM(key).decrypt(raw_nonce, ciphertext, None) == _KNOWN
    except InvalidTag:
        return False
    except ValueError:
        return True


def _seen(key_file: Path, salt: str) -> bytes:
    """Return what tells a key file from another one, or from its earlier content, without its content."""
    status = key_file.stat()
    marks = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    return json.dumps({"file": str(key_file.resolve()), "marks": marks, "salt": salt}).encode()
