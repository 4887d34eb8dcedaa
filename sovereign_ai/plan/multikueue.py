"""Work that is sent to other clusters of the factory: which queue of the manager leads to which workers.

Kueue's MultiKueue names the cluster that sends the *manager*, and those that run the work *workers*. The
manager is the cluster with the factory's name. Kueue sends a job to the queue of the same name in the
namespace of the same name, so a queue of the manager is called after a pool that only workers have.

A queue never leads where the data of its zone may not be: the description is refused, and `dispatches` leaves
such a worker out by itself.

    dispatches(factory, plan.clusters)[0].workers            # ('lab-ber1-1',)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.catalog import expand
from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.cluster_split import SiteCut, count_of
from sovereign_ai.plan.clusters import ClusterPlan, Namespace, PoolSlice
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory, WorkerCluster

KUEUE_NAMESPACE = "kueue-system"
"""Where Kueue runs and reads the workers' kubeconfigs from, unless the description installs it elsewhere."""

SENDING_ACCOUNT = "multikueue"
"""The service account in the system namespace of a worker as which the manager's Kueue acts there."""


@frozen_dataclass
class Dispatch:
    """One queue of the manager from which work is sent.

    Attributes:
        pool: the pool, after which the queue is called in the manager and in the workers, and its part in all
            of the workers.
        workers: the names of the clusters that may run the work, in the order of the description.
        namespaces: the manager's namespaces that have the queue.
    """

    pool: PoolSlice
    workers: tuple[str, ...]
    namespaces: tuple[Namespace, ...]

    @property
    def queue(self) -> str:
        """The name of the queue, of its admission check and of the list of its workers."""
        return self.pool.pool


def kubeconfig_head(server: str | None) -> str:
    """Return how the kubeconfig of a worker begins, up to the address of its API server and with it.

    Admission sees a Secret in base64 and cannot decode that: it compares the beginning, whose length is that
    of whole groups of three bytes. Without an address it is one of this machine, whose port follows.
    """
    address = f'{server}"' if server else "https://127.0.0.1:"
    head = f'"apiVersion":"v1","kind":"Config","clusters":[{{"name":"worker","cluster":{{"server":"{address}'
    return "{" + " " * (-(len(head) + 1) % 3) + head


def workers_of(factory: AIFactory) -> tuple[WorkerCluster, ...]:
    """Return the described worker clusters; none where no platform is described."""
    return factory.platform.multikueue if factory.platform is not None else ()


def kueue_namespace(factory: AIFactory) -> str:
    """Return the namespace from which Kueue reads the workers' kubeconfigs."""
    controller = factory.platform.controller("kueue") if factory.platform is not None else None
    return (controller.namespace if controller is not None else None) or KUEUE_NAMESPACE


def worker_notes(factory: AIFactory) -> Iterator[str]:
    """Yield for each worker where its kubeconfig is expected, which nothing deploys."""
    for worker in workers_of(factory):
        secret = f"{kueue_namespace(factory)}/{worker.cluster}"
        yield (
            f"work of {', '.join(worker.zones)} is sent to {worker.cluster} by the kubeconfig in Secret "
            f"{secret} of {factory.name}, which is in no description: "
            f"`sovereign-ai platform kubeconfig STACK --stack {worker.cluster} -o FILE`"
        )


def dispatches(factory: AIFactory, clusters: Sequence[ClusterPlan]) -> tuple[Dispatch, ...]:
    """Return the queues of the manager from which work is sent, in the order of the description."""
    by_name = {cluster.name: cluster for cluster in clusters}
    manager = by_name.get(factory.name)
    if manager is None:
        return ()
    own = {pool.pool for pool in manager.pools}
    found: dict[str, Dispatch] = {}
    for worker in workers_of(factory):
        cluster = by_name.get(worker.cluster)
        if cluster is None or cluster.name == manager.name:
            continue
        for pool in cluster.work_pools:
            if pool.pool in own or not _may_run(factory, worker, pool.zone, cluster.jurisdiction):
                continue
            namespaces = _senders(worker, pool.zone, manager)
            if not namespaces:
                continue
            part = pool
            names: tuple[str, ...] = (cluster.name,)
            if pool.pool in found:
                earlier = found[pool.pool]
                nodes, gpus = earlier.pool.nodes + pool.nodes, earlier.pool.gpus + pool.gpus
                part = replace(pool, nodes=nodes, gpus=gpus)
                names = (*earlier.workers, cluster.name)
            found[pool.pool] = Dispatch(part, names, namespaces)
    return tuple(found.values())


def sent_pools(factory: AIFactory, clusters: Sequence[ClusterPlan], cluster: str) -> list[PoolSlice]:
    """Return the pools of other clusters to which one sends work."""
    is_manager = cluster == factory.name
    return [dispatch.pool for dispatch in dispatches(factory, clusters)] if is_manager else []


def _may_run(factory: AIFactory, worker: WorkerCluster, zone: str, country: str) -> bool:
    """Return whether the description sends work of a zone to a worker, and its data may be there."""
    return zone in worker.zones and not _forbidding(factory, zone, country)


def _senders(worker: WorkerCluster, zone: str, manager: ClusterPlan) -> tuple[Namespace, ...]:
    """Return the manager's namespaces of a zone whose tenants' work is sent to a worker."""
    namespaces: list[Namespace] = []
    for namespace in manager.namespaces:
        if namespace.zone == zone and (not worker.tenants or namespace.tenant in worker.tenants):
            namespaces.append(namespace)
    return tuple(namespaces)


def _forbidding(factory: AIFactory, zone: str, country: str) -> list[str]:
    """Return why data of a zone may not be in a country: each policy on it that does not permit that."""
    reasons: list[str] = []
    for policy in factory.residency:
        is_on_zone = not policy.zones or zone in policy.zones
        if is_on_zone and country not in expand(policy.within):
            reasons.append(f"{policy.data} data of zone {zone!r} may be in {', '.join(policy.within)}")
    return reasons


def multikueue_problems(
    factory: AIFactory, shapes: Sequence[Shape], cuts: Sequence[SiteCut]
) -> Iterator[Problem]:
    """Refuse worker clusters that are none, that data may not reach, and those without the work's queue.

    Args:
        factory: the description.
        shapes: its pools, as they stand in the end.
        cuts: the division of its sites; none where a site cannot be divided.
    """
    workers = workers_of(factory)
    if not workers or not cuts:
        return
    pools = _pools_by_cluster(shapes, cuts)
    site_of: dict[str, SiteCut] = {}
    for cut in cuts:
        site_of.update(dict.fromkeys(cut.names, cut))
    if factory.name not in pools:
        message = "work is sent from the cluster with the factory's name, and there is none"
        hint = f"write 'clusters: {{home: {factory.sites[0].name}}}', or the site of the cluster that sends"
        yield Problem("no-manager", message, Where(field="platform.multikueue[0].cluster"), hint)
        return
    for index, worker in enumerate(workers):
        at = f"platform.multikueue[{index}]"
        where = Where(field=f"{at}.cluster")
        if worker.cluster not in pools:
            others = [name for name in pools if name != factory.name]
            message = f"the plan has no cluster called {worker.cluster!r}"
            yield Problem("unknown-name", message, where, nearest(worker.cluster, others))
            continue
        if worker.cluster == factory.name:
            message = f"{worker.cluster!r} is the cluster that sends the work, and cannot be its own worker"
            hint = "leave it out: its own queues admit what runs in it"
            yield Problem("own-cluster", message, where, hint)
            continue
        country = site_of[worker.cluster].site.country
        for number, zone in enumerate(worker.zones):
            zone_at = Where(field=f"{at}.zones[{number}]")
            yield from _zone_problems(factory, worker, zone, country, pools, zone_at)
    yield from _unequal_tenants(factory, pools)


def _zone_problems(
    factory: AIFactory,
    worker: WorkerCluster,
    zone: str,
    country: str,
    pools: Mapping[str, Mapping[str, str]],
    where: Where,
) -> Iterator[Problem]:
    """Refuse a zone whose data may not be in a worker's country, and one that has no queue to meet.

    Args:
        factory: the description.
        worker: the worker cluster.
        zone: the zone's name.
        country: the country of the worker.
        pools: cluster to the pools that work runs on, each with its zone.
        where: the place of the zone's name.
    """
    for reason in _forbidding(factory, zone, country):
        message = f"{worker.cluster!r} is in {country}, and {reason}"
        hint = "take the zone out, or send to a cluster in a country that the policy permits"
        yield Problem("data-abroad", message, where, hint)
    here = {pool for pool, of in pools[factory.name].items() if of == zone}
    there = {pool for pool, of in pools[worker.cluster].items() if of == zone}
    for cluster, own in ((factory.name, here), (worker.cluster, there)):
        if not own:
            message = (
                f"zone {zone!r} has no machine for work in {cluster!r}, and so no namespace and no queue"
            )
            hint = "take the zone out, or give it a pool there"
            yield Problem("no-queue", message, where, hint)
    if here and there and not there - here:
        names = ", ".join(sorted(there))
        message = (
            f"all of zone {zone!r} in {worker.cluster!r} is of {names}, which {factory.name!r} has a part of "
            "too: its queue of that name is its own"
        )
        hint = "make the worker's machines a pool of their own"
        yield Problem("no-queue", message, where, hint)


def _unequal_tenants(factory: AIFactory, pools: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    """Refuse workers that have parts of one pool and run work of different tenants: it has one queue."""
    first: dict[str, WorkerCluster] = {}
    for index, worker in enumerate(workers_of(factory)):
        for pool, zone in pools.get(worker.cluster, {}).items():
            if zone not in worker.zones or pool in pools[factory.name]:
                continue
            earlier = first.setdefault(pool, worker)
            if set(earlier.tenants) != set(worker.tenants):
                message = (
                    f"{earlier.cluster!r} and {worker.cluster!r} have parts of pool {pool!r}, whose queue "
                    "leads to both, and run work of different tenants"
                )
                where = Where(field=f"platform.multikueue[{index}].cluster")
                hint = "write the same 'tenants' for both, or make two pools"
                yield Problem("contradiction", message, where, hint)


def _pools_by_cluster(shapes: Sequence[Shape], cuts: Sequence[SiteCut]) -> dict[str, dict[str, str]]:
    """Return for each cluster its pools that work runs on, each with its zone."""
    pools: dict[str, dict[str, str]] = {}
    for cut in cuts:
        for number, name in enumerate(cut.names):
            own = pools.setdefault(name, {})
            for shape in shapes:
                is_here = count_of(cut.of.get(shape.pool.name, ()), number, 0, shape.nodes) > 0
                if is_here and not shape.pool.is_management:
                    own[shape.pool.name] = shape.pool.zone
    return pools
