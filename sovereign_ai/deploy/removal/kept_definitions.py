"""The definitions of Kueue where a description stops bringing them to a local control plane.

Every description has queues, so a local control plane has Kueue's definitions by itself. Where manifests of
Kueue come, these become the description's; where they leave, the control plane's again: deleting them would
delete the queues and every workload. They lose the stack's labels, and the conversion between their versions,
which nobody would answer any more.

Kueue leaves finalizers, suspended jobs and held pods behind, which would wait for ever. They are released
once it is gone. The definitions are marked until then, so that the next command makes up for one that was
killed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster import WITHOUT_CONTROLLER, listed, read_queued_jobs, release_queues
from sovereign_ai.cluster.api import Api, patch_as_read
from sovereign_ai.deploy.live_objects import ObjectKey, list_metadata
from sovereign_ai.names import KEYS
from sovereign_ai.spec import defined_kind

Progress = Callable[[str], object]
_API = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_GROUP, _CONTROLLER = "kueue.x-k8s.io", "kueue"


def kept_definitions(leaving: Iterable[ObjectKey], *, is_local: bool) -> tuple[ObjectKey, ...]:
    """Return the definitions among leaving objects that stay, since the control plane has them by itself.

    Args:
        leaving: objects of the stack that the description does not contain any more.
        is_local: whether the cluster is a local control plane.
    """
    if not is_local:
        return ()
    kept: list[ObjectKey] = []
    for key in leaving:
        # The API server takes no other name for a definition than that of its resource and its group.
        if (key.group, key.kind) == _DEFINITION and key.name.partition(".")[2] == _GROUP:
            kept.append(key)
    return tuple(kept)


def release_lines(api: Api, *, is_named: bool) -> Iterator[str]:
    """Yield what becomes of the work that waits for Kueue once it has left, a line for a person each.

    Args:
        api: the cluster.
        is_named: whether the description still names Kueue, which somebody else then installs.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    if is_named:
        yield "Kueue leaves, and 'platform' still names it: jobs in its queues wait for whoever installs it"
        return
    jobs = read_queued_jobs(api)
    yield "Kueue leaves: nobody admits work by its queues any more, which stay with their definitions"
    if jobs.waiting:
        yield f"jobs that wait for it start: {listed(jobs.waiting)}"
    if jobs.held:
        yield f"suspended jobs that did not wait for it stay so: {listed(jobs.held)}"


def hand_back(api: Api, definitions: Collection[ObjectKey], progress: Progress) -> None:
    """Take the stack's labels and the conversion off definitions, and mark them as without a controller.

    Args:
        api: the cluster.
        definitions: the definitions that stay.
        progress: called with a line, if there are any.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    if not definitions:
        return
    progress(f"definitions of Kueue that stay, with what they define: {len(definitions)}")
    labels = {KEYS.owner: None, KEYS.factory: None, KEYS.stack: None, KEYS.component: None}
    metadata = {"labels": {**labels, WITHOUT_CONTROLLER: _CONTROLLER}}
    change = {"metadata": metadata, "spec": {"conversion": {"strategy": "None", "webhook": None}}}
    keys = [{"name": key.name, "uid": key.uid} for key in definitions]
    api.many(partial(patch_as_read, api, *_API, key, change) for key in keys)


def release_after_kueue(
    api: Api, objects: Iterable[Mapping[str, Any]], progress: Progress, *, is_named: bool
) -> None:
    """Release what Kueue held on a local control plane that has lost it.

    Args:
        api: the cluster.
        objects: the deployed objects.
        progress: called with a line for each thing that was released.
        is_named: whether the description still names Kueue: nothing is released for one that comes.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    marked = list_metadata(api, *_API, selector=f"{WITHOUT_CONTROLLER}={_CONTROLLER}")
    if not marked:
        return
    if not is_named and not any(map(_defines_queues, objects)):
        for line in release_queues(api).lines():
            progress(line)
    unmark = {"metadata": {"labels": {WITHOUT_CONTROLLER: None}}}
    api.many(partial(patch_as_read, api, *_API, obj["metadata"], unmark) for obj in marked)


def _defines_queues(obj: Mapping[str, Any]) -> bool:
    """Return whether an object defines a kind of Kueue's."""
    defined = defined_kind(obj)
    return defined is not None and defined[0] == _GROUP
