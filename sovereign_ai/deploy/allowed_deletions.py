"""The deletions that a person allowed, by an option or by the settings of the stack."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sovereign_ai.frozen_dataclass import frozen_dataclass

_VARIABLE = "SOVEREIGN_AI_ALLOWED_DELETIONS"


@frozen_dataclass
class Allowed:
    """The deletions that a person allowed.

    Attributes:
        names: namespaces whose content may be deleted, `research` or `Namespace/research`.
        mass: whether most of the stack's objects may be deleted.
        by_settings: whether the stack's settings allow them, as under a plain `pulumi up`, and no options.
    """

    names: frozenset[str] = frozenset()
    mass: bool = False
    by_settings: bool = False

    def to_environment(self) -> dict[str, str]:
        """Return the environment variable that passes these to the program which a command runs."""
        return {_VARIABLE: json.dumps({"names": sorted(self.names), "mass": self.mass})}

    def has(self, namespace: str) -> bool:
        """Return whether a namespace may be deleted with its content."""
        return bool({namespace, f"Namespace/{namespace}"} & self.names)

    def option_to_allow(self, name: str) -> str:
        """Return what allows the deletion of an object with all that others keep in it."""
        if not self.by_settings:
            return f"`--allow-delete {name}`"
        names = ",".join(sorted({*self.names, name}))
        return f"`pulumi config set sovereign:allowDelete {names}` (of several, the names with commas)"

    @property
    def option_to_allow_mass(self) -> str:
        """What allows the deletion of most of the stack's objects."""
        if not self.by_settings:
            return "`--allow-mass-deletion`"
        return "`pulumi config set sovereign:allowMassDeletion true`"


def allowed_by(environ: Mapping[str, str], names: str | None = None, mass: bool | None = None) -> Allowed:
    """Return the deletions that were allowed by the command that runs this program, or by its configuration.

    Args:
        environ: the program's environment.
        names: the configuration `sovereign:allowDelete`: names of namespaces, separated by commas.
        mass: the configuration `sovereign:allowMassDeletion`.
    """
    by_command = environ.get(_VARIABLE)
    passed = json.loads(by_command or "{}")
    allowed = {name.strip() for name in (names or "").split(",")}
    allowed.discard("")
    allowed.update(passed.get("names", ()))
    return Allowed(frozenset(allowed), bool(mass) or bool(passed.get("mass")), by_settings=by_command is None)
