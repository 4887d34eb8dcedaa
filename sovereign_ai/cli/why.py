"""`why`: why a workload waits in its queue, or where it runs; also before it is submitted."""

from __future__ import annotations

import re
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
        UsageError: it does not hold exactly one whole piece of work, or one of `assess job`.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.files import WORKLOAD, decode, parse_objects, read
    from sovereign_ai.verify import read_work

    text = decode(read(file, WORKLOAD), str(file), WORKLOAD)
    described = _DESCRIBED.search(text)
    if described and not _API_VERSION.search(text):
        message = f"it describes a {described[1]}, and is no object of a cluster"
        hint = f"ask about what `sovereign-ai assess job STACK {file} --manifest IMAGE` prints"
        raise UsageError(Problem("no-job", message, Where(str(file)), hint))
    return read_work(parse_objects(text, str(file), WORKLOAD), str(file))


_DESCRIBED = re.compile(r"^[\"']?kind[\"']?: *[\"']?(TrainingJob|InferenceService)\b", re.MULTILINE)
"""The first line of what `assess job` and `jobs run` read."""
_API_VERSION = re.compile(r"^[\"'{ ]*apiVersion\b", re.MULTILINE)


def lines_of(reason: QueueReason) -> list[str]:
    """Return a reason as a person reads it."""
    head = f"{reason.workload} {reason.state}: {reason.code}"
    lines = [head, f"  {reason.message}"]
    if reason.kueue_reason:
        lines.append(f"  Kueue says {reason.kueue_reason}: {reason.kueue_message}")
    if reason.change is not None:
        lines.append(f"  cheapest change: {reason.change}")
    return lines
