"""Probe a cluster: what must run does run, and the stack's own policies refuse what must be refused.

A pool of accelerators is proved by a pod that requests a device by extended resource, and by one that
requests it by claim where the vendor has a DRA driver; each must run on a node of that pool and zone. A pod
that requests more than any node has must wait, with the scheduler's reason. A pool without accelerators is
proved by a pod that requests none, and one of management machines by a pod that must be refused. A zone is
proved by five pods that must be refused: one for another zone, one that bypasses the scheduler, one for
another jurisdiction, a privileged one, and one from a registry that is not listed. Each further admission
policy is proved by one object that it must refuse. These objects are sent as dry runs, and only a refusal
counts that names one of the stack's admission policies (or, for privileged pods, the Pod Security level that
the stack sets).

    for probe in run_probes(api, factory, plan, bundle.objects, "lab"):
        print(probe)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from sovereign_ai.cluster import REPEATED
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, MANAGEMENT_ROLE
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import policy_name
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling
from sovereign_ai.verify import pod_probes
from sovereign_ai.verify.pods import UNLISTED, ProbeTarget, gpu_pod, with_container, with_selector
from sovereign_ai.verify.refused_objects import refused_objects

_SETTLE_SECONDS, _POLL_SECONDS = 5.0, 0.25
_POD_SECURITY = "violates PodSecurity"
"""How the API server's own admission plugin begins the text of a refusal."""
_EMPTY_COUNTRIES = ("AQ", "BV", "HM")
"""Country codes of territories without datacenters: of at least one of them the plan has no node."""

Object = Mapping[str, Any]


@frozen_dataclass
class ClusterProbe:
    """The result of one probe.

    Attributes:
        name: `gpu-by-resource/<pool>`, `gpu-by-claim/<pool>`, `more-than-there-is/<pool>`,
            `without-gpu/<pool>`, `<fault>/<namespace>`, or `admission/<policy>`.
        expected: `runs`, `waits` or `refused`.
        status: `passed`, `failed`, or `skipped`, which is no pass.
        detail: the observation in words, or why the probe was skipped.
    """

    name: str
    expected: Literal["runs", "waits", "refused"]
    status: Literal["passed", "failed", "skipped"]
    detail: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.status} {self.name}: {self.detail}"

    def to_data(self) -> dict[str, str]:
        """Return plain data."""
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
) -> tuple[ClusterProbe, ...]:
    """Run every probe at once and delete what they created.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        wanted: the rendered objects, whose admission policies must be named in refusals.
        cluster: which of the plan's clusters this is.
        image: what probes run, where nodes are real; the nodes must be able to pull it.
        wait_seconds: how long a pod may take to run.
        progress: receives one line.

    Returns:
        The results, sorted by name.

    Raises:
        ApiError: the server refused a request that is not itself a probe.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    objects = list(wanted)
    policies = sorted(_names_of_kind(objects, "ValidatingAdmissionPolicy"))
    classes = frozenset(_names_of_kind(objects, "DeviceClass"))
    places = _places(plan, cluster, image)
    refusals = []
    for place in _first_in_each_zone(places):
        pods = _refused_pods(factory, plan, cluster, place)
        refusals += [partial(_refusal, api, policies, name, pod) for name, pod in pods]
    for policy, obj in _refused_objects(factory, places, policies):
        name = f"admission/{policy}"
        refusals.append(partial(_refusal, api, [policy], name, obj))
    attempts = pod_probes.attempts(api, factory, plan, places, classes, wait_seconds)
    pods_text = counted(len(attempts), "pod")
    progress(f"{cluster}: {pods_text} to make, {counted(len(refusals), 'object')} that must be refused")
    pod_probes.clear_leftovers(api, factory)

    running, waiting = [], []
    for attempt in attempts:
        if attempt.expected == "runs":
            running.append(partial(_run, attempt))
        else:
            waiting.append(partial(_run, attempt))
    results = api.many([*running, *refusals])
    # Pods that must wait come last: while they exist, they count against the quotas of those that must run.
    results += api.many(waiting)
    results += _skipped(plan, cluster, places)
    return tuple(sorted(results, key=lambda probe: probe.name))


def _names_of_kind(objects: Iterable[Object], kind: str) -> list[str]:
    """Return the names of the objects of one kind."""
    return [str(obj["metadata"]["name"]) for obj in objects if obj["kind"] == kind]


def _skipped(plan: Plan, cluster: str, places: Iterable[ProbeTarget]) -> Iterator[ClusterProbe]:
    """Yield the probes of pools for which no tenant has a namespace."""
    probed = {place.part.pool for place in places}
    for pool in plan.cluster(cluster).work_pools:
        if pool.pool not in probed:
            detail = f"no tenant has a namespace in zone {pool.zone} of this cluster"
            probes = ("gpu-by-resource", "gpu-by-claim") if pool.resource else ("without-gpu",)
            for probe in probes:
                yield ClusterProbe(f"{probe}/{pool.pool}", "runs", "skipped", detail)


def _run(attempt: pod_probes.Attempt) -> ClusterProbe:
    """Create one pod and return its probe's result."""
    status, detail = attempt.run()
    return ClusterProbe(attempt.name, attempt.expected, status, detail)


def _places(plan: Plan, cluster: str, image: str) -> list[ProbeTarget]:
    """Return for each pool of a cluster the first namespace of its zone, for pools whose zone has one."""
    planned = plan.cluster(cluster)
    places = []
    for pool in planned.work_pools:
        for namespace in planned.namespaces:
            if namespace.zone == pool.zone:
                places.append(ProbeTarget(namespace, pool, image))
                break
    return places


def _first_in_each_zone(places: Iterable[ProbeTarget]) -> list[ProbeTarget]:
    """Return the first place of each zone."""
    by_zone: dict[str, ProbeTarget] = {}
    for place in places:
        by_zone.setdefault(place.namespace.zone, place)
    return list(by_zone.values())


def _refused_pods(
    factory: AIFactory, plan: Plan, cluster: str, place: ProbeTarget
) -> list[tuple[str, dict[str, Any]]]:
    """Return the pods that must be refused, each with the name of its probe."""
    pod = gpu_pod(factory, place, "refused-probe")
    jurisdictions = {node.jurisdiction for node in plan.nodes}
    country = next(code for code in _EMPTY_COUNTRIES if code not in jurisdictions)
    zone = "another-zone"
    for other in factory.zones:
        if other.name != place.namespace.zone:
            zone = other.name
            break
    # Preferably a node of the other zone; a pod that names any node bypasses the scheduler and must be
    # refused.
    node = plan.nodes[0].name
    for candidate in plan.nodes:
        if candidate.zone == zone:
            node = candidate.name
            break
    secure = pod["spec"]["containers"][0]["securityContext"]
    privileged = {
        "privileged": True,
        "allowPrivilegeEscalation": True,
        "readOnlyRootFilesystem": secure["readOnlyRootFilesystem"],
    }
    named_node = {**pod, "spec": {**pod["spec"], "nodeName": node}}
    namespace = place.namespace.name
    refused = [
        (f"wrong-zone/{namespace}", with_selector(pod, {KEYS.zone: zone})),
        (f"named-node/{namespace}", named_node),
        (f"wrong-jurisdiction/{namespace}", with_selector(pod, {KEYS.jurisdiction: country})),
        (f"privileged/{namespace}", with_container(pod, securityContext=privileged)),
        (f"unlisted-registry/{namespace}", with_container(pod, image=UNLISTED)),
    ]
    if any(part.is_management for part in plan.cluster(cluster).pools):
        tolerated = [
            *pod["spec"].get("tolerations", ()),
            {"key": MANAGEMENT_ROLE, "operator": "Exists", "effect": "NoSchedule"},
        ]
        on_management = {**pod, "spec": {**pod["spec"], "tolerations": tolerated}}
        refused.append((f"management-node/{namespace}", on_management))
    return refused


def _refused_objects(
    factory: AIFactory, places: Iterable[ProbeTarget], policies: Collection[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each rendered admission policy but the pods' own must refuse, with the policy's name."""
    # Any namespace of a tenant will do: these policies hold in all of them.
    for place in list(places)[:1]:
        for group, obj in refused_objects(place.namespace.name, factory.name, UNLISTED).items():
            name = policy_name(group)
            if name in policies:
                yield name, obj


def _refusal(api: Api, policies: list[str], name: str, obj: dict[str, Any]) -> ClusterProbe:
    """Send an object as a dry run and judge the refusal."""
    # A policy takes effect a moment after it is created, so an acceptance counts only after a while.
    for _ in polling(_SETTLE_SECONDS, _POLL_SECONDS):
        try:
            api.create(obj, dry_run=True)
        except ApiError as error:
            return _judge_refusal(name, str(error), error.status, policies)
    return ClusterProbe(name, "refused", "failed", "it was let in")


def _judge_refusal(name: str, message: str, status: int, policies: list[str]) -> ClusterProbe:
    """Return whether a refusal comes from one of the stack's policies."""
    naming = [policy for policy in policies if _is_named(policy, message)]
    if status in {403, 422} and naming:
        return ClusterProbe(name, "refused", "passed", f"refused by admission policy {naming[0]}")
    if status == 403 and name.startswith("privileged/") and _POD_SECURITY in message:
        return ClusterProbe(name, "refused", "passed", "refused by the namespace's Pod Security level")
    return ClusterProbe(name, "refused", "failed", f"refused, but by none of our policies: {message}")


def _is_named(policy: str, message: str) -> bool:
    """Return whether a refusal names a policy."""
    # On a local control plane the guard repeats some policies from a file under other names, and answers
    # first.
    names = (policy, REPEATED.get(policy, policy))
    return any(f"ValidatingAdmissionPolicy '{name}'" in message for name in names)
