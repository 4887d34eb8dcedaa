"""What tenants have used: GPU-hours and energy of each piece of work that Kueue knows.

Time counts from Kueue's admission, from which on the quota is taken, whether the pods run yet or not, to the
end of the work or now. Only what Kueue still holds is there: work that was deleted is gone, and of work that
lost its place and runs again the time before is not written anywhere. Both make the sums lower bounds.

Energy is the machines' power at full load, shared evenly by their GPUs, over that time. It is no measurement,
and has neither cooling nor switches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.plan import ClusterPlan, PoolSlice
from sovereign_ai.verify.pod_requests import amount_of

Object = Mapping[str, Any]
_HOUR = 3600.0
_ORIGIN = "kueue.x-k8s.io/multikueue-origin"
"""The label of a workload that another cluster has sent."""


@frozen_dataclass
class WorkUsage:
    """What a piece of work has used in a period.

    Attributes:
        tenant: whose it is.
        team: the team of the tenant that it is accounted to; empty where its label names none.
        namespace: its namespace.
        name: its name, that of the object that Kueue admitted.
        pool: the pool that it runs on.
        gpus: GPUs that it holds, whole ones; MIG instances count as their share.
        begin: when it was admitted, or the beginning of the period.
        end: when it ended, or the end of the period.
        watts: the power of one of its GPUs at full load, with its share of the machine.
        is_over: whether it has ended.
        was_evicted: whether it lost its place before, so that there is time that is not counted.
    """

    tenant: str
    team: str
    namespace: str
    name: str
    pool: str
    gpus: float
    begin: datetime
    end: datetime
    watts: float
    is_over: bool
    was_evicted: bool

    @property
    def gpu_hours(self) -> float:
        """GPUs times hours."""
        return self.gpus * (self.end - self.begin).total_seconds() / _HOUR

    @property
    def kwh(self) -> float:
        """Energy of its share of the machines at full load, in kWh."""
        return self.gpu_hours * self.watts / 1000


@frozen_dataclass
class TenantUsage:
    """What a tenant, or a team of it, has used in a period.

    Attributes:
        tenant: its name.
        team: the team's name; empty for all of the tenant's work, or for that of no team.
        works: its pieces of work that used something.
        gpu_hours: their GPU-hours.
        kwh: their energy.
    """

    tenant: str
    works: int
    gpu_hours: float
    kwh: float
    team: str = ""


def usage_of(
    workloads: Iterable[Object],
    cluster: ClusterPlan,
    since: datetime | None,
    until: datetime,
    sent: Iterable[PoolSlice] = (),
) -> list[WorkUsage]:
    """Return what each piece of work has used in a period, by tenant, namespace and name.

    Args:
        workloads: Kueue's Workloads of the cluster.
        cluster: its plan; workloads outside its tenants' namespaces are left out.
        since: the beginning of the period; None for all that is known.
        until: its end.
        sent: pools of other clusters to which this one sends work. It is counted here and not there, where
            its workload is deleted at its end.
    """
    tenants = {namespace.name: namespace.tenant for namespace in cluster.namespaces}
    pools = {pool.pool: pool for pool in (*cluster.pools, *sent)}
    uses = []
    for workload in workloads:
        tenant = tenants.get(workload["metadata"]["namespace"])
        pool = pools.get(str(workload["spec"].get("queueName")))
        is_received = _ORIGIN in (workload["metadata"].get("labels") or {})
        if tenant is None or pool is None or is_received:
            continue
        use = _use(workload, tenant, pool, (since, until))
        if use is not None:
            uses.append(use)
    return sorted(uses, key=lambda use: (use.tenant, use.namespace, use.name))


def by_tenant(uses: Iterable[WorkUsage]) -> list[TenantUsage]:
    """Return the sums of each tenant, by name."""
    return _sums(uses, lambda use: (use.tenant, ""))


def by_team(uses: Iterable[WorkUsage]) -> list[TenantUsage]:
    """Return the sums of each team, by tenant and name; work of no team is one of its own, without a name."""
    return _sums(uses, lambda use: (use.tenant, use.team))


def _sums(uses: Iterable[WorkUsage], key: Callable[[WorkUsage], tuple[str, str]]) -> list[TenantUsage]:
    """Return the sums of the work of each tenant and team that a key names."""
    groups: defaultdict[tuple[str, str], list[WorkUsage]] = defaultdict(list)
    for use in uses:
        groups[key(use)].append(use)
    sums = []
    for (tenant, team), own in sorted(groups.items()):
        hours, energy = sum(use.gpu_hours for use in own), sum(use.kwh for use in own)
        works = len({(use.namespace, use.name) for use in own})
        sums.append(TenantUsage(tenant, works, hours, energy, team))
    return sums


def _use(
    workload: Object, tenant: str, pool: PoolSlice, period: tuple[datetime | None, datetime]
) -> WorkUsage | None:
    """Return what one workload has used; None where that is nothing."""
    status = workload.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    gpus = _gpus(status.get("admission") or {}, pool)
    admitted, finished = _since(conditions, "Admitted"), _since(conditions, "Finished")
    if admitted is None or not gpus:
        return None
    since, until = period
    begin = admitted if since is None else max(admitted, since)
    end = until if finished is None else min(finished, until)
    if end <= begin:
        return None
    metadata = workload["metadata"]
    owners = metadata.get("ownerReferences") or ()
    name = owners[0]["name"] if owners else metadata["name"]
    kind = system(pool.system)
    # Work is counted by its GPUs, of which a machine without any has none to share its power.
    watts = kind.max_power.count / max(kind.gpus, 1)
    return WorkUsage(
        tenant=tenant,
        team=_team(workload),
        namespace=metadata["namespace"],
        name=name,
        pool=pool.pool,
        gpus=gpus,
        begin=begin,
        end=end,
        watts=watts,
        is_over=finished is not None,
        was_evicted="Evicted" in conditions,
    )


def _team(workload: Object) -> str:
    """Return the team that a workload, or else its pods, are labelled with; empty for none.

    Kueue copies no label of a job to its workload unless it is told to (`labelKeysToCopy`), but always keeps
    the templates of the pods there.
    """
    templates = [part.get("template") or {} for part in workload["spec"].get("podSets") or ()]
    for labelled in (workload, *templates):
        labels = (labelled.get("metadata") or {}).get("labels") or {}
        if KEYS.team in labels:
            return str(labels[KEYS.team])
    return ""


def _since(conditions: Mapping[str, Object], name: str) -> datetime | None:
    """Return since when a condition is true; None where it is not."""
    condition = conditions.get(name) or {}
    if condition.get("status") != "True":
        return None
    return datetime.fromisoformat(str(condition["lastTransitionTime"]))


def _gpus(admission: Object, pool: PoolSlice) -> float:
    """Return the whole GPUs of an admission."""
    devices = Fraction(0)
    for part in admission.get("podSetAssignments") or ():
        devices += amount_of((part.get("resourceUsage") or {}).get(pool.resource))
    return float(devices / pool.instances)
