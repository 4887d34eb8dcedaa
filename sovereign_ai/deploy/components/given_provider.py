"""Check that a Kubernetes provider that the program passes in leads to the target cluster.

`FactoryDeployment` creates a provider of its own unless `provider` or `providers`, its own or a parent's, has
one. The cluster of such a provider is known once the provider is registered: its inputs are read from the
engine, and no Kubernetes object is registered before they are checked. An input that is unknown at preview is
an error, since a deployment is decided on plain values.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor

from sovereign_ai.cluster.api import named_server, server_in
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, UsageError
from sovereign_ai.files import KUBECONFIG, parse

_FIELDS = (
    "kubeconfig",
    "context",
    "cluster",
    "enableServerSideApply",
    "renderYamlToDirectory",
    "deleteUnreachable",
)
_REDIRECTIONS = {
    "pluginDownloadURL": "is fetched from an address of the program's choice",
    "parameterization": "is another one, which a parameter makes pass for it",
    "envVarMappings": "is given other variables of the environment in place of those that it reads",
}
"""What the engine notes of a provider beside its inputs, in words (Pulumi 3.259, `providers/registry.go`)."""
_AMBIENT = Path("~/.kube/config")
"""The file that client-go reads where neither the provider nor KUBECONFIG names one."""


async def require_same_cluster(
    provider: pulumi.ProviderResource, kubeconfig: Path, context: str | None
) -> None:
    """Refuse a provider that leads to another cluster than the kubeconfig, or that cannot apply the objects.

    Args:
        provider: the provider that was passed in.
        kubeconfig: the file of the target cluster.
        context: the file's context; None means its current one.

    Raises:
        pulumi.RunError: with every problem in its text.
    """
    urn = await provider.urn.future()
    await provider.id.future()  # resolves when the provider is registered
    name = str(urn).rpartition("::")[2]
    try:
        judge(name, await _inputs_of(str(urn)), kubeconfig, context)
    except SovereignError as error:
        raise pulumi.RunError(str(error)) from None


def judge(name: str, inputs: Mapping[str, Any], kubeconfig: Path, context: str | None) -> None:
    """Compare a provider's inputs with the target cluster.

    Raises:
        UsageError: every problem that the provider has.
        EnvironmentLacksError: its kubeconfig, or that of the target, names no cluster.
    """
    unknown = [field for field in _FIELDS if rpc.contains_unknowns(inputs.get(field))]
    if unknown:
        hint = (
            "name a kubeconfig that exists before the program runs, or make the cluster in a stack of its own"
        )
        message = (
            f"{', '.join(unknown)} of the provider {name!r} is unknown at preview, "
            "and a deployment is decided on plain values"
        )
        raise UsageError(Problem("unknown-input", message, hint=hint))
    problems = []
    if inputs.get("renderYamlToDirectory"):
        message = f"the provider {name!r} writes files and leads to no cluster"
        hint = "leave renderYamlToDirectory out; `sovereign-ai render` writes the objects as files"
        problems.append(Problem("unsuitable-provider", message, hint=hint))
    if _is_off(inputs.get("enableServerSideApply")):
        message = f"the provider {name!r} has server-side apply switched off, by which a second run is safe"
        problems.append(Problem("unsuitable-provider", message, hint="leave enableServerSideApply out"))
    if _is_on(inputs.get("deleteUnreachable")):
        message = f"the provider {name!r} treats objects of an unreachable cluster as deleted"
        problems.append(Problem("unsuitable-provider", message, hint="leave deleteUnreachable out"))
    if words := plugin_problem(inputs):
        message = f"the plugin of the provider {name!r} {words}"
        hint = "make it as pulumi_kubernetes.Provider, with a kubeconfig and nothing else"
        problems.append(Problem("unsuitable-provider", message, hint=hint))
    # A provider that writes files may lead to no cluster, and then has no server to compare.
    if not problems:
        problems += _cluster_problems(name, server_of(inputs), kubeconfig, context)
    if problems:
        raise UsageError(problems)


def _cluster_problems(
    name: str, actual: tuple[str, bytes], kubeconfig: Path, context: str | None
) -> list[Problem]:
    """Return a problem if a provider leads to another server, or to one of another certificate authority."""
    target = named_server(kubeconfig, context)
    if actual == target:
        return []
    difference = f"{target[0]} by another authority"
    if actual[0] != target[0]:
        difference = f"{actual[0]}, and the cluster meant is {target[0]}"
    source = f"{kubeconfig}, context {context!r}" if context else str(kubeconfig)
    hint = (
        f"the cluster meant is that of {source}: "
        "pass the provider's own file as `kubeconfig` (and `context`), or no provider"
    )
    return [Problem("other-cluster", f"the provider {name!r} leads to {difference}", hint=hint)]


def server_of(inputs: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return the server and the authority that a provider's inputs name, as the provider resolves them.

    Raises:
        EnvironmentLacksError: they name none.
    """
    context, cluster = inputs.get("context") or None, inputs.get("cluster") or None
    given = inputs.get("kubeconfig") or ""
    # The provider also accepts a kubeconfig's content, in YAML or JSON.
    if isinstance(given, str) and ("\n" in given or given.lstrip().startswith("{")):
        given = _content(given)
    if isinstance(given, Mapping):
        return server_in(dict(given), Path("kubeconfig"), context, cluster)
    files = given or os.environ.get("KUBECONFIG") or str(_AMBIENT.expanduser())
    if os.pathsep in files:
        message = (
            f"a provider by {files!r} merges several files, and cannot be compared with the cluster meant"
        )
        raise EnvironmentLacksError(Problem("kubeconfig-invalid", message, hint="name one kubeconfig"))
    return named_server(Path(files).expanduser(), context, cluster)


def _content(given: str) -> Mapping[str, Any]:
    """Return the data of a kubeconfig that is given as text.

    It is read like a kubeconfig's file: of tags, and of fields that stand there twice, the provider could
    make another server.

    Raises:
        EnvironmentLacksError: it is no YAML, or no mapping.
    """
    # The text is not repeated, since it holds credentials.
    message = "what the provider is given as `kubeconfig` is no YAML with clusters, contexts and users"
    hint = "pass a kubeconfig's content, without tags and anchors, or the path of its file"
    problem = Problem("kubeconfig-invalid", message, hint=hint)
    try:
        parsed = parse(given, "kubeconfig", KUBECONFIG, tabs=True, lenient=True)
    except SovereignError:
        raise EnvironmentLacksError(problem) from None
    if parsed.problems or not isinstance(parsed.data, Mapping):
        raise EnvironmentLacksError(problem) from None
    return parsed.data


def plugin_problem(inputs: Mapping[str, Any]) -> str:
    """Return what is wrong with the plugin of a Kubernetes provider, in words; empty if nothing is.

    Rules read what a resource says it is. Another plugin, or one that other variables lead, does something
    else with it.
    """
    # Engines keep it among the inputs that are their own; older ones kept the address beside the others.
    internal = inputs.get("__internal")
    own = internal if isinstance(internal, Mapping) else {}
    for name, words in _REDIRECTIONS.items():
        if own.get(name) or (name == "pluginDownloadURL" and name in inputs):
            return words
    if own.get("name", "kubernetes") != "kubernetes":
        return "is another one, which passes for it"
    return ""


def _is_off(value: Any) -> bool:
    """Return whether a provider's switch is off; the engine keeps it as a boolean or as text."""
    return value is False or str(value).lower() == "false"


def _is_on(value: Any) -> bool:
    """Return whether a provider's switch is on."""
    return value is True or str(value).lower() == "true"


async def _inputs_of(urn: str) -> dict[str, Any]:
    """Return from the engine the inputs of a registered resource, without logging them."""
    arguments = await rpc.serialize_properties({"urn": urn}, {})
    request = resource_pb2.ResourceInvokeRequest(
        tok="pulumi:pulumi:getResource", args=arguments, provider="", version=""
    )
    monitor = get_monitor()
    if monitor is None:
        raise pulumi.RunError("the program runs without the engine, which alone knows the provider")
    # The call blocks, and would stop the event loop that registers the program's other resources. Pulumi
    # keeps its settings in context variables, which another thread has only in a copy.
    call = partial(copy_context().run, monitor.Invoke, request)
    response = await asyncio.get_running_loop().run_in_executor(None, call)
    if response.failures:
        reason = response.failures[0].reason
        raise pulumi.RunError(f"the engine does not know the provider {urn}: {reason}")
    answer = rpc.deserialize_properties(getattr(response, "return"), keep_unknowns=True)
    state = rpc.unwrap_rpc_secret(answer.get("state")) or {}
    return {field: rpc.unwrap_rpc_secret(state.get(field)) for field in _FIELDS}
