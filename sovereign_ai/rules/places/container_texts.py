r"""What containers say in their environment and their commands, as named parts of a pod, in CEL.

In a variable, a command and an argument `$(NAME)` stands for another variable of the container. It is
replaced here once for all checks on these texts: the time in which an API server compiles an expression grows
with the square of its length, so that what several checks need is an expression of its own.

    environment_texts: [[["HF_ENDPOINT", "http://hub.ml.svc"], ...], ...]
    command_texts: [[["python", "train.py", ...], ...], ...]
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.command_arguments import without_labels
from sovereign_ai.rules.places.environment_variables import expanded, with_place_variables
from sovereign_ai.rules.places.permitted_places import texts_are_short

_UNJUDGED = literal("\u0003")
"""Stands for a text that is not whole after two steps, and for texts that are too long to be judged."""
_CALLERS = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")


_STORE_SERVER = r"^(?:MLFLOW_)?(?:AWS|S3)_(?:S3_)?ENDPOINT(?:_UR[IL])?(?:_S3)?$"
"""Names of the variables by which clients of S3 take their server, which is judged itself."""
_STATES_STORE = (
    "(has(c.env) && c.env.exists(e, has(e.value) && e.value != '' && e.name.matches("
    f"{literal(_STORE_SERVER)})))"
)
"""CEL: a container `c` says on which server the buckets of its command are."""
_OF_STORE = r"(?i)bucket(?:_?name)?$"
"""The name of a variable that is such a bucket's."""


def _as_inside(text: str) -> str:
    """Return CEL for a text in which buckets are names at a server that is judged elsewhere.

    A host in a bucket's place remains one.
    """
    # Triton writes the server before the bucket.
    return f"{text}.replace('s3://http', 'http').replace('s3://', 'pvc://').replace('s3a://', 'pvc://')"


def _words_of(holder: str, name: str) -> str:
    """Return CEL for the words of a command, or an empty list, given the path of what holds it."""
    steps = (*holder.split("."), name)
    paths = [".".join(steps[: number + 1]) for number in range(1, len(steps))]
    exists = " && ".join(f"has({path})" for path in paths)
    return f"({exists} ? {holder}.{name} : [])"


COMMAND = f"{_words_of('c', 'command')} + {_words_of('c', 'args')}"
"""CEL for the words that a container `c` runs; its arguments follow its command."""
EXEC_COMMANDS = ", ".join(_words_of(f"c.{caller}.exec", "command") for caller in _CALLERS)
"""CEL for the commands of probes and hooks of a container `c`, without the brackets of a list."""
_LISTS = f"[{COMMAND}, {EXEC_COMMANDS}]"


def is_judged(value: str) -> str:
    """Return CEL: a text is whole, so that what it names can be decided."""
    return f"!{value}.contains({_UNJUDGED})"


def environment_texts(containers: str) -> str:
    """Return CEL for the variables of containers, as pairs of a name and a text, in a list for each.

    Only containers in whose variables a place may be named are among them.
    """
    short = texts_are_short('c.env.map(e, has(e.value) ? e.value : "")')
    pairs = f"c.env.filter(e, has(e.value)).map(e, [e.name, {expanded('e.value', _UNJUDGED)}])"
    of_store = f"t[0].matches({literal(_OF_STORE)})"
    # A program's own server stands beside its bucket, under the same name.
    beside = "l.exists(u, u[1] != '' && u[0] == t[0].replace('_NAME', '').replace('BUCKET', 'ENDPOINT'))"
    is_inside = f"{of_store} && (s || {beside})"
    # All elements of a list have one type, and a field of an unknown kind has none.
    text = f"s ? {_as_inside('string(t[1])')} : string(t[1])"
    inside = f"l.map(t, [{is_inside} ? 'name' : string(t[0]), {text}])"
    is_stated = f"l.exists(u, u[1] != '' && u[0].matches({literal(_STORE_SERVER)}))"
    has_bucket = f"l.exists(t, {of_store} || t[1].contains('s3'))"
    stated = f"[{pairs}].map(l, {has_bucket} ? [{is_stated}].map(s, {inside})[0] : l)[0]"
    return f'{with_place_variables(containers)}.map(c, {short} ? {stated} : [["", {_UNJUDGED}]])'


def command_texts(containers: str) -> str:
    """Return CEL for the words of each command of containers, in a list for each container."""
    plain = f"w.map(a, {expanded('a', _UNJUDGED)})"
    has_bucket = "l.exists(a, a.contains('s3'))"
    words = f"[{plain}].map(l, {has_bucket} && {_STATES_STORE} ? l.map(a, {_as_inside('a')}) : l)[0]"
    judged = f"{texts_are_short('w')} ? {words} : [{_UNJUDGED}]"
    commands = f"{_LISTS}.filter(l, size(l) > 0).map(l, {without_labels('l')})"
    return f"{containers}.map(c, {commands}.map(w, {judged}))"
