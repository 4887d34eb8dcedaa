"""Names that shells complete: rules, rows of the catalogue, tools, and what an option chooses from.

Each function returns the names that begin with what was typed. Shells call the whole program at each press of
the tabulator, so that everything is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import get_args

import typer

_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
"""The shells that Typer has completion for."""


def require_shell() -> None:
    """Refuse to install or show completion where Typer does not know the shell that called the program.

    Raises:
        EnvironmentLacksError: there is none, or another.
    """
    import shellingham  # type: ignore[import-untyped]

    from sovereign_ai.errors import EnvironmentLacksError, Problem

    try:
        shell, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        shell = ""
    if shell not in _SHELLS:
        message = f"{shell} has no completion here" if shell else "no shell is found that called this"
        hint = "call it again from bash, zsh, fish or PowerShell"
        raise EnvironmentLacksError(Problem("no-shell", message, hint=hint))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin with a text."""
    return [name for name in names if name.startswith(incomplete)]


def complete_rule(incomplete: str) -> list[str]:
    """Return ids of rules, in small letters where those were typed."""
    from sovereign_ai.rules import REGISTRY

    ids = [rule.id for rule in REGISTRY]
    # What does not begin with what was typed is not offered, and `explain` takes both.
    return _beginning(incomplete, ids) or _beginning(incomplete, map(str.lower, ids))


def complete_row(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of rows of the catalogue, also of those of `--with`; beside one, those of its kind."""
    from sovereign_ai.cli.catalog_rows import read_rows
    from sovereign_ai.errors import SovereignError

    rows = read_rows([])
    # A file that cannot be read has no names; the command itself says why.
    with suppress(SovereignError, OSError):
        rows = read_rows(list(context.params.get("files") or []))
    begun = {*(context.params.get("names") or [])}
    names: list[str] = []
    for listed in rows.values():
        own = [row.name for row in listed]
        if not begun or begun & {*own}:
            names += [name for name in _beginning(incomplete, own) if name not in begun]
    return names


def complete_row_kind(incomplete: str) -> list[str]:
    """Return kinds of rows of the catalogue."""
    from sovereign_ai.catalog import KINDS

    return _beginning(incomplete, KINDS)


def complete_listed_kind(incomplete: str) -> list[str]:
    """Return what `catalog list` lists: kinds of rows, and designs."""
    return [*complete_row_kind(incomplete), *_beginning(incomplete, ["design"])]


def complete_model(incomplete: str) -> list[str]:
    """Return the catalogue's systems behind a model's name, as in `MODEL=SYSTEM`."""
    from sovereign_ai.catalog.system import systems

    model, equals, name = incomplete.partition("=")
    if not equals:
        return []
    names = [system.name for system in systems()]
    return [f"{model}={system}" for system in _beginning(name, names)]


def complete_country(incomplete: str) -> list[str]:
    """Return codes of countries."""
    from sovereign_ai.catalog import countries

    return _beginning(incomplete, (country.code for country in countries()))


def complete_access(incomplete: str) -> list[str]:
    """Return kinds of break-glass access."""
    from sovereign_ai.cluster import ACCESS_ROLES

    return _beginning(incomplete, ACCESS_ROLES)


def complete_delivery(incomplete: str) -> list[str]:
    """Return programs that deliver objects from a repository."""
    from sovereign_ai.render.delivery import GITOPS_TOOLS

    return _beginning(incomplete, GITOPS_TOOLS)


def complete_serving(incomplete: str) -> list[str]:
    """Return what a service is rendered for."""
    from sovereign_ai.assess.fit import ServingForm

    return _beginning(incomplete, ServingForm)


def complete_level(incomplete: str) -> list[str]:
    """Return trust levels of zones."""
    from sovereign_ai.spec import SecurityZone

    return _beginning(incomplete, get_args(SecurityZone.model_fields["trust"].annotation))


def complete_key(incomplete: str) -> list[str]:
    """Return the keys of a control plane: one for each trust level, and its own."""
    return [*complete_level(incomplete), *_beginning(incomplete, ["plane"])]


def complete_tool(incomplete: str) -> list[str]:
    """Return the pinned tools."""
    from sovereign_ai.toolchain import TOOLS

    return _beginning(incomplete, TOOLS)


def complete_built_tool(incomplete: str) -> list[str]:
    """Return the tools that are built from source."""
    from sovereign_ai.toolchain.rebuild import built_tools

    return _beginning(incomplete, built_tools())
