"""Conditions on the environment of containers, as CEL: its variables name permitted places only.

A variable holds a text, or is read from elsewhere: from an entry of a ConfigMap, a field of the pod, a file.
In a text `$(NAME)` stands for another variable; commands and arguments have such references too.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.named_settings import (
    ENDS_LIKE_MEANING,
    HAS_MEANING,
    MAY_NAME,
    MEANINGS,
    named,
    setting,
)
from sovereign_ai.rules.places.permitted_places import PLAIN

# The pod's own names and addresses, and those of the node that it runs on.
_OWN_FIELDS = literal(
    [
        "metadata.namespace",
        "spec.nodeName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ]
)
# The name of a pod may be that of a host outside, if there is a dot in it.
_OWN_NAME = '"metadata.name" && !(has(object.metadata.name) && object.metadata.name.contains("."))'
OWN_ENVIRONMENT = "(has(c.env) ? c.env : [])"
"""CEL for the variables that a container `c` states itself."""
_FIRST = literal("\u0001)")
_UNCHANGED = literal("$(\u0001)")
FREE = "\u0004"
"""Stands behind a reference to a text that is free: a label, an annotation, a pod's name with a dot."""


def free_text(path: str) -> str:
    """Return CEL: a field's path is that of a label or of an annotation, whose text is not judged."""
    return f'({path}.startsWith("metadata.annotations") || {path}.startsWith("metadata.labels"))'


def _expanded_once(value: str) -> str:
    """Return CEL for a text of a container `c` with `$(NAME)` replaced by that variable of its environment.

    Kubernetes does this in commands, arguments and variables (kubernetes.io/docs, "Define Dependent
    Environment Variables", read 2026-11-27). The last variable of a name counts. A reference stays if the
    value is not in the container: what is behind it is unknown.
    """
    field = "d.valueFrom.fieldRef.fieldPath"
    rest = "p.substring(size(d.name) + 1)"
    is_own = f"{field} in {_OWN_FIELDS} || ({field} == {_OWN_NAME})"
    is_free = f'{free_text(field)} || {field} == "metadata.name"'
    # What is free is marked where it stands, for who looks at the text without the container.
    of_field = (
        f'{is_own} ? "localhost" + {rest} : "$(" + d.name + ")" + ({is_free} ? {literal(FREE)} : "") + {rest}'
    )
    part = (
        f'!has(d.valueFrom) ? (has(d.value) ? d.value : "") + {rest}'
        f' : has(d.valueFrom.fieldRef) ? ({of_field}) : "$(" + p'
    )
    named = f'{OWN_ENVIRONMENT}.filter(d, p.startsWith(d.name + ")"))'
    last = f'[{named}].map(f, size(f) == 0 ? "$(" + p : [f[size(f) - 1]].map(d, {part})[0])[0]'
    return f'({_FIRST} + {value}).split("$(").map(p, {last}).join("").replace({_UNCHANGED}, "")'


def expanded(value: str, unknown: str) -> str:
    """Return CEL for a text of a container `c` whose references are expanded.

    A variable may refer to others.

    Args:
        value: expression of the text.
        unknown: expression of the text that stands for one that is not whole after two steps.
    """
    twice = _expanded_once(_expanded_once(value))
    # Each expansion marks what is free.
    is_whole = f'{_expanded_once("x")}.replace({literal(FREE)}, "") == x.replace({literal(FREE)}, "")'
    text = f'[{twice}].map(x, !x.contains("$(") || {is_whole} ? x : {unknown})[0]'
    return f'({value}.contains("$(") ? {text} : {value})'


def variable(value: str) -> str:
    """Return CEL: a variable of a container's environment names permitted places only."""
    is_permitted = setting(f"{value}.name", f"{value}.value")
    return f"(!has({value}.value) || {is_permitted})"


def variable_by_word(value: str) -> str:
    """Return CEL: what a word in a variable's name or value calls a host or a region is permitted."""
    name = f"{value}.name"
    content = f"{value}.value"
    is_named = named(name, content)
    is_judged = source_of_variable(value)
    return f"((!has({content}) || {is_named}) && {is_judged})"


def variable_texts(pairs: str) -> str:
    """Return CEL: all variables of a container, as pairs of name and text, name permitted places only."""
    is_plain = f"(t[1].matches({literal(PLAIN)}) && !t[0].matches({literal(HAS_MEANING)}))"
    return f"{pairs}.all(t, {is_plain} || {setting('t[0]', 't[1]')})"


# Letters without `region`, and digits too few for an address: `PLAIN`, and nothing of `MAY_NAME`.
_PLAIN_VALUE = "^(?:[A-FH-Za-fh-z_+-]|[Gg][A-HJ-Za-hj-z_+-])*[Gg]?[0-9]{0,7}$"


def with_place_variables(containers: str) -> str:
    """Return CEL: those of a list of containers of whose variables one may name a place.

    Most variables name none, and are matched once for all checks on variables.
    """
    ends_alike, has_meaning = literal(ENDS_LIKE_MEANING), literal(HAS_MEANING)
    is_named = f"(e.name.matches({ends_alike}) && e.name.matches({has_meaning}))"
    is_plain = f"e.value.matches({literal(_PLAIN_VALUE)}) && !{is_named}"
    return f"{containers}.filter(c, has(c.env) && !c.env.all(e, !has(e.value) || ({is_plain})))"


def variable_texts_by_word(pairs: str) -> str:
    """Return CEL: what a word in pairs of name and text calls a host or a region is permitted."""
    may_name = f"t[1].matches({literal(MAY_NAME)})"
    return f"{pairs}.all(t, !{may_name} || {named('t[0]', 't[1]')})"


# With another end the prefix and the key of an entry would make a word, such as `https_pro` and `xy`.
_WHOLE_PREFIX = "^(?:.*[^A-Za-z0-9])?$"


def source_of_variable(value: str) -> str:
    """Return CEL: what a variable of the environment is read from is judged there under the same name.

    An entry of a ConfigMap is judged by its key. A label, an annotation and what a container wrote into a
    file are not judged as a host.
    """
    entry = f"{value}.valueFrom.configMapKeyRef"
    path = f"{value}.valueFrom.fieldRef.fieldPath"
    names_place = " || ".join(f"{value}.name.matches({literal(name)})" for name in MEANINGS)
    same_meaning = " && ".join(
        f"(!{value}.name.matches({literal(name)}) || {entry}.key.matches({literal(name)}))"
        for name in MEANINGS
    )
    of_entry = f"(!has({entry}) || ({same_meaning}))"
    is_label = f"(has({value}.valueFrom.fieldRef) && {free_text(path)})"
    # A container before it writes the file.
    is_free = f"({is_label} || has({value}.valueFrom.fileKeyRef))"
    of_free = f"(!{is_free} || !({names_place}))"
    has_source = f"has({value}.valueFrom)"
    return f"(!{has_source} || ({of_entry} && {of_free}))"


def sources_of_container() -> str:
    """Return CEL: what a container `c` reads from elsewhere is judged there under the same name."""
    variables = f"(!has(c.env) || c.env.all(e, {source_of_variable('e')}))"
    is_whole = f"s.prefix.matches({literal(_WHOLE_PREFIX)})"
    prefixes = f"(!has(c.envFrom) || c.envFrom.all(s, !has(s.prefix) || {is_whole}))"
    return f"({variables} && {prefixes})"
