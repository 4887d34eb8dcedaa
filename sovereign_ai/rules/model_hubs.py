r"""Programs that ask a hub of models unless a variable says otherwise, as CEL: `hf upload org/model`.

A model's name at a hub has no host in it. The client asks Hugging Face, or where `HF_ENDPOINT` says; with
`HF_HUB_OFFLINE` it asks nobody. So a container that calls it states one of these. The address in the variable
is judged like any other.

Sources, read 2026-11-30: huggingface_hub's references ("Environment variables", "Command Line Interface").
"""

from __future__ import annotations

from sovereign_ai.rules.cel_literals import literal
from sovereign_ai.rules.environment_variables import OWN_ENVIRONMENT
from sovereign_ai.rules.named_hosts import BETWEEN

HUBS = "(?:hf|huggingface|kaggle|modelscope|ollama)[.](?:ai|cn|co|com)"
"""Domains of hubs, which clients also take without a scheme: `ollama pull hf.co/org/model`."""
_ASKS = (
    r"(?:^|[\x01\s;&|(/])(?:huggingface-cli|hf)[ \x01]+(?:auth|buckets?|cp|datasets?|download|endpoints?"
    r"|jobs?|login|models?|repos?|spaces?|sync|upload)"
    r"|(?:^|[\x01\s])--push[_-]to[_-]hub(?:$|[=\x01\s](?:[Tt]rue|1|-))"
)
"""A client of the hub, or a trainer that hands its model in."""
_YES = "(?i)^(?:1|on|yes|true)$"


def asks_stated_hub(command: str) -> str:
    """Return CEL: a command of a container `c` asks no hub, or `variables_state_hub` holds.

    Args:
        command: expression of the command's words.
    """
    together = f"{command}.join({literal(BETWEEN)})"
    return f"(!{together}.matches({literal(_ASKS)}) || {variables_state_hub()})"


def variables_state_hub() -> str:
    """Return CEL: a container `c` says which hub its programs ask, or that they ask none."""
    # The last variable of a name counts, so that each says so.
    says_yes = f"has(d.value) && d.value.matches({literal(_YES)})"
    is_offline = (
        f'({OWN_ENVIRONMENT}.exists(d, d.name == "HF_HUB_OFFLINE")'
        f' && {OWN_ENVIRONMENT}.all(d, d.name != "HF_HUB_OFFLINE" || ({says_yes})))'
    )
    has_hub = 'd.name == "HF_ENDPOINT" && (!has(d.value) || d.value != "")'
    return f"({OWN_ENVIRONMENT}.exists(d, {has_hub}) || {is_offline})"
