"""Conditions on the entries of ConfigMaps, binary ones too, as CEL: they name permitted places only.

Pods read an entry as a variable of their environment, or as a file. What looks like a setting is judged by
its name (`named_settings.py`), what looks like a file by the words in its lines (`named_hosts.py`).
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.binary_entries import are_judgeable, decoded_entries, readable_runs
from sovereign_ai.rules.places.directives import directives
from sovereign_ai.rules.places.joined_settings import (
    HIDDEN_NAME,
    MAY_BE_JOINED,
    joined_lines,
    joined_settings,
)
from sovereign_ai.rules.places.model_hubs import MAY_CALL, files_set_endpoints
from sovereign_ai.rules.places.named_hosts import (
    CODE,
    IS,
    MAY_BE_HOSTED,
    MAY_BE_NAMED,
    MAY_BE_SIX,
    STORE_STATED,
    TUNNEL,
    are_permitted_behind_blanks,
    are_permitted_by_form,
    are_permitted_by_word,
    are_permitted_in_calls,
    are_permitted_regions,
    are_permitted_to_clients,
    are_sixes_own,
    files_store_has_place,
    names_no_hosted_service,
    with_code_marks,
)
from sovereign_ai.rules.places.named_settings import MAY_NAME, setting
from sovereign_ai.rules.places.permitted_places import LONGEST_SETTINGS, MAY_BE_PLACE, host, url_without_path
from sovereign_ai.rules.places.unknown_kinds import PROGRAM_SCHEMES

_STORE_URL = (
    r"\b(?i:s3[an]?|gs|gcs|az|azure|azblob|abfss?|wasbs?|adls?|oss|cosn?|obs|bos|tos|ks3|swift|b2|r2|sj|hf"
    r"|huggingface|ngc|kaggle|lakefs|ollama|modelscope"
    r"|dbfs|gdrive|dropbox|onedrive|ipfs|rclone|wandb|comet|neptune|oci|docker"
    r"|(?:git|hg|svn|bzr)(?:[+]|::)(?:https?|ssh)"
    rf"|{PROGRAM_SCHEMES})"
    r"://(?:[$][{][A-Za-z0-9_]+:?[-=])?(?:[^\s/@\"'<>,;$|(){}\[\]]*@)?[A-Za-z0-9\\%&][A-Za-z0-9._-]*"
)
"""A bucket, or a name at a hub, by its scheme; also what holds where a variable is not set (`s3://${B:-x}`).

So is a host, by a scheme that nobody opens in a browser. Of other URLs in a file many link to what people
read; words before them say which are requested.
"""
_SCRIPT_URL = "https?://[A-Za-z0-9][A-Za-z0-9._-]*"
"""A URL in a script."""
# Pods read entries in upper case as their environment (`envFrom`), and in lower case those that programs
# know in lower case too, such as `https_proxy`.
_READ_AS_VARIABLES = (
    "^(?:[A-Z][A-Z0-9_]*"
    "|[A-Za-z][A-Za-z0-9_]*_(?i:endpoint|proxy|host(?:name)?|addr|address|url|uri|server|broker)s?)$"
)
_SCRIPT_NAMES = "sh$|(?i)^(?:requirements|constraints)|(?:docker|container)file"
"""Names of entries in which every URL is requested: of scripts, and of what is built or installed."""
_DOCUMENTS = (
    "AUTHORS",
    "CHANGELOG",
    "COPYING",
    "LICENSE",
    "NOTICE",
    "README",
    "known_hosts",
    "ssh_known_hosts",
)
_PROGRAM_NAMES = (
    r"[.](?:c|cc|cjs|cpp|cs|cu|cuh|go|h|hpp|java|jl|jsx?|kt|lua|md|mjs|php|pl|ps1|pyi?|r|rb|rego|rs|rst|scala"
    r"|sql|swift|tf|tsx?)$"
)
"""Names of entries in which a host is in quotes: of programs, and of prose."""
_MAY_NAME_IN_FILE = (
    rf"{MAY_NAME}|{MAY_BE_SIX}|(?i:{MAY_BE_HOSTED})|://|\\|&#|[^\x00-\x7F]|!!?(?:binary|<tag:)|HF_|{MAY_CALL}"
)
_FIRST_LINE = "^[A-Za-z0-9_-]+[.][A-Za-z0-9_.-]+[ \\t]+[^ \\t=:][^\\n]*"
"""The first line of a file of settings with blanks between their names and values, such as Spark's."""
_COMMENT = "^[ \\t]*(?:#|;|//|<!--)"
"""The begin of a line that is a comment in some language."""
_UNQUOTED = "(?:^|[ \\t:=,({\\[])[A-Za-z_][A-Za-z0-9_]*[.][A-Za-z_]"
"""A line of a program with a variable or a function, such as `self.name`."""
_LINKS = r'"(?:dataL|l)inks"\s*:\s*\[(?:[^\[\]]|\[[^\[\]]*\])*\]'
_TO_NEXT_QUOTE = r'[\s\S][^"]*'
"""Links of a dashboard of Grafana, and all else in pieces: people click them, and nothing is sent there."""
_DROPPED = r"(?m)^[ \t]*[A-Za-z0-9_.-]+\\[A-Za-z][A-Za-z0-9_.\\-]*[ \t]*[:= ]"
"""A name with a backslash in it, as Java's `Properties.load` reads it."""
_COMMAND_LINE = (
    r"(?m)(?:^|[|;&(`]|[\[,][ \t]*[\"'])(?:[ \t@!%-]|[A-Za-z]+[=:]|(?:RUN|[A-Z_]+=[^\s]+|@[a-z]+|[0-9*/,-]+"
    r"|do|else|env|exec|if|nohup|root|sudo|then|time|while)[ \t])*[\"'\[]?(?:/[a-z/]+/)?"
    r"(?:curl|wget|nc|ncat|ssh|scp|sftp|rsync|socat)[ \t]+[^\s]"
)
"""A command of a script, whatever the script is called: of a table of cron, a Makefile, a notebook too."""
# JSON, YAML and XML write a dot in other ways; so do names of other alphabets (UTS 46).
_DOTS = "\\u002e \\u002E \\x2e \\x2E &#46; &#x2e; &#x2E; \u3002 \uff0e \uff61"
_ESCAPES_IN_FILE = {
    # A line that goes on in the next one.
    "\\\n": "",
    "\r": "\n",
    "\u00a0": " ",
    "\\/": "/",
    # JSON within JSON, and XML's own quotes.
    '\\"': '"',
    "<![CDATA[": "",
    "]]>": "",
    **dict.fromkeys(_DOTS.split(), "."),
}
_UNJUDGED = literal("\u0003")
"""Stands for texts that are too long to be judged."""
_IS_FOREIGN = "variables.foreign"
"""CEL: it is in a namespace that is not the factory's. Without a namespace it may be put into any."""
_LONGEST_TOTAL = 200_000
_LONGEST_FILES = 200_000
_LONGEST_LINES = 50_000
_LONGEST_OF_LONG = 25_000
_LONGEST_JOINED = 10_000
_MOST_JOINED, _SMALLER = 12_000, (5_000, 2_000, 500, 0)
"""Characters of all entries of a ConfigMap together, by how they are read: all settings, files, files that
are read as a whole, those lines of longer ones that may name a host, and what is looked through for words
that stand apart from a host: of one file, and of all; of many files the smaller ones.
Longer ones take the API server more time than it gives an expression."""


def entries_as_settings(value: str) -> str:
    """Return CEL: entries of a ConfigMap that pods may read as variables name permitted places only."""
    # The entry has a short name: the time to check the types grows with the square of the length.
    is_permitted = setting("k", "y")
    condition = f"{_is_file('y')} || {is_permitted}"
    return f"({_IS_FOREIGN} || {value}.all(k, [{value}[k]].all(y, {condition})))"


def _is_file(entry: str) -> str:
    """Return CEL: an entry `k` of a ConfigMap is not read as a variable.

    Any entry may become one, by `configMapKeyRef` or with a prefix. A file has lines, or words.
    """
    may_be_read = f"k.matches({literal(_READ_AS_VARIABLES)}) && !(k in {literal(list(_DOCUMENTS))})"
    has_words = f'{entry}.trim().matches(k.contains(".") ? "[ \\\\t\\\\r\\\\n]" : " ")'
    return f"(!({may_be_read}) && {has_words})"


def entries_are_short(value: str) -> str:
    """Return CEL: the entries of a ConfigMap that pods may read as variables are short enough to judge."""
    is_file = _is_file(f"{value}[k]")
    settings = f"{value}.filter(k, !{is_file})"
    read = f"{settings}.filter(k, {value}[k].matches({literal(MAY_BE_PLACE)}))"
    total = f'size({settings}.map(k, {value}[k]).join("")) <= {_LONGEST_TOTAL}'
    size = f'size({read}.map(k, {value}[k]).join("")) <= {LONGEST_SETTINGS}'
    return f"({_IS_FOREIGN} || ({total} && {size}))"


def binaries_are_judgeable() -> str:
    """Return CEL: the binary entries of a ConfigMap are short enough to judge, and hide no text."""
    return f"({_IS_FOREIGN} || {are_judgeable('variables.readable')})"


def parts_of_entries() -> dict[str, str]:
    """Return named parts for the entries of a ConfigMap, binary ones too, that may name a place.

    They are the entries that are read, each with its name; what may be text in binary entries; all entries as
    texts behind their names; and the scripts among them.
    """
    stored = "(has(object.data) && object.data != null ? object.data.map(k, [k, object.data[k]]) : [])"
    own = "variables.own_entries"
    # What the cluster's DNS reads is judged by itself (NET-011).
    # To look through many characters costs more than what is then done with them.
    may_name = f"(variables.long || e[1].matches({literal(_MAY_NAME_IN_FILE)}))"
    is_read = f'!(e[0] == "Corefile" && variables.zone == "") && {may_name}'
    is_program = f"e[0].matches({literal(_PROGRAM_NAMES)})"
    text = with_code_marks("e[1]", is_program)
    # Nor does the name of a program stand before a host that is not in quotes.
    names = f"({is_program} ? {literal(CODE + IS)} : {literal(IS)})"
    has_command = f"(!{is_program} && e[1].matches({literal(_COMMAND_LINE)}))"
    is_script = f'(e[0].matches({literal(_SCRIPT_NAMES)}) || e[1].startsWith("#!") || {has_command})'
    plain = "".join(f".replace({literal(old)}, {literal(new)})" for old, new in _ESCAPES_IN_FILE.items())
    blocks, sections, others = joined_settings("t")
    end = literal("\n")
    backslash = "\\"
    is_dashboard = """e[1].contains('"schemaVersion"') && e[1].contains('"panels"')"""
    pieces = f"e[1].findAll({literal(_LINKS + '|' + _TO_NEXT_QUOTE)})"
    shown = f"({is_dashboard} ? {pieces}.filter(p, !p.matches({literal('^' + _LINKS)})).join('') : e[1])"
    is_of_java = f'(e[0].endsWith(".properties") || e[1].matches({literal(_DROPPED)}))'
    is_short = f"size(t) <= {_LONGEST_JOINED}"
    near = f"t.split({end}).filter(l, l.matches({literal(MAY_BE_JOINED)})).join({end})"
    # Comments name no host, and in a program a dotted name without quotes is none.
    is_content = f"!l.matches({literal(_COMMENT)}) && (!{is_program} || !l.matches({literal(_UNQUOTED)}))"
    smaller = ["variables.read", *(f"variables.read.filter(t, size(t) <= {size})" for size in _SMALLER)]
    content = f"e[1].split({end}).filter(l, {is_content}).join({end})"
    return {
        "foreign": 'has(object.metadata.namespace) && object.metadata.namespace != "" && !variables.known',
        # Of others' none is read.
        "own_entries": f"{_IS_FOREIGN} ? [] : {stored}",
        "readable": readable_runs(),
        "long": f"size({own}.map(e, e[1]).join('')) > {_LONGEST_LINES}",
        "texts": f"{own} + ({_IS_FOREIGN} ? [] : {decoded_entries('variables.readable')})",
        "script_names": f"variables.texts.filter(e, {is_script}).map(e, e[0])",
        "entries": f"variables.texts.filter(e, {is_read}).map(e, [e[0], dyn({shown}{plain})])",
        # A key is a word before its entry. To it a dotted name in the first line, with blanks behind it, is
        # the value, so that such a line stands once more by itself.
        "files": f"variables.entries.map(e, e[0] + {names} + {text}"
        f' + e[1].findAll({literal(_FIRST_LINE)}).map(l, {end} + l).join(""))',
        "lines": _narrowed("variables.files"),
        # Of longer ones the lines that may belong together; the API server's steps suffice for no more.
        "read": f"variables.entries.map(e, {content}).map(t, {is_short} ? t : {near}).filter(t, {is_short})",
        # Of many files the small ones.
        "short": f"[{', '.join(smaller)}].filter(l, size(l.join('')) <= {_MOST_JOINED})[0]",
        "blocks": f"variables.short.map(t, {blocks}.join({end}))",
        "sections": f"variables.short.map(t, ({sections} + {directives('t')}).join({end}))",
        "joined": f"variables.short.map(t, {others}.join({end}))"
        f" + {own}.map(e, dyn({joined_lines('e[1]')}.join({end})))"
        # Java drops a backslash before a letter, in names and values.
        f" + {own}.filter(e, {is_of_java}).map(e, e[1].replace({literal(backslash)}, ''))",
        "scripts": _narrowed(
            "variables.entries.filter(e, e[0] in variables.script_names).map(e, string(e[1]))"
        ),
        # A tunnel needs no name of a host, so that each script is looked at.
        "programs": "variables.texts.filter(e, e[0] in variables.script_names).map(e, string(e[1]))",
    }


def entries_name_places() -> tuple[str, ...]:
    """Return CEL: no entry of a ConfigMap, files too, names a place outside by a word or its form.

    They are several conditions, since the API server grants each expression a number of steps.
    """
    permitted = host("h")
    # Of a default for a variable only what is behind its sign counts.
    url = 'm.split(":")[0] + "://" + m.findAll("[^-=/]*(?:-[^-=/]+)*$")[0]'
    # The server of another file's store is none of this one's.
    is_stated = f'variables.files.all(t, !t.matches("s3[an]?://") || t.matches({literal(STORE_STATED)}))'
    is_own = f'u.matches("^s3[an]?://[a-z0-9-]+$") && {is_stated}'
    stores = f"y.findAll({literal(_STORE_URL)}).map(m, {url}).all(u, {url_without_path('u')} || {is_own})"
    # Every URL in a script is requested, whatever the program.
    are_permitted = f"y.findAll({literal(_SCRIPT_URL)}).all(u, {url_without_path('u')})"
    beside = f"{are_permitted_regions('y')} && {are_permitted_in_calls('y', permitted)}"
    return (
        # The place of a store in another file is none of this one's.
        *(f"variables.files.all(t, {part})" for part in files_store_has_place("t")),
        _lines_meet("variables.lines", condition=are_permitted_by_word("y", permitted)),
        _lines_meet("variables.lines", condition=are_permitted_by_form("y", permitted)),
        _lines_meet("variables.lines", condition=are_permitted_behind_blanks("y", permitted)),
        _lines_meet("variables.lines", condition=beside),
        _lines_meet("variables.lines", condition=are_sixes_own("y")),
        _lines_meet("variables.lines", condition=f"!y.matches({literal(HIDDEN_NAME)})"),
        *(_lines_meet("variables.lines", condition=part) for part in names_no_hosted_service("y")),
        _lines_meet(
            _narrowed("(variables.blocks + variables.sections)"),
            condition=are_permitted_by_word("y", permitted),
        ),
        _lines_meet(_narrowed("variables.joined"), condition=are_permitted_by_word("y", permitted)),
        _lines_meet("variables.lines", condition=f'(!y.contains("://") || {stores})'),
        _lines_meet("variables.scripts", condition=are_permitted_to_clients("y", permitted)),
        _lines_meet("variables.scripts", condition=f"(!y.contains('://') || {are_permitted})"),
        _lines_meet(_narrowed("variables.programs"), condition=f"!y.matches({literal(TUNNEL)})"),
    )


def entries_set_endpoints() -> tuple[str, ...]:
    """Return CEL: no entry of a ConfigMap calls a hosted service but one whose endpoint an entry sets."""
    return files_set_endpoints("variables.files")


def _narrowed(texts: str) -> str:
    """Return CEL for those lines of some texts that may name a host, as one text in a list.

    A text that is too long to be judged stands as `_UNJUDGED`.
    """
    end = literal("\n")
    is_short = f"size(t) <= {_LONGEST_LINES}"
    is_near = f"({is_short} || l.matches({literal(MAY_BE_NAMED)}))"
    is_comment = 'l.matches("^[ \\t]*#")'
    near = f"[t.split({end}).filter(l, {is_near}).filter(l, !{is_comment}).join({end})]"
    # To look for lines in a long text costs too.
    judged = f"{near}.map(y, {is_short} || size(y) <= {_LONGEST_OF_LONG} ? y : {_UNJUDGED})[0]"
    return f"[{texts}.join({end})].map(t, size(t) <= {_LONGEST_FILES} ? {judged} : {_UNJUDGED})"


def _lines_meet(lines: str, *, condition: str) -> str:
    """Return CEL: a condition on `y` holds for those lines of some entries that may name a host.

    Args:
        lines: expression of the lines, see `_narrowed`.
        condition: the condition.
    """
    return f"{lines}.all(y, y != {_UNJUDGED} && {condition})"
