"""Build the engine's environment: this tool's own Pulumi variables, and none that is inherited.

Pulumi reads more than a hundred variables, some of them before its files and its arguments.
`PULUMI_CONFIG_PASSPHRASE`, even empty, takes precedence over the file that holds the passphrase,
`PULUMI_BACKEND_URL` moves the state, and `PULUMI_OPTION_…` is a flag. So every inherited `PULUMI_…` is
dropped except those listed here; that includes variables of later Pulumi versions. A variable that places
state or secrets elsewhere than this tool does is refused: the user who set it expects it to take effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sovereign_ai.cluster.backends import STATE_KEYS
from sovereign_ai.cluster.control_plane import state_folder_name
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

_PREFIX = "PULUMI_"
_KEPT = frozenset({"PULUMI_OPTION_POLICY_PACK", "PULUMI_OPTION_POLICY_PACK_CONFIG"})
"""Variables that a user may set: policy packs can only refuse more.

See `deploy/language_host/named_programs.py`.
"""
_STATE_AND_SECRETS = (
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_OPTION_SECRETS_PROVIDER",
    "PULUMI_OPTION_CONFIG_FILE",
    "PULUMI_STACK_CONFIG_FILE",
)
"""Variables that move state, settings or secrets; refused where they differ from this tool's own value."""


def _is_own_state(name: str, value: str, own: Mapping[str, str]) -> bool:
    """Return whether a variable names the other local control plane's state, as `sovereign-ai env` does."""
    if name != "PULUMI_BACKEND_URL" or not value.startswith("file://"):
        return False
    inherited_state = Path(value.removeprefix("file://"))
    own_state = Path(own.get(name, "").removeprefix("file://"))
    names = {state_folder_name(key) for key in STATE_KEYS}
    return inherited_state.parent == own_state.parent and inherited_state.name in names


def engine_environment(ambient: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for an engine.

    Args:
        ambient: the environment of this process.
        own: the variables that this tool sets.

    Raises:
        EnvironmentLacksError: inherited variables place state or secrets elsewhere; all of them at once.
    """
    problems: list[Problem] = []
    for name in _STATE_AND_SECRETS:
        # Presence counts, not content: an empty passphrase is one to Pulumi, and contradicts the key file.
        if name not in ambient or ambient[name] == own.get(name):
            continue
        if _is_own_state(name, ambient[name], own):
            continue
        message = f"{name} is set, and would replace where this tool keeps the state or its secrets"
        hint = (
            f"unset {name}; the state's key is placed by SOVEREIGN_AI_KEY_FILE, "
            "the state itself by XDG_STATE_HOME"
        )
        problems.append(Problem("foreign-environment", message, Where(field=name), hint))
    if problems:
        raise EnvironmentLacksError(problems)
    kept = {name: value for name, value in ambient.items() if not name.startswith(_PREFIX) or name in _KEPT}
    return kept | dict(own)
