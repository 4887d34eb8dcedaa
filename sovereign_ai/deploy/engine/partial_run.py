"""A partial run of the engine, for the few objects of a large stack that differ.

The comparison (`changes.py`) finds the objects that differ. The engine gets these alone as targets
(`--target`), and the program registers them, the objects that they need and those that need them, so that the
cost of a change depends on its own size. The rest of the state stays as it is: the engine keeps resources
that a targeted run does not register.

The components above the objects cannot be targets, since the engine would then treat all their children as
targets. Their inputs (digests, numbers of objects) belong to no provider. They are completed when the run has
ended, before the checkpoint that the engine saved becomes the state. A run that is interrupted leaves the old
digests, so that the next run is a whole one.

The program cannot decide on a partial run by itself: without `--target`, the engine deletes every resource
that the program does not register. So the names of the registered objects are written into the working copy
of the run, which only the engine of that command uses, with the digest of the bundle.

    part = partial_run(changes, bundle, engine.checkpoint())
    engine.up(part=part)     # part is None where the engine has to process everything
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.deploy.changes import Changes, Recorded, is_understood, recorded
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.order import part_token, token, with_dependents, with_needed
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.deploy.state.stack_record import backend_folder
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import CHECKPOINT, RUN, content_of, parse_json, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.kubernetes import Bundle

_FILE = "partial.json"
_MOST_TARGETS = 200
"""With more targets the engine processes everything.

Each target is an argument of its command line, and is compared with every resource.
"""


@frozen_dataclass
class PartialRun:
    """The scope of one run of the engine.

    Attributes:
        bundle: digest of the bundle.
        objects: names of the objects that the program registers: those that differ, and those that they need.
        parts: names of the components that it registers.
        targets: URNs of the resources that the engine may change.
        inputs: by URN, the new inputs of components that the run itself leaves as they are.
        total: how many objects the whole bundle has.
        seen: URNs of the resources of the state that the engine works on; empty for all of them.
    """

    bundle: str
    objects: frozenset[str]
    parts: frozenset[str]
    targets: tuple[str, ...]
    inputs: Mapping[str, Mapping[str, Any]]
    total: int
    seen: frozenset[str] = frozenset()

    def arguments(self) -> list[str]:
        """Return the engine's arguments."""
        return [f"--target={urn}" for urn in self.targets]

    def write(self, folder: Path) -> None:
        """Write the scope for the program, into the working copy of the run.

        Args:
            folder: the working copy's folder, which no other run reads.

        Raises:
            OSError: it cannot be written.
        """
        data = {"bundle": self.bundle, "objects": sorted(self.objects), "parts": sorted(self.parts)}
        write_private(folder / _FILE, orjson.dumps(data), durable=False)

    def complete(self, checkpoint: Path) -> None:
        """Write the new inputs of components into the checkpoint that the engine saved.

        Args:
            checkpoint: its file, in the working copy of the run.

        Raises:
            OSError: it cannot be read or written.
        """
        data = orjson.loads(read(checkpoint, CHECKPOINT))
        for item in (data["checkpoint"].get("latest") or {}).get("resources") or ():
            inputs = self.inputs.get(item["urn"])
            if inputs is None:
                continue
            # A component's outputs repeat some of its inputs.
            outputs = dict(item.get("outputs") or {})
            for key in outputs.keys() & inputs.keys():
                outputs[key] = inputs[key]
            item["inputs"] = dict(inputs)
            item["outputs"] = outputs
        write_private(checkpoint, orjson.dumps(data, option=orjson.OPT_INDENT_2), durable=False)


@frozen_dataclass
class Registered:
    """The objects of its bundle that a program registers in a partial run.

    Attributes:
        objects: names of the objects.
        parts: names of the components.
    """

    objects: frozenset[str]
    parts: frozenset[str]


def partial_run(
    changes: Changes, bundle: Bundle, digests: Mapping[str, Any], checkpoint: Checkpoint | None
) -> PartialRun | None:
    """Return the scope of a partial run; None where the engine has to process everything.

    Args:
        changes: the result of the comparison.
        bundle: the objects, as the stack deploys them.
        digests: the inputs of the factory's component.
        checkpoint: the state that was compared.
    """
    held = recorded(checkpoint)
    differing = frozenset({*changes.create, *changes.adopt, *changes.update})
    components = bundle.by_component()
    counts = {name: {"component": name, "objects": len(objects)} for name, objects in components.items()}
    is_unknown = held.root is None or changes.needs_refresh or not is_understood(changes.full_run_reason)
    # A deletion deletes its dependents too, which a targeted run refuses to do.
    is_shrinking = bool(changes.delete) or bool(held.parts.keys() - counts.keys())
    if held.root is None or is_unknown or is_shrinking or not 0 < len(differing) <= _MOST_TARGETS:
        return None
    part_of: dict[str, str] = {}
    by_name: dict[str, Mapping[str, Any]] = {}
    for component, listed in components.items():
        for obj in listed:
            part_of[resource_name(obj)] = component
            by_name[resource_name(obj)] = obj
    # The engine refuses a target whose dependents it does not see.
    objects = with_needed(bundle.objects, with_dependents(bundle.objects, differing))
    urns = _Urns(held.root)
    new = sorted(counts.keys() - held.parts.keys())
    targets = [urns.part(name) for name in new]
    for name in sorted(differing):
        target = urns.object(by_name[name], part_of[name])
        targets.append(target)
    inputs: dict[str, Mapping[str, Any]] = {}
    for name, item in held.parts.items():
        if item.get("inputs") != counts[name]:
            inputs[str(item["urn"])] = counts[name]
    inputs[urns.root] = dict(digests)
    parts = set(new)
    for name in objects:
        parts.add(part_of[name])
    return PartialRun(
        bundle=bundle.digest,
        objects=frozenset(objects),
        parts=frozenset(parts),
        targets=tuple(targets),
        inputs=inputs,
        total=len(bundle.objects),
        seen=_seen(checkpoint, held, objects, parts) if checkpoint is not None else frozenset(),
    )


def _seen(
    checkpoint: Checkpoint, held: Recorded, objects: Collection[str], parts: Collection[str]
) -> frozenset[str]:
    """Return the URNs of some objects and components in a state, and of all resources that are neither."""
    urns = {str(item["urn"]) for item in checkpoint.resources}
    for recorded_items, chosen in ((held.objects, objects), (held.parts, parts)):
        for name, item in recorded_items.items():
            if name not in chosen:
                urns.discard(str(item["urn"]))
    return frozenset(urns)


def registered(backend: str, bundle: Bundle) -> Registered | None:
    """Return the objects that the program of a run registers; None where that is everything.

    Args:
        backend: the URL of the backend that the engine of the run uses.
        bundle: the objects, as the stack deploys them.

    Raises:
        EnvironmentLacksError: the note of the command is damaged.
    """
    folder = backend_folder(backend)
    content = content_of(folder / _FILE, RUN) if folder is not None else None
    if content is None:
        return None
    data = parse_json(content, _FILE, RUN).data
    if not (isinstance(data, dict) and _is_names(data.get("objects")) and _is_names(data.get("parts"))):
        raise EnvironmentLacksError(Problem("note-damaged", "it names no objects", Where(_FILE), RUN.hint))
    if data.get("bundle") != bundle.digest:
        return None
    return Registered(frozenset(data["objects"]), frozenset(data["parts"]))


def _is_names(value: object) -> bool:
    """Return whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


class _Urns:
    """URNs of the resources below one deployment, also of those that do not exist yet."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = str(root["urn"])
        self._head, _, self._name = self.root.rpartition("::")

    def part(self, name: str) -> str:
        """Return the URN of a component."""
        return f"{self._head}${part_token(name)}::{self._name}/{name}"

    def object(self, obj: Mapping[str, Any], part: str) -> str:
        """Return the URN of an object below its component."""
        return f"{self._head}${part_token(part)}${token(obj)}::{self._name}/{resource_name(obj)}"
