r"""Refuse characters that cannot be seen, and letters that look like others.

A reviewer must see what the program reads. Control characters, characters of no width, marks that
turn the direction of writing, and spaces that only look like one are refused everywhere, comments
included. Names are ASCII. Free text may be in any script, but a word that mixes Latin with
Cyrillic, Greek or another script of look-alike letters is refused.

    >>> hidden("pay\u202eload").say
    'U+202E RIGHT-TO-LEFT OVERRIDE'
    >>> hidden("Beispiel GmbH & Söhne"), mixed("Beispiel GmbH & Söhne")
    (None, None)
    >>> mixed("Ex\u0430mple Compute").say
    'U+0430 CYRILLIC SMALL LETTER A'
"""

from __future__ import annotations

import re
import unicodedata

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import holds_secret, is_hidden

_PLAIN, _PLAIN_LINE = re.compile(r"[\n\x20-\x7e]*"), re.compile(r"[\x20-\x7e]*")
_WORD = re.compile(r"\w+")
_CONFUSABLE_SCRIPTS = frozenset(
    {"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LISU", "MATHEMATICAL", "FULLWIDTH"}
)
_CONTROL_NAMES = {
    0x00: "NULL",
    0x07: "BELL",
    0x08: "BACKSPACE",
    0x09: "TAB",
    0x0D: "CARRIAGE RETURN",
    0x1B: "ESCAPE",
    0x7F: "DELETE",
    0x85: "NEXT LINE",
}


@frozen_dataclass
class Letter:
    """A character that is refused at its place.

    Attributes:
        at: its index in the text, from zero.
        say: its code point and name, for messages; never the character itself.
    """

    at: int
    say: str

    @property
    def is_look_alike(self) -> bool:
        """Whether it is of a script whose letters look like Latin ones."""
        return self.say.partition(" ")[2].partition(" ")[0] in _CONFUSABLE_SCRIPTS


def _letter(text: str, at: int) -> Letter:
    """Return the character at an index with its name."""
    char = text[at]
    name = unicodedata.name(char, "") or _CONTROL_NAMES.get(ord(char), "without a name")
    return Letter(at, f"U+{ord(char):04X} {name}")


def hidden(text: str, allowed: str = "\n") -> Letter | None:
    """Return the first character that cannot be seen or only looks like a space; None if there is none."""
    # Most texts are plain ASCII, which a regular expression decides much faster than a look at each
    # character.
    if (_PLAIN if "\n" in allowed else _PLAIN_LINE).fullmatch(text):
        return None
    # Each distinct character is judged once, however long the text is.
    refused = {char for char in set(text) if char not in allowed and is_hidden(char)}
    if not refused:
        return None
    first = min(text.index(char) for char in refused)
    return _letter(text, first)


def _script(char: str) -> str:
    """Return the script by which Unicode names a letter: LATIN, CYRILLIC, …; empty for digits and marks."""
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else ""


def mixed(text: str) -> Letter | None:
    """Return the first look-alike letter in a word that also has Latin letters; None if there is none."""
    if text.isascii():
        return None
    for word in _WORD.finditer(text):
        part = word.group()
        if part.isascii():
            continue
        scripts = [_script(char) for char in part]
        at = _first_confusable(scripts)
        # A word of one script is a word of a language; mathematical and fullwidth letters are Latin ones in
        # disguise.
        if at is not None and ("LATIN" in scripts or scripts[at] in ("MATHEMATICAL", "FULLWIDTH")):
            return _letter(text, word.start() + at)
    return None


def _first_confusable(scripts: list[str]) -> int | None:
    """Return the index of the first script whose letters look like Latin ones; None if there is none."""
    for at, script in enumerate(scripts):
        if script in _CONFUSABLE_SCRIPTS:
            return at
    return None


def foreign(text: str) -> Letter | None:
    """Return the first letter that is not ASCII, for names; None if there is none."""
    for at, char in enumerate(text):
        if not char.isascii():
            return _letter(text, at)
    return None


class LetterError(ValueError):
    """A text with a character that hides or deceives.

    Attributes:
        code: the problem's code: `line-end`, `hidden-character`, `look-alike` or `secret`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def clean_text(text: str) -> str:
    """Return free text in Unicode's composed form (NFC), so that equal writing has an equal digest.

    Raises:
        LetterError: a line end, a character that hides, a word of mixed scripts, or a secret.
        ValueError: nothing but spaces.
    """
    if not text.strip():
        message = "the text is only spaces"
        raise ValueError(message)
    if "\n" in text:
        message = "the text has a line end in it; write it in one line, or fold it: '>-' and then the lines"
        raise LetterError("line-end", message)
    letter = hidden(text, "")
    if letter is not None:
        raise LetterError("hidden-character", f"the text holds {letter.say}, which cannot be seen")
    letter = mixed(text)
    if letter is not None:
        message = f"a word mixes Latin letters with {letter.say}, which looks like another letter"
        raise LetterError("look-alike", message)
    if holds_secret(text):
        message = (
            "the text holds what looks like a password, a key or a token;"
            " name the place where it is kept instead"
        )
        raise LetterError("secret", message)
    return unicodedata.normalize("NFC", text)
