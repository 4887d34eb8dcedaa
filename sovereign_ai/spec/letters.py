r"""Which characters a description may hold: letters that hide, or that look like others, are refused.

A reviewer must see what the machine reads. Control characters, characters of no width, marks that
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
from dataclasses import dataclass

_PLAIN = re.compile(r"[\n\x20-\x7e]*")
_WORD = re.compile(r"\w+")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_CONFUSABLE_SCRIPTS = frozenset({"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LISU", "MATHEMATICAL", "FULLWIDTH"})
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


@dataclass(frozen=True, slots=True)
class Letter:
    """A character that may not stand where it stands.

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
    """Name the character at an index."""
    char = text[at]
    name = unicodedata.name(char, "") or _CONTROL_NAMES.get(ord(char), "without a name")
    return Letter(at, f"U+{ord(char):04X} {name}")


def hidden(text: str, allowed: str = "\n") -> Letter | None:
    """Give the first character that cannot be seen or only looks like a space; None if there is none."""
    if _PLAIN.fullmatch(text):
        return None
    refused = {char for char in set(text) if char not in allowed and char != " " and unicodedata.category(char) in _REFUSED_CATEGORIES}
    if not refused:
        return None
    return _letter(text, next(at for at, char in enumerate(text) if char in refused))


def _script(char: str) -> str:
    """Give the script by which Unicode names a letter: LATIN, CYRILLIC, …; empty for digits and marks."""
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else ""


def mixed(text: str) -> Letter | None:
    """Give the first look-alike letter in a word that also has Latin letters; None if there is none."""
    if text.isascii():
        return None
    for word in _WORD.finditer(text):
        part = word.group()
        if part.isascii():
            continue
        scripts = [_script(char) for char in part]
        fake = next((at for at, script in enumerate(scripts) if script in _CONFUSABLE_SCRIPTS), None)
        if fake is not None and ("LATIN" in scripts or scripts[fake] in ("MATHEMATICAL", "FULLWIDTH")):
            return _letter(text, word.start() + fake)
    return None


def foreign(text: str) -> Letter | None:
    """Give the first letter that is not ASCII, for names; None if there is none."""
    return None if text.isascii() else _letter(text, next(at for at, char in enumerate(text) if not char.isascii()))


class LetterError(ValueError):
    """A text with a character that hides or deceives.

    Attributes:
        code: the problem's code, `hidden-character` or `look-alike`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def clean_text(text: str) -> str:
    """Give free text in Unicode's composed form (NFC), so that equal writing has an equal digest.

    Raises:
        LetterError: a character that hides, or a word of mixed scripts.
        ValueError: nothing but spaces.
    """
    if not text.strip():
        message = "the text is only spaces"
        raise ValueError(message)
    letter = hidden(text)
    if letter is not None:
        raise LetterError("hidden-character", f"the text holds {letter.say}, which cannot be seen")
    letter = mixed(text)
    if letter is not None:
        raise LetterError("look-alike", f"a word mixes Latin letters with {letter.say}, which looks like another letter")
    return unicodedata.normalize("NFC", text)
