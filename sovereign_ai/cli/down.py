"""`down`: remove what a stack deployed and what was simulated, and end the local cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, YesOption, confirm, insist_on_one, running
from sovereign_ai.cli.up import told

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.deploy.engine import Engine


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("down", **example("sovereign-ai down stacks/lab"))
    def down(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        keep_cluster: Annotated[bool, typer.Option("--keep-cluster", help="Leave the local cluster running, empty.")] = False,
        forget: Annotated[
            bool, typer.Option("--forget", help="Drop from the state what stood on a cluster that is no more; speak to none.")
        ] = False,
        yes: YesOption = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Remove everything of ours; a local cluster is ended as well."""
        if forget:
            speak("down", as_json, lambda output: _forget(output, stack, cluster, name))
        else:
            speak("down", as_json, lambda output: _down(output, stack, cluster, kubeconfig, name, keep_cluster, yes))


def _down(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, keep: bool, yes: bool) -> None:
    from sovereign_ai.cli.real import kind_down, leave
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.embedded import down as end
    from sovereign_ai.deploy.engine import Engine
    from sovereign_ai.sim.factory import remove

    insist_on_one(backend, kubeconfig)
    stack = open_stack(path)
    bundle = stack.bundle(name)
    if (gone := _plane_kubeconfig(bundle.cluster, backend)) is not None and not gone.is_file():
        _after_the_plane(output, stack, bundle.cluster, backend, gone)
        return
    target = running(bundle.cluster, backend, kubeconfig)
    confirm(target, "remove this factory from", yes, output)
    engine = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.plane)
    lines, data = [], {"cluster": bundle.cluster}
    if engine.exists():
        outcome = engine.destroy()
        lines += told(outcome)
        data |= outcome.to_data()
    if target.kind:
        leave(target.api, target.kind)
    if target.simulated:
        remove(target.api, stack.factory, bundle.cluster)
        lines.append("removed the simulated nodes")
    if target.simulated and not keep:
        if target.kind:
            kind_down(bundle.cluster, output)
        else:
            end(bundle.cluster)
        lines.append(f"ended the {backend} cluster {bundle.cluster}")
    output.finish(data, lines)


def _plane_kubeconfig(cluster: str, backend: Backend) -> Path | None:
    """Give the kubeconfig that a plane of ours has while it is there; None for a cluster of the user's."""
    if backend is Backend.KUBECONFIG:
        return None
    if backend is Backend.KIND:
        from sovereign_ai.cluster.kind.status import folder_of

        return folder_of(cluster).kubeconfig
    from sovereign_ai.cluster.embedded import status

    return status(cluster).kubeconfig


def _after_the_plane(output: Output, stack: Stack, cluster: str, backend: Backend, gone: Path) -> None:
    """Drop from the state what went with a plane of ours; what stands on another cluster is said and kept."""
    from sovereign_ai.errors import EnvironmentLacksError

    engine = _known(output, stack, cluster, backend)
    if engine is None:
        output.finish({"cluster": cluster, "forgotten": 0}, [f"nothing to remove: there is no {backend} cluster {cluster}"])
        return
    if elsewhere := engine.standing().elsewhere(gone):
        raise EnvironmentLacksError(elsewhere)
    count = engine.forget()
    lines = [f"the {backend} cluster {cluster} is gone already, and with it the {count} objects that the state held"]
    output.finish({"cluster": cluster, "forgotten": count}, lines)


def _forget(output: Output, path: Path, backend: Backend, name: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    cluster = stack.cluster(name)
    engine = _known(output, stack, cluster, backend)
    if engine is None:
        output.finish({"cluster": cluster, "forgotten": 0}, [f"nothing to forget: the state knows no stack {cluster}"])
        return
    at = engine.standing().kubeconfig
    count = engine.forget()
    lines = [f"forgot {count} objects of {cluster}", *([f"if the cluster of {at} still runs, they still stand there"] if count else [])]
    output.finish({"cluster": cluster, "forgotten": count, "kubeconfig": str(at) if at else None}, lines)


def _known(output: Output, stack: Stack, cluster: str, backend: Backend) -> Engine | None:
    """Give the engine of a stack whose cluster is not spoken to; None if the state knows no such stack, which needs no tool to see."""
    from sovereign_ai.deploy.engine import Engine
    from sovereign_ai.deploy.place import pulumi_state

    plane = "kind" if backend is Backend.KIND else ""
    if not (pulumi_state(plane) / ".pulumi").is_dir():
        return None
    engine = Engine(stack.folder, cluster, None, output.progress, plane)
    return engine if engine.exists() else None
