"""On which cluster stands what a state holds.

Pulumi removes from the cluster that the state names and not from the one that a person names: the provider's kubeconfig of
the last deployment is kept, and the context in it. It looks there too for what is to be done. Where the two differ, what is true
is said before anything is touched. Two files, and two contexts of one, are the same cluster if their servers and authorities are.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.state import place
from sovereign_ai.cluster.transport import current_context, named_server
from sovereign_ai.errors import Problem, SovereignError, Where

_PROVIDER = "pulumi:providers:kubernetes"
_OBJECT = "kubernetes:"
_SETTING = "sovereign:kubeconfig"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a state holds of one stack.

    Attributes:
        stack: the stack's name.
        folder: the stack's folder.
        objects: how many Kubernetes objects.
        kubeconfig: the file by which they were deployed; None where no object was.
        context: the file's context by which they were; None means its current one.
        plane: `kind` where the state is the kind plane's; empty for any other.
    """

    stack: str
    folder: Path
    objects: int
    kubeconfig: Path | None
    context: str | None = None
    plane: str = ""

    def is_on(self, kubeconfig: Path | None) -> bool:
        """Tell whether all of it stands on the cluster of this kubeconfig; nothing at all stands on every one."""
        if not self.objects or self.kubeconfig is None or kubeconfig is None:
            return True
        return same_cluster(self.kubeconfig, kubeconfig, self.context)

    def elsewhere(self, kubeconfig: Path | None) -> Problem | None:
        """Say where it stands and what to do, if that is not the cluster of this kubeconfig."""
        if self.kubeconfig is None or self.is_on(kubeconfig):
            return None
        context = f" in its context {self.context!r}" if self.context else ""
        held = f"the state holds {self.objects} objects of {self.stack!r} on the cluster of {self.kubeconfig}{context}"
        down = f"sovereign-ai down {shlex.quote(str(self.folder))} --stack {self.stack}"
        forget = f"`{down}{' --cluster kind' if self.plane else ''} --forget`"
        if lack := _lack(self.kubeconfig, self.context):
            back = "" if self.plane else "put it back and name the file by --cluster kubeconfig --kubeconfig; "
            hint = f"{back}if that cluster is no more, or is called otherwise now, {forget} drops it from the state, and `up` takes over what still stands"
            return Problem("cluster-gone", f"{held}, and that file {lack}", hint=hint)
        if self.plane:
            hint = f"if that cluster is no more, or was moved, {forget} drops it from the state, and `up` takes over what still stands"
        else:
            is_ours = self.kubeconfig.resolve() == place(self.stack).kubeconfig.resolve()
            where = "" if is_ours else f" --cluster kubeconfig --kubeconfig {shlex.quote(str(self.kubeconfig))}"
            hint = (
                f"{self._first(self.kubeconfig)}they are removed by `{down}{where}`; "
                f"if it is the same cluster by another address, {forget} drops them from the state, and `up` takes them over"
            )
        meant = f"the file's current one, {current_context(kubeconfig)!r}" if kubeconfig == self.kubeconfig else f"that of {kubeconfig}"
        return Problem("other-cluster", f"{held}, and not on {meant}", hint=hint)

    def _first(self, kubeconfig: Path) -> str:
        """Say what must be done before its file leads to the cluster that is meant; empty if nothing must."""
        if self.context is None or current_context(kubeconfig) == self.context:
            return ""
        return f"after `kubectl config use-context {shlex.quote(self.context)} --kubeconfig {shlex.quote(str(kubeconfig))}` "


def _lack(kubeconfig: Path, context: str | None) -> str:
    """Say why a file does not lead to the cluster of one of its contexts any more; empty if it does."""
    if not kubeconfig.is_file():
        return "is gone"
    if context is not None:
        try:
            named_server(kubeconfig, context)
        except SovereignError:
            return "has no such context any more"
    return ""


def same_cluster(one: Path, other: Path, context: str | None = None) -> bool:
    """Tell whether two kubeconfigs lead to one cluster: they are one file, or name one server and one authority.

    Args:
        one: a kubeconfig.
        other: another one, whose current context counts.
        context: the context of the first that is meant; left out, its current one.
    """
    if one.resolve() == other.resolve() and (context is None or not one.exists()):
        return True  # what is gone leads nowhere else
    try:
        return named_server(one, context) == named_server(other)
    except SovereignError:
        return False  # what cannot be read is no proof of being the same


def other_in_settings(settings: Path, kubeconfig: Path | None) -> Problem | None:
    """Say that a stack's settings name another cluster than the command does: the program would deploy to that one.

    Args:
        settings: the stack's `Pulumi.<stack>.yaml`; it need not be there.
        kubeconfig: what the command names; None names nothing.
    """
    if kubeconfig is None or not settings.is_file():
        return None
    named = _set(settings, _SETTING)
    if named is None or (isinstance(named, str) and same_cluster(settings.parent / named, kubeconfig)):
        return None
    message = f"{_SETTING} names {named if isinstance(named, str) else 'a secret'}, and the command means the cluster of {kubeconfig}"
    hint = f"`pulumi config rm {_SETTING}`, or name that cluster: --cluster kubeconfig --kubeconfig FILE"
    return Problem("other-cluster", message, Where(str(settings), field=f"config.{_SETTING}"), hint)


def _set(settings: Path, key: str) -> object:
    """Read one value of a stack's settings; what is no settings file is the engine's to refuse, in its own words."""
    try:
        found = yaml.safe_load(settings.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    config = found.get("config") if isinstance(found, dict) else None
    return config.get(key) if isinstance(config, dict) else None


def standing(stack: str, folder: Path, resources: Iterable[Mapping[str, Any]], plane: str = "") -> Standing:
    """Read from a state's resources what it holds.

    Args:
        stack: the stack's name.
        folder: its folder.
        resources: as `pulumi stack export` gives them.
        plane: `kind` where the state is the kind plane's; empty for any other.
    """
    listed = list(resources)
    named = [one.get("inputs", {}).get("kubeconfig") for one in listed if one["type"] == _PROVIDER]
    path = next((folder / one for one in named if isinstance(one, str) and one and "\n" not in one), None)
    contexts = [one.get("inputs", {}).get("context") for one in listed if one["type"] == _PROVIDER]
    context = next((one for one in contexts if isinstance(one, str) and one), None)
    return Standing(stack, folder, sum(one["type"].startswith(_OBJECT) for one in listed), path, context, plane)
