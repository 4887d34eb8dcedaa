"""What sends work to other clusters: of the manager Kueue's objects, of a worker the rights of the manager.

The manager knows a worker by a kubeconfig in a Secret that has the worker's name, in Kueue's namespace. No
Secret is rendered: `sovereign-ai platform kubeconfig` makes one, and whoever runs the manager puts it there.

In a worker the manager's Kueue is one service account. In the namespaces whose work it sends it makes and
ends workloads and their jobs. It follows both in the whole cluster: Kueue asks for all namespaces at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.plan import SENDING_ACCOUNT, ClusterPlan, Dispatch
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.render.kubernetes.queues import API, MULTIKUEUE
from sovereign_ai.render.kubernetes.tenants import WORK
from sovereign_ai.spec import AIFactory

_RBAC = "rbac.authorization.k8s.io"
_KUEUE = "kueue.x-k8s.io"
_JOBS = ("batch", "jobs")
_ROLE = "sovereign-multikueue"


def objects(factory: AIFactory, cluster: ClusterPlan, sent: Sequence[Dispatch]) -> Iterator[Object]:
    """Yield a cluster's part in sending work: as the manager, as a worker, or none.

    Args:
        factory: the description.
        cluster: the cluster.
        sent: the queues from which work is sent.
    """
    if cluster.name == factory.name:
        yield from _of_manager(factory, sent)
    else:
        yield from _of_worker(factory, cluster, sent)


def _of_manager(factory: AIFactory, sent: Sequence[Dispatch]) -> Iterator[Object]:
    """Yield the checks of the manager's queues, the workers of each, and where each worker is."""
    maker = Maker(factory.name)
    workers: dict[str, None] = {}
    for dispatch in sent:
        name, component = dispatch.queue, f"pool.{dispatch.queue}"
        workers.update(dict.fromkeys(dispatch.workers))
        parameters = {"apiGroup": _KUEUE, "kind": "MultiKueueConfig", "name": name}
        check = {"controllerName": MULTIKUEUE, "parameters": parameters}
        yield maker.make(API, "MultiKueueConfig", name, component, spec={"clusters": list(dispatch.workers)})
        yield maker.make(API, "AdmissionCheck", name, component, spec=check)
    for worker in workers:
        source = {"kubeConfig": {"location": worker, "locationType": "Secret"}}
        component = f"factory.{factory.name}"
        yield maker.make(API, "MultiKueueCluster", worker, component, spec={"clusterSource": source})


def _of_worker(factory: AIFactory, cluster: ClusterPlan, sent: Sequence[Dispatch]) -> Iterator[Object]:
    """Yield the account of the manager's Kueue in a worker, with its rights; nothing where no work comes."""
    senders: dict[str, str] = {}
    for dispatch in sent:
        if cluster.name in dispatch.workers:
            for namespace in dispatch.namespaces:
                senders[namespace.name] = namespace.tenant
    if not senders:
        return
    maker = Maker(factory.name)
    component = f"factory.{factory.name}"
    kinds = [_JOBS]
    named = factory.platform.names() if factory.platform is not None else ()
    for name in sorted(named):
        if name in WORK:
            kinds.append(WORK[name])
    yield maker.make(
        "v1",
        "ServiceAccount",
        SENDING_ACCOUNT,
        component,
        namespace=SYSTEM_NAMESPACE,
        automountServiceAccountToken=False,
    )
    followed = [_rule(_KUEUE, "workloads", "list", "watch")]
    written = [
        _rule(_KUEUE, "workloads", "get", "create", "update", "delete"),
        _rule(_KUEUE, "workloads/status", "patch", "update"),
    ]
    for api_group, resource in kinds:
        followed.append(_rule(api_group, resource, "watch"))
        written.append(_rule(api_group, resource, "get", "create", "delete"))
    yield maker.make(f"{_RBAC}/v1", "ClusterRole", _ROLE, component, rules=followed)
    yield maker.make(f"{_RBAC}/v1", "ClusterRoleBinding", _ROLE, component, **_bound("ClusterRole"))
    for name, tenant in senders.items():
        of_tenant = f"tenant.{tenant}"
        yield maker.make(f"{_RBAC}/v1", "Role", _ROLE, of_tenant, namespace=name, rules=written)
        yield maker.make(f"{_RBAC}/v1", "RoleBinding", _ROLE, of_tenant, namespace=name, **_bound("Role"))


def _rule(api_group: str, resource: str, *verbs: str) -> dict[str, Any]:
    """Return one RBAC rule."""
    return {"apiGroups": [api_group], "resources": [resource], "verbs": list(verbs)}


def _bound(kind: str) -> dict[str, Any]:
    """Return the fields by which a binding gives the role of a kind to the manager's Kueue."""
    subject = {"kind": "ServiceAccount", "name": SENDING_ACCOUNT, "namespace": SYSTEM_NAMESPACE}
    return {"roleRef": {"apiGroup": _RBAC, "kind": kind, "name": _ROLE}, "subjects": [subject]}
