"""Decide what a deployment would change, from the declared objects, the state and the live objects.

    pending = compare(bundle, digests, checkpoint, observed)
    pending.is_settled, pending.restore, pending.fields["Role/research/admin"]

The engine has to run only for objects that its state does not have as declared. An object whose inputs are in
the state already, and whose live fields somebody else changed, has drifted: applying it once more restores
it, and the state stays as it is.

Nothing here connects to a cluster or to Pulumi. What this comparison does not understand (a state of another
program, an interrupted run, another description) is not guessed: `full_run_reason` is then the reason why the
engine has to process everything.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from sovereign_ai.deploy.objects import resource_name, stated
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.files import PROGRAM, decode, package_file, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.kubernetes import Bundle
from sovereign_ai.verify import Difference, Observed, difference

Resource = Mapping[str, Any]
_FACTORY = "sovereign:index:FactoryDeployment"
_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:kubernetes"
_OBJECT = "kubernetes:"
_PART = "sovereign:index:"
_UNSETTLED = ("delete", "pendingReplacement", "initErrors", "taint")
"""Fields that an interrupted or failed run leaves in a resource."""
_UNKNOWN_NAME = "::"
"""Prefix for the name of a resource that is not named after its deployment; no object's name begins so."""

_FORMER_PROGRAM = """
import sovereign_ai as sai
from sovereign_ai.deploy import FactoryDeployment
factory = sai.load("factory.yaml")
FactoryDeployment(factory.name, factory)
"""
"""The program of a stack that an earlier version made; it declares the same resources, and no outputs."""

_MOST_STOCK = 1 << 16
"""Characters of a program of `sovereign-ai init`, with comments; of a megabyte the tree takes 700 MiB."""
OWN_PROGRAM = "the stack has a program of its own"
_FIRST, _PARTS, _DESCRIPTION = "nothing is deployed yet", "the components change", "the description changes"
_UNDERSTOOD = frozenset({"", _FIRST, _PARTS, _DESCRIPTION})
"""Reasons for the engine to process everything with which this comparison is still valid."""


@frozen_dataclass
class Changes:
    """The changes of a deployment, by object names in the order of the bundle.

    Attributes:
        create: declared, and not live.
        adopt: declared and live, and not in the state.
        update: the state has other inputs.
        restore: the state has these inputs, and the live object has other fields.
        delete: in the state, and not declared.
        same: how many objects need no change.
        vanished: how many objects of the state are not live.
        fields: for each live object that is not as declared, what differs; `found` is the old value.
        full_run_reason: why the engine has to process every resource; empty if the changes above are all.
    """

    create: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    restore: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    same: int = 0
    vanished: int = 0
    fields: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    full_run_reason: str = ""

    @property
    def needs_engine(self) -> bool:
        """Whether the engine has to run at all."""
        return bool(self.full_run_reason or self.create or self.adopt or self.update or self.delete)

    @property
    def needs_refresh(self) -> bool:
        """Whether the engine has to read every live object before it compares.

        It need not where every object of the state was just read: an object whose fields differ is applied
        once more afterwards.
        """
        return self.vanished > 0 or not is_understood(self.full_run_reason)


def is_understood(reason: str) -> bool:
    """Return whether this comparison is valid with a reason for the engine to process everything."""
    return reason in _UNDERSTOOD


@frozen_dataclass
class Recorded:
    """The resources of one factory in a state: its component, its provider, its parts and its objects."""

    root: Resource | None
    providers: tuple[Resource, ...]
    parts: Mapping[str, Resource]
    objects: Mapping[str, Resource]
    foreign: str = ""


def recorded(checkpoint: Checkpoint | None) -> Recorded:
    """Return a state's resources, sorted by what they are to the factory."""
    listed = checkpoint.resources if checkpoint else ()
    roots = [resource for resource in listed if resource["type"] == _FACTORY]
    if len(roots) != 1:
        return Recorded(None, (), {}, {}, _FIRST if not roots else "the state holds several factories")
    root = roots[0]
    parts: dict[str, Resource] = {}
    providers: list[Resource] = []
    urns = {root["urn"]}
    for resource in listed:
        if resource.get("parent") != root["urn"]:
            continue
        if resource["type"].startswith(_PART):
            parts[_name(resource, root)] = resource
        elif resource["type"] == _PROVIDER:
            providers.append(resource)
            urns.add(resource["urn"])
    part_urns = {part["urn"] for part in parts.values()}
    objects: dict[str, Resource] = {}
    for resource in listed:
        if resource.get("parent") in part_urns and resource["type"].startswith(_OBJECT):
            objects[_name(resource, root)] = resource
    urns |= part_urns
    urns.update(resource["urn"] for resource in objects.values())
    return Recorded(
        root, tuple(providers), parts, objects, _foreign_resources(listed, urns, (*parts, *objects))
    )


def _foreign_resources(listed: Iterable[Resource], urns: Container[str], names: Iterable[str]) -> str:
    """Return which resources of a state are not the factory's own, for a person; empty if all are.

    Args:
        listed: the state's resources.
        urns: those of the factory's own resources.
        names: the names of its parts and objects.
    """
    for resource in listed:
        if resource["urn"] not in urns and resource["type"] != _STACK:
            return f"the state holds {resource['urn'].rpartition('::')[2]}, which no factory declares"
    # Such names do not show which object is live. The engine renames them by their aliases, after a refresh.
    if any(name.startswith(_UNKNOWN_NAME) for name in names):
        return "the state holds names of an earlier version or of another deployment"
    return ""


def compare(
    bundle: Bundle,
    inputs: Mapping[str, Any],
    provider: Mapping[str, Any],
    checkpoint: Checkpoint | None,
    observed: Observed,
) -> Changes:
    """Compare the declared objects with those in a state and the live ones.

    Args:
        bundle: the objects, as the stack deploys them.
        inputs: the inputs of the factory's component: the digests of description, plan and bundle.
        provider: the inputs of its provider.
        checkpoint: the state; None where there is none yet.
        observed: the cluster, read with the bundle's objects as wanted ones.
    """
    held = recorded(checkpoint)
    live_objects = _live_by_name(observed)
    groups: dict[str, list[str]] = {"create": [], "adopt": [], "update": [], "restore": [], "same": []}
    fields: dict[str, tuple[Difference, ...]] = {}
    names = set()
    for obj in bundle.objects:
        name, version = resource_name(obj), str(obj["apiVersion"])
        names.add(name)
        live = live_objects.get((version, name))
        old = held.objects.get(name)
        drift: tuple[Difference, ...] = ()
        if live is not None:
            schema = observed.schemas.get((version, str(obj["kind"])))
            drift = tuple(difference.object_differences(obj, live, schema))
        unrecorded = tuple(_unrecorded(obj, old)) if old is not None else ()
        groups[_verdict(old, live, drift, unrecorded)].append(name)
        if live is not None and (drift or unrecorded):
            # A field that differs in both is reported with its live value.
            merged = {change.field: change for change in (*unrecorded, *drift)}
            fields[name] = tuple(merged[key] for key in sorted(merged))
    removed = [name for name in held.objects if name not in names]
    return Changes(
        create=tuple(groups["create"]),
        adopt=tuple(groups["adopt"]),
        update=tuple(groups["update"]),
        restore=tuple(groups["restore"]),
        delete=tuple(removed),
        same=len(groups["same"]),
        vanished=sum(name in held.objects for name in groups["create"]),
        fields=fields,
        full_run_reason=_full_run_reason(bundle, inputs, provider, checkpoint, held),
    )


def _live_by_name(observed: Observed) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the live objects by their API version and the name of their resource."""
    live: dict[tuple[str, str], Mapping[str, Any]] = {}
    for objects in observed.objects.values():
        for obj in objects:
            live[str(obj["apiVersion"]), resource_name(obj)] = obj
    return live


def loaded_by(folder: Path) -> str | None:
    """Return what the program of a stack loads, such as `factory.yaml`.

    None where the program is another one than those of `sovereign-ai init`: what it declares is unknown.

    Raises:
        SpecError: its file is no regular one, too large, or no text.
    """
    file = folder / "__main__.py"
    if not os.path.lexists(file):
        return None
    text = decode(read(file, PROGRAM), str(file), PROGRAM)
    if len(text) > _MOST_STOCK:
        return None
    template = package_file(Path(__file__).parent / "templates" / "__main__.py.txt").decode()
    stock = [_tree(known)[0] for known in (template, _FORMER_PROGRAM)]
    try:
        program, loaded = _tree(text)
    # The last two: it nests deeper than Python reads.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return loaded if program in stock else None


def _tree(text: str) -> tuple[str, str | None]:
    """Return a program's syntax tree without its docstring and without what it loads, and what it loads."""
    tree = ast.parse(text)
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:]
    loaded = None
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="load"), args=[ast.Constant(value=str(path)) as argument]):
                loaded, argument.value = path, ""
    return ast.dump(tree), loaded


def _full_run_reason(
    bundle: Bundle,
    inputs: Mapping[str, Any],
    provider: Mapping[str, Any],
    checkpoint: Checkpoint | None,
    held: Recorded,
) -> str:
    """Return why a comparison of the objects is not enough; empty if it is."""
    if held.foreign or held.root is None or checkpoint is None:
        return held.foreign or _FIRST
    if checkpoint.pending or any(map(_is_unsettled, checkpoint.resources)):
        return "the last run did not come to its end"
    if len(held.providers) != 1 or _settings(held.providers[0]) != dict(provider):
        return "the provider's settings change"
    components = bundle.by_component().items()
    declared = {name: {"component": name, "objects": len(objects)} for name, objects in components}
    deployed = {name: part.get("inputs") for name, part in held.parts.items()}
    if deployed != declared:
        return _PARTS
    return "" if held.root.get("inputs") == dict(inputs) else _DESCRIPTION


def _is_unsettled(resource: Resource) -> bool:
    """Return whether an interrupted or failed run left a resource unfinished."""
    return any(resource.get(field) for field in _UNSETTLED)


def _settings(provider: Resource) -> dict[str, Any]:
    """Return a provider's inputs in a state, without Pulumi's own."""
    settings = dict(provider.get("inputs") or {})
    settings.pop("__internal", None)
    return settings


def _verdict(
    old: Resource | None,
    live: Mapping[str, Any] | None,
    drift: tuple[Difference, ...],
    inputs: tuple[Difference, ...],
) -> str:
    """Return the group of `Changes` for one object."""
    if live is None:
        return "create"
    if old is None:
        return "adopt"
    if inputs:
        return "update"
    return "restore" if drift else "same"


def _unrecorded(obj: Mapping[str, Any], old: Resource) -> Iterator[Difference]:
    """Yield the fields in which the state's inputs differ from the declared ones."""
    wanted, kept = stated(obj), old.get("inputs") or {}
    if wanted != kept:
        yield from difference.value_differences(wanted, kept, "")


def _name(resource: Resource, root: Resource) -> str:
    """Return a resource's name without that of its deployment.

    A name of an earlier version has no such prefix; it gets another one, with which it matches no object.
    """
    name = str(resource["urn"]).rpartition("::")[2]
    prefix = f"{str(root['urn']).rpartition('::')[2]}/"
    return name.removeprefix(prefix) if name.startswith(prefix) else f"{_UNKNOWN_NAME}{name}"
