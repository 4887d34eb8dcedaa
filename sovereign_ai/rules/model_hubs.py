r"""Programs that ask a hub of models unless a setting says otherwise, as CEL: `hf upload org/model`.

A model's name at a hub has no host in it. The client asks Hugging Face, or where `HF_ENDPOINT` says; with
`HF_HUB_OFFLINE` it asks nobody. So whoever calls it states one of these: in a container's variables, or in
the text itself, such as a script or the settings of a job. The address in the variable is judged like any
other.

Sources, read 2026-11-30 and 2026-12-01: huggingface_hub's references ("Environment variables", "Command Line
Interface", "HfApi"), and Transformers' and Datasets' (`from_pretrained`, `load_dataset`).
"""

from __future__ import annotations

from sovereign_ai.rules.cel_literals import literal
from sovereign_ai.rules.environment_variables import OWN_ENVIRONMENT
from sovereign_ai.rules.named_hosts import BETWEEN, CODE, TUNNEL

HUBS = "(?:hf|huggingface|kaggle|modelscope|ollama)[.](?:ai|cn|co|com)"
"""Domains of hubs, which clients also take without a scheme: `ollama pull hf.co/org/model`."""
_IS = f" ?{CODE}?= ?"
# A folder's name begins with a dot, a slash or a variable.
_NAME = r"[\"'][A-Za-z0-9][A-Za-z0-9_.-]*"
_ASKS = (
    r"(?:^|[\x01\s;&|(/\"'])(?:huggingface-cli|hf)[ \x01]+(?:auth|buckets?|cp|datasets?|download|endpoints?"
    r"|jobs?|login|models?|repos?|spaces?|sync|upload)"
    r"|(?:^|[\x01\s])--push[_-]to[_-]hub(?:$|\n|[=\x01\s](?:[Tt]rue|1|-))"
    rf"|\bpush_to_hub{_IS}True"
    r"|\b(?:push_to_hub|snapshot_download|hf_hub_download|HfApi|HfFileSystem)[(][^)]*"
    rf"|\bfrom_pretrained[(]\s*(?:[a-z_]+{_IS})?{_NAME}(?:/[A-Za-z0-9_.-]+)?[\"'][^)]*"
    rf"|\b(?:load_dataset|SentenceTransformer|CrossEncoder)[(]\s*{_NAME}/[A-Za-z0-9_.-]+[\"'][^)]*"
)
"""A client of the hub, a trainer that hands its model in, or a program's call of either."""
MAY_ASK = "hf[ \x01]|huggingface-cli|to[_-]hub|from_pretrained|load_dataset|_download|HfApi|HfFile|ceT|sE"
"""A short expression for lines of long files in which such a call may stand; names of classes in parts."""
_NONE_ASKED = f"local_files_only{_IS}True"
_YES = "(?:1|on|yes|true)"
_SET = rf"(?:[.]value|[\"'\]]{{0,3}})(?:\s*{CODE}?[:=,]\s*|,?\s*[\"']?value[\"']?\s*[:=]\s*)"
_STATES = rf"(?i)HF_(?:HUB_OFFLINE{_SET}[\"']?{_YES}\b|ENDPOINT{_SET}(?:[\"'][^\"'\s]|[^\"'\s#]))"
"""A text says which hub is asked, or that none is: in a shell, a program, YAML, JSON or a pair."""
_COMMENT = "^[ \t]*(?:#|//)"


def asks_stated_hub(command: str) -> str:
    """Return CEL: a command of a container `c` asks no hub, or it or `variables_state_hub` says which.

    Args:
        command: expression of the command's words.
    """
    together = f"{command}.join({literal(BETWEEN)})"
    return (
        f"[{together}].all(t, {_asks_none('t')} || t.matches({literal(_STATES)}) || {variables_state_hub()})"
    )


def _asks_none(value: str) -> str:
    """Return CEL: no call in a text asks a hub."""
    return f"{value}.findAll({literal(_ASKS)}).all(m, m.matches({literal(_NONE_ASKED)}))"


def texts_ask_stated_hub(lists: str, stated: str) -> str:
    """Return CEL: texts in some lists call no tunnel, and no hub but one that is stated.

    Args:
        lists: expression of lists of texts.
        stated: expression that is true where what runs the texts states the hub.
    """
    end = literal("\n")
    said = f"v.split({end}).filter(o, !o.matches({literal(_COMMENT)})).join({end})"
    together = f"{lists}.map(l, l.map(v, {said}).join({end})).join({end})"
    is_stated = f"t.matches({literal(_STATES)}) || {stated}"
    leads_out = f"t.matches({literal(TUNNEL)})"
    return f"[{together}].all(t, !{leads_out} && ({_asks_none('t')} || {is_stated}))"


def files_ask_stated_hub(files: str) -> str:
    """Return CEL: entries of a ConfigMap call no hub but one that one of them states.

    Args:
        files: expression of the entries, as texts behind their names.
    """
    end = literal("\n")
    # A call's arguments may stand on the next line.
    lines = f'{files}.join({end}).replace("(\\n", "(").split({end})'
    said = f"{lines}.filter(o, o.matches({literal(MAY_ASK)}) && !o.matches({literal(_COMMENT)})).join({end})"
    return f"([{said}].all(t, {_asks_none('t')}) || {files}.exists(t, {_is_stated_in('t')}))"


def _is_stated_in(file: str) -> str:
    """Return CEL: a line of a file that is no comment states the hub, which may go on in the next one."""
    lines = f"{file}.findAll({literal(_STATED_LINE)})"
    return f"{lines}.exists(o, !o.matches({literal(_COMMENT)}) && o.matches({literal(_STATES)}))"


_STATED_LINE = "(?m)^.*HF_(?:HUB_OFFLINE|ENDPOINT).*(?:\n.*)?$"


def variables_state_hub(variables: str = OWN_ENVIRONMENT) -> str:
    """Return CEL: variables, such as those of a container `c`, say which hub is asked, or that none is."""
    # The last variable of a name counts, so that each says so.
    says_yes = f"has(d.value) && d.value.matches({literal(f'(?i)^{_YES}$')})"
    is_offline = (
        f'({variables}.exists(d, d.name == "HF_HUB_OFFLINE")'
        f' && {variables}.all(d, d.name != "HF_HUB_OFFLINE" || ({says_yes})))'
    )
    has_hub = 'd.name == "HF_ENDPOINT" && (!has(d.value) || d.value != "")'
    return f"({variables}.exists(d, {has_hub}) || {is_offline})"
