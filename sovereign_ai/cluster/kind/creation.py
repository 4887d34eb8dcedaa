"""Create a kind cluster: kind's own command, the cluster's record, and the images in its nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.guard import admission_folder, write_admission_settings
from sovereign_ai.cluster.kind import cgroups, kwok, operator
from sovereign_ai.cluster.kind.config import GUARD_MANIFESTS, control_plane, identity_file
from sovereign_ai.cluster.kind.containers import containers, has_network, load, remove_network
from sovereign_ai.cluster.kind.makers import CONTAINERS, IDENTITY, foreign_containers, mark, new_identity
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import end_of
from sovereign_ai.files.writing import write_private
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.toolchain import Progress, WayClosedError, run
from sovereign_ai.toolchain.container_engine import Docker
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.node_image.build import TAG, toolbox_archive

_LAYOUT = 1
_MOST_LOG = 4 << 20
"""Bytes of the end of kind's log that are looked at, and kept after a failure."""
MADE_FOR = "made_for"
"""The record's key for what a cluster was created for and cannot change while it stands."""
REGISTRIES = "registries"
"""The record's key for the registries under whose names the nodes have the images of this package."""
MADE = "made"
"""The record's key that is set once kind has finished; a recorded cluster without it is incomplete."""


def adopt(
    cluster_dir: ClusterDir,
    docker: Docker,
    cluster: str,
    machines: Mapping[str, str],
    made_for: Mapping[str, Any],
) -> None:
    """Record a cluster that `kind create cluster --config kind-config.yaml` created, and mark it."""
    _prepare(cluster_dir)
    mark(docker, cluster_dir)
    log = cluster_dir.folder / "logs" / "kind.log"
    run_kind(
        ["export", "kubeconfig", "--name", cluster, "--kubeconfig", str(cluster_dir.kubeconfig)],
        f"{cluster}: kubeconfig",
        log,
        lambda _: None,
    )
    cluster_dir.kubeconfig.chmod(0o600)
    record = _record(cluster_dir, machines, made_for)
    record["network_was_there"] = False
    record["cgroups_before"] = cgroups.unmounted()
    record[CONTAINERS] = [container.identity for container in containers(docker, cluster)]
    record[MADE] = True
    write_json(cluster_dir.record, record)


def make(
    cluster_dir: ClusterDir,
    docker: Docker,
    config: Callable[[str], str],
    machines: Mapping[str, str],
    made_for: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Let kind create the cluster, and remove what it created if it fails.

    Args:
        cluster_dir: the cluster's folder.
        docker: the container engine.
        config: returns kind's configuration for an identity of the cluster.
        machines: machines of the plan that are real, to their containers.
        made_for: what the cluster cannot change while it stands (`config.fixed_settings`).
        progress: receives one line a step.

    Raises:
        EnvironmentLacksError: the container engine has no node image, or kind failed.
    """
    if not docker.has_image(TAG):
        hint = "run `sovereign-ai tools node-image`"
        raise EnvironmentLacksError(
            Problem("no-node-image", f"the container engine has no image {TAG}", hint=hint)
        )
    find("kind")
    unfinished = read_json(cluster_dir.record) or {}
    _prepare(cluster_dir)
    before = {"network_was_there": has_network(docker), "cgroups_before": cgroups.unmounted()}
    if not unfinished.get(MADE):
        # An earlier `up` was killed: what it saw before its own changes is still the state to go back to.
        before |= {name: unfinished[name] for name in before if name in unfinished}
    identity = new_identity(cluster_dir)
    record = _record(cluster_dir, machines, made_for) | before | {IDENTITY: identity}
    write_private(cluster_dir.folder / "kind-config.yaml", config(identity).encode())
    write_json(cluster_dir.record, record)
    write_admission_settings(cluster_dir, GUARD_MANIFESTS)
    operator.prepare(cluster_dir)
    log = cluster_dir.folder / "logs" / "kind.log"
    # Beside the cluster's folder, which is removed after a failure.
    failed = cluster_dir.folder.parent / f"{cluster_dir.name}-failed.log"
    config_file = str(cluster_dir.folder / "kind-config.yaml")
    argv = ["create", "cluster", "--name", cluster_dir.name, "--config", config_file]
    try:
        run_kind(
            [*argv, "--kubeconfig", str(cluster_dir.kubeconfig), "--verbosity", "3"],
            f"{cluster_dir.name}: kind makes {counted(len(machines) + 1, 'node')}",
            log,
            progress,
            log_later=failed,
        )
    except BaseException:  # Ctrl-C too
        kept = end_of(log, _MOST_LOG)
        # kind refuses a name that somebody took a moment ago, and would remove that cluster as well.
        if not foreign_containers(cluster_dir, containers(docker, cluster_dir.name)):
            run_kind(
                [
                    "delete",
                    "cluster",
                    "--name",
                    cluster_dir.name,
                    "--kubeconfig",
                    str(cluster_dir.kubeconfig),
                ],
                f"{cluster_dir.name}: removing",
                log,
                progress,
            )
        if not record["network_was_there"]:
            remove_network(docker)
        cluster_dir.remove()
        write_private(failed, kept)
        raise
    write_json(cluster_dir.record, record | {MADE: True})


def unmake(cluster_dir: ClusterDir, progress: Progress) -> None:
    """Remove the incomplete cluster that a killed `up` left."""
    log = cluster_dir.folder / "logs" / "kind.log"
    progress(f"{cluster_dir.name}: removing an incomplete cluster")
    run_kind(
        ["delete", "cluster", "--name", cluster_dir.name, "--kubeconfig", str(cluster_dir.kubeconfig)],
        f"{cluster_dir.name}: removing",
        log,
        progress,
    )


def load_images(
    cluster_dir: ClusterDir, docker: Docker, factory: AIFactory, machines: Mapping[str, str]
) -> str:
    """Load this package's images into the nodes; return the name of the image that probes run."""
    scratch = cluster_dir.folder / "images"
    scratch.mkdir(mode=0o700, exist_ok=True)
    load(docker, control_plane(cluster_dir.name), kwok.write_image(scratch))
    # Under each listed registry: admission refuses pods whose image is from another.
    repositories = tuple(f"{registry.rstrip('/')}/toolbox" for registry in factory.images.registries)
    archive = scratch / "toolbox-image.tar"
    digest = toolbox_archive(repositories, archive, progress=lambda _line: None)
    for container in (control_plane(cluster_dir.name), *machines.values()):
        load(docker, container, archive)
    for path in scratch.iterdir():
        path.unlink()
    scratch.rmdir()
    return f"{repositories[0]}@{digest}"


def _record(
    cluster_dir: ClusterDir, machines: Mapping[str, str], made_for: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the record of a cluster, before kind has finished."""
    return {
        "layout": _LAYOUT,
        "name": cluster_dir.name,
        "machines": dict(machines),
        MADE_FOR: dict(made_for),
    }


def _prepare(cluster_dir: ClusterDir) -> None:
    """Create the cluster's folders, for their owner only."""
    cluster_dir.require_ours()
    own = (
        cluster_dir.folder / "logs",
        cluster_dir.config,
        cluster_dir.pki,
        cluster_dir.identity("any").parent,
        identity_file(cluster_dir.folder, "any").parent,
        admission_folder(cluster_dir),
    )
    for folder in (cluster_dir.folder, *own):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def run_kind(
    arguments: list[str], what: str, log: Path, progress: Progress, *, log_later: Path | None = None
) -> None:
    """Run kind, with its output in a log.

    Args:
        arguments: behind `kind`.
        what: the step in words.
        log: the file that its output is added to.
        progress: receives one line if it takes long.
        log_later: where the log is kept after a failure, if it is moved.

    Raises:
        EnvironmentLacksError: it failed; the text has the reason of kubeadm or kind, where one of them gave
            one.
    """
    # kind would copy the proxy into the nodes, whose own traffic it cannot carry, and change the user's
    # kubeconfig.
    removed = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "KUBECONFIG"}
    env = {name: value for name, value in os.environ.items() if name.upper() not in removed}
    env["KIND_EXPERIMENTAL_PROVIDER"] = "docker"
    try:
        run([str(find("kind")), *arguments], what=what, progress=progress, log=log, env=env, limit=900)
    except WayClosedError as error:
        why = _reason(log)
        message = f"{what}: {why}" if why else str(error)
        hint = f"its log is {log_later or log}"
        raise EnvironmentLacksError(Problem("kind-failed", message, hint=hint)) from None


def _reason(log: Path) -> str:
    """Return why kind failed, from its log: the last error of kubeadm, else of kind; empty without either."""
    lines = [line.strip() for line in end_of(log, _MOST_LOG).decode(errors="replace").splitlines()]
    # kubeadm writes `error: `, and kind `ERROR: `, which only repeats that kubeadm failed.
    for head in ("error: ", "ERROR: "):
        for line in reversed(lines):
            if line.startswith(head):
                return line.removeprefix(head)[:600]
    return ""
