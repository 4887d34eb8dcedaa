"""`why`: why a workload waits in its queue, or where it runs; also before it is submitted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption, open_target
from sovereign_ai.cluster.control_plane import Backend

if TYPE_CHECKING:
    from sovereign_ai.verify import QueueReason

_BEFORE_HELP = "A file with a Job that was not submitted: would it be admitted now?"


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("why", **example("sovereign-ai why stacks/lab research/train-language"))
    def why(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")],
        workload: Annotated[
            str | None, typer.Argument(help="A workload or its job, as namespace/name.")
        ] = None,
        before: Annotated[Path | None, typer.Option("--before", help=_BEFORE_HELP)] = None,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say why a workload waits, and what would admit it; exit 1 if it waits."""
        run_command(
            "why",
            as_json,
            lambda output: _why(output, stack, workload, before, (cluster, kubeconfig, name)),
        )


def _why(
    output: Output,
    path: Path,
    workload: str | None,
    before: Path | None,
    where: tuple[Backend, Path | None, str | None],
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode, Problem, UsageError
    from sovereign_ai.verify import find_workload, observe_queues, reason_of, workload_of

    if (workload is None) == (before is None):
        hint = "`sovereign-ai why STACK namespace/name`, or `sovereign-ai why STACK --before FILE`"
        raise UsageError(Problem("which-workload", "name one workload, or one file with a job", hint=hint))
    # Before anything is asked of the cluster: a file that cannot be read needs no cluster.
    job = _job_in(before) if before is not None else None
    backend, kubeconfig, name = where
    cluster = open_stack(path).bundle(name).cluster
    state = observe_queues(open_target(cluster, backend, kubeconfig, output.progress).api)
    chosen = workload_of(job) if job is not None else find_workload(state, str(workload))
    reason = reason_of(chosen, state)
    is_fine = reason.state != "waits" or (before is not None and reason.code == "fits")
    output.finish(reason.to_data(), lines_of(reason), ExitCode.OK if is_fine else ExitCode.FINDINGS)


def _job_in(file: Path) -> dict[str, Any]:
    """Return the one Job in a file.

    Raises:
        BadFileError: the file cannot be read as objects.
        UsageError: it does not hold exactly one Job with a pod template and whole numbers.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.files import WORKLOAD, decode, parse_objects, read

    objects = parse_objects(decode(read(file, WORKLOAD), str(file), WORKLOAD), str(file), WORKLOAD)
    jobs = [each for each in objects if (each.get("apiVersion"), each.get("kind")) == ("batch/v1", "Job")]
    if len(jobs) == 1 and _is_whole(jobs[0]):
        return jobs[0]
    message = f"it holds {len(jobs)} Jobs of batch/v1, or one without a pod template; expected is one"
    raise UsageError(Problem("no-job", message, Where(str(file)), "write one Job, as for `kubectl create`"))


def _is_whole(job: dict[str, Any]) -> bool:
    """Return whether a Job has the fields that are computed with, of the right types."""
    spec = job.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    pod = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(spec, dict) or not isinstance(pod, dict) or not isinstance(job.get("metadata"), dict):
        return False
    containers = pod.get("containers")
    is_list = isinstance(containers, list) and all(isinstance(each, dict) for each in containers)
    return is_list and isinstance(spec.get("parallelism", 1), int)


def lines_of(reason: QueueReason) -> list[str]:
    """Return a reason as a person reads it."""
    head = f"{reason.workload} {reason.state}: {reason.code}"
    lines = [head, f"  {reason.message}"]
    if reason.kueue_reason:
        lines.append(f"  Kueue says {reason.kueue_reason}: {reason.kueue_message}")
    if reason.change is not None:
        lines.append(f"  cheapest change: {reason.change}")
    return lines
