"""Find the cluster that a Pulumi state was deployed to, and compare it with the one that a command names.

Pulumi removes objects from the cluster that the state names, and not from the one that a person names: the
state keeps the provider's kubeconfig of the last deployment and the context in it, and Pulumi also reads live
objects there. Where the two clusters differ, a command reports it before it changes anything. Two files, and
two contexts of one file, are the same cluster if their servers and their certificate authorities are.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import cluster_dir_of
from sovereign_ai.cluster.api import current_context, named_server
from sovereign_ai.cluster.control_plane import state_option
from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
from sovereign_ai.files import SETTINGS, decode, parse, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

PROVIDER = "pulumi:providers:kubernetes"
"""The type of a Kubernetes provider in a state."""
_OBJECT = "kubernetes:"
_SETTING = "sovereign:kubeconfig"


@frozen_dataclass
class StateTarget:
    """The Kubernetes objects in one stack's state, and the cluster that they are on.

    Attributes:
        stack: the stack's name.
        folder: the stack's folder.
        objects: how many Kubernetes objects.
        kubeconfig: the file by which they were deployed; None where no object was.
        context: the file's context by which they were; None means its current one.
        plane: `kind` where the state is that of the kind control plane; empty for any other.
    """

    stack: str
    folder: Path
    objects: int
    kubeconfig: Path | None
    context: str | None = None
    plane: str = ""

    def is_on(self, kubeconfig: Path | None) -> bool:
        """Return whether all objects are on the cluster of a kubeconfig; True for a state without objects."""
        if not self.objects or self.kubeconfig is None or kubeconfig is None:
            return True
        return same_cluster(self.kubeconfig, kubeconfig, self.context)

    def elsewhere(self, kubeconfig: Path | None) -> Problem | None:
        """Return a problem with the way out if the objects are not on the cluster of a kubeconfig.

        None if they are.
        """
        if self.kubeconfig is None or self.is_on(kubeconfig):
            return None
        context = f" in its context {self.context!r}" if self.context else ""
        cluster = f"the cluster of {self.kubeconfig}{context}"
        held = f"the state holds {counted(self.objects, 'object')} of {self.stack!r} on {cluster}"
        option = state_option(self.plane)
        forget = f"`{self._down}{option} --forget` drops"
        takes_over = "and `up` takes over what still exists"
        if lack := self.why_unusable:
            # The kind cluster's kubeconfig is written by this tool; a user has no copy of it to put back.
            back = "put it back and name the file by --cluster kubeconfig --kubeconfig; "
            gone = f"if that cluster is no more, or is called otherwise now, {forget} it from the state"
            hint = f"{'' if self.plane else back}{gone}, {takes_over}"
            return Problem("cluster-gone", f"{held}, and that file {lack}", hint=hint)
        if self.plane:
            hint = f"if that cluster is no more, or was moved, {forget} it from the state, {takes_over}"
        else:
            hint = self._removal_hint(self.kubeconfig, forget)
        target = f"that of {kubeconfig}"
        if kubeconfig == self.kubeconfig:
            target = f"the file's current one, {current_context(kubeconfig)!r}"
        return Problem("other-cluster", f"{held}, and not on {target}", hint=hint)

    @property
    def why_unusable(self) -> str:
        """Why the state's file does not lead to its cluster any more, such as "is gone"; empty if it does."""
        return _why_unusable(self.kubeconfig, self.context) if self.kubeconfig is not None else ""

    @property
    def _down(self) -> str:
        """The command that removes the stack."""
        return f"sovereign-ai down {shlex.quote(str(self.folder))} --stack {self.stack}"

    def _removal_hint(self, kubeconfig: Path, forget: str) -> str:
        """Return how to remove the objects from their own cluster, or to take them over."""
        options = ""
        # Without options `down` uses the local control plane, whose kubeconfig this is then.
        if kubeconfig.resolve() != cluster_dir_of(self.stack).kubeconfig.resolve():
            options = f" --cluster kubeconfig --kubeconfig {shlex.quote(str(kubeconfig))}"
        return (
            f"{self._context_hint(kubeconfig)}they are removed by `{self._down}{options}`; "
            f"if it is the same cluster by another address, {forget} them from the state, "
            "and `up` takes them over"
        )

    def _context_hint(self, kubeconfig: Path) -> str:
        """Return the command that selects the state's context in its file; empty if it is the current one."""
        if self.context is None or current_context(kubeconfig) == self.context:
            return ""
        context, file = shlex.quote(self.context), shlex.quote(str(kubeconfig))
        return f"after `kubectl config use-context {context} --kubeconfig {file}` "


def _why_unusable(kubeconfig: Path, context: str | None) -> str:
    """Return why a file does not lead to the cluster of one of its contexts any more; empty if it does."""
    if not kubeconfig.is_file():
        return "is gone"
    if context is not None:
        try:
            named_server(kubeconfig, context)
        except SovereignError:
            return "has no such context any more"
    return ""


def same_cluster(first: Path, second: Path, context: str | None = None) -> bool:
    """Return whether two kubeconfigs lead to one cluster: one file, or one server with one authority.

    Args:
        first: a kubeconfig.
        second: another one, whose current context counts.
        context: the context of the first; left out, its current one.
    """
    # A file that does not exist has no contexts to compare, and leads nowhere else.
    if first.resolve() == second.resolve() and (context is None or not first.exists()):
        return True
    try:
        return named_server(first, context) == named_server(second)
    except SovereignError:
        # A file that cannot be read does not prove that the clusters are the same.
        return False


def other_in_settings(settings: Path, kubeconfig: Path | None) -> Problem | None:
    """Return a problem if a stack's settings, which its program uses, name another cluster than the command.

    Args:
        settings: the stack's `Pulumi.<stack>.yaml`; it need not exist.
        kubeconfig: the file that the command names; None if it names none.
    """
    if kubeconfig is None or not settings.is_file():
        return None
    value = _setting(settings, _SETTING)
    if value is None or (isinstance(value, str) and same_cluster(settings.parent / value, kubeconfig)):
        return None
    # An encrypted setting is a mapping, `{secure: …}`, whose path cannot be compared here.
    named = value if isinstance(value, str) else "a secret"
    message = f"{_SETTING} names {named}, and the command means the cluster of {kubeconfig}"
    hint = f"`pulumi config rm {_SETTING}`, or name that cluster: --cluster kubeconfig --kubeconfig FILE"
    return Problem("other-cluster", message, Where(str(settings), field=f"config.{_SETTING}"), hint)


def kubeconfig_in_settings(settings: Path) -> str:
    """Return the path that a stack's settings name as its kubeconfig.

    Empty if they name none, or keep it secret.
    """
    value = _setting(settings, _SETTING) if settings.is_file() else None
    return value if isinstance(value, str) else ""


def _setting(settings: Path, key: str) -> object:
    """Return one value of a stack's settings; None where there is none."""
    file = str(settings)
    try:
        text = decode(read(settings, SETTINGS), file, SETTINGS)
        data = parse(text, file, SETTINGS, lenient=True).data
    except UsageError:
        # The engine reads the file too, and refuses a malformed one with its own message.
        return None
    config = data.get("config") if isinstance(data, dict) else None
    return config.get(key) if isinstance(config, dict) else None


def read_target(
    stack: str, folder: Path, resources: Iterable[Mapping[str, Any]], plane: str = ""
) -> StateTarget:
    """Return what a state holds of a stack.

    Args:
        stack: the stack's name.
        folder: its folder.
        resources: as `pulumi stack export` lists them.
        plane: `kind` where the state is that of the kind control plane; empty for any other.
    """
    count = 0
    kubeconfig: Path | None = None
    context: str | None = None
    for resource in resources:
        if resource["type"].startswith(_OBJECT):
            count += 1
        if resource["type"] != PROVIDER:
            continue
        # The first provider that names a file counts: a program may declare further ones of its own.
        inputs = resource.get("inputs", {})
        path, name = inputs.get("kubeconfig"), inputs.get("context")
        # A kubeconfig may also be passed by its content, which has several lines.
        if kubeconfig is None and isinstance(path, str) and path and "\n" not in path:
            kubeconfig = folder / path
        if context is None and isinstance(name, str) and name:
            context = name
    return StateTarget(stack, folder, count, kubeconfig, context, plane)
