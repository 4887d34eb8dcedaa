"""Probes: what must run runs, and what must be refused is refused, by us.

A pool is proved by a pod that asks for a device by extended resource, and by one that asks by claim
where the vendor has a DRA driver; each must run on a machine of that pool and zone. One that asks for
more than any machine has must wait, and be told why. A zone is proved by five pods that must not get
in: sent to another zone, past the scheduler, under another law, privileged, from a registry that is
not listed. Every other admission policy of ours is proved by one object that it must refuse. Those are
tried without being stored, and only a refusal that names an admission policy of ours (or, for
privileged pods, the Pod Security level that we set) counts.

    for probe in run_probes(api, factory, plan, bundle.objects, "lab"):
        print(probe)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sovereign_ai.cluster.access import Api, ApiError
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes.admission import policy_name
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify import runs
from sovereign_ai.verify.forbidden import forbidden
from sovereign_ai.verify.pods import UNLISTED, Place, gpu_pod, with_container, with_selector

_SETTLE_SECONDS, _POLL_SECONDS = 5.0, 0.25
_POD_SECURITY = "violates PodSecurity"
_STRANGE_LAWS = ("AQ", "BV", "HM")
"""Countries without datacentres: under one of them no machine of the plan can stand."""

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe's result.

    Attributes:
        name: `gpu-by-resource/<pool>`, `gpu-by-claim/<pool>`, `more-than-there-is/<pool>`, `<fault>/<namespace>`, or `admission/<policy>`.
        expected: `runs`, `waits` or `refused`.
        status: `passed`, `failed`, or `skipped`, which is no pass.
        detail: what was seen, or why it was skipped.
    """

    name: str
    expected: Literal["runs", "waits", "refused"]
    status: Literal["passed", "failed", "skipped"]
    detail: str

    def __str__(self) -> str:
        """Write one line."""
        return f"{self.status} {self.name}: {self.detail}"

    def to_data(self) -> dict[str, str]:
        """Give plain data."""
        return {"name": self.name, "expected": self.expected, "status": self.status, "detail": self.detail}


def run_probes(
    api: Api,
    factory: AIFactory,
    plan: Plan,
    wanted: Iterable[Object],
    cluster: str,
    *,
    image: str = "",
    wait_seconds: float = 30,
    progress: Callable[[str], object] = lambda _line: None,
) -> tuple[Probe, ...]:
    """Run every probe at once and clear away what they made.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        wanted: the rendered objects, whose admission policies must be named in refusals.
        cluster: which of the plan's clusters this is.
        image: what probes run, where machines are real; it must be there.
        wait_seconds: how long a pod may take to run.
        progress: told one line.

    Raises:
        ApiError: the server refused what has nothing to do with a probe.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    listed = list(wanted)
    policies = sorted(str(obj["metadata"]["name"]) for obj in listed if obj["kind"] == "ValidatingAdmissionPolicy")
    classes = frozenset(str(obj["metadata"]["name"]) for obj in listed if obj["kind"] == "DeviceClass")
    places = _places(plan, cluster, image)
    attempts = [partial(_refusal, api, policies, *one) for place in _one_a_zone(places) for one in _faults(factory, plan, place)]
    attempts += [partial(_refusal, api, [policy], f"admission/{policy}", obj) for policy, obj in _others(factory, places, policies)]
    made = runs.attempts(api, factory, plan, places, classes, wait_seconds)
    progress(f"{cluster}: {len(made)} pods to make, {len(attempts)} objects that must be refused")
    runs.clear_leftovers(api, factory)
    results = api.many([*(partial(_run, one) for one in made if one.expected == "runs"), *attempts])
    results += api.many(partial(_run, one) for one in made if one.expected == "waits")
    results += [
        Probe(f"{kind}/{part.pool}", "runs", "skipped", f"no tenant has a namespace in zone {part.zone} of this cluster")
        for part in plan.cluster(cluster).pools
        if part.pool not in {place.part.pool for place in places}
        for kind in ("gpu-by-resource", "gpu-by-claim")
    ]
    return tuple(sorted(results, key=lambda probe: probe.name))


def _run(attempt: runs.Attempt) -> Probe:
    """Make one pod."""
    status, detail = attempt.run()
    return Probe(attempt.name, attempt.expected, status, detail)


def _places(plan: Plan, cluster: str, image: str) -> list[Place]:
    """Give a namespace to each pool of a cluster, where its zone has one."""
    here = plan.cluster(cluster)
    found = []
    for part in here.pools:
        namespace = next((one for one in here.namespaces if one.zone == part.zone), None)
        if namespace is not None:
            found.append(Place(namespace, part, image))
    return found


def _one_a_zone(places: Iterable[Place]) -> list[Place]:
    """Give one place for each zone."""
    return list({place.namespace.zone: place for place in reversed(list(places))}.values())


def _faults(factory: AIFactory, plan: Plan, place: Place) -> list[tuple[str, dict[str, Any]]]:
    """Give the pods that must not get in, by the name of their probe."""
    pod = gpu_pod(factory, place, "refused-probe")
    laws = {node.jurisdiction for node in plan.nodes}
    law = next(one for one in _STRANGE_LAWS if one not in laws)
    zone = next((one.name for one in factory.zones if one.name != place.namespace.zone), "another-zone")
    machine = next((node.name for node in plan.nodes if node.zone == zone), plan.nodes[0].name)
    secure = pod["spec"]["containers"][0]["securityContext"]
    privileged = {"privileged": True, "allowPrivilegeEscalation": True, "readOnlyRootFilesystem": secure["readOnlyRootFilesystem"]}
    faults = {
        "wrong-zone": with_selector(pod, {KEYS.zone: zone}),
        "named-node": {**pod, "spec": {**pod["spec"], "nodeName": machine}},
        "wrong-jurisdiction": with_selector(pod, {KEYS.jurisdiction: law}),
        "privileged": with_container(pod, securityContext=privileged),
        "unlisted-registry": with_container(pod, image=UNLISTED),
    }
    return [(f"{fault}/{place.namespace.name}", sent) for fault, sent in faults.items()]


def _others(factory: AIFactory, places: Iterable[Place], policies: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give what each rendered admission policy but the pods' own must refuse, by the policy's name."""
    for place in list(places)[:1]:
        for group, obj in forbidden(place.namespace.name, factory.name, UNLISTED).items():
            if (name := policy_name(group)) in policies:
                yield name, obj


def _refusal(api: Api, policies: list[str], name: str, obj: dict[str, Any]) -> Probe:
    """Try an object without storing it, for a while, since a policy takes effect a moment after it is made."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            api.create(obj, dry_run=True)
        except ApiError as error:
            return _judged(name, str(error), error.status, policies)
        if time.monotonic() > deadline:
            return Probe(name, "refused", "failed", "it was let in")
        time.sleep(_POLL_SECONDS)


def _judged(name: str, message: str, status: int, policies: list[str]) -> Probe:
    """Tell whether a refusal is ours."""
    ours = [policy for policy in policies if f"ValidatingAdmissionPolicy '{policy}'" in message]
    if status in {403, 422} and ours:
        return Probe(name, "refused", "passed", f"refused by admission policy {ours[0]}")
    if status == 403 and name.startswith("privileged/") and _POD_SECURITY in message:
        return Probe(name, "refused", "passed", "refused by the namespace's Pod Security level")
    return Probe(name, "refused", "failed", f"refused, but by none of our policies: {message}")
