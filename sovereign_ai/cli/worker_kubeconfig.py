"""`platform kubeconfig`: the kubeconfig by which the home cluster's Kueue sends work to another cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, continued, wrapped
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.spec import WorkerCluster

_OUT = "The file to write, of mode 0600; an older one is replaced."
_HOURS = "How long its token lasts."


def add(group: typer.Typer) -> None:
    """Add the command."""

    @group.command(
        "kubeconfig", **example("sovereign-ai platform kubeconfig my-factory --stack lab-ber1-1 -o w")
    )
    def kubeconfig(
        stack: StackArgument,
        out: Annotated[Path, typer.Option("--output", "-o", help=_OUT)],
        cluster: ClusterOption = Backend.EMBEDDED,
        given: KubeconfigOption = None,
        name: StackOption = None,
        hours: Annotated[int, typer.Option("--hours", min=1, max=720, metavar="HOURS", help=_HOURS)] = 24,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Make a worker cluster's kubeconfig, by which Kueue sends work.

        It serves `platform.multikueue` and has a token of its own.
        """
        run_command(
            "platform kubeconfig",
            as_json,
            lambda output: _kubeconfig(output, stack, out, cluster, given, name, hours),
            outputs=out,
        )


def _kubeconfig(
    output: Output, path: Path, out: Path, backend: Backend, given: Path | None, name: str | None, hours: int
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster import make_worker_kubeconfig
    from sovereign_ai.files.writing import write_private
    from sovereign_ai.plan import kueue_namespace

    stack = open_stack(path)
    worker = _worker(stack, stack.cluster(name))
    target = open_deployed(stack, worker.cluster, backend, given, output.progress)
    made = make_worker_kubeconfig(target.api, target.kubeconfig, worker.cluster, worker.server, hours)
    write_private(out.absolute(), made.content)
    namespace = kueue_namespace(stack.factory)
    secret = f"kubectl create secret generic {worker.cluster} -n {namespace} --from-file=kubeconfig={out}"
    lines = [
        *wrapped(
            f"wrote {out}: the account of {stack.factory.name!r} in {worker.cluster!r}, until {made.ends}"
        ),
        f"then in {stack.factory.name!r}:",
        *continued(f"{secret} --dry-run=client -o yaml | kubectl apply --server-side -f -", "  "),
        "then remove the file: it is a key to the worker",
    ]
    data = {"file": str(out), "worker": worker.cluster, "server": made.server, "ends": made.ends}
    output.finish({**data, "secret": f"{namespace}/{worker.cluster}"}, lines)


def _worker(stack: Stack, cluster: str) -> WorkerCluster:
    """Return what the description says of a worker cluster.

    Raises:
        UsageError: the cluster is no worker.
    """
    from sovereign_ai.errors import Problem, UsageError, nearest
    from sovereign_ai.plan import workers_of

    workers = workers_of(stack.factory)
    for worker in workers:
        if worker.cluster == cluster:
            return worker
    message = f"no work is sent to {cluster!r}"
    hint = nearest(cluster, [worker.cluster for worker in workers])
    hint = hint if workers else "list the cluster under 'platform.multikueue'"
    raise UsageError(Problem("no-worker", message, hint=hint))
