"""Conditions on the environment of containers, as CEL: its variables name permitted places only.

A variable holds a text, or is read from elsewhere: from an entry of a ConfigMap, a field of the pod, a file.
In a text `$(NAME)` stands for another variable; commands and arguments have such references too.
"""

from __future__ import annotations

from sovereign_ai.rules.cel_literals import literal
from sovereign_ai.rules.named_settings import (
    ENDS_LIKE_MEANING,
    HAS_MEANING,
    MAY_NAME,
    MEANINGS,
    named,
    setting,
)
from sovereign_ai.rules.permitted_places import PLAIN, texts_are_short

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


def _expanded(value: str) -> str:
    """Return CEL for a text of a container `c` with `$(NAME)` replaced by that variable of its environment.

    Kubernetes does this in commands, arguments and variables (kubernetes.io/docs, "Define Dependent
    Environment Variables", read 2026-11-27). The last variable of a name counts. A reference stays if the
    value is not in the container: what is behind it is unknown.
    """
    field = "d.valueFrom.fieldRef.fieldPath"
    is_own = f"has(d.valueFrom.fieldRef) && ({field} in {_OWN_FIELDS} || ({field} == {_OWN_NAME}))"
    literal_value = '(has(d.value) ? d.value : "")'
    rest = "p.substring(size(d.name) + 1)"
    own_or_unknown = f'({is_own} ? "localhost" + {rest} : "$(" + p)'
    part = f"has(d.valueFrom) ? {own_or_unknown} : {literal_value} + {rest}"
    named = f'{OWN_ENVIRONMENT}.filter(d, p.startsWith(d.name + ")"))'
    last = f'[{named}].map(f, size(f) == 0 ? "$(" + p : [f[size(f) - 1]].map(d, {part})[0])[0]'
    return f'({_FIRST} + {value}).split("$(").map(p, {last}).join("").replace({_UNCHANGED}, "")'


def on_expanded(value: str, condition: str) -> str:
    """Return CEL: a condition on `x` holds for a text of a container `c` whose references are expanded.

    A variable may refer to others. A text that is not whole after two steps is refused.
    """
    twice = _expanded(_expanded(value))
    is_whole = f'(!x.contains("$(") || {_expanded("x")} == x)'
    return f'({value}.contains("$(") ? [{twice}] : [{value}]).all(x, {is_whole} && {condition})'


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


def variables_of_container() -> str:
    """Return CEL: all variables of a container `c` name permitted places only, with references expanded."""
    is_plain = f"(e.value.matches({literal(PLAIN)}) && !e.name.matches({literal(HAS_MEANING)}))"
    is_permitted = on_expanded("e.value", setting("e.name", "x"))
    return f"(!has(c.env) || c.env.all(e, !has(e.value) || {is_plain} || {is_permitted}))"


# Letters without `region`, and digits too few for an address: `PLAIN`, and nothing of `MAY_NAME`.
_SAYS_NOTHING = "^(?:[A-FH-Za-fh-z_+-]|[Gg][A-HJ-Za-hj-z_+-])*[Gg]?[0-9]{0,7}$"


def with_telling_variables(containers: str) -> str:
    """Return CEL: those of a list of containers of whose variables one may name a place.

    Most variables say nothing, and are looked at once for all checks on variables.
    """
    ends_alike, has_meaning = literal(ENDS_LIKE_MEANING), literal(HAS_MEANING)
    is_named = f"(e.name.matches({ends_alike}) && e.name.matches({has_meaning}))"
    is_plain = f"e.value.matches({literal(_SAYS_NOTHING)}) && !{is_named}"
    return f"{containers}.filter(c, has(c.env) && !c.env.all(e, !has(e.value) || ({is_plain})))"


def variables_by_word() -> str:
    """Return CEL: what a word in a variable of a container `c` calls a host or a region is permitted."""
    values = '(has(c.env) ? c.env.map(e, has(e.value) ? e.value : "") : [])'
    is_permitted = on_expanded("e.value", named("e.name", "x"))
    may_name = f"e.value.matches({literal(MAY_NAME)})"
    of_env = f'c.env.all(e, !has(e.value) || (!{may_name} && !e.value.contains("$(")) || {is_permitted})'
    return f"(!has(c.env) || ({texts_are_short(values)} && {of_env}))"


# With another end the prefix and the key of an entry would make a word, such as `https_pro` and `xy`.
_WHOLE_PREFIX = "^(?:.*[^A-Za-z0-9])?$"


def source_of_variable(value: str) -> str:
    """Return CEL: what a variable of the environment is read from is judged there under the same name.

    An entry of a ConfigMap is judged by its key. A label, an annotation and what a container wrote into a
    file are not judged as a host.
    """
    entry = f"{value}.valueFrom.configMapKeyRef"
    path = f"{value}.valueFrom.fieldRef.fieldPath"
    means_place = " || ".join(f"{value}.name.matches({literal(name)})" for name in MEANINGS)
    same_meaning = " && ".join(
        f"(!{value}.name.matches({literal(name)}) || {entry}.key.matches({literal(name)}))"
        for name in MEANINGS
    )
    of_entry = f"(!has({entry}) || ({same_meaning}))"
    is_free_text = f'({path}.startsWith("metadata.annotations") || {path}.startsWith("metadata.labels"))'
    is_label = f"(has({value}.valueFrom.fieldRef) && {is_free_text})"
    # A container before it writes the file.
    is_free = f"({is_label} || has({value}.valueFrom.fileKeyRef))"
    of_free = f"(!{is_free} || !({means_place}))"
    has_source = f"has({value}.valueFrom)"
    return f"(!{has_source} || ({of_entry} && {of_free}))"


def sources_of_container() -> str:
    """Return CEL: what a container `c` reads from elsewhere is judged there under the same name."""
    variables = f"(!has(c.env) || c.env.all(e, {source_of_variable('e')}))"
    is_whole = f"s.prefix.matches({literal(_WHOLE_PREFIX)})"
    prefixes = f"(!has(c.envFrom) || c.envFrom.all(s, !has(s.prefix) || {is_whole}))"
    return f"({variables} && {prefixes})"
