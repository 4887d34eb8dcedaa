"""`jobs`: submit jobs and services to a cluster's queues, list them, read their logs, and cancel them."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.attempts import Attempts
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.jobs_usage import add_usage
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, table, wrapped
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sovereign_ai.assess.fit import Fit, InferenceService, TrainingJob
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.operate import ServedWork, Work

WorkName = Annotated[str, typer.Argument(metavar="NAME", help="Its name, or namespace/name.")]
Where = tuple[Backend, Path | None, str | None]
_MOST_PROBLEMS = 3
_HINT_NO_LOG = "containers run on the real kubelets of `--cluster kind`, or on a cluster of yours"
_DURATION = re.compile(r"[1-9][0-9]{0,6}[smh]", re.ASCII)
_DRY_RUN_HELP = "Let the cluster judge it; store nothing."
_NO_QUEUE_HELP = "Start it at once, on a cluster where no Kueue admits it."
_DURATION_HELP = "How long it runs on simulated machines, such as 90s or 2h; left out, it ends at once."
_Duration = Annotated[str, typer.Option("--simulated-duration", metavar="TIME", help=_DURATION_HELP)]
_ANYWAY_HELP = "Submit it even if it does not fit, if that is unknown, or if no controller admits it."


@frozen_dataclass
class Submission:
    """What `jobs run` is to do.

    Attributes:
        file: the job or service.
        image: the container image.
        command: the command of its containers; empty for the image's own.
        anyway: submit it whatever the assessment says.
        dry_run: store nothing.
        at_once: start it without a queue.
        duration: how long its pods run on simulated machines; empty for no statement.
    """

    file: Path
    image: str
    command: str
    anyway: bool
    dry_run: bool
    at_once: bool
    duration: str


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Jobs and services: submit, list, read their logs, and cancel."
    )
    app.add_typer(group, name="jobs")
    image = "registry.example.com/ai/train@sha256:1f..."

    @group.command("run", **example(f"sovereign-ai jobs run stacks/lab job.yaml --image {image}"))
    def run(
        stack: StackArgument,
        file: Annotated[Path, typer.Argument(help="A TrainingJob or InferenceService (docs/jobs.md).")],
        image: Annotated[
            str, typer.Option("--image", metavar="IMAGE", help="The container image, with its digest.")
        ],
        command: Annotated[
            str,
            typer.Option(
                "--command", metavar="TEXT", help="The containers' command; left out, the image's own."
            ),
        ] = "",
        anyway: Annotated[bool, typer.Option("--anyway", help=_ANYWAY_HELP)] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=_DRY_RUN_HELP)] = False,
        at_once: Annotated[bool, typer.Option("--no-queue", help=_NO_QUEUE_HELP)] = False,
        duration: _Duration = "",
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Submit a job or service to its tenant's queue, if it fits; exit 1 if it does not."""
        request = Submission(file, image, command, anyway, dry_run, at_once, duration)
        run_command(
            "jobs run", as_json, lambda output: _run(output, stack, request, (cluster, kubeconfig, name))
        )

    @group.command("scale", **example(f"sovereign-ai jobs scale stacks/lab service.yaml --image {image}"))
    def scale_(
        stack: StackArgument,
        file: Annotated[Path, typer.Argument(help="The InferenceService, with its new replicas.")],
        image: Annotated[str, typer.Option("--image", metavar="IMAGE", help="The image of new replicas.")],
        command: Annotated[
            str, typer.Option("--command", metavar="TEXT", help="The command of new replicas.")
        ] = "",
        duration: _Duration = "",
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
        ] = False,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Bring a running service to the replicas that its file has now."""
        request = Submission(
            file, image, command, anyway=True, dry_run=dry_run, at_once=False, duration=duration
        )
        run_command(
            "jobs scale", as_json, lambda output: _scale(output, stack, request, (cluster, kubeconfig, name))
        )

    @group.command("list", **example("sovereign-ai jobs list stacks/lab"))
    def list_(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """List the jobs and services of all tenants."""
        run_command("jobs list", as_json, lambda output: _list(output, stack, (cluster, kubeconfig, name)))

    @group.command("status", **example("sovereign-ai jobs status stacks/lab pretrain"))
    def status(
        stack: StackArgument,
        work: WorkName,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show how far a job or service is, and where its pods run; exit 1 if it has failed."""
        run_command(
            "jobs status", as_json, lambda output: _status(output, stack, work, (cluster, kubeconfig, name))
        )

    @group.command("logs", **example("sovereign-ai jobs logs stacks/lab pretrain --tail 20"))
    def logs(
        stack: StackArgument,
        work: WorkName,
        pod: Annotated[
            str, typer.Option("--pod", metavar="NAME", help="One of its pods; left out, all of them.")
        ] = "",
        tail: Annotated[
            int, typer.Option("--tail", min=1, max=100_000, metavar="LINES", help="Last lines of each pod.")
        ] = 100,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the logs of a job's or service's pods."""
        run_command(
            "jobs logs",
            as_json,
            lambda output: _logs(output, stack, work, (pod, tail), (cluster, kubeconfig, name)),
        )

    add_usage(group)

    @group.command("cancel", **example("sovereign-ai jobs cancel stacks/lab pretrain --dry-run"))
    def cancel(
        stack: StackArgument,
        work: WorkName,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted.")] = False,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Delete a job or service with its pods."""
        run_command(
            "jobs cancel",
            as_json,
            lambda output: _cancel(output, stack, work, (cluster, kubeconfig, name), dry_run=dry_run),
        )


def _open(output: Output, path: Path, where: Where) -> tuple[Stack, str, Api]:
    """Open a stack, and connect to its cluster."""
    from sovereign_ai.cli.stack import open_stack

    backend, kubeconfig, name = where
    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    return stack, cluster, open_deployed(stack, cluster, backend, kubeconfig, output.progress).api


def _run(output: Output, path: Path, request: Submission, where: Where) -> None:
    from sovereign_ai.assess.fit import FitVerdict, assess_fit, manifests, read_workload
    from sovereign_ai.cli.assess import refuse_violations
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.operate import (
        for_cluster,
        require_admission,
        served_work,
        submit,
        with_command,
        with_simulated_duration,
    )

    # Whatever is wrong with the file needs no cluster to be said.
    stack = open_stack(path)
    work = read_workload(request.file, stack.factory)
    command = _split(request.command)
    _require_duration(request.duration)
    fit = assess_fit(stack.factory, stack.plan, work, {})
    if fit.verdict is not FitVerdict.FITS and not request.anyway:
        _report_unfit(output, fit)
        return
    objects = manifests(stack.factory, stack.plan, work, request.image)
    refuse_violations(stack, objects)
    _, cluster, api = _open(output, path, where)
    _require_namespace(stack, cluster, objects)
    served = served_work(api)
    adapted = for_cluster(objects, served, is_queued=served.is_queued and not request.at_once)
    if not request.anyway:
        require_admission(adapted, served)
    with_command(adapted, command)
    with_simulated_duration(adapted, request.duration)
    notes = [*_other_forms(stack, work), *_notes(objects, adapted, served)]
    for note in notes:
        # Before anything is submitted, so that it can be interrupted.
        output.progress(note)
    submit(api, adapted, dry_run=request.dry_run)
    verb = "would be submitted" if request.dry_run else "submitted"
    lines = []
    for obj in adapted:
        name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        lines.append(f"{obj['kind']} {name}: {verb}")
    data = {"cluster": cluster, "verdict": fit.verdict.value, "dry_run": request.dry_run}
    output.finish({**data, "notes": notes, "objects": adapted}, [*lines, *notes])


def _scale(output: Output, path: Path, request: Submission, where: Where) -> None:
    """Bring a service to the replicas of its file."""
    from sovereign_ai.assess.fit import InferenceService, manifests, read_workload
    from sovereign_ai.cli.assess import refuse_violations
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.operate import for_cluster, scale, served_work, with_command, with_simulated_duration

    stack, cluster, api = _open(output, path, where)
    work = read_workload(request.file, stack.factory)
    if not isinstance(work, InferenceService):
        hint = "a job keeps its size; cancel it, and run it anew"
        raise UsageError(Problem("not-a-service", f"{work.name} is a {work.kind}", hint=hint))
    command = _split(request.command)
    _require_duration(request.duration)
    objects = manifests(stack.factory, stack.plan, work, request.image)
    refuse_violations(stack, objects)
    served = served_work(api)
    # Where no controller has looked at a queue, nothing but a start at once made it run.
    adapted = for_cluster(objects, served, is_queued=served.is_queued and served.has_controller)
    with_command(adapted, command)
    with_simulated_duration(adapted, request.duration)
    attempts = Attempts(output)
    # What there is is looked at each time: a replica that was made is not made twice.
    changed, deleted = attempts.until_done(partial(scale, api, adapted, dry_run=request.dry_run))
    would = "would be " if request.dry_run else ""
    lines = [f"{name}: {would}submitted" for name in changed]
    lines += [f"{name}: {would}deleted" for name in deleted]
    end = "; nothing was changed" if request.dry_run else ""
    lines += wrapped(f"{work.name}: {would}changed {len(changed)}, deleted {len(deleted)}{end}")
    data = {"cluster": cluster, "changed": changed, "deleted": deleted, "dry_run": request.dry_run}
    output.finish(data | attempts.data, [*lines, *attempts.lines])


def _split(command: str) -> list[str]:
    """Return the words of a command.

    Raises:
        UsageError: a quotation mark is not closed.
    """
    from sovereign_ai.errors import Problem, UsageError

    try:
        return shlex.split(command)
    except ValueError as error:
        message = f"--command cannot be read: {error}"
        raise UsageError(Problem("bad-command", message, hint="close each quotation mark")) from error


def _require_duration(duration: str) -> None:
    """Refuse what is no duration.

    Raises:
        UsageError: it is none.
    """
    from sovereign_ai.errors import Problem, UsageError

    if duration and not _DURATION.fullmatch(duration):
        message = f"--simulated-duration {duration[:40]!r} is no duration"
        raise UsageError(Problem("bad-duration", message, hint="write whole hours, minutes or seconds: 90s"))


def _report_unfit(output: Output, fit: Fit) -> None:
    """Print each check that work fails, or of which nothing is known; nothing is submitted."""
    from sovereign_ai.assess.fit import FitVerdict
    from sovereign_ai.errors import ExitCode

    lines = [f"{fit.kind} {fit.name}: {fit.verdict}; it was not submitted"]
    for check in fit.checks:
        if check.verdict is not FitVerdict.FITS:
            lines.append(f"  {check.line[0]}")
    lines.append("`sovereign-ai assess job` shows the arithmetic; --anyway submits it all the same")
    code = ExitCode.FINDINGS if fit.verdict is FitVerdict.DOES_NOT else ExitCode.BAD_INPUT
    output.finish({"verdict": fit.verdict.value, "missing": list(fit.missing), "objects": []}, lines, code)


def _require_namespace(stack: Stack, cluster: str, objects: list[dict[str, Any]]) -> None:
    """Refuse work for a tenant whose namespace is in another cluster.

    Raises:
        UsageError: it is so.
    """
    from sovereign_ai.errors import Problem, UsageError

    here = {namespace.name for namespace in stack.plan.cluster(cluster).namespaces}
    for obj in objects:
        namespace = obj["metadata"]["namespace"]
        if namespace not in here:
            message = f"namespace {namespace} is in another cluster than {cluster}"
            raise UsageError(Problem("other-cluster", message, hint="name that cluster by --stack"))


def _other_forms(stack: Stack, work: TrainingJob | InferenceService) -> list[str]:
    """Return that a service is not submitted as an object of what the platform serves models with."""
    from sovereign_ai.assess.fit import InferenceService, platform_forms

    names = platform_forms(stack.factory) if isinstance(work, InferenceService) else []
    notes = []
    for name in names:
        forms = f"`assess job --manifest IMAGE --for {name}` prints its object"
        notes.append(f"the platform names {name}: {forms}, and here LeaderWorkerSets run the service")
    return notes


def _notes(objects: list[dict[str, Any]], adapted: list[dict[str, Any]], served: ServedWork) -> list[str]:
    """Return what a person should know of how work was submitted."""
    notes = []
    if [obj["kind"] for obj in objects] != [obj["kind"] for obj in adapted]:
        notes.append("the cluster serves no JobSet: it is an indexed Job with the same pods")
    if not served.is_queued:
        notes.append("the cluster has no Kueue: it starts at once, without a queue")
    elif not served.has_controller and any(obj["spec"].get("suspend") for obj in adapted):
        notes.append("no controller of Kueue has looked at a queue here: it waits until one does")
    return notes


def _observe(output: Output, path: Path, where: Where) -> tuple[str, Api, list[Work]]:
    """Return the cluster's name, its connection, and its work."""
    stack, cluster, api = _open(output, path, where)
    return cluster, api, _work_of(stack, cluster, api)


def _work_of(stack: Stack, cluster: str, api: Api) -> list[Work]:
    """Return the work of a stack's tenants in a cluster."""
    from sovereign_ai.operate import list_work, served_work

    namespaces = {namespace.name for namespace in stack.plan.cluster(cluster).namespaces}
    return list_work(api, served_work(api), namespaces)


def _list(output: Output, path: Path, where: Where) -> None:
    cluster, _, work = _observe(output, path, where)
    rows = []
    for each in work:
        phases = ", ".join(f"{number} {phase}" for phase, number in each.phases.items()) or "-"
        rows.append((f"{each.namespace}/{each.name}", each.kind, each.queue, each.state, phases))
    lines = table(["work", "kind", "queue", "state", "pods"], rows) if rows else []
    lines.append(f"{cluster}: jobs and services: {len(work)}")
    output.finish({"cluster": cluster, "work": [_summary(each) for each in work]}, lines)


def _status(output: Output, path: Path, name: str, where: Where) -> None:
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate import WorkState, find_work

    stack, cluster, api = _open(output, path, where)
    work = find_work(_work_of(stack, cluster, api), name)
    lines = [f"{work.kind} {work.namespace}/{work.name}: {work.state}"]
    if work.message:
        lines.append(f"  {work.message}")
    lines.append(f"  queue {work.queue}, submitted {work.created}")
    why = _reason(api, work, stack.factory.fair_sharing) if work.state is WorkState.QUEUED else []
    lines += why
    rows = [(pod.name, pod.phase, pod.node or "-", pod.reason or "-") for pod in work.pods]
    if rows:
        lines += table(["pod", "phase", "node", "reason"], rows)
    code = ExitCode.FINDINGS if work.state is WorkState.FAILED else ExitCode.OK
    output.finish({**_summary(work), "pods": [asdict(pod) for pod in work.pods], "why": why}, lines, code)


def _reason(api: Api, work: Work, strategies: Sequence[str]) -> list[str]:
    """Return why a piece of work waits in its queue, as `why` says it; empty where Kueue has none of it."""
    from sovereign_ai.cli.why import lines_of
    from sovereign_ai.errors import SovereignError
    from sovereign_ai.verify import find_workload, observe_queues, reason_of

    try:
        state = observe_queues(api, strategies)
        reason = reason_of(find_workload(state, f"{work.namespace}/{work.name}"), state)
    except SovereignError:
        return ["  Kueue has not looked at it yet, or the cluster has none"]
    return [f"  {line}" for line in lines_of(reason)]


def _logs(output: Output, path: Path, name: str, wanted: tuple[str, int], where: Where) -> None:
    from sovereign_ai.cluster.api import ApiError
    from sovereign_ai.errors import DeploymentError, Problem, UsageError, nearest
    from sovereign_ai.operate import find_work, read_log

    _, api, listed = _observe(output, path, where)
    work = find_work(listed, name)
    pod_name, tail = wanted
    names = [pod.name for pod in work.pods]
    if pod_name and pod_name not in names:
        hint = nearest(pod_name, names) if names else "it has no pods"
        raise UsageError(Problem("pod-unknown", f"{work.name} has no pod {pod_name!r}", hint=hint))
    chosen = [pod_name] if pod_name else names
    if not chosen:
        hint = f"it is {work.state}; `sovereign-ai jobs status` says why"
        raise UsageError(Problem("no-pods", f"{work.name} has no pods", hint=hint))
    logs: dict[str, str] = {}
    problems = []
    nodes = {pod.name: pod.node for pod in work.pods}
    simulated = _simulated_machines(api)
    for pod in chosen:
        if nodes[pod] in simulated:
            message = f"{pod} is on {nodes[pod]}, a simulated machine, which runs no containers"
            problems.append(Problem("no-log", message, hint=_HINT_NO_LOG))
            continue
        try:
            logs[pod] = read_log(api, work.namespace, pod, tail)
        except ApiError as error:
            hint = "`sovereign-ai jobs status` says whether it has begun"
            problems.append(Problem("no-log", f"{pod}: {error.problems[0].message}", hint=hint))
    if problems and not logs:
        # Of a thousand pods the same is wrong.
        raise DeploymentError(problems[:_MOST_PROBLEMS])
    lines = []
    for pod, text in logs.items():
        lines += [f"{pod}: {line}" if len(chosen) > 1 else line for line in text.splitlines()]
    lines += [f"{problem.message}" for problem in problems]
    output.finish({"logs": logs}, lines)


def _simulated_machines(api: Api) -> set[str]:
    """Return the names of the machines that are simulated; none where machines cannot be listed."""
    from sovereign_ai.cluster.api import ApiError
    from sovereign_ai.sim import is_simulated

    try:
        nodes = api.list("v1", "Node")
    except ApiError:
        return set()
    return {str(node["metadata"]["name"]) for node in nodes if is_simulated(node)}


def _cancel(output: Output, path: Path, name: str, where: Where, *, dry_run: bool) -> None:
    from sovereign_ai.operate import cancel, find_work

    _, api, listed = _observe(output, path, where)
    work = find_work(listed, name)
    full = f"{work.kind} {work.namespace}/{work.name}"
    if dry_run:
        output.finish({"cancelled": False, **_summary(work)}, [f"{full}: would be deleted with its pods"])
        return
    attempts = Attempts(output)
    was_there = attempts.until_done(partial(cancel, api, work))
    text = "cancelled; its pods end within their grace periods" if was_there else "was gone already"
    data = {"cancelled": was_there, **_summary(work), **attempts.data}
    output.finish(data, [f"{full}: {text}", *attempts.lines])


def _summary(work: Work) -> dict[str, object]:
    """Return a piece of work as plain data, without its pods."""
    return {
        "namespace": work.namespace,
        "name": work.name,
        "kind": work.kind,
        "queue": work.queue,
        "state": work.state,
        "message": work.message,
        "created": work.created,
        "phases": work.phases,
    }
