r"""Other spellings of a place: what programs accept beside a plain URL, name or address.

Programs do not agree on what a URL or an address is. The C library reads `0300.0.2.065`, browsers read
`http:\\host` and drop line ends within a URL, most decode `%2F`, and rsync reads `host::module`. A place that
only some programs see must still be a permitted one. What follows is CEL; `permitted_places.py` puts it
together.

Sources, read 2026-11-27: the URL Standard of WHATWG (sections 3.5 and 4.4), RFC 3986, inet_aton(3), RFC 4291
(section 2.2), RFC 6052, and the manuals of dig, socat, bash (redirections), rsync and git.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal

_ESCAPES = (
    # `%2525` is decoded once: whoever decodes twice is not followed.
    ("%25", "%"),
    ("%3A", ":"),
    ("%3a", ":"),
    ("%2F", "/"),
    ("%2f", "/"),
    ("%2E", "."),
    ("%2e", "."),
    ("%40", "@"),
    # JSON may write a slash so.
    ("\\/", "/"),
)
_ODD_URL = (
    r"(?i)(?:^|[^A-Za-z0-9+.-])(?:https?|wss?|ftps?):"
    r"(?:/?[A-Za-z0-9_-][^/\\\s\"',]*\.|/{3,}[^/\s]|[/\\]*\\[/\\]*[A-Za-z0-9_-]+\.)"
)
"""A URL with another number of slashes, or with backslashes: a host to browsers, and none to others."""
_NO_SPACE = r"^[^ ]*[\t\r\n][^ ]*$"
"""A text of a single word with tabs or line ends in it, which the URL Standard drops."""
_URL_A_LINE = r"^(?:[A-Za-z0-9+.-]+://[^\s]+)?$"
LETTER = r"[^\x00-,./:-@\[-^`{-\x7F]"
"""A letter, digit, hyphen or underscore of a name, in whatever alphabet: resolvers encode the others."""
_REMOTE = (
    rf"(?:^|[\s\"'=,(])(?:[A-Za-z0-9._-]+@(?:{LETTER}+\.)+{LETTER}+\.?:[^\s]"
    rf"|(?:{LETTER}+\.)+[^\x00-@\[-`{{-\x7F]{{2,}}\.?:(?:/|:{LETTER})|//(?:{LETTER}+\.)+{LETTER}+)"
)
"""A path on another host, as scp, git, rsync and mount read it. A host with a port is a `BARE` one."""
_ANY_HOST = rf"(?:{LETTER}+\.)+{LETTER}+"
_NOT_ASCII = r"[^\x00-\x7F]"
_OTHER_DIGITS = (
    r"[0-9A-Za-z][\x{3002}\x{FF0E}\x{FF61}][0-9A-Za-z]"
    r"|[\x{FF10}-\x{FF19}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{2460}-\x{24FF}\x{1D400}-\x{1D7FF}][0-9A-Za-z-]*"
    r"[.\x{3002}\x{FF0E}\x{FF61}]"
    r"|[0-9A-Za-z][.][0-9A-Za-z-]*"
    r"[\x{FF10}-\x{FF19}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{2460}-\x{24FF}\x{1D400}-\x{1D7FF}]"
)
"""Full stops, letters and digits that UTS 46 maps to those of ASCII, within what may be a name."""

_PART = r"(?:0[xX][0-9A-Fa-f]{1,8}|0{0,9}[0-9]{1,3})"
_FOUR = rf"{_PART}(?:\.{_PART}){{3}}"
_FOUR_WORDS = "[0-9A-Za-z_./=<>~!-]+"
# Behind `==`, `>=`, `~=` stands a version, as in what pip reads; `x/1.2.3.4` is a folder.
_BEFORE_FOUR = r"(?:-[A-Za-z]|(?:.*[^=<>~!])?=|.*/dev/(?:tcp|udp)/|[0-9.]+-)?"
_IS_FOUR = rf"^{_BEFORE_FOUR}{_FOUR}\.?(?:/.*|-[0-9].*)?$"
# `10.0.0.0/8` names a network, to which nothing is sent; so does a mask.
_IS_NETWORK = r"\.0/(?:[0-9]|[12][0-9]|3[01])$"
_IS_MASK = r"^255\.255\."
_IS_VERSION = "(?i)version=[0-9.]*$"
_OTHER_FORM = r"(?:^|[.])0[0-9xX]"
_SHORT_FORM = (
    r"(?i)(?:^|[^0-9a-z_.])(?:0x[0-9a-f]+(?:\.(?:0x[0-9a-f]+|[0-9]+)){1,3}"
    r"|[0-9]+(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,2}\.0x[0-9a-f]+)\.?(?:[^0-9a-z_.]|$)"
)
"""An address in fewer than four parts with a hexadecimal one; in decimal parts it reads as a number."""
_HAS_FOUR = "[0-9][.]0?[xX]?[0-9A-Fa-f]"
_AT_NUMBER = r"(?:^|[\s\"'])@(?:0[xX][0-9A-Fa-f]{1,8}|[0-9]{8,11})(?:[^0-9A-Za-z_.]|$)"

_SIX_WORDS = "[0-9A-Za-z_.:/]+"
_SIX = "[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*$"
_IS_SIX = f"^(?:[0-9A-Za-z_]*[G-Zg-z_][0-9A-Za-z_]*:)?{_SIX}"
# `a::b` is a name in C++ and Rust; addresses that are in use have a digit, but for some of IPv4.
_IS_LIKELY = "(?i)[0-9]|::ffff:"
_IS_SIX_NETWORK = "::/[0-9]+$"
# Identifiers of InfiniBand and Ethernet (EUI-64) have the form of an address.
_IS_EUI = "^(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}$"
_MAPPED = "(?i)^[0:]*:ffff:(?:0{1,4}:)?[0-9a-f:.]+$"
"""IPv4 inside IPv6 (RFC 4291, section 2.5.5.2): CEL's `isIP` does not accept it, and programs do."""

# A whole text, or what quotes enclose within one: `a=b;c=d`, `a=b c=d` with options between, or a description
# of Oracle Net. A line of a program has calls and lists in it, and is none.
_FLAG = r"(?:-{0,2}[A-Za-z][A-Za-z0-9_.-]*=)?"
_OPTION = r"(?:(?:-D)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*=[ \t]*[^\s=()]*|-[^\s=]*)"
_CONNECTION = (
    rf"^\s*{_FLAG}(?:(?:[A-Za-z][A-Za-z0-9 _.-]*=[^;()\n]*;\s*)+(?:[A-Za-z][A-Za-z0-9 _.-]*=[^;()\n]*)?"
    rf"|{_OPTION}(?:[ \t]+{_OPTION})*|[(](?i:description|address)\b[A-Za-z0-9_.()=, :-]*)\s*$"
)
"""A connection string of words, whole.

Sources, read 2026-11-28: PostgreSQL's manual (34.1.1, "Connection Strings"), Microsoft's references of
connection strings for SQL Server, ODBC and storage, Oracle Net's reference (`tnsnames.ora`), and Java's of
networking properties (`http.proxyHost`).
"""
_HOST_WORDS = (
    r"host(?:s|[_. ]?name|addr)?|servers?|server[_ ]?name|data[_ ]?source|(?:network )?addr(?:ess(?:es)?)?"
    r"|endpoints?|endpoint[_ ]?suffix|ur[il]|brokers?|contact[_ -]?points?|proxy|failover[_ ]?partner"
)
_HOST_SETTING = (
    rf"(?i)(?:^|[;\s(=.]|(?-i:-D)[a-z0-9_.-]*|[a-z0-9]_)(?:{_HOST_WORDS})[ \t]*=[ \t]*"
    r"(?:[a-z0-9_.-]+=)*[^\s;()=]+"
)
"""The setting of a host in a connection string; one such string may be the value of another's setting."""
_HOST_NAME = r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]*"
_FILE = (
    r"(?i)\.(?:accdb|bin|cfg|conf|crt|css|csv|db3?|gguf|html?|ini|js|jsonl?|log|mdf|parquet|pem|sdf"
    r"|safetensors|sock|sqlite3?|toml|txt|ya?ml)$"
)
"""Ends of files' names, none of them a top-level domain: drivers of SQLite call their file a data source."""
_LONGEST_CONNECTION = 4_000
"""Characters: a search takes the API server as many steps as the text has, times those of the expression."""
# Without any of these a setting names a service of its own namespace, a port or a count.
_MAY_LEAD_OUT = r"[.%\\]|[^\x00-\x7F]|[0-9]{8}|0[xX]"
_UNREADABLE_HOST = r"%[0-9A-Fa-f]{2}|[^\x00-\x7F]"
"""An escape, which some drivers decode and others look up, or letters that each encodes in its own way."""
_NUMBER_PART = "(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
_NUMBER = rf"(?:^[ \t]*\{{?|[:@/,]){_NUMBER_PART}(?:\.{_NUMBER_PART}){{0,3}}\.?(?:$|[:,/\\}}])"
# To libpq a backslash stands for the character behind it (34.1.1.1); behind a server of Microsoft's it begins
# the name of an instance.
_IS_OF_LIBPQ = r"(?i)host(?:addr)?[ \t]*="
_NUMBER_ALONE = "[0-9][0-9A-Fa-fxX.]*[0-9A-Fa-f]|[0-9]"
# inet_aton(3) reads a single number, and fewer than four parts, as an address. What is in 0.0.0.0/8, such as
# a port or a count of servers, is nobody's. A zero in front means octal to it, and nothing to Java and to
# older Go, so that no such form is permitted but where each reading is the pod itself.
_COUNT = r"^(?:[0-9]{1,7}|0[xX]0*[0-9A-Fa-f]{1,6})$"
_DECIMAL = "^[1-9][0-9]{7,9}$"
_OWN_NUMBER = r"^(?:127(?:\.[0-9]{1,8}){1,3}|0[xX]0*7[fF][0-9A-Fa-f]{6})$"
_OF_DECIMAL = (
    'string(int(w) / 16777216) + "." + string(int(w) / 65536 % 256)'
    ' + "." + string(int(w) / 256 % 256) + "." + string(int(w) % 256)'
)


def are_permitted_settings(value: str, permitted: str) -> str:
    """Return CEL: every host in a connection string of words is permitted.

    Args:
        value: expression of the text.
        permitted: condition on a host, `h`.
    """
    is_short = f"size({value}) <= {_LONGEST_CONNECTION}"
    has_setting = f'{is_short} && {value}.contains("=") && {value}.matches({literal(_MAY_LEAD_OUT)})'
    # What quotes enclose may be the whole string, and the value of a setting in it.
    marked = f'{value}.replace("\'", "\\"")'
    parts = f'({marked}.split("\\"") + ({marked}.contains("\\"") ? [{marked}.replace("\\"", "")] : []))'
    strings = f"{parts}.filter(s, s.matches({literal(_CONNECTION)}))"
    unescaped = f'(m.matches({literal(_IS_OF_LIBPQ)}) ? m.replace("\\\\", "") : m)'
    settings = f's.findAll({literal(_HOST_SETTING)}).map(m, {unescaped}.findAll("[^=]*$")[0])'
    names = f"m.findAll({literal(_HOST_NAME)}).filter(h, !h.matches({literal(_FILE)}))"
    # A match takes the comma behind it, so that the next one needs another before it.
    numbers = (
        f'm.replace(",", ",,").findAll({literal(_NUMBER)}).map(w, w.findAll({literal(_NUMBER_ALONE)})[0])'
        f".filter(w, !w.matches({literal(_COUNT)}) && !w.matches({literal(_OWN_NUMBER)})"
        f" && (!w.matches({literal(_DECIMAL)}) || int(w) >= 16777216))"
        f".map(w, w.matches({literal(_DECIMAL)}) ? {_OF_DECIMAL} : w)"
    )
    is_readable = f"!m.matches({literal(_UNREADABLE_HOST)})"
    hosts = f"({names} + {numbers}).all(h, {permitted})"
    return f"(!({has_setting}) || {strings}.all(s, {settings}.all(m, {is_readable} && {hosts})))"


def spellings(value: str) -> str:
    """Return CEL for the texts that programs may make of a text: decoded, and without line ends in a URL."""
    # Both texts of a list must be of one type, and a field of an unknown kind has none.
    chain = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _ESCAPES)
    decoded = f'({value}.contains("%") || {value}.contains("\\\\/") ? {value}{chain} : string({value}))'
    lines = f'{value}.split("\\n").all(l, l.matches({literal(_URL_A_LINE)}))'
    dropped = f'{value}.replace("\\t", "").replace("\\n", "").replace("\\r", "")'
    is_one_url = f"{value}.matches({literal(_NO_SPACE)}) && !{lines}"
    return f"({is_one_url} ? [{decoded}, {dropped}] : [{decoded}])"


def has_ambiguous_url(value: str) -> str:
    """Return CEL: a text holds a URL, or a name, that programs read in different ways."""
    # The API server counts the length of an expression times that of the text: short tests go first.
    has_url = f'{value}.contains(":") && {value}.matches({literal(_ODD_URL)})'
    has_digits = f"{value}.matches({literal(_NOT_ASCII)}) && {value}.matches({literal(_OTHER_DIGITS)})"
    return f"({has_url} || {has_digits})"


def remote_hosts(value: str) -> str:
    """Return CEL for the hosts whose path or port a text names in a program's own way, in two lists."""
    host = f'm.findAll("[^@]*$")[0].findAll({literal(_ANY_HOST)})[0]'
    remotes = f"{value}.findAll({literal(_REMOTE)}).map(m, {host})"
    sockets = f'{value}.findAll("/dev/(?:tcp|udp)/[^/\\\\s]+").map(m, m.split("/")[3])'
    has_remote = f'{value}.contains(":") || {value}.contains("//")'
    return f'({has_remote} ? {remotes} : []), ({value}.contains("/dev/") ? {sockets} : [])'


def addresses(value: str, is_read: str = "true") -> str:
    """Return CEL for the addresses in four parts in a text, in lists, but for masks of networks.

    Args:
        value: expression of the text.
        is_read: condition without which none is listed.
    """
    fours = f"{value}.findAll({literal(_FOUR_WORDS)}).filter(w, {_is_four('w')})"
    no_mask = f"isIP(p) && !p.matches({literal(_IS_MASK)})"
    plain = f"{fours}.map(w, w.findAll({literal(_FOUR)}).filter(p, {no_mask}))"
    return f"({value}.matches({literal(_HAS_FOUR)}) && {is_read} ? {plain} : [])"


def other_addresses_are_own(value: str) -> str:
    """Return CEL: an address in a text that is not in four decimal parts is one of the pod itself."""
    fours = f"{value}.findAll({literal(_FOUR_WORDS)}).filter(w, {_is_four('w')})"
    is_decimal = f"isIP(p) || !p.matches({literal(_OTHER_FORM)})"
    are_decimal = f"{fours}.all(w, w.findAll({literal(_FOUR)}).all(p, {is_decimal}))"
    sixes = f"{value}.findAll({literal(_SIX_WORDS)}).filter(w, !w.matches({literal(_IS_SIX_NETWORK)}))"
    without_length = f'{sixes}.map(w, w.split("/")[0]).filter(w, w.matches({literal(_IS_SIX)}))'
    # Behind a prefix stands a colon that is not the address's.
    plain = f'{without_length}.map(w, w.findAll({literal(_SIX)})[0].findAll("(?:^::|[^:]).*"))'
    # A server listens on all its addresses; of IPv6 no other way out can be declared.
    are_own = f'{plain}.all(l, l.all(p, p in ["::", "::1"] || !{is_six("p")}))'
    has_hexadecimal = f'{value}.matches("0[xX]") && {value}.matches({literal(_SHORT_FORM)})'
    has_number = f'{value}.contains("@") && {value}.matches({literal(_AT_NUMBER)})'
    is_short = f"{has_hexadecimal} || {has_number}"
    has_four = f"{value}.matches({literal(_HAS_FOUR)})"
    return f'((!{has_four} || {are_decimal}) && !({is_short}) && (!{value}.contains(":") || {are_own}))'


def _is_four(word: str) -> str:
    """Return CEL: a word is, or has behind a prefix, an address in four parts that something is sent to."""
    no_others = (_IS_NETWORK, _IS_VERSION)
    conditions = [f"!{word}.matches({literal(other)})" for other in no_others]
    return " && ".join((f"{word}.matches({literal(_IS_FOUR)})", *conditions))


def is_six(address: str) -> str:
    """Return CEL: a text is an address of IPv6, and not only in the form of one."""
    is_address = f"(isIP({address}) || {address}.matches({literal(_MAPPED)}))"
    is_likely = f"{address}.matches({literal(_IS_LIKELY)}) && !{address}.matches({literal(_IS_EUI)})"
    return f"({is_address} && {is_likely})"
