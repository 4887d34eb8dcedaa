"""Every argument of every command, and every environment variable, with texts that are hostile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.case import ANY, REFUSED, Case, Prepared
from tests.hostile.texts import ESCAPES, SECRETS

_TEXTS = {
    **{f"escape-{name}": text for name, text in ESCAPES.items()},
    **{f"secret-{name}": text for name, text in SECRETS.items()},
    "empty": "",
    "long": "x" * 100_000,
    "surrogate": "a\udcffb",
    "dots": "../../../../etc/passwd",
    "dash": "--",
    "template": "{{ 7*7 }}",
    "nothing": "/dev/null/x",
    "number": "9" * 400,
    "nan": "nan",
    "infinity": "1e999",
    "minus": "-1",
    "equals": "=",
    "comma": "fra1=,",
    "unknown-site": "nowhere=nothing",
}
_ACT = frozenset(
    {
        "up",
        "down",
        "preview",
        "cluster up",
        "cluster down",
        "tools install",
        "state move",
        "hosts up",
        "fabric twin up",
        "fabric twin test",
    }
)
"""Commands that start something before an option is read; their arguments are read by the others' code."""
VARIABLES = (
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "HOME",
    "COLUMNS",
    "SOVEREIGN_AI_KEY_FILE",
    "TMPDIR",
    "KUBECONFIG",
    "NO_COLOR",
    "TERM",
    "LANG",
    "PATH",
)
_SEEN = ("doctor", "validate", "plan")


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return each command: its words, and click's own description."""
    from typer.main import get_command

    from sovereign_ai.cli.main import app

    yield from _below(get_command(app), ())


def _below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, one in inner.items():
        yield from _below(one, (*words, name))


def option_cases() -> Iterator[Case]:
    """Return a case for each parameter of each command and each text."""
    for words, command in commands():
        if " ".join(words) in _ACT:
            continue
        for parameter in command.params:
            if getattr(parameter, "is_flag", False) or parameter.name == "help":
                continue
            for kind, text in _TEXTS.items():
                arguments = (
                    (*words, parameter.opts[0], text) if parameter.opts[0].startswith("-") else (*words, text)
                )
                name = f"arguments/{'-'.join(words)}.{parameter.name}/{kind}"
                yield Case(name, partial(_nothing, arguments), frozenset({0, 1, 2, 3}))
    for kind, text in _TEXTS.items():
        yield Case(f"arguments/command/{kind}", partial(_nothing, (text,)), ANY)
        yield Case(f"arguments/option/{kind}", partial(_nothing, ("validate", f"--{text}")), REFUSED)


def _nothing(arguments: tuple[str, ...], folder: Path) -> Prepared:
    """Call a command where there is no stack."""
    return Prepared(folder / "nothing", arguments)


def variable_cases() -> Iterator[Case]:
    """Return a case for each environment variable and each text."""
    for variable in VARIABLES:
        for kind, text in _TEXTS.items():
            if "\0" not in text:
                yield Case(
                    f"environment/{variable}/{kind}",
                    partial(_small, variable, text[:60_000]),
                    frozenset({0, 1, 2, 3}),
                )


def _small(variable: str, text: str, folder: Path) -> Prepared:
    from tests.hostile.readers import SMALL

    stack = folder / "factory.yaml"
    stack.write_text(SMALL, encoding="utf-8")
    return Prepared(stack, ("validate", str(stack)), {variable: text})
