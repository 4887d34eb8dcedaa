"""How a kind cluster comes into being: kind's own command, what we keep of it, and the images that we bring in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.guard import admission_folder, write_admission_settings
from sovereign_ai.cluster.kind import cgroups, kwok, operator
from sovereign_ai.cluster.kind.config import GUARD_MANIFESTS, control_plane
from sovereign_ai.cluster.kind.nodes import has_network, load, remove_network
from sovereign_ai.cluster.state import Place, read_json, write_json, write_private
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.toolchain.engine.docker import Docker
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.node_image.build import TAG, toolbox_archive
from sovereign_ai.toolchain.place import Progress
from sovereign_ai.toolchain.steps import WayClosedError, run

_LAYOUT = 1
CONFIG = "config"
"""Where the record has the digest of the configuration that a cluster was made from."""
MADE = "made"
"""What the record says once kind has done its part; a cluster of ours without it is half made."""


def adopt(where: Place, cluster: str, machines: Mapping[str, str], digest: str) -> None:
    """Take up a cluster that `kind create cluster --config kind-config.yaml` made."""
    _prepare(where)
    log = where.folder / "logs" / "kind.log"
    run_kind(
        ["export", "kubeconfig", "--name", cluster, "--kubeconfig", str(where.kubeconfig)], f"{cluster}: kubeconfig", log, lambda _: None
    )
    where.kubeconfig.chmod(0o600)
    before = {"network_was_there": False, "cgroups_before": cgroups.unmounted()}
    write_json(where.record, _record(where, machines, digest) | before | {MADE: True})


def make(where: Place, docker: Docker, config: str, machines: Mapping[str, str], digest: str, progress: Progress) -> None:
    """Let kind make the cluster; what is half-made goes again. What an earlier `up` that was killed found before it still counts as before."""
    if not docker.has_image(TAG):
        raise EnvironmentLacksError(Problem("no-node-image", f"the engine has no image {TAG}", hint="run `sovereign-ai tools node-image`"))
    find("kind")
    unfinished = read_json(where.record) or {}
    _prepare(where)
    before = {"network_was_there": has_network(docker), "cgroups_before": cgroups.unmounted()}
    if not unfinished.get(MADE):
        before |= {name: unfinished[name] for name in before if name in unfinished}
    record = _record(where, machines, digest) | before
    write_private(where.folder / "kind-config.yaml", config.encode())
    write_json(where.record, record)
    write_admission_settings(where, GUARD_MANIFESTS)
    operator.prepare(where)
    log, failed = where.folder / "logs" / "kind.log", where.folder.parent / f"{where.name}-failed.log"
    argv = ["create", "cluster", "--name", where.name, "--config", str(where.folder / "kind-config.yaml")]
    try:
        run_kind(
            [*argv, "--kubeconfig", str(where.kubeconfig), "--verbosity", "3"],
            f"{where.name}: kind makes {len(machines) + 1} nodes",
            log,
            progress,
            log_later=failed,
        )
    except BaseException:
        kept = log.read_bytes() if log.is_file() else b""
        run_kind(
            ["delete", "cluster", "--name", where.name, "--kubeconfig", str(where.kubeconfig)], f"{where.name}: removing", log, progress
        )
        if not record["network_was_there"]:
            remove_network(docker)
        where.remove()
        write_private(failed, kept)
        raise
    write_json(where.record, record | {MADE: True})


def unmake(where: Place, progress: Progress) -> None:
    """Remove what an earlier `up` that was killed left half made."""
    log = where.folder / "logs" / "kind.log"
    progress(f"{where.name}: removing what was half made")
    run_kind(["delete", "cluster", "--name", where.name, "--kubeconfig", str(where.kubeconfig)], f"{where.name}: removing", log, progress)


def load_images(where: Place, docker: Docker, factory: AIFactory, machines: Mapping[str, str]) -> str:
    """Put our images into the nodes; give the name of the one that probes run."""
    scratch = where.folder / "images"
    scratch.mkdir(mode=0o700, exist_ok=True)
    load(docker, control_plane(where.name), kwok.write_image(scratch))
    repositories = tuple(f"{registry.rstrip('/')}/toolbox" for registry in factory.images.registries)
    archive = scratch / "toolbox-image.tar"
    digest = toolbox_archive(repositories, archive, progress=lambda _line: None)
    for container in (control_plane(where.name), *machines.values()):
        load(docker, container, archive)
    for path in scratch.iterdir():
        path.unlink()
    scratch.rmdir()
    return f"{repositories[0]}@{digest}"


def _record(where: Place, machines: Mapping[str, str], digest: str) -> dict[str, Any]:
    """Give what we write down of every cluster."""
    return {"layout": _LAYOUT, "name": where.name, "machines": dict(machines), CONFIG: digest}


def _prepare(where: Place) -> None:
    """Make our folder, for the owner alone."""
    where.insist_on_ours()
    own = (where.folder / "logs", where.config, where.pki, where.identity("any").parent, admission_folder(where))
    for folder in (where.folder, *own):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def run_kind(arguments: list[str], what: str, log: Path, progress: Progress, *, log_later: Path | None = None) -> None:
    """Run kind, with its words in a log.

    Args:
        arguments: behind `kind`.
        what: the step in words.
        log: the file that its output is added to.
        progress: told one line if it takes long.
        log_later: where the log will lie after a failure, if not there.

    Raises:
        EnvironmentLacksError: it failed; the text has kubeadm's or kind's own reason where one of them gave one.
    """
    kept = {
        name: value for name, value in os.environ.items() if name.upper() not in {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "KUBECONFIG"}
    }
    env = kept | {"KIND_EXPERIMENTAL_PROVIDER": "docker"}
    try:
        run([str(find("kind")), *arguments], what=what, progress=progress, log=log, env=env, limit=900)
    except WayClosedError as error:
        why = _reason(log)
        raise EnvironmentLacksError(
            Problem("kind-failed", f"{what}: {why}" if why else str(error), hint=f"its log is {log_later or log}")
        ) from None


def _reason(log: Path) -> str:
    """Find in kind's log why it failed: kubeadm's own last error, else kind's; empty where neither gave one."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()] if log.is_file() else []
    for head in ("error: ", "ERROR: "):
        found = [line.removeprefix(head) for line in lines if line.startswith(head)]
        if found:
            return found[-1][:600]
    return ""
