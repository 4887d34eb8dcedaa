"""The life cycle of a kind cluster: `up`, `status` and `down`, as for the embedded control plane.

`up` may be called at any time: it returns a running cluster, starts a stopped one, or creates one.

    cluster = up(factory, plan, "lab", progress=print)
    cluster.kubeconfig, cluster.machines
    down("lab")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded.settings import operator_rights
from sovereign_ai.cluster.kind import cgroups, kwok, operator
from sovereign_ai.cluster.kind.config import (
    container_names,
    control_plane,
    fixed_settings,
    kind_config,
    unsupported_changes,
)
from sovereign_ai.cluster.kind.containers import Container, containers, need_engine, remove_network
from sovereign_ai.cluster.kind.creation import (
    MADE,
    MADE_FOR,
    REGISTRIES,
    adopt,
    load_images,
    make,
    run_kind,
    unmake,
)
from sovereign_ai.cluster.kind.machine_status import (
    KindStatus,
    folder_of,
    machines_of,
    ready_nodes,
    status_of,
)
from sovereign_ai.cluster.kind.makers import foreign_containers, refusal, require_adoptable
from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.removed_clusters import note_removed
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.toolchain import Progress, wait_until
from sovereign_ai.toolchain.container_engine import Docker

_DOWN_SECONDS = 120.0
_FORBIDDEN = 403


@frozen_dataclass
class KindCluster:
    """A running kind cluster.

    Attributes:
        name: its name, in kind and in the plan.
        folder: its local state.
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
        """Names of all nodes that are not simulated, with the control plane's."""
        return frozenset({*self.machines, control_plane(self.name)})

    def to_data(self) -> dict[str, Any]:
        """Return plain data, for `--json`."""
        data = asdict(self)
        data["folder"] = str(self.folder)
        data["kubeconfig"] = str(self.kubeconfig)
        data["machines"] = dict(self.machines)
        return data


def up(
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    *,
    progress: Progress = lambda _line: None,
    wait_seconds: float = 300,
    root: Path | None = None,
) -> KindCluster:
    """Create a cluster of containers, or return the one that runs.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters; kind calls it so too.
        progress: receives one line a step.
        wait_seconds: how long the nodes may take to be Ready.
        root: the folder of all kind clusters, if not the user's own.

    Raises:
        UsageError: another program created a kind cluster of this name, or this one was created for other
            nodes or ranges.
        EnvironmentLacksError: there is no container engine or no node image, or the nodes did not become
            Ready.
        KeyError: the plan has no such cluster.
    """
    cluster_dir = folder_of(cluster, root)
    docker = Docker()
    need_engine(docker)
    machines: Mapping[str, str] = container_names(plan, cluster)
    with alone(cluster_dir, progress, wait_seconds + _DOWN_SECONDS):
        existing = containers(docker, cluster)
        unfinished = cluster_dir.record.exists() and not (read_json(cluster_dir.record) or {}).get(MADE)
        if existing and unfinished:
            _refuse_strange(cluster_dir, existing)
            operator.stop(cluster_dir)
            unmake(cluster_dir, progress)
            existing = ()
        if existing and not unfinished and cluster_dir.record.exists():
            _refuse_strange(cluster_dir, existing)
            refuse_unsupported_changes(cluster_dir, factory, plan)
            # Which machines are real was chosen when the cluster was made; any that are planned will do.
            machines = machines_of(cluster_dir)
        _refuse_foreign(cluster, existing, machines)
        made_for = fixed_settings(factory, plan, cluster)
        if existing and not cluster_dir.record.exists():
            require_adoptable(docker, cluster_dir, existing)
            adopt(cluster_dir, docker, cluster, machines, made_for)
        if not existing:
            # The operator of a cluster that was removed with kind's own command still runs.
            operator.stop(cluster_dir)
            config = partial(_config, factory, plan, cluster_dir)
            make(cluster_dir, docker, config, machines, made_for, progress)
        else:
            stopped = [container.name for container in existing if not container.runs]
            if stopped:
                progress(f"{cluster}: starting containers that were stopped")
                docker.text("start", *stopped)
        return _finish(cluster_dir, docker, factory, machines, progress, wait_seconds)


def status(name: str, *, root: Path | None = None) -> KindStatus:
    """Return the status of a cluster; one that does not exist is `absent`.

    Raises:
        UsageError: the name is no DNS label.
        EnvironmentLacksError: no container engine answers although there is a cluster.
    """
    return status_of(folder_of(name, root))


def cluster_of(name: str, *, root: Path | None = None) -> KindCluster:
    """Return a cluster that `up` created.

    Raises:
        EnvironmentLacksError: there is none.
    """
    cluster_dir = folder_of(name, root)
    record = read_json(cluster_dir.record)
    if record is None:
        message = f"the kind cluster {name!r} does not run"
        hint = "sovereign-ai cluster up --cluster kind STACK"
        raise EnvironmentLacksError(Problem("no-cluster", message, hint=hint))
    return KindCluster(
        name=name,
        folder=cluster_dir.folder,
        kubeconfig=cluster_dir.kubeconfig,
        server=status_of(cluster_dir).server or "",
        machines=machines_of(cluster_dir),
        image=str(record.get("image", "")),
    )


def down(name: str, *, progress: Progress = lambda _line: None, root: Path | None = None) -> bool:
    """Remove a cluster: containers, volumes, the network if nothing else uses it, cgroups, the local state.

    Returns:
        Whether there was a cluster to remove.

    Raises:
        UsageError: the name is no DNS label, or `up` did not create the cluster.
        EnvironmentLacksError: the container engine does not answer, or containers could not be removed.
    """
    cluster_dir = folder_of(name, root)
    docker = Docker()
    if not cluster_dir.record.exists():
        return False
    need_engine(docker)
    with alone(cluster_dir, progress, _DOWN_SECONDS):
        existing = containers(docker, name)
        _refuse_strange(cluster_dir, existing)
        progress(f"{name}: removing {counted(len(existing), 'container')}")
        operator.stop(cluster_dir)
        log = cluster_dir.folder / "logs" / "kind.log"
        note_removed(cluster_dir)  # before kind removes the cluster from the kubeconfig
        if existing:
            run_kind(
                ["delete", "cluster", "--name", name, "--kubeconfig", str(cluster_dir.kubeconfig)],
                f"{name}: removing",
                log,
                progress,
            )
        record = read_json(cluster_dir.record) or {}
        # A record of an older version does not state it: then the network is left alone.
        if not record.get("network_was_there", True):
            remove_network(docker)
        cgroups.clean([container.identity for container in existing], record.get("cgroups_before", ()))
        if containers(docker, name):
            message = f"could not remove the containers of kind cluster {name!r}"
            raise EnvironmentLacksError(Problem("cluster-stays", message, hint=f"see {log}"))
        cluster_dir.remove()
    return True


def _refuse_strange(cluster_dir: ClusterDir, existing: tuple[Container, ...]) -> None:
    """Refuse to touch containers that somebody else created under the name of a removed cluster.

    Raises:
        UsageError: some containers are not in the cluster's record, have no image of this package, or were
            made by the command of another folder.
    """
    known = {control_plane(cluster_dir.name), *machines_of(cluster_dir).values()}
    strange = _strange(existing, known) or foreign_containers(cluster_dir, existing)
    if strange:
        raise refusal(cluster_dir, strange, existing)


def _strange(existing: tuple[Container, ...], known: set[str]) -> list[str]:
    """Return the names of the containers that are unknown, or whose image this package did not build."""
    return [container.name for container in existing if container.name not in known or not container.recipe]


def _config(factory: AIFactory, plan: Plan, cluster_dir: ClusterDir, identity: str) -> str:
    """Return kind's configuration for a cluster with an identity."""
    return kind_config(factory, plan, cluster_dir.name, guard=cluster_dir.folder, identity=identity)


def refuse_unsupported_changes(cluster_dir: ClusterDir, factory: AIFactory, plan: Plan) -> None:
    """Refuse a cluster that the description has outgrown.

    Raises:
        UsageError: it has.
    """
    made_for = (read_json(cluster_dir.record) or {}).get(MADE_FOR)
    # A record of an older version does not state it.
    differences = (
        unsupported_changes(made_for, factory, plan, cluster_dir.name) if isinstance(made_for, dict) else []
    )
    if differences:
        message = (
            f"the kind cluster {cluster_dir.name!r} stands and cannot change this: {'; '.join(differences)}"
        )
        hint = (
            "make it anew: `sovereign-ai down STACK --cluster kind`, "
            "then `sovereign-ai up STACK --cluster kind`"
        )
        raise UsageError(Problem("cluster-outdated", message, hint=hint))


def _refuse_foreign(cluster: str, existing: tuple[Container, ...], machines: Mapping[str, str]) -> None:
    """Refuse to touch containers that are not those of this plan.

    Raises:
        UsageError: some are others, or some are missing.
    """
    wanted = {control_plane(cluster), *machines.values()}
    names = [container.name for container in existing]
    if _strange(existing, wanted) or (existing and set(names) != wanted):
        message = f"a kind cluster {cluster!r} that is not this stack's exists: {', '.join(names)}"
        hint = f"remove it (`kind delete cluster --name {cluster}`), or rename the stack"
        raise UsageError(Problem("cluster-foreign", message, hint=hint))


def _finish(
    cluster_dir: ClusterDir,
    docker: Docker,
    factory: AIFactory,
    machines: Mapping[str, str],
    progress: Progress,
    wait_seconds: float,
) -> KindCluster:
    """Add what kind does not: images, KWOK, the operator; and wait until every node is Ready."""
    api = open_cluster(cluster_dir.kubeconfig)
    deadline = time.monotonic() + wait_seconds
    server = f"the API server of {cluster_dir.name}"
    _wait(partial(_answers, api), deadline, server, docker, cluster_dir)
    record = read_json(cluster_dir.record) or {}
    registries = list(factory.images.registries)
    # Under a registry that the description does not list any more, admission refuses the probes' image.
    if record.get(REGISTRIES) != registries:
        progress(f"{cluster_dir.name}: loading images of probes and of KWOK")
        record["image"] = load_images(cluster_dir, docker, factory, machines)
        record[REGISTRIES] = registries
        write_json(cluster_dir.record, record)
    deadline = time.monotonic() + wait_seconds
    _wait(partial(_takes, api, kwok.objects()), deadline, server, docker, cluster_dir)
    real = frozenset({*machines, control_plane(cluster_dir.name)})
    progress(f"{cluster_dir.name}: waiting for {counted(len(real), 'node')}")
    names = ", ".join(sorted(real))
    _wait(partial(_are_ready, api, real), deadline, f"the nodes {names}", docker, cluster_dir)
    _wait(partial(_is_available, api, kwok.NAMESPACE, kwok.NAME), deadline, "KWOK", docker, cluster_dir)
    if operator.calls_operator(cluster_dir):
        _wait(partial(_takes, api, operator_rights()), deadline, server, docker, cluster_dir)
    operator.start(cluster_dir, api.server, progress)
    api.close()
    cluster = cluster_of(cluster_dir.name, root=cluster_dir.folder.parent)
    progress(f"{cluster_dir.name}: ready at {cluster.server}")
    return cluster


def _wait(
    holds: Callable[[], bool], deadline: float, what: str, docker: Docker, cluster_dir: ClusterDir
) -> None:
    """Wait until something holds.

    Raises:
        EnvironmentLacksError: it did not in time; the text names the containers that do not run.
    """
    if wait_until(holds, deadline - time.monotonic()):
        return
    message = f"{what} did not become ready in time"
    listed = containers(docker, cluster_dir.name)
    stopped = [container.name for container in listed if not container.runs]
    if stopped:
        message += f"; stopped: {', '.join(stopped)}"
    hint = f"`kind export logs --name {cluster_dir.name}` collects the logs of the nodes"
    raise EnvironmentLacksError(Problem("cluster-not-ready", message, hint=hint))


def _answers(api: Api) -> bool:
    """Return whether the API server answers and pods can be created."""
    try:
        # Kubernetes creates this account a moment after the namespace; admission refuses pods without it.
        return api.get("v1", "ServiceAccount", "default", "default") is not None
    except (ApiError, UnreachableError):
        return False


def _takes(api: Api, objects: Iterable[Mapping[str, Any]]) -> bool:
    """Apply objects; return False while the API server does not accept them from its own administrator.

    It does not answer while many pods start beside it. One that has just restarted forbids everything until
    it has read its roles, which on a slow server was observed long after its first answers.

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
    """Return whether nodes exist and are Ready."""
    try:
        return names <= ready_nodes(api)
    except (ApiError, UnreachableError):
        return False


def _is_available(api: Api, namespace: str, name: str) -> bool:
    """Return whether a deployment has the replicas it wants."""
    try:
        deployment = api.get("apps/v1", "Deployment", name, namespace)
    except (ApiError, UnreachableError):
        return False
    if deployment is None:
        return False
    available = deployment.get("status", {}).get("availableReplicas", 0)
    return bool(available >= deployment["spec"]["replicas"])
