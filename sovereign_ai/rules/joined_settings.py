r"""Settings whose name and value stand in different places of a file, put together for the rules on names.

`named_hosts.py` reads a host behind a word for one on the same line. Files of settings also part the two: a
section or a block is called after the host (`[server]`, `server:`, `<server>`, `server {`) and its entries
are not; a list has pairs of a name and a value; YAML has anchors (`&a`), which are used under another key,
and keys of a line of their own (`? host`); a line that goes on in the next one parts a name. Of each a line
`word: value` is made here, which is then judged as if the file had it. What follows is CEL.

Sources, read 2026-11-29: YAML 1.2.2 (6.9.2, 7.1 and 8.2.2), TOML 1.0.0 ("Table"), Java's `Properties.load`
(escapes and lines that go on), HOCON's README, and Python's `configparser`.
"""

from __future__ import annotations

from sovereign_ai.rules.cel_literals import literal
from sovereign_ai.rules.named_hosts import FILE_NAME, NAME, OF_LINK, OF_OTHER, WORDS

_KEY = "[A-Za-z0-9_.-]+"
_QUOTED = f"[\"']?{_KEY}[\"']?"
_VALUE = rf"(?:[A-Za-z0-9+.-]+://)?{NAME}(?::[0-9]+)?"
# A value that is one dotted name, with the key before it where there is one.
_ENTRY = (
    rf"(?im)(?:^|[{{,\[>:=]|[ \t]-)[ \t]*(?:{_QUOTED}[ \t]*(?:[:=]>?|>)[ \t]*)?[\"']?{_VALUE}[\"']?[ \t]*"
    r"(?:[;,}\]<]|$)"
)
_END_OF_ENTRY = rf"(?i){_VALUE}[^A-Za-z0-9]*$"
_OF_FILE = FILE_NAME.removesuffix("$") + "[^A-Za-z0-9]*$"
_OF_ITSELF = (
    "(?i:(?:domain|listen|bind|title|label|tag|image|package|plugin|driver|theme|locale|logger|handler"
    "|formatter)s?)"
)
"""Entries of a block that say what a server is called or made of, and not where something is."""
_NO_PLACE = rf"(?:{OF_OTHER}|{_OF_ITSELF})[\"']?[ \t]*[:=>]|^[^A-Za-z0-9]*(?:{OF_LINK})"
_HOLDERS = rf"{WORDS}|(?i:^(?:databases?|dbs?)$)"
"""What a block is called that holds hosts: a word for one.

A block that is called after a product (`[mysqld]`) holds names of files and of modules as well.
"""
_HOST = '"host"'
"""CEL: the word under which an entry of such a block is judged."""
_INDENTATIONS = ("", "  ?", " {3,4}", " {5,6}", " {7,8}")
"""Of a block's first line; deeper ones are part of a block that is read itself."""
_DEEPER = ("[ -]", "(?: {3}|  ?-)", "(?: {5}| {3,4}-)", "(?: {7}| {5,6}-)", "(?: {9}| {7,8}-)")
_EMPTY = r"(?:\n[ \t]*(?:#[^\n]*)?)*"
"""Lines between others that say nothing: blank ones and comments."""
_SECTION = rf"(?m)^[ \t]*\[+[ \t]*{_QUOTED}[ \t]*\]+[^\n]*(?:\n[^\[\n][^\n]*|\n)*"
_BRACES = rf"{_QUOTED}[ \t]*[:=]?[ \t]*[{{][^{{}}]*"
_ELEMENTS = rf"<{_KEY}(?:\s[^<>]*)?>\s*(?:<{_KEY}(?:\s[^<>]*)?>[^<>]*</{_KEY}>\s*)+"
_PAIR = (
    rf"(?i)\b(?:name|key|property|option|param|setting|variable)[\"']?[ \t]*[:=][ \t]*{_QUOTED}[ \t]*,?\s*"
    rf"[\"']?(?:value|val|default)[\"']?[ \t]*[:=][^\n]*"
)
_REVERSED_PAIR = (
    rf"(?i)\b(?:value|val|default)[\"']?[ \t]*[:=][ \t]*[\"']?{_VALUE}[\"']?[ \t]*,?\s*"
    rf"[\"']?(?:name|key|property|option|param|setting|variable)[\"']?[ \t]*[:=][ \t]*{_QUOTED}"
)
_ALIAS = rf"(?:<<|{_KEY})[\"']?[ \t]*:[ \t]+(?:\[[ \t]*|- )*[*][A-Za-z0-9_-]+"
_ANCHORED = rf"&[A-Za-z0-9_-]+(?:[ \t]+[^\n]+|[ \t]*(?:{_EMPTY}\n[ \t]+[^\n]*)+)"
_END = "\\\n"
_CONTINUED = r"(?:[^\n]*[^\s]\\\n[ \t]+)+[^\n]*"
_EXPLICIT = r"[?]\s[^\n]*(?:\n[^\n:]*){0,3}\n[ \t]*:\s+[^\n]*"
MAY_BE_JOINED = r"[.][A-Za-z0-9]|:[ \t]*$|^[ \t]*[\[<]|[{?]|[&*][A-Za-z0-9_-]+[ \t]*$|(?i)\b(?:name|key)\b"
"""A line of a longer file that may be a part of what is put together."""
HIDDEN_NAME = (
    r"(?i)\\(?:u00|x)(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])[a-z0-9_.-]*[\"']?[ \t]*[:=]"
    r"|[:-][ \t]+(?:&[a-z0-9_-]+[ \t]+)?!(?:!binary|<tag:yaml.org,2002:binary>)"
)
"""A letter of a setting's name written as an escape, or a value of YAML in base64: both hide a word."""


def joined_settings(value: str) -> tuple[str, str]:
    """Return CEL for two lists of lines `word: value`: of blocks, and of pairs, aliases and complex keys.

    Args:
        value: expression of a file's text.
    """
    lines = 'm.split("\\n").map(p, p.trim()).filter(p, !p.startsWith("#")).join("")'
    explicit = f'({value}.contains("?") ? {value}.findAll({literal(_EXPLICIT)}).map(m, {lines}) : [])'
    return _of_blocks(value), f"({_of_pairs(value)} + {_of_aliases(value)} + {explicit})"


def joined_lines(value: str) -> str:
    """Return CEL for the lines of a text that go on in the next one, with the blanks between taken out."""
    parts = f'm.split({literal(_END)}).map(p, p.trim()).join("")'
    lines = f"{value}.findAll({literal(_CONTINUED)}).map(m, {parts})"
    return f"({value}.contains({literal(_END)}) ? {lines} : [])"


def _of_blocks(value: str) -> str:
    """Return CEL for the entries of blocks and sections that are called after a host."""
    kinds = []
    for before, deeper in zip(_INDENTATIONS, _DEEPER, strict=True):
        head = rf"(?m)^{before}(?:- )?{_QUOTED}:[ \t]*(?:[&!][^\n]*)?"
        block = rf"{head}(?:{_EMPTY}\n{deeper}[^\n]*)+"
        kinds.append(f"{value}.findAll({literal(block)})")
    kinds.append(f'({value}.contains("[") ? {value}.findAll({literal(_SECTION)}) : [])')
    kinds.append(f'({value}.contains("{{") ? {value}.findAll({literal(_BRACES)}) : [])')
    kinds.append(f'({value}.contains("</") ? {value}.findAll({literal(_ELEMENTS)}) : [])')
    head = f"b.findAll({literal(_KEY)})[0]"
    is_other = literal(f"(?:{OF_OTHER})$|{OF_LINK}")
    is_named = f"{head}.matches({literal(_HOLDERS)}) && !{head}.matches({is_other})"
    return f"({' + '.join(kinds)}).filter(b, {is_named}).map(b, {_lines_of(_HOST, 'b')})"


def _lines_of(word: str, text: str) -> str:
    """Return CEL for a line `word: value` for each entry of a text."""
    is_entry = f"!n.matches({literal(_NO_PLACE)}) && !n.matches({literal(_OF_FILE)})"
    entry = f'{word} + ": " + n.findAll({literal(_END_OF_ENTRY)})[0]'
    return f'{text}.findAll({literal(_ENTRY)}).filter(n, {is_entry}).map(n, {entry}).join("\\n")'


def _of_pairs(value: str) -> str:
    """Return CEL for the pairs of a name and a value of a list."""
    word = f"m.findAll({literal(rf'^[a-zA-Z]+[^A-Za-z0-9]+{_KEY}')})[0].findAll({literal(f'{_KEY}$')})[0]"
    rest = literal(r"[:=][^\n]*$")
    content = f"m.findAll({rest})[0]"
    pairs = f"{value}.findAll({literal(_PAIR)}).map(m, {word} + {content})"
    last = f"m.findAll({literal(_KEY + '[^A-Za-z0-9]*$')})[0]"
    first = f"m.findAll({literal('(?i)' + _VALUE)})[0]"
    reversed_pairs = f'{value}.findAll({literal(_REVERSED_PAIR)}).map(m, {last} + ": " + {first})'
    return f"({value}.matches({literal('(?i)val|default')}) ? {pairs} + {reversed_pairs} : [])"


def _of_aliases(value: str) -> str:
    """Return CEL for what an anchor holds, under each key that an alias uses it for.

    What is merged (`<<`) becomes part of a block whose name is not looked for: it counts as a host's.
    """
    key = f'(a.startsWith("<<") ? {_HOST} : a.findAll({literal(_KEY)})[0])'
    name = f'("&" + a.findAll({literal("[A-Za-z0-9_-]+$")})[0])'
    anchored = f"{value}.findAll({literal(_ANCHORED)})"
    is_same = f"d.findAll({literal('^&[A-Za-z0-9_-]+')})[0] == {name}"
    content = f"d.substring(size({name}))"
    lines = f'{anchored}.filter(d, {is_same}).map(d, {_lines_of(key, content)}).join("\\n")'
    is_named = f"{key}.matches({literal(WORDS)})"
    aliases = f"{value}.findAll({literal(_ALIAS)}).filter(a, {is_named})"
    return f'({value}.contains("&") && {value}.contains("*") ? {aliases}.map(a, {lines}) : [])'
