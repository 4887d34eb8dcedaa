"""Decode the bytes of a file as UTF-8, and report the place of the first wrong byte or of a secret."""

from __future__ import annotations

import re

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files.kinds import DESCRIPTION, FileKind
from sovereign_ai.text import SECRET, secret_at

_MARK = b"\xef\xbb\xbf"
_WIDE = re.compile(
    rb"(?P<utf32>\xff\xfe\0\0|\0\0\xfe\xff|[^\0]\0\0\0|\0\0\0[^\0])|\xff\xfe|\xfe\xff|[^\0]\0[^\0]|\0[^\0]\0"
)
"""How a text of UTF-16 or UTF-32 begins: with its mark, or with an ASCII letter in two or four bytes."""


def decode(raw: bytes, file: str, kind: FileKind = DESCRIPTION) -> str:
    """Decode UTF-8 with or without a byte order mark.

    Args:
        raw: the contents of the file.
        file: its name, for messages.
        kind: the expected kind of file.

    Raises:
        SovereignError: the kind's own error: it is too long, not UTF-8, or has a second mark; the problem
            names line and column.
    """
    if len(raw) > kind.most_bytes:
        message = f"it has more than {kind.most}, the most for {kind.noun}"
        raise kind.error(Problem("too-large", message, Where(file), kind.hint))
    if raw.startswith(_MARK * 2):
        # Some readers pass over a second one, and others take it for a letter of the first name.
        message = "a second byte order mark is at the beginning"
        where = Where(file, 1, 1)
        raise kind.error(Problem("byte-order-mark", message, where, "save the file as UTF-8 without a mark"))
    if (wide := _WIDE.match(raw)) is not None:
        encoding = "UTF-32" if wide["utf32"] else "UTF-16"
        hint = "save the file as UTF-8; in Windows PowerShell: '| Out-File -Encoding utf8' in place of '>'"
        raise kind.error(Problem("not-utf8", f"the text is {encoding}, not UTF-8", Where(file, 1, 1), hint))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder has removed the mark, and counts without it.
        offset = error.start + (len(_MARK) if raw.startswith(_MARK) else 0)
        before = raw[:offset]
        line_start = before.rfind(b"\n") + 1
        # A column counts characters, as editors do, and not bytes.
        column = len(before[line_start:].decode("utf-8", "replace").lstrip("\ufeff")) + 1
        where = Where(file, before.count(b"\n") + 1, column)
        message = f"byte {offset:,} is not UTF-8"
        raise kind.error(Problem("not-utf8", message, where, "save the file as UTF-8")) from None


def refuse_empty(text: str, file: str, kind: FileKind) -> None:
    """Refuse a text without a letter, which a render that failed or a full disk leaves.

    It is for kinds whose file may hold comments alone: a person meant that, and nobody means an empty file.

    Raises:
        SovereignError: the kind's own.
    """
    if not text.strip():
        message = f"the file is empty; expected {kind.noun}"
        hint = "name another file; one that says nothing on purpose holds a comment"
        raise kind.error(Problem("empty-file", message, Where(file, 1, 1), hint))


def locate_character(text: str, at: int, file: str) -> Where:
    """Return the line and column of a character, both from one."""
    return Where(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def secret_problem(where: Where) -> Problem:
    """Return the problem of a text that holds a secret; it does not repeat the secret."""
    message = "this looks like a password, a key or a token"
    hint = "take it out, change it wherever it is used, and name the place where it is kept instead"
    return Problem("secret", message, where, hint)


def refuse_secrets(text: str, file: str, kind: FileKind, *, by_form: bool = False) -> None:
    """Refuse a text that holds a secret, at its place.

    Args:
        text: the text.
        file: the file's name, for messages.
        kind: the expected kind of file.
        by_form: whether only texts in the form of a secret are refused. It is for outputs of this program,
            which hides secrets by their form and has fields of any name.

    Raises:
        SovereignError: the kind's own.
    """
    if by_form:
        match = SECRET.search(text)
        at = match.start() if match else None
    else:
        at = secret_at(text)
    if at is not None:
        raise kind.error(secret_problem(locate_character(text, at, file)))
