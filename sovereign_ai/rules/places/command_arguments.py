"""Conditions on the commands and arguments of containers, as CEL: they name permitted places only."""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.environment_variables import FREE
from sovereign_ai.rules.places.named_hosts import (
    BETWEEN,
    FILE_NAME,
    TUNNEL,
    are_permitted_named,
    takes_reference,
    with_code_marks,
)
from sovereign_ai.rules.places.named_settings import (
    BUCKET_NAMES,
    MAY_NAME,
    PLACE_WORDS,
    REGION_NAMES,
    ZONE_NAMES,
    as_named,
    text_or_setting,
)
from sovereign_ai.rules.places.permitted_places import PLAIN, host

# A script may begin with the setting of a variable, and is read by its words.
_FLAG = r"^[-+]{0,2}[A-Za-z0-9._-]+=(?:[^;\n]|;[^ \n])*$"


def argument(value: str) -> str:
    """Return CEL: an argument, also one of the form `--name=value`, names permitted places only."""
    name = f'{value}.split("=")[0]'
    # All behind the first `=`: another may follow.
    flag_value = f"{value}.substring(size({name}) + 1)"
    is_flag = f"{value}.matches({literal(_FLAG)})"
    return text_or_setting(value, name, flag_value, is_flag)


_BETWEEN = literal(BETWEEN)
_NAMES = (REGION_NAMES, ZONE_NAMES, BUCKET_NAMES)
_OPTION_NAMES = "|".join(name.removeprefix("(?i)").removesuffix("$") for name in _NAMES)
_OPTION = (
    rf"(?i)\x01-+[a-z0-9._-]*(?:{_OPTION_NAMES})\x01[^\x01-][^\x01]*"
    rf"|\x01-+[a-z0-9._-]*(?:{PLACE_WORDS})s?\x01(?:[^\x01-][^\x01]*[.][^\x01]*|[$][(][^\x01]*"
    "|[0-9]{5,}|0[xX][0-9A-Fa-f]+)"
)
"""An option of two words that is called after a host, a region or a bucket, with its value."""
_MAY_NAME_TOGETHER = rf"{MAY_NAME}|(?i:-[a-z0-9._-]*(?:{_OPTION_NAMES})\x01)"

_LABELS_OPTIONS = "--metric-labels-allowlist", "--metric-annotations-allowlist"
_LABELS_BY_KIND = rf"^(?:(?:{'|'.join(_LABELS_OPTIONS)})=)?(?:[a-z0-9.]+=\[[A-Za-z0-9_./*,-]*\](?:,|$))+$"
"""Which labels of each kind kube-state-metrics exposes: `nodes=[topology.kubernetes.io/zone]`.

A label's key has the form of a host, and a kind's name may be a word for one.
"""


def without_labels(values: str) -> str:
    """Return CEL for arguments without those by which kube-state-metrics exposes labels."""
    is_option = " || ".join(f"o.startsWith({literal(option)})" for option in _LABELS_OPTIONS)
    others = f"{values}.filter(o, !o.matches({literal(_LABELS_BY_KIND)}))"
    return f"({values}.exists(o, {is_option}) ? {others} : {values})"


def arguments(values: str) -> str:
    """Return CEL: every argument names permitted places only.

    What follows `--version` as an argument of its own looks like an address and is none. It is read as
    `--version=…`, since CEL's `all` does not show an item's neighbours.
    """
    joined = f'{values}.join({_BETWEEN}).replace("-version" + {_BETWEEN}, "-version=").split({_BETWEEN})'
    listed = f'({values}.exists(a, a.endsWith("-version")) ? {joined} : {values})'
    return f"{listed}.all(x, x.matches({literal(PLAIN)}) || {argument('x')})"


_PROGRAM = r"^\s*(?:import|from) [a-z]"
"""The beginning of a program of Python, as it stands behind `python -c`."""


def arguments_by_word(values: str) -> str:
    """Return CEL: what an option, a word or a client's name in arguments calls a host is permitted."""
    # What follows an option as an argument of its own is its value.
    together = f"{_BETWEEN} + {values}.join({_BETWEEN})"
    marked = with_code_marks("a", f"a.matches({literal(_PROGRAM)})")
    with_marks = f"{_BETWEEN} + {values}.map(a, {marked}).join({_BETWEEN})"
    has_program = f"j.matches({literal(BETWEEN + _PROGRAM.removeprefix('^'))})"
    are_permitted = f"{_options('x')} && {permitted_command('x')}"
    # What is behind a reference that stays is unknown.
    may_name = f'(j.contains("$(") || j.matches({literal(_MAY_NAME_TOGETHER)}))'
    of_any = f"[{has_program} ? {with_marks} : j].all(x, {are_permitted})"
    leads_out = f"j.matches({literal(TUNNEL)}) || {_takes_labels('j')}"
    return f"[{together}].all(j, !({leads_out}) && (!{may_name} || {of_any}))"


def permitted_command(value: str) -> str:
    """Return CEL: the hosts that the words of a command name are permitted."""
    return are_permitted_named(value, host("h"), are_commands=True)


def _takes_labels(value: str) -> str:
    """Return CEL: a client in a command has a label, an annotation or a pod's dotted name as argument."""
    # A name without a dot is replaced before.
    return f"({value}.contains({literal(FREE)}) && {takes_reference(value, FREE)})"


def _options(value: str) -> str:
    """Return CEL: the values of options that are called after a host, a region or a bucket are permitted."""
    condition = as_named(f"o.split({_BETWEEN})[1]", f"o.split({_BETWEEN})[2]")
    return f"{value}.findAll({literal(_OPTION)}).all(o, o.matches({literal(FILE_NAME)}) || {condition})"
