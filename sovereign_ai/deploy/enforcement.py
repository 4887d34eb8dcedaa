"""Bring the admission policies of a bundle into force before any object that they judge is written.

The Pulumi engine orders resources by their dependencies. It does not know that a policy judges an object of
the same run, nor how long an API server still enforces the old policy. So the policies are applied here
first, and each is verified by a dry run that the new revision refuses by its name
(`render/kubernetes/revision.py`). The engine then applies the same objects under the same field manager,
which changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from sovereign_ai.cluster import GUARDED
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.deploy.objects import FIELD_MANAGER, stated
from sovereign_ai.deploy.order import policies_and_bindings
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.render.kubernetes import enforced_revision, policy_name, probe, revision_of
from sovereign_ai.rules import GROUPS, Group
from sovereign_ai.verify import difference

Object = Mapping[str, Any]
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 2.0
_IN_A_ROW = 3
"""Answers in a row that must name the new revision.

Each of several API servers behind one address learns of a policy by its own watch, so one answer proves
nothing about the others.
"""


def enforce(
    api: Api,
    objects: Iterable[Object],
    progress: Callable[[str], object],
    *,
    live: Api | None = None,
    wait_seconds: float = _WAIT_SECONDS,
) -> None:
    """Apply the admission policies and bindings among some objects, and wait until they are enforced.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        progress: called with a line when it takes longer than two seconds.
        live: where the policies that exist are read, such as a snapshot; left out, from the cluster.
        wait_seconds: how long the API server may take to enforce all of them.

    Raises:
        DeploymentError: a policy is still not enforced after that time.
        ApiError: the API server refused one.
        UnreachableError: there was no answer.
    """
    listed = list(objects)
    policies = [obj for obj in listed if obj["kind"] in GUARDED]
    if not policies:
        return
    apply_policies(api, listed, live=live)
    _wait(api, _wanted_revisions(policies), progress, wait_seconds)


def apply_policies(
    api: Api,
    objects: Iterable[Object],
    *,
    live: Api | None = None,
    before_batch: Callable[[], object] = lambda: None,
) -> None:
    """Apply the admission policies and bindings that differ from the live ones, without waiting.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        live: where the policies that exist are read; left out, from the cluster.
        before_batch: called before the namespace, the policies and the bindings are written; may raise.

    Raises:
        ApiError: the API server refused one.
        UnreachableError: there was no answer.
    """
    listed = list(objects)
    # The API server compiles every expression of a policy that is written, changed or not: a second of
    # processor time for all of them.
    changed = differing_policies(live or api, listed)
    before_batch()
    _ensure_namespace(api, listed)
    for batch in policies_and_bindings(changed, lambda obj: str(obj["kind"])):
        before_batch()
        # The largest policy takes the API server as long as all others: it must not come last.
        batch.sort(key=_size, reverse=True)
        api.many(partial(api.apply, stated(obj), field_manager=FIELD_MANAGER, force=True) for obj in batch)


def _size(obj: Object) -> int:
    """Return the bytes of an object as it is sent."""
    return len(orjson.dumps(obj))


def differing_policies(live: Api, objects: Iterable[Object]) -> list[Object]:
    """Return the policies and bindings among some objects that do not exist or differ from the live ones.

    Args:
        live: where the policies that exist are read.
        objects: the objects that are about to be deployed.

    Raises:
        ApiError: the API server refused to list them.
        UnreachableError: there was no answer.
    """
    policies: list[Object] = []
    kinds: set[tuple[str, str]] = set()
    for obj in objects:
        if obj["kind"] in GUARDED:
            policies.append(obj)
            kinds.add((obj["apiVersion"], obj["kind"]))
    existing: dict[tuple[str, str], Object] = {}
    for api_version, kind in sorted(kinds):
        try:
            items = live.list(api_version, kind)
        except ApiError as error:
            if error.reason != "KindUnknown":
                raise
            items = []  # an older server, which refuses the object when it is applied
        for item in items:
            existing[kind, item["metadata"]["name"]] = item
    differing = []
    for obj in policies:
        live_policy = existing.get((obj["kind"], obj["metadata"]["name"]))
        if live_policy is None or any(difference.object_differences(obj, live_policy)):
            differing.append(obj)
    return differing


def _wanted_revisions(policies: Iterable[Object]) -> dict[Group, str]:
    """Return the revision of each group's policy that has to come into force."""
    specs: dict[str, Any] = {}
    for obj in policies:
        if obj["kind"] == "ValidatingAdmissionPolicy":
            specs[obj["metadata"]["name"]] = obj["spec"]
    wanted: dict[Group, str] = {}
    for group in GROUPS:
        spec = specs.get(policy_name(group))
        revision = revision_of(spec) if spec is not None else ""
        if revision:
            wanted[group] = revision
    return wanted


def _ensure_namespace(api: Api, objects: Iterable[Object]) -> None:
    """Apply the factory's own namespace if it does not exist yet: namespaced policies are probed in it."""
    for obj in objects:
        if obj["kind"] == "Namespace" and obj["metadata"]["name"] == SYSTEM_NAMESPACE:
            if api.get("v1", "Namespace", SYSTEM_NAMESPACE) is None:
                api.apply(stated(obj), field_manager=FIELD_MANAGER)
            return


def _wait(
    api: Api, wanted: Mapping[Group, str], progress: Callable[[str], object], wait_seconds: float
) -> None:
    """Wait until every group's policy refuses its probe in its new revision, several times in a row."""
    began = time.monotonic()
    confirmed = dict.fromkeys(wanted, 0)
    is_quiet = True
    # An API server takes up all policies together. Until it has, one that is behind stands for the others:
    # asking for all of them ten times a second would keep it from what they wait for.
    sample: list[Group] = []
    while pending := [group for group, times in confirmed.items() if times < _IN_A_ROW]:
        sampled = sample or pending
        answers = api.many(partial(_revision_in_force, api, group) for group in sampled)
        for group, answer in zip(sampled, answers, strict=True):
            if answer is _UNSERVED:
                confirmed[group] = _IN_A_ROW
            elif answer == wanted[group]:
                confirmed[group] += 1
            else:
                # Another API server answered, which still enforces the old revision: count from the start.
                confirmed[group] = 0
        behind = [group for group in sampled if not confirmed[group]]
        if not behind:
            sample = []
            continue
        elapsed = time.monotonic() - began
        if elapsed > wait_seconds:
            if sample:
                sample = []  # once more all of them, so that the error names just those that are behind
                continue
            raise DeploymentError(_not_enforced(group, wait_seconds) for group in behind)
        if is_quiet and elapsed > _QUIET_SECONDS:
            is_quiet = False
            late = [group for group in pending if not confirmed[group]]
            progress(f"waiting until the API server enforces {', '.join(map(policy_name, late))}")
        sample = behind[:1]
        # Only a revision that is behind is waited for; one that holds is asked about again at once.
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - see above


def _not_enforced(group: Group, wait_seconds: float) -> Problem:
    """Return the problem of a policy that the API server does not enforce in time."""
    message = (
        f"the API server does not enforce admission policy {policy_name(group)} "
        f"{wait_seconds:g} s after it was applied"
    )
    hint = "`kubectl get validatingadmissionpolicy -o yaml` shows its status; then run the command again"
    return Problem("policy-not-enforced", message, hint=hint)


_UNSERVED = ""
"""Answer for a group whose probe is not served, as by an older API server without resource.k8s.io/v1."""


def _revision_in_force(api: Api, group: Group) -> str | None:
    """Return the revision of a group's policy that the API server enforces now; None if it enforces none."""
    try:
        api.create(probe(group), dry_run=True)
    except ApiError as error:
        if error.reason == "KindUnknown":
            return _UNSERVED
        return enforced_revision(str(error))
    return None
