r"""Make a text of others safe to print: escape hidden characters and line ends, and hide secrets.

A terminal obeys control characters, and a reader believes a line that begins like a verdict. So each text
from outside this package passes through `clean` before it is printed: in problems (`errors.py`), in the lines
of a command (`cli/output.py`), in logs.

    >>> clean("train-001\x1b[2K\rok: all as planned")
    'train-001\\x1b[2K\\rok: all as planned'
    >>> clean("url=https://ci:hunter2@example.org/x")
    'url=https://[hidden]@example.org/x'
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from itertools import pairwise
from typing import Any

HIDDEN_VALUE = "[hidden]"
"""The text that is printed in place of a secret."""

_FORMULA = re.compile(r"[=+@\t\r\n\uff1d\uff0b\uff0d\uff20]|-(?!\d+(?:\.\d+)?$)")
_PLAIN = re.compile(r"[\t\x20-\x7e]*")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_IGNORABLE = (
    *(
        (0x00AD, 0x00AD),
        (0x034F, 0x034F),
        (0x061C, 0x061C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
    ),
    *(
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
    ),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""First and last of each range of Default_Ignorable_Code_Point, in order.

Source: Unicode 16, DerivedCoreProperties.txt.
"""
_STARTS = [first for first, _ in _IGNORABLE]
_BLANK = frozenset({0x2800, 0x13441, 0x13442, 0x16FE4, 0x1D159, 0xFFFC})
"""Letters and symbols without ink that have neither that property nor a category of spaces.

They are a blank braille cell, blank hieroglyphs, fillers, a note without a head, and the placeholder of an
object.
"""

_TOKENS = (
    r"gh[pousr]_[A-Za-z0-9]{8,}",
    r"github_pat_\w{8,}",
    r"glpat-[\w-]{8,}",
    r"xox[abeprs]-[\w-]{8,}",
    r"xapp-[\w-]{8,}",
    r"sk-(?!ssh-|ecdsa-)(?=[\w-]{0,64}[0-9])[\w-]{16,}",
    r"[sr]k_(?:live|test)_\w{8,}",
    r"hv[sbr]\.[\w-]{8,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{8,}",
    r"AIza[\w-]{16,}",
    r"ya29\.[\w-]{16,}",
    r"nvapi-[\w-]{8,}",
    r"hf_[A-Za-z0-9]{16,}",
    r"npm_[A-Za-z0-9]{16,}",
    r"dckr_pat_[\w-]{8,}",
    r"pul-[0-9a-f]{16,}",
    r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]+)*",
    r"AGE-SECRET-KEY-1[0-9A-Z]{16,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
)
"""The forms of the tokens of well-known services."""
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|api[-_ ]?key"
    r"|(?:client|shared|access|account)[-_ ](?:secret|key)|private[-_ ]key|auth"
)
"""Names whose value is a secret, as alternatives of a regular expression."""
_VALUE = r"[^\s\"',;&\\]"
# Every repetition is bounded or cannot match in two ways, so that no text makes the search slow.
SECRET = re.compile(
    r"(?P<block>-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY[ A-Z]{0,40}-----"
    r"[^\"]*?(?:-----END[ A-Z0-9]{0,60}-----|(?=\")|\Z))"
    rf"|(?<![A-Za-z0-9_])(?P<token>{'|'.join(_TOKENS)})"
    r"|(?P<url>\b[A-Za-z][A-Za-z0-9+.-]{0,31}:/{1,2})(?P<user>[^/\s@:\"\\]{0,128}:[^/\s@\"\\]{1,256})@"
    rf"|(?P<name>(?i:(?<![A-Za-z0-9])(?:{_NAMES}))=[\"']?)(?P<value>{_VALUE}{{3,}})"
    rf"|(?P<scheme>\b(?i:bearer|basic) )(?P<header>(?=[^\s]*[0-9=]){_VALUE}{{8,}})"
)
"""Texts that are secrets by their form.

They are a private key, a token by its known beginning, an address with a password, `password=…`, and an
authorization header.
"""
_LOOKS_SECRET = re.compile(
    # Keys, and addresses with a password.
    r"-----BEGIN|PRIVATE KEY|://[^/\s]{0,256}@|[^\s:/@]{1,256}:[^\s:/@]{1,256}@"
    # Tokens by their beginnings.
    r"|\b(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-|hvs\.|AKIA|ASIA|AIza|nvapi-|eyJ[A-Za-z0-9_-]{8}|pul-)"
    # A long run of letters and digits.
    r"|\b(?=[A-Za-z0-9+/_=-]*[0-9])(?=[A-Za-z0-9+/_=-]*[A-Za-z])[A-Za-z0-9+/_=]{20,}"
)
_MOST_LOOKED_AT = 256
_LONGEST_PATH = 200
_STEP = re.compile(r"[^.\[\]]+")
_OBJECT = re.compile(r"/?[A-Za-z]+(?:/[a-z0-9:-]*)+")
"""A kind with names, `Namespace/research`, or the path of a request, up to a dot."""
_ANNOUNCED = re.compile(
    rf"(?i:(?<![A-Za-z0-9])(?:{_NAMES}|pin))(?i: is)?[\"']?\s*[:=]\s*(?:\"[^\"]{{3,256}}\"|'[^']{{3,256}}'"
    rf"|(?P<value>{_VALUE}{{4,}})(?:\s*(?P<end>[,;)\]}}]|$))?)",
    re.MULTILINE,
)
_RUN = re.compile(
    r"(?P<before>(?:sha-?[0-9]{1,3}|md5|commit|revision|digest|@)[:= ]\s?)?(?P<run>[A-Za-z0-9+_=]{20,})",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_CHANGES = 3
"""A run of characters whose kind changes at every third character, or more often, is no word."""
_NO_SECRETS = frozenset(
    {"none", "null", "true", "false", "never", "required", "optional", "rotated", "absent", "unknown"}
)


def is_hidden(char: str) -> bool:
    """Return whether a character cannot be seen, moves other text, or only looks like a space.

    These are control and format characters, line and paragraph separators, spaces other than the plain one,
    private and unassigned code points, surrogates, the characters that Unicode lets a renderer ignore, and
    blank letters.
    """
    if char == " ":
        return False
    if unicodedata.category(char) in _REFUSED_CATEGORIES:
        return True
    code = ord(char)
    if code in _BLANK:
        return True
    # The last range that begins at or before the character.
    at = bisect_right(_STARTS, code) - 1
    return at >= 0 and code <= _IGNORABLE[at][1]


_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def escaped(char: str) -> str:
    r"""Return a character as an escape of Python: `\x1b`, `\u202e`, `\U000e0001`."""
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return a text with escapes in place of hidden characters, line ends among them; a tab stays."""
    # Most texts are plain ASCII, which a regular expression decides much faster than a look at each
    # character.
    if _PLAIN.fullmatch(text):
        return text
    escapes = {}
    for char in set(text):
        if char != "\t" and is_hidden(char):
            escapes[ord(char)] = escaped(char)
    return text.translate(escapes)


def masked(text: str) -> str:
    """Return a text in which secrets, by their form, are hidden."""
    return SECRET.sub(_mask, text)


def looks_secret(text: str) -> bool:
    """Return whether a value may be a secret, by its form or as a long run of letters and digits.

    Only the beginning of the value decides.
    """
    return _LOOKS_SECRET.search(text[:_MOST_LOOKED_AT]) is not None


def hide_announced(text: str) -> str:
    """Return a text in which the value after `password:` and the like is hidden.

    It is for names that a user chose, such as that of a file. It is not for free text: in `token: expected a
    text` the value explains what is wrong with a token.

    >>> hide_announced("the password: hunter22/report.html")
    'the password: [hidden]'
    """
    return _ANNOUNCED.sub(_hide_value, text)


def _hide_value(match: re.Match[str]) -> str:
    """Return an announcement with its value hidden, which begins after the first colon or equals sign."""
    whole = match[0]
    signs = [whole.find(sign) for sign in ":=" if sign in whole]
    value = whole[min(signs) + 1 :].lstrip()
    return whole[: len(whole) - len(value)] + HIDDEN_VALUE


def clean_path(path: str) -> str:
    """Return a dotted path as it may be printed: a name in it that looks like a secret is hidden.

    >>> clean_path("labels.ghp_0123456789abcdefABCDEF[2]")
    'labels.[hidden][2]'
    >>> clean_path("PriorityLevelConfiguration/sovereign-tenant-team7")
    'PriorityLevelConfiguration/sovereign-tenant-team7'
    """
    shown = clean(_STEP.sub(_hide_step, path))
    if len(shown) <= _LONGEST_PATH:
        return shown
    half = _LONGEST_PATH // 2
    return f"{shown[:half]}…{shown[-half:]}"


def _hide_step(match: re.Match[str]) -> str:
    """Return a name in a path, hidden if it may be a secret or contains one."""
    step = match[0]
    # A slash is a character of base64 too: a kind and a name would look like one long run of these.
    names = step.split("/") if _OBJECT.fullmatch(step) else [step]
    is_secret = secret_at(step) is not None or any(map(looks_secret, names))
    return HIDDEN_VALUE if is_secret else step


def clean_lines(text: str) -> list[str]:
    """Return the lines of a text as they may be printed; an empty text has one, which is empty."""
    return [visible(line) for line in masked(text).split("\n")]


def _mask(match: re.Match[str]) -> str:
    """Return a secret hidden; the text before it, such as `password=`, is kept."""
    if match["url"]:
        return f"{match['url']}{HIDDEN_VALUE}@"
    before = match["name"] or match["scheme"] or ""
    return f"{before}{HIDDEN_VALUE}"


def clean(text: str) -> str:
    """Return a text as it may be printed on one line."""
    return visible(masked(text))


def clean_data(data: Any) -> Any:
    """Return plain data without secrets and lone surrogates in its texts and keys, so that it can be JSON."""
    if isinstance(data, str):
        text = masked(data)
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {clean_data(str(key)): clean_data(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [clean_data(item) for item in data]
    return data


def secret_at(text: str) -> int | None:
    """Return the index at which a secret begins; None if the text holds none.

    Beside the forms of `SECRET`, a word after `password:`, `token:` and the like is a secret, unless it only
    begins a sentence.
    """
    by_form = SECRET.search(text)
    positions = [by_form.start()] if by_form else []
    for announced in _ANNOUNCED.finditer(text):
        if _is_value(announced):
            positions.append(announced.start())
            break
    return min(positions, default=None)


def _is_value(announced: re.Match[str]) -> bool:
    """Return whether the text after an announcement is a value, and not the beginning of a sentence."""
    value = announced["value"]
    # Without this group the value is in quotation marks.
    if value is None:
        return True
    if value.rstrip(".").casefold() in _NO_SECRETS:
        return False
    return announced["end"] is not None or any(char.isdigit() for char in value)


def holds_secret(text: str) -> bool:
    """Return whether free text holds a secret: by its form, announced, or a random run of characters.

    A digest is no secret if its kind comes before it, as in `sha256:…`.

    >>> holds_secret("contract KD-2026-17, password: hunter2")
    True
    >>> holds_secret("audit of 2026, sha256:" + "ab01" * 16)
    False
    """
    return secret_at(text) is not None or any(map(_is_random, _RUN.finditer(text)))


def _is_random(match: re.Match[str]) -> bool:
    """Return whether a run of letters and digits looks as if a program had drawn it at random."""
    run = match["run"]
    if _HEXADECIMAL.fullmatch(run):
        return match["before"] is None
    kinds = [_kind_of(char) for char in run]
    changes = sum(kind != following for kind, following in pairwise(kinds))
    return len(set(kinds)) == 3 and changes * _CHANGES >= len(run)


def _kind_of(char: str) -> str:
    """Return whether a character is a digit, a small letter or anything else, which counts as a capital."""
    if char.isdigit():
        return "digit"
    return "small" if char.islower() else "capital"


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return a count with the words for it.

    Args:
        count: how many.
        singular: the words for one.
        plural: the words for any other number; left out, those for one with an `s`.

    >>> counted(1, "node"), counted(1_000, "node"), counted(0, "switch", "switches")
    ('1 node', '1,000 nodes', '0 switches')
    """
    words = singular if count == 1 else plural or f"{singular}s"
    return f"{count:,} {words}"


def spreadsheet_text(value: str) -> str:
    """Return a cell of a table with an apostrophe before what a spreadsheet would run as a formula.

    The starts of a formula are those of OWASP's CSV Injection, in full width too, which spreadsheets in
    Japanese read likewise; a negative number is none.

    >>> spreadsheet_text("=1+1"), spreadsheet_text("-1.5"), spreadsheet_text("-A1")
    ("'=1+1", '-1.5', "'-A1")
    """
    return f"'{value}" if _FORMULA.match(value) else value
