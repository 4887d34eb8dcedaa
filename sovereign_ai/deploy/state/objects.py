"""Read the Kubernetes objects in a Pulumi state, with their names and uids.

The state is in the form of `pulumi stack export`. A program that runs inside an update cannot call Pulumi,
and reads the checkpoint in the state's folder instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.deploy.live_objects import ObjectKey
from sovereign_ai.deploy.state.files import unpacked
from sovereign_ai.deploy.state.kept_files import content_of
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import CHECKPOINT
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS

_TYPE = "kubernetes:"
DEPLOYMENT = "sovereign:index:FactoryDeployment"
"""The type of a deployment's component."""


@frozen_dataclass
class HeldObject:
    """One Kubernetes object in a state.

    Attributes:
        urn: the resource's URN.
        uid: the object's uid when Pulumi last read it; empty where the state has none.
        stack: the UUID of the stack in the object's declared labels; empty for a state of an older version.
        created: when the API server created it, in the server's form; empty where the state has none.
        inputs: the inputs that were declared last.
        provider: URN of the provider that deployed it; empty where the state has none.
    """

    urn: str
    uid: str
    stack: str
    created: str
    inputs: Mapping[str, Any]
    provider: str = ""


Held = Mapping[ObjectKey, HeldObject]


def held_objects(resources: Iterable[Mapping[str, Any]]) -> dict[ObjectKey, HeldObject]:
    """Return the Kubernetes objects among a state's resources.

    A resource that waits for its deletion after a replacement gives way to the one that replaced it.

    Args:
        resources: as `pulumi stack export` lists them.
    """
    held: dict[ObjectKey, HeldObject] = {}
    waiting: dict[ObjectKey, HeldObject] = {}
    for resource in resources:
        if not str(resource.get("type", "")).startswith(_TYPE):
            continue
        key = _key(resource)
        if key is None:
            continue
        if resource.get("delete"):
            waiting[key] = _held(resource)
        else:
            held[key] = _held(resource)
    return waiting | held


def doubles_in(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the URNs under which a state holds an object once more, beside the one that a program registers.

    A version that names children otherwise, and is cut short, leaves both names of an object in the state. An
    engine that then registers one of them deletes the other one, which is the same live object.

    Args:
        resources: as `pulumi stack export` lists them.
    """
    listed = list(resources)
    prefixes = tuple(f"{deployment}/" for deployment in deployments_in(listed))
    urns: dict[ObjectKey, list[str]] = {}
    for key, resource in _objects_in(listed):
        urns.setdefault(key, []).append(str(resource.get("urn", "")))
    doubles: list[str] = []
    for names in urns.values():
        own = [urn for urn in names if urn.rpartition("::")[2].startswith(prefixes)]
        # Two deployments that hold one object: which of them it is can only the program say.
        if len(own) == 1:
            doubles += [urn for urn in names if urn not in own]
    return doubles


def names_in(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[ObjectKey, str, str]]:
    """Yield each Kubernetes object in a state with its resource's name and its uid; one may be there twice.

    Args:
        resources: as `pulumi stack export` lists them.
    """
    for key, resource in _objects_in(resources):
        yield key, _name(resource), _held(resource).uid


def _objects_in(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[ObjectKey, Mapping[str, Any]]]:
    """Yield the resources that are Kubernetes objects and do not wait for their deletion."""
    for resource in resources:
        is_object = str(resource.get("type", "")).startswith(_TYPE) and not resource.get("delete")
        if is_object and (key := _key(resource)) is not None:
            yield key, resource


def deployments_in(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the deployments in a state: name to cluster of the plan, or to "" where the state has none.

    Args:
        resources: as `pulumi stack export` lists them.
    """
    deployments = {}
    for resource in resources:
        if resource.get("type") == DEPLOYMENT:
            inputs = resource.get("inputs")
            cluster = inputs.get("cluster") if isinstance(inputs, Mapping) else None
            deployments[_name(resource)] = cluster if isinstance(cluster, str) else ""
    return deployments


def resources_of(resources: Iterable[Mapping[str, Any]], deployment: str) -> list[Mapping[str, Any]]:
    """Return the component of one of a program's deployments, and all resources below it.

    Args:
        resources: as `pulumi stack export` lists them, parents before their children.
        deployment: the deployment's name.
    """
    below: set[str] = set()
    members = []
    # One pass is enough, since parents come before their children.
    for resource in resources:
        is_root = resource.get("type") == DEPLOYMENT and _name(resource) == deployment
        if is_root or resource.get("parent") in below:
            below.add(str(resource.get("urn")))
            members.append(resource)
    return members


def read_resources(folder: Path, project: str, stack: str) -> list[dict[str, Any]] | None:
    """Read the resources of a state in a folder, without calling Pulumi; secrets in them stay encrypted.

    Args:
        folder: the folder of the state.
        project: the Pulumi project.
        stack: the Pulumi stack.

    Returns:
        The resources; an empty list for a stack that does not exist, None for a checkpoint that cannot be
        read.
    """
    plain = folder / ".pulumi" / "stacks" / project / f"{stack}.json"
    existing = []
    for suffix in ("", ".gz", ".zst"):
        path = plain.with_name(f"{plain.name}{suffix}")
        if path.exists():
            existing.append(path)
    if not existing:
        return []
    newest = max(existing, key=lambda path: path.stat().st_mtime_ns)
    try:
        data = unpacked(content_of(newest, CHECKPOINT) or b"")
        latest = orjson.loads(data)["checkpoint"].get("latest") or {}
        resources = latest.get("resources") or []
    except (SovereignError, ValueError, KeyError, TypeError, AttributeError):
        return None
    are_resources = isinstance(resources, list) and all(isinstance(item, dict) for item in resources)
    return resources if are_resources else None


def providers_of(resources: Iterable[Mapping[str, Any]], kubeconfig: Path, folder: Path) -> set[str]:
    """Return the URNs of the providers in a state that use a kubeconfig.

    Args:
        resources: as `pulumi stack export` lists them.
        kubeconfig: the file.
        folder: the stack's folder, to which paths in the state are relative.
    """
    urns = set()
    for resource in resources:
        inputs = resource.get("inputs")
        path = inputs.get("kubeconfig") if isinstance(inputs, Mapping) else None
        # A kubeconfig may also be passed by its content, which has several lines.
        is_file = isinstance(path, str) and path and "\n" not in path
        if is_file and (folder / str(path)).resolve() == kubeconfig.resolve():
            urns.add(str(resource.get("urn")))
    return urns


def identity_in(held: Held) -> str:
    """Return the UUID that the objects of a state carry; empty where they carry none, or several."""
    stacks = {item.stack for item in held.values() if item.stack}
    return stacks.pop() if len(stacks) == 1 else ""


def without(deployment: Mapping[str, Any], urns: Collection[str]) -> dict[str, Any]:
    """Return a state without some resources, and without references to them.

    Args:
        deployment: the field `deployment` of the output of `pulumi stack export`.
        urns: the resources to drop.
    """
    dropped = set(urns)
    kept = []
    for resource in deployment.get("resources") or ():
        if resource["urn"] in dropped:
            continue
        item = dict(resource)
        if item.get("deletedWith") in dropped:
            del item["deletedWith"]
        if "dependencies" in item:
            item["dependencies"] = _others(item["dependencies"], dropped)
        if "propertyDependencies" in item:
            remaining = {}
            for name, needed in (item["propertyDependencies"] or {}).items():
                remaining[name] = _others(needed, dropped)
            item["propertyDependencies"] = remaining
        kept.append(item)
    return {**deployment, "resources": kept}


def _others(urns: Iterable[str] | None, dropped: Collection[str]) -> list[str]:
    """Return URNs without the dropped ones."""
    return [urn for urn in urns or () if urn not in dropped]


def _name(resource: Mapping[str, Any]) -> str:
    """Return a resource's name, the last part of its URN."""
    return str(resource.get("urn", "")).rsplit("::", 1)[-1]


def _key(resource: Mapping[str, Any]) -> ObjectKey | None:
    """Return the object that a resource stands for.

    None for a resource that is no single object, such as a chart.
    """
    # Such as `kubernetes:rbac.authorization.k8s.io/v1:Role`, or `kubernetes:core/v1:Namespace`.
    version, _, kind = str(resource["type"]).removeprefix(_TYPE).rpartition(":")
    group, _, number = version.rpartition("/")
    meta = _metadata(resource, "outputs") or _metadata(resource, "inputs")
    name = meta.get("name")
    if not kind or not number or not isinstance(name, str):
        return None
    namespace = meta.get("namespace")
    if not isinstance(namespace, str):
        namespace = ""
    return ObjectKey("" if group == "core" else group, kind, namespace, name, number)


def _held(resource: Mapping[str, Any]) -> HeldObject:
    # Outputs are what the API server returned, inputs what the program declared.
    seen, declared = _metadata(resource, "outputs"), _metadata(resource, "inputs")
    labels = declared.get("labels")
    stack = labels.get(KEYS.stack, "") if isinstance(labels, Mapping) else ""
    inputs = resource.get("inputs")
    if not isinstance(inputs, Mapping):
        inputs = {}
    # A reference to a provider is URN::ID.
    provider = str(resource.get("provider") or "").rpartition("::")[0]
    return HeldObject(
        urn=str(resource.get("urn", "")),
        uid=str(seen.get("uid") or ""),
        stack=str(stack),
        created=str(seen.get("creationTimestamp") or ""),
        inputs=inputs,
        provider=provider,
    )


def _metadata(resource: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    """Return the metadata of a resource's inputs or outputs; empty where it has none in plain text."""
    values = resource.get(part)
    meta = values.get("metadata") if isinstance(values, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}
