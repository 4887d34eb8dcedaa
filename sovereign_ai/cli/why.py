"""`why`: why a workload waits in its queue, or where it runs; also before it is submitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption, open_target
from sovereign_ai.cluster.control_plane import Backend

if TYPE_CHECKING:
    from sovereign_ai.verify import QueueReason

_BEFORE_HELP = (
    "A file with a Job, a JobSet or a LeaderWorkerSet that was not submitted: would it be admitted now?"
)


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("why", **example("sovereign-ai why stacks/lab research/train-language"))
    def why(
        stack: StackArgument,
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
    from sovereign_ai.verify import find_workload, observe_queues, reason_of, refusal_of, workload_of

    if (workload is None) == (before is None):
        hint = "`sovereign-ai why STACK namespace/name`, or `sovereign-ai why STACK --before FILE`"
        raise UsageError(Problem("which-workload", "name one workload, or one file with a job", hint=hint))
    # Before anything is asked of the cluster: a file that cannot be read needs no cluster.
    work, templates = _work_in(before) if before is not None else (None, [])
    backend, kubeconfig, name = where
    cluster = open_stack(path).bundle(name).cluster
    api = open_target(cluster, backend, kubeconfig, output.progress).api
    state = observe_queues(api)
    if work is None:
        chosen = find_workload(state, str(workload))
    else:
        chosen = workload_of(work)
        state = replace(state, claim_templates=[*templates, *state.claim_templates]) if templates else state
    refusal = refusal_of(api, work) if work is not None else None
    reason = refusal or reason_of(chosen, state)
    is_fine = reason.state != "waits" or (before is not None and reason.code == "fits")
    output.finish(reason.to_data(), lines_of(reason), ExitCode.OK if is_fine else ExitCode.FINDINGS)


def _work_in(file: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the one piece of work in a file, and the templates of its claims.

    Raises:
        BadFileError: the file cannot be read as objects.
        UsageError: it does not hold exactly one piece of work with pod templates and whole numbers.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.files import WORKLOAD, decode, parse_objects, read

    objects = parse_objects(decode(read(file, WORKLOAD), str(file), WORKLOAD), str(file), WORKLOAD)
    found = [each for each in objects if (each.get("apiVersion"), each.get("kind")) in _KINDS]
    if len(found) == 1 and _is_whole(found[0]):
        namespace = found[0]["metadata"].get("namespace", "default")
        templates = []
        for each in objects:
            metadata = each.get("metadata")
            if each.get("kind") == "ResourceClaimTemplate" and isinstance(metadata, dict):
                templates.append({**each, "metadata": {"namespace": namespace, "name": "", **metadata}})
        return found[0], templates
    kinds = ", ".join(f"{kind} of {version}" for version, kind in _KINDS)
    message = f"it holds {len(found)} pieces of work, or one without a pod template; expected is one {kinds}"
    raise UsageError(Problem("no-job", message, Where(str(file)), "write one, as for `kubectl create`"))


_KINDS = (
    ("batch/v1", "Job"),
    ("jobset.x-k8s.io/v1alpha2", "JobSet"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
)
"""The kinds of work that are read, by version and name."""


def _is_whole(work: dict[str, Any]) -> bool:
    """Return whether work has the fields that are computed with, of the right types."""
    spec = work.get("spec")
    if not isinstance(spec, dict) or not isinstance(work.get("metadata"), dict):
        return False
    if work["kind"] == "Job":
        return _is_job(spec)
    if work["kind"] == "JobSet":
        parts = spec.get("replicatedJobs")
        return isinstance(parts, list) and bool(parts) and all(_is_replicated(part) for part in parts)
    template = spec.get("leaderWorkerTemplate")
    if not isinstance(template, dict) or not isinstance(template.get("size", 1), int):
        return False
    leader = template.get("leaderTemplate")
    return _has_pods(template.get("workerTemplate")) and (leader is None or _has_pods(leader))


def _is_replicated(part: Any) -> bool:
    """Return whether a part of a JobSet has a name, a number and a whole job."""
    template = part.get("template") if isinstance(part, dict) else None
    spec = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(spec, dict) or not isinstance(part.get("replicas", 1), int):
        return False
    return isinstance(part.get("name"), str) and _is_job(spec)


def _is_job(spec: dict[str, Any]) -> bool:
    """Return whether the spec of a Job has pods and whole numbers of them."""
    numbers = (spec.get("parallelism", 1), spec.get("completions", 1))
    return _has_pods(spec.get("template")) and all(isinstance(number, int) for number in numbers)


def _has_pods(template: Any) -> bool:
    """Return whether a pod template has containers."""
    pod = template.get("spec") if isinstance(template, dict) else None
    containers = pod.get("containers") if isinstance(pod, dict) else None
    return isinstance(containers, list) and all(isinstance(each, dict) for each in containers)


def lines_of(reason: QueueReason) -> list[str]:
    """Return a reason as a person reads it."""
    head = f"{reason.workload} {reason.state}: {reason.code}"
    lines = [head, f"  {reason.message}"]
    if reason.kueue_reason:
        lines.append(f"  Kueue says {reason.kueue_reason}: {reason.kueue_message}")
    if reason.change is not None:
        lines.append(f"  cheapest change: {reason.change}")
    return lines
