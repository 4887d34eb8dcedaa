"""Check the files that the playbook of management controllers reads: an account, and certificates.

Ansible opens both files by itself. They are read here first, within limits, since a pipe or a device would
let Ansible wait for ever.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import AUTHORITIES, BMC_ACCOUNT, decode, hidden, read


def check_account(file: Path) -> None:
    """Check that a file holds `user:password` in one line and is readable by its owner alone.

    Neither the user nor the password appears in a problem.

    Raises:
        UsageError: it cannot be read, others can read it, or it holds something else.
    """
    text = decode(read(file, BMC_ACCOUNT), str(file), BMC_ACCOUNT)
    # The line may end as Linux or as Windows editors write it; a second line shows as a hidden character.
    line = text.removesuffix("\n").removesuffix("\r")
    account, _, password = line.partition(":")
    if not account or not password or hidden(line, "") is not None:
        message = "the file does not hold user:password in one line"
        raise UsageError(Problem(BMC_ACCOUNT.code, message, Where(str(file), 1), BMC_ACCOUNT.hint))


def check_authority(file: Path) -> None:
    """Check that a file holds certificates in PEM.

    Raises:
        SpecError: it cannot be read, or is too large.
        UsageError: it holds no certificates.
    """
    text = decode(read(file, AUTHORITIES), str(file), AUTHORITIES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        message = "the file holds no certificates in PEM"
        raise UsageError(Problem(AUTHORITIES.code, message, Where(str(file)), AUTHORITIES.hint)) from None
