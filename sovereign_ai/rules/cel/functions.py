"""Functions of the API server's CEL libraries, for the offline evaluator.

The offline evaluator has the language's own functions only. Those that rules use of Kubernetes' libraries
(regex, IP and CIDR, extended strings) are defined here with the same answers. Tests on a real API
server compare the two.

    >>> import cel
    >>> cel.compile('cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")').execute(facts({}))
    True
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from sovereign_ai.rules.cel.library import Context, Program, compile_program

Range = ipaddress.IPv4Network | ipaddress.IPv6Network


def facts(values: Mapping[str, Any]) -> Context:
    """Return an evaluation's context with its values and every function.

    Args:
        values: `object`, `oldObject` and `request`, as an admission policy has them.
    """
    context = Context(dict(values))
    for name, function in _FUNCTIONS.items():
        context.add_function(name, function)
    return context


@lru_cache(maxsize=4096)
def _range(text: str) -> Range | None:
    """Return an address range; None for a text that the API server refuses.

    It refuses what Go's `netip.ParsePrefix` refuses, and IPv4 inside IPv6.
    """
    # Python also accepts netmasks (`/255.0.0.0`) and lengths with leading zeros.
    if "/" not in text or not re.fullmatch(r"[0-9A-Fa-f:.]+/(0|[1-9][0-9]{0,2})", text):
        return None
    try:
        parsed = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    address = ipaddress.ip_address(text.partition("/")[0])
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return None if is_mapped else parsed


def _cidr(text: str) -> str:
    """Return a range as it is written.

    Raises:
        ValueError: it is no range.
    """
    if _range(text) is None:
        message = f"{text!r} is no CIDR range"
        raise ValueError(message)
    return text


def _is_cidr(text: str) -> bool:
    """Return whether a text is an address range."""
    return _range(text) is not None


def _is_ip(text: str) -> bool:
    """Return whether a text is an address."""
    return "/" not in text and _range(_as_range(text)) is not None


def _as_range(address: str) -> str:
    """Return an address as the range of this address alone."""
    length = 128 if ":" in address else 32
    return f"{address}/{length}"


def _contains_cidr(outer: str, inner: str) -> bool:
    """Return whether all addresses of a range are in another one."""
    wide = _range(outer)
    narrow = _range(inner)
    # `subnet_of` raises an error for two families.
    if isinstance(wide, ipaddress.IPv4Network) and isinstance(narrow, ipaddress.IPv4Network):
        return narrow.subnet_of(wide)
    if isinstance(wide, ipaddress.IPv6Network) and isinstance(narrow, ipaddress.IPv6Network):
        return narrow.subnet_of(wide)
    return False


def _contains_ip(outer: str, inner: str) -> bool:
    """Return whether an address is in a range."""
    return _contains_cidr(outer, _as_range(inner))


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    """Return a compiled expression; its classes are those of ASCII, like in RE2."""
    return re.compile(text, re.ASCII)


def _find_all(text: str, pattern: str) -> list[str]:
    """Return each match of a regular expression, whole."""
    return [match[0] for match in _pattern(pattern).finditer(text)]


def _lower(text: str) -> str:
    """Return a text with the letters A to Z in lower case, all others as they are."""
    return "".join(letter.lower() if "A" <= letter <= "Z" else letter for letter in text)


def _split(text: str, separator: str) -> list[str]:
    """Return the parts of a text."""
    return text.split(separator)


def _join(texts: list[str], separator: str) -> str:
    """Return texts as one, with a separator between them."""
    return separator.join(texts)


def _replace(text: str, old: str, new: str) -> str:
    """Return a text with each occurrence of another one replaced."""
    return text.replace(old, new)


def _trim(text: str) -> str:
    """Return a text without white space at its ends."""
    return text.strip()


def _index_of(text: str, part: str) -> int:
    """Return where a text begins in another one, counted in code points; -1 if nowhere."""
    return text.find(part)


def _char_at(text: str, position: int) -> str:
    """Return the letter at a position; nothing at the end.

    Raises:
        ValueError: the position is outside of the text.
    """
    if not 0 <= position <= len(text):
        message = f"{position} is no position in a text of {len(text)}"
        raise ValueError(message)
    return text[position : position + 1]


def _substring(text: str, start: int) -> str:
    """Return a text from a position on, counted in code points.

    Raises:
        ValueError: the position is outside of the text.
    """
    if not 0 <= start <= len(text):
        message = f"{start} is no position in a text of {len(text)}"
        raise ValueError(message)
    return text[start:]


def _remembered_matches(text: object, pattern: str) -> bool:
    """Return whether a text matches a regular expression, as the evaluator's own `matches` says.

    Raises:
        TypeError: it is no text.
        RuntimeError: the regular expression is none.
    """
    if not isinstance(text, str):
        message = f"a {type(text).__name__} has no match"
        raise TypeError(message)
    if len(text) > _LONGEST_REMEMBERED:
        return _is_match(text, pattern)
    return _matcher(pattern)(text)


_LONGEST_REMEMBERED = 256
"""Characters of a text whose matches are remembered, so that what is remembered stays small."""


@lru_cache(maxsize=512)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether a text matches a pattern, and remembers some answers."""
    return lru_cache(maxsize=512)(lambda text: _is_match(text, pattern))


def _is_match(text: str, pattern: str) -> bool:
    """Ask the evaluator."""
    return bool(_match_program().execute({"text": text, "pattern": pattern}))


@cache
def _match_program() -> Program:
    return compile_program("text.matches(pattern)")


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "charAt": _char_at,
    "cidr": _cidr,
    "indexOf": _index_of,
    "isCIDR": _is_cidr,
    "isIP": _is_ip,
    "containsCIDR": _contains_cidr,
    "containsIP": _contains_ip,
    "findAll": _find_all,
    "join": _join,
    "lowerAscii": _lower,
    "remembered_matches": _remembered_matches,
    "replace": _replace,
    "split": _split,
    "substring": _substring,
    "trim": _trim,
}
