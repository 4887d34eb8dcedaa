"""The kind plane's life: `up`, `status`, `down`, as the embedded plane has them.

`up` may be called at any time: it returns what runs, starts what was stopped, or makes a cluster.

    cluster = up(factory, plan, "lab", progress=print)
    cluster.kubeconfig, cluster.machines
    down("lab")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.kind import cgroups, kwok, operator
from sovereign_ai.cluster.kind.config import config_digest, container_names, control_plane, kind_config
from sovereign_ai.cluster.kind.making import CONFIG, MADE, adopt, load_images, make, run_kind, unmake
from sovereign_ai.cluster.kind.nodes import Container, containers, need_engine, remove_network
from sovereign_ai.cluster.kind.status import KindStatus, folder_of, machines_of, ready_nodes, status_of
from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.settings import operator_rights
from sovereign_ai.cluster.state import Place, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.toolchain.engine.docker import Docker
from sovereign_ai.toolchain.place import Progress
from sovereign_ai.toolchain.waiting import until

_DOWN_SECONDS = 120.0
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class KindCluster:
    """A running kind cluster.

    Attributes:
        name: its name, in kind and in the plan.
        folder: where we keep what we know of it.
        kubeconfig: the administrator's kubeconfig, of mode 0600.
        server: the API server's URL.
        machines: machines of the plan that are real, to their containers.
        image: the image that probes and tests run, by digest under the stack's own registry.
    """

    name: str
    folder: Path
    kubeconfig: Path
    server: str
    machines: Mapping[str, str]
    image: str

    @property
    def real(self) -> frozenset[str]:
        """Names of all nodes that are no simulation, the control plane's with them."""
        return frozenset({*self.machines, control_plane(self.name)})

    def to_data(self) -> dict[str, Any]:
        """Give it as plain data, for `--json`."""
        return asdict(self) | {"folder": str(self.folder), "kubeconfig": str(self.kubeconfig), "machines": dict(self.machines)}


def up(
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    *,
    progress: Progress = lambda _line: None,
    wait_seconds: float = 300,
    root: Path | None = None,
) -> KindCluster:
    """Make a cluster of containers, or return the one that runs.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters; kind calls it so too.
        progress: told one line a step.
        wait_seconds: how long the nodes may take to be Ready.
        root: the folder of all kind clusters, if not the user's own.

    Raises:
        UsageError: a kind cluster of this name is there and not ours, or ours was made for other machines or ranges.
        EnvironmentLacksError: there is no engine or no node image, or the nodes did not become Ready.
        KeyError: the plan has no such cluster.
    """
    where = folder_of(cluster, root)
    docker = Docker()
    need_engine(docker)
    machines = container_names(plan, cluster)
    with alone(where, progress, wait_seconds + _DOWN_SECONDS):
        there = containers(docker, cluster)
        unfinished = where.record.exists() and not (read_json(where.record) or {}).get(MADE)
        if there and unfinished:
            _refuse_strange(where, there)
            operator.stop(where)
            unmake(where, progress)
            there = ()
        if there and not unfinished and where.record.exists():
            _refuse_another_plan(where, factory, plan)
        _refuse_foreign(cluster, there, machines)
        digest = config_digest(factory, plan, cluster)
        if there and not where.record.exists():
            adopt(where, cluster, machines, digest)
        if not there:
            operator.stop(where)  # what was beside a cluster that somebody removed by kind's own command
            make(where, docker, kind_config(factory, plan, cluster, guard=where.folder), machines, digest, progress)
        elif not all(one.runs for one in there):
            progress(f"{cluster}: starting containers that were stopped")
            docker.text("start", *(one.name for one in there if not one.runs))
        return _finish(where, docker, factory, machines, progress, wait_seconds)


def status(name: str, *, root: Path | None = None) -> KindStatus:
    """Say what a cluster is doing; one that does not exist is `absent`.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: no engine answers although there is a cluster to ask about.
    """
    return status_of(folder_of(name, root))


def cluster_of(name: str, *, root: Path | None = None) -> KindCluster:
    """Give a cluster that `up` has made.

    Raises:
        EnvironmentLacksError: there is none.
    """
    where = folder_of(name, root)
    found = read_json(where.record)
    if found is None:
        raise EnvironmentLacksError(
            Problem("no-cluster", f"the kind cluster {name!r} does not run", hint="sovereign-ai cluster up --backend kind STACK")
        )
    seen = status_of(where)
    return KindCluster(name, where.folder, where.kubeconfig, seen.server or "", machines_of(where), str(found.get("image", "")))


def down(name: str, *, progress: Progress = lambda _line: None, root: Path | None = None) -> bool:
    """Remove a cluster: containers, volumes, the network if nobody else uses it, cgroups, our folder; False if there was nothing.

    Raises:
        UsageError: the name is no DNS label, or the cluster is not ours.
        EnvironmentLacksError: the engine does not answer, or something would not go.
    """
    where = folder_of(name, root)
    docker = Docker()
    if not where.record.exists():
        return False
    need_engine(docker)
    with alone(where, progress, _DOWN_SECONDS):
        there = containers(docker, name)
        _refuse_strange(where, there)
        progress(f"{name}: removing {len(there)} containers")
        operator.stop(where)
        log = where.folder / "logs" / "kind.log"
        if there:
            run_kind(["delete", "cluster", "--name", name, "--kubeconfig", str(where.kubeconfig)], f"{name}: removing", log, progress)
        record = read_json(where.record) or {}
        if not record.get("network_was_there", True):
            remove_network(docker)
        cgroups.clean((one.identity for one in there), record.get("cgroups_before", ()))
        if containers(docker, name):
            raise EnvironmentLacksError(Problem("cluster-stays", f"containers of cluster {name!r} would not go", hint=f"see {log}"))
        where.remove()
    return True


def _refuse_strange(where: Place, there: tuple[Container, ...]) -> None:
    """Stop before removing containers that somebody else made under the name of a cluster of ours that is gone."""
    known = {control_plane(where.name), *machines_of(where).values()}
    strange = [one.name for one in there if one.name not in known or not one.recipe]
    if strange:
        what = f"the kind cluster {where.name!r} that is there is none that we made: {', '.join(strange)}"
        hint = f"nothing was removed; if it may go: `kind delete cluster --name {where.name}`, and then this command again"
        raise UsageError(Problem("cluster-foreign", what, hint=hint))


def _refuse_another_plan(where: Place, factory: AIFactory, plan: Plan) -> None:
    """Stop where a cluster was made for other machines, ranges or settings than those of the description as it is now."""
    made_from = (read_json(where.record) or {}).get(CONFIG)
    if made_from is not None and made_from != config_digest(factory, plan, where.name):
        what = f"the kind cluster {where.name!r} was made for other machines, address ranges or settings than the description has now"
        hint = "make it anew: `sovereign-ai down STACK --cluster kind`, then `sovereign-ai up STACK --cluster kind`"
        raise UsageError(Problem("cluster-outdated", what, hint=hint))


def _refuse_foreign(cluster: str, there: tuple[Container, ...], machines: Mapping[str, str]) -> None:
    """Stop before touching containers that are not those of this plan."""
    wanted = {control_plane(cluster), *machines.values()}
    strange = [one.name for one in there if one.name not in wanted or not one.recipe]
    if strange or (there and {one.name for one in there} != wanted):
        what = f"a kind cluster {cluster!r} of another making is there: {', '.join(one.name for one in there)}"
        raise UsageError(Problem("cluster-foreign", what, hint=f"remove it (`kind delete cluster --name {cluster}`), or rename the stack"))


def _finish(
    where: Place, docker: Docker, factory: AIFactory, machines: Mapping[str, str], progress: Progress, wait_seconds: float
) -> KindCluster:
    """Bring in what kind does not: images, KWOK; and wait until every node is Ready."""
    api = open_cluster(where.kubeconfig)
    deadline = time.monotonic() + wait_seconds
    _wait(partial(_answers, api), deadline, f"the API server of {where.name}", docker, where)
    record = read_json(where.record) or {}
    if not record.get("image"):
        progress(f"{where.name}: loading images of probes and of KWOK")
        record["image"] = load_images(where, docker, factory, machines)
        write_json(where.record, record)
    deadline = time.monotonic() + wait_seconds
    _wait(partial(_takes, api, kwok.objects()), deadline, f"the API server of {where.name}", docker, where)
    real = frozenset({*machines, control_plane(where.name)})
    progress(f"{where.name}: waiting for {len(real)} nodes")
    _wait(partial(_are_ready, api, real), deadline, f"the nodes {', '.join(sorted(real))}", docker, where)
    _wait(partial(_is_available, api, kwok.NAMESPACE, kwok.NAME), deadline, "KWOK", docker, where)
    if operator.is_asked(where):
        _wait(partial(_takes, api, operator_rights()), deadline, f"the API server of {where.name}", docker, where)
    operator.start(where, api.server, progress)
    api.close()
    found = cluster_of(where.name, root=where.folder.parent)
    progress(f"{where.name}: ready at {found.server}")
    return found


def _wait(holds: Callable[[], bool], deadline: float, what: str, docker: Docker, where: Place) -> None:
    """Wait until something holds.

    Raises:
        EnvironmentLacksError: it did not in time; the text says which containers do not run.
    """
    if not until(holds, deadline - time.monotonic()):
        stopped = [one.name for one in containers(docker, where.name) if not one.runs]
        more = f"; stopped: {', '.join(stopped)}" if stopped else ""
        hint = f"`kind export logs --name {where.name}` collects what the nodes said"
        raise EnvironmentLacksError(Problem("cluster-not-ready", f"{what} did not become ready in time{more}", hint=hint))


def _answers(api: Api) -> bool:
    """Tell whether the API server answers and pods can be made."""
    try:
        return api.get("v1", "ServiceAccount", "default", "default") is not None
    except (ApiError, UnreachableError):
        return False


def _takes(api: Api, objects: Iterable[Mapping[str, Any]]) -> bool:
    """Give objects to the API server; False while it does not take them from its own administrator.

    It does not answer while many pods are just starting beside it, and one that has just started again forbids everything until it
    has read its roles: on a slow machine that was seen long after the first answers.

    Raises:
        ApiError: it refused one for another reason.
    """
    try:
        api.many(partial(api.apply, obj, force=True) for obj in objects)
    except UnreachableError:
        return False
    except ApiError as error:
        if error.status != _FORBIDDEN:
            raise
        return False
    return True


def _are_ready(api: Api, names: frozenset[str]) -> bool:
    """Tell whether nodes are there and Ready."""
    try:
        return names <= ready_nodes(api)
    except (ApiError, UnreachableError):
        return False


def _is_available(api: Api, namespace: str, name: str) -> bool:
    """Tell whether a deployment has the replicas it wants."""
    try:
        found = api.get("apps/v1", "Deployment", name, namespace)
    except (ApiError, UnreachableError):
        return False
    return found is not None and found.get("status", {}).get("availableReplicas", 0) >= found["spec"]["replicas"]
