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

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_hosts import NAME, OF_LINK, OF_OTHER, PUBLIC_FILE_NAME, WORDS

_KEY = "[A-Za-z0-9_][A-Za-z0-9_.-]*"
_QUOTED = f"[\"']?{_KEY}[\"']?"
_VALUE = rf"(?:[A-Za-z0-9+.-]+://)?{NAME}(?::[0-9]+)?"
_NAME_OF_ENTRY = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"':=#<>{}\[\],]+)"
_ITEM = rf"[\"']?{_VALUE}[\"']?[ \t]*"
_LISTED = rf"(?:\n[ \t]*-[ \t]+{_ITEM})+$|\[(?:\s*{_ITEM}\s*,?)+\s*\]"
# A value that is one dotted name, or a list of such names, with the key before it where there is one.
_ENTRY = (
    rf"(?im)(?:^|[{{,\[]|[ \t]-)[ \t]*(?:{_NAME_OF_ENTRY}[ \t]*[:=][ \t]*(?:{_LISTED})"
    rf"|(?:{_NAME_OF_ENTRY}[ \t]*(?::=|[:=]>?)[ \t\[{{]*)?{_ITEM}(?:[;,}}\]]|[ \t]#|$))"
    rf"|<{_KEY}(?:\s[^<>]*)?>[ \t]*{_VALUE}[ \t]*<"
)
_END_OF_ENTRY = rf"(?im){_VALUE}[\"']?[ \t]*(?:[;,}}\]<]|[ \t]#|$)"
_OF_FILE = (
    PUBLIC_FILE_NAME.removesuffix("$") + "[^A-Za-z0-9]*$|(?i)(?:^|[^a-z0-9.-])[a-z0-9_-]+[.]"
    "(?:cc|jl|jks|mk|p12|pfx|pl|ps|py|rs|sh|so|tf|zip)[^a-z0-9]*$"
)
_OF_ITSELF = (
    "(?i:domain|listen|bind|title|label|tag|image|package|plugin|driver|dialect|theme|locale|logger|handler"
    "|formatter|cert|sans?(?:$|[_.-])|alias|common[_-]?name|cors|allow|cookie|issuer|realm|audience|finalizer"
    "|licen[cs]e|adapter|implementation|module|entry[_-]?point|command|function|topic|serializ|metric)"
)
"""Words of entries that say what a server is called or made of, and not where something is."""
_REVERSED = r"(?:^|[^A-Za-z0-9.-])(?:com|org|net|io|edu|gov|javax?|jakarta)[.][A-Za-z0-9_.-]*[^A-Za-z0-9]*$"
"""A class or a package, which is called after a domain from its end (`org.postgresql.Driver`)."""
_NO_PLACE = (
    rf"{OF_OTHER}[\"']?[ \t]*[:=>]|^[^A-Za-z0-9]*(?:{OF_LINK})"
    rf"|^[^:=>]*{_OF_ITSELF}[^:=>]*[:=>]|{_REVERSED}"
)
_SEVERAL = r"[,\[\n][^,\n]"
_OF_CLUSTER = r"[.]svc(?:[.]cluster[.]local)?(?::[0-9]+)?[^A-Za-z0-9]*$"
_HEADER = r"^\[[A-Za-z0-9_.-]+\]"
"""The name of a section, which may have a dot in it (`[sinks.search]`)."""
_BARE = r"^\s*[A-Za-z0-9_.-]+[ \t]*;?$"
"""A name alone in braces: one of nginx's `server_name`, or of its `map`."""
_HOLDERS = rf"{WORDS}|(?i:^(?:databases?|dbs?)$)"
"""What a block is called that holds hosts: a word for one.

A block that is called after a product (`[mysqld]`) holds names of files and of modules as well.
"""
_NO_HOLDERS = rf"(?:{OF_OTHER}|(?i:^head|headers?|key-?stores?|trust-?stores?|cert[a-z]*))$|{OF_LINK}"
"""Words for a host that a block is called after which holds none."""
_HOST = '"host"'
"""CEL: the word under which an entry of such a block is judged."""
_IS_HOLDER = (
    f"b.findAll({literal(_KEY)})[0].matches({literal(_HOLDERS)})"
    f" && !b.findAll({literal(_KEY)})[0].matches({literal(_NO_HOLDERS)})"
)
"""CEL: a block `b` is called after a host."""
_INDENTATIONS = ("", "  ?", " {3,4}", " {5,6}", " {7,8}")
"""Of a block's first line; deeper ones are part of a block that is read itself."""
_DEEPER = ("[ -]", "(?: {3}|  ?-)", "(?: {5}| {3,4}-)", "(?: {7}| {5,6}-)", "(?: {9}| {7,8}-)")
_EMPTY = r"(?:\n[ \t]*(?:#[^\n]*)?)*"
"""Lines between others that say nothing: blank ones and comments."""
_SECTION = rf"(?m)^[ \t]*\[+[ \t]*{_QUOTED}[ \t]*\]+[^\n]*(?:\n[^\[\n][^\n]*|\n)*"
_AGAIN = "\u0003"
_BRACES = rf"{_QUOTED}[ \t]*[:=]?[ \t]*[{{][^{{}}{_AGAIN}]*"
"""A block whose text stands twice, with the sign between: what is in one block calls the next one."""
_ELEMENTS = rf"<{_KEY}(?:\s[^<>]*)?>\s*(?:<{_KEY}(?:\s[^<>]*)?>[^<>]*</{_KEY}>\s*)+"
_PAIR = (
    rf"(?i)\b(?:name|key|property|option|param|setting|variable)[\"']?[ \t]*[:=][ \t]*{_QUOTED}[ \t]*,?\s*"
    rf"[\"']?(?:value|val|default)[\"']?[ \t]*[:=][^\n]*"
)
_REVERSED_PAIR = (
    rf"(?i)\b(?:value|val|default)[\"']?[ \t]*[:=][ \t]*[\"']?{_VALUE}[\"']?[ \t]*,?\s*"
    rf"[\"']?(?:name|key|property|option|param|setting|variable)[\"']?[ \t]*[:=][ \t]*{_QUOTED}"
)
_ATTRIBUTE = (
    r"(?i)\bkey[\"']?[ \t]*:[ \t]*[\"']?(?:cloud|host|k8s|net|peer|server|service)[.][a-z0-9_.]+[\"']?"
    r"[ \t]*,?\s*"
    r"[\"']?value[\"']?[ \t]*:[^\n]*\s*[\"']?action[\"']?[ \t]*:[ \t]*[\"']?(?:insert|update|upsert)\b"
)
"""An attribute that OpenTelemetry's collector writes: it says whose a record is; nothing is sent there."""
_ALIAS = rf"(?:<<|{_KEY})[\"']?[ \t]*:\s+(?:[\[,-]?\s*[*][A-Za-z0-9_-]+\s*)+"
_ANCHORED = rf"&[A-Za-z0-9_-]+(?:[ \t]+[^\n]+|[ \t]*(?:{_EMPTY}\n[ \t]+[^\n]*)+)"
_END = "\\\n"
_CONTINUED = r"(?:[^\n]*[^\s]\\\n[ \t]+)+[^\n]*"
_EXPLICIT = r"[?]\s[^\n]*(?:\n[^\n:]*){0,3}\n[ \t]*:\s+[^\n]*"
_BEHIND_SIGN = r"[:=][^\n]*$"
MAY_BE_JOINED = r"[.][A-Za-z0-9]|:[ \t]*$|^[ \t]*[\[<]|[{?]|[&*][A-Za-z0-9_-]+[ \t]*$|(?i)\b(?:name|key)\b"
"""A line of a longer file that may be a part of what is put together."""
_ESCAPED = r"\\(?:u(?:0000)?00|x)(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])"
HIDDEN_NAME = (
    rf"(?i){_ESCAPED}[a-z0-9_.-]*[\"']?[ \t]*[:=]|{_ESCAPED}[a-z0-9_-]*[.][a-z0-9]"
    rf"|[a-z0-9][.](?:[a-z0-9_-]*{_ESCAPED})"
    r"|[:-][ \t]+(?:&[a-z0-9_-]+[ \t]+)?!(?:!binary|<tag:yaml.org,2002:binary>)"
)
"""A letter of a setting's or dotted name written as an escape, or a value of YAML in base64: both hide it."""


def joined_settings(value: str) -> tuple[str, str, str]:
    """Return CEL for three lists of lines `word: value`, each of an expression's steps of its own.

    They are of blocks by indentation; of sections, braces and elements; and of pairs, aliases and complex
    keys.

    Args:
        value: expression of a file's text.
    """
    lines = 'm.split("\\n").map(p, p.trim()).filter(p, !p.startsWith("#")).join("")'
    explicit = f'({value}.contains("?") ? {value}.findAll({literal(_EXPLICIT)}).map(m, {lines}) : [])'
    others = f"({_of_pairs(value)} + {_of_aliases(value)} + {explicit})"
    return _of_blocks(value), _of_sections(value), others


def joined_lines(value: str) -> str:
    """Return CEL for the lines of a text that go on in the next one, with the blanks between taken out."""
    parts = f'm.split({literal(_END)}).map(p, p.trim()).join("")'
    lines = f"{value}.findAll({literal(_CONTINUED)}).map(m, {parts})"
    return f"({value}.contains({literal(_END)}) ? {lines} : [])"


def _of_blocks(value: str) -> str:
    """Return CEL for the entries of blocks that are called after a host, by their indentation."""
    kinds = []
    for before, deeper in zip(_INDENTATIONS, _DEEPER, strict=True):
        head = rf"(?m)^{before}(?:- )?{_QUOTED}:[ \t]*(?:[&!][^\n]*)?"
        block = rf"{head}(?:{_EMPTY}\n{deeper}[^\n]*)+"
        kinds.append(f"{value}.findAll({literal(block)})")
    return f"({' + '.join(kinds)}).filter(b, {_IS_HOLDER}).map(b, {_lines_of(_HOST, 'b')})"


def _of_sections(value: str) -> str:
    """Return CEL for the entries of sections, braces and elements that are called after a host."""
    sections = f'({value}.contains("[") ? {value}.findAll({literal(_SECTION)}) : [])'
    elements = f'({value}.contains("</") ? {value}.findAll({literal(_ELEMENTS)}) : [])'
    twice = f'{value}.split("{{").map(p, p + {literal(_AGAIN)} + p).join("{{")'
    braces = f'({value}.contains("{{") ? {twice}.findAll({literal(_BRACES)}) : [])'
    is_entry = f"!n.matches({literal(_HEADER)}) && "
    blocks = f"({sections} + {elements}).filter(b, {_IS_HOLDER}).map(b, {_lines_of(_HOST, 'b', is_entry)})"
    is_named = f"!n.matches({literal(_BARE)}) && "
    return f"({blocks} + {braces}.filter(b, {_IS_HOLDER}).map(b, {_lines_of(_HOST, 'b', is_named)}))"


def _lines_of(word: str, text: str, condition: str = "") -> str:
    """Return CEL for a line `word: value` for each entry of a text that meets a condition."""
    # What is inside needs no longer search.
    is_outside = f"(n.matches({literal(_SEVERAL)}) || !n.matches({literal(_OF_CLUSTER)}))"
    is_entry = f"{is_outside} && {condition}!n.matches({literal(_NO_PLACE)})"
    names = f"n.findAll({literal(_END_OF_ENTRY)}).filter(h, !h.matches({literal(_OF_FILE)}))"
    value = f"h.findAll({literal('(?i)' + _VALUE)})[0]"
    lines = f'{names}.map(h, {word} + ": " + {value}).join("\\n")'
    return f'{text}.findAll({literal(_ENTRY)}).filter(n, {is_entry}).map(n, {lines}).join("\\n")'


def _of_pairs(value: str) -> str:
    """Return CEL for the pairs of a name and a value of a list."""
    word = f"m.findAll({literal(rf'^[a-zA-Z]+[^A-Za-z0-9]+{_KEY}')})[0].findAll({literal(f'{_KEY}$')})[0]"
    rest = literal(r"(?i)\b(?:value|val|default)[\"']?[ \t]*[:=][^\n]*$")
    content = f"m.findAll({rest})[0].findAll({literal(_BEHIND_SIGN)})[0]"
    listed = f"{value}.findAll({literal(_PAIR)}).filter(m, !o.contains(m)).map(m, {word} + {content})"
    pairs = f'[{value}.findAll({literal(_ATTRIBUTE)}).join("\\n")].map(o, {listed})[0]'
    last = f"m.findAll({literal(_KEY + '[^A-Za-z0-9]*$')})[0]"
    first = f"m.findAll({literal('(?i)' + _VALUE)})[0]"
    reversed_pairs = f'{value}.findAll({literal(_REVERSED_PAIR)}).map(m, {last} + ": " + {first})'
    return f"({value}.matches({literal('(?i)val|default')}) ? {pairs} + {reversed_pairs} : [])"


def _of_aliases(value: str) -> str:
    """Return CEL for what an anchor holds, under each key that an alias uses it for.

    What is merged (`<<`) becomes part of a block whose name is not looked for: it counts as a host's.
    """
    key = f'(a.startsWith("<<") ? {_HOST} : a.findAll({literal(_KEY)})[0])'
    name = f"d.findAll({literal('^&[A-Za-z0-9_-]+')})[0]"
    anchored = f"{value}.findAll({literal(_ANCHORED)})"
    is_same = f'{name}.replace("&", "*") in a.findAll({literal("[*][A-Za-z0-9_-]+")})'
    content = f"d.substring(size({name}))"
    is_named = f"{key}.matches({literal(WORDS)})"
    aliases = f"{value}.findAll({literal(_ALIAS)}).filter(a, {is_named})"
    lines = f'u.filter(a, {is_same}).map(a, {_lines_of(key, content)}).join("\\n")'
    # The aliases are looked for once, and not for each anchor.
    found = f'[{aliases}].map(u, u.size() == 0 ? "" : {anchored}.map(d, {lines}).join("\\n"))'
    return f'({value}.contains("&") && {value}.contains("*") ? {found} : [])'
