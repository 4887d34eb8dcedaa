r"""Entries of a ConfigMap under `binaryData`: the readable text in them, decoded, and what hides text.

A volume shows such an entry as a file like any other, so that a file of settings can stand there as well as
under `data`. The API server shows it in base64 and has no function to decode that. Three bytes are four
letters, and letters say whether the bytes may be ASCII: runs of such groups are taken out, with the group
before and behind, and decoded letter by letter. What is left out is no text: compressed, encrypted, or
numbers. Text of two or four bytes a letter is refused, since nothing here reads it.

Limits (kubernetes.io, "Validating Admission Policy", read 2026-11-28: an expression has a budget of steps):
what is longer is refused. Compressed content is not read, nor is base64 within an entry of `data`: a program
that asks for either unpacks it itself.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal

LONGEST_BINARY = 150_000
"""Letters of base64 of all binary entries together; three quarters of it are bytes."""
LONGEST_READABLE = 8_000
"""Letters of base64 of all readable text in them."""
_ALWAYS_DECODED = 400
"""Letters of base64 of an entry that is decoded whole: a host alone is too short to be told from numbers."""
# The second letter holds the high half of a byte, which is none of 1 and 8 to 15; the third its highest bits.
_READABLE = "[CDI-Za-f][AC-HQS-Xgi-nwyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589]."
_RUN = f".{{4}}(?:(?:{_READABLE}){{2,}}.{{0,4}})+"
# A match begins where the last one ended, so that groups stay whole; the run is at its end. To go through the
# groups one by one takes the API server seconds: the steps that it counts pile up (40,000 of them, 18 s).
_RUNS = f"(?:.{{4}})*?{_RUN}|.+"
_GROUPS = f"{_RUN}|.{{4}}"
# Each second byte is zero, in whatever order: UTF-16. Three bytes of four are: UTF-32.
_HIGH = "(?:A[g-z0-9+/]|B.)"
_EVEN, _ODD = rf"[I-Za-f][AQgw]{_HIGH}", "A[C-H][AEIMQUYcgkosw048]A"
_UTF16 = f"(?:{_EVEN}{_ODD}){{3}}"
_UTF32 = f"(?:[I-Za-f][AQgw]AAA[C-H][AEIMQUYcgkosw048]AAA{_HIGH}AAAA){{2}}"
_WIDE = f"^(?://4|/v8|AAD[+]/w)|{_UTF16}|{_UTF32}"
_ALPHABET = literal("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_PRINTABLE = literal("".join(map(chr, range(32, 127))))
# Tabs and their like are blanks; any other byte ends a line.
_LETTER = f'(i > 31 && i < 127 ? {_PRINTABLE}.charAt(i - 32) : (i in [9, 11, 12] ? " " : "\\n"))'
_OWN = "(has(object.binaryData) && object.binaryData != null ? {0} : [])"
# A file of YAML may part the letters into lines; `=` stands for nothing, and so does `A` at the end.
_ENTRY = 'object.binaryData[k].replace("\\n", "").replace("\\r", "").replace("=", "A")'


def readable_runs() -> str:
    """Return CEL for each binary entry: a list of its name and of what may be text in it, in base64."""
    last = f"[m.findAll({literal(_GROUPS)})].map(l, l[size(l) - 1])[0]"
    runs = f'v.findAll({literal(_RUNS)}).map(m, {last}).join("")'
    readable = f"[{_ENTRY}].map(v, size(v) <= {_ALWAYS_DECODED} ? v : {runs})[0]"
    return _OWN.format(f"object.binaryData.map(k, [k, dyn({readable})])")


def decoded_entries(runs: str) -> str:
    """Return CEL for each binary entry: a list of its name and of the text in it.

    Args:
        runs: expression of what `readable_runs` gives.
    """
    digits = ", ".join(f"{_ALPHABET}.indexOf(g.charAt({at}))" for at in range(4))
    codes = "[d[0] * 4 + d[1] / 16, d[1] % 16 * 16 + d[2] / 4, d[2] % 4 * 64 + d[3]]"
    letters = f'[[{digits}]].map(d, {codes}.map(i, {_LETTER}).join(""))[0]'
    text = f'e[1].findAll(".{{4}}").map(g, {letters}).join("")'
    # What is too long is refused by itself, and not decoded.
    return f"({_are_short(runs)} ? {runs}.map(e, [e[0], dyn({text})]) : [])"


def are_judgeable(runs: str) -> str:
    """Return CEL: binary entries are short enough to be judged, and hide no text in another encoding.

    Args:
        runs: expression of what `readable_runs` gives.
    """
    entries = _OWN.format("object.binaryData.map(k, object.binaryData[k])")
    is_bounded = f'size({entries}.join("")) <= {LONGEST_BINARY}'
    is_narrow = f"{entries}.all(v, !v.matches({literal(_WIDE)}))"
    are_short = _are_short(runs)
    return f"({is_bounded} && {are_short} && {is_narrow})"


def _are_short(runs: str) -> str:
    """Return CEL: what may be text in binary entries is short enough to be decoded."""
    return f'size({runs}.map(e, e[1]).join("")) <= {LONGEST_READABLE}'
