"""`why`: why a workload waits in its queue, or where it runs; also before it is submitted."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.operate import ServedWork
    from sovereign_ai.verify import QueueReason

_ClusterChoice = tuple[Backend, Path | None, str | None]
"""The kind of cluster, its kubeconfig, and the stack's name."""
_BEFORE_HELP = (
    "A file with work that was not submitted: objects of a cluster, or a TrainingJob or InferenceService."
    " Would it be admitted now?"
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
    output: Output, path: Path, workload: str | None, before: Path | None, where: _ClusterChoice
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode, Problem, UsageError
    from sovereign_ai.verify import find_workload, observe_queues, reason_of

    if before is not None and workload is None:
        _before(output, path, before, where)
        return
    if workload is None or before is not None:
        hint = "`sovereign-ai why STACK namespace/name`, or `sovereign-ai why STACK --before FILE`"
        raise UsageError(Problem("which-workload", "name one workload, or one file with a job", hint=hint))
    backend, kubeconfig, name = where
    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    api = open_deployed(stack, cluster, backend, kubeconfig, output.progress).api
    state = observe_queues(api, stack.factory.fair_sharing)
    reason = reason_of(find_workload(state, workload), state)
    code = ExitCode.FINDINGS if reason.state == "waits" else ExitCode.OK
    output.finish(reason.to_data(), lines_of(reason), code)


def _before(output: Output, path: Path, file: Path, where: _ClusterChoice) -> None:
    """Say of each piece of work in a file whether it would be admitted, beside those before it."""
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate import served_work
    from sovereign_ai.verify import observe_queues, reasons_of, tried_pieces

    # Before anything is asked of the cluster: a file that cannot be read needs no cluster.
    stack = open_stack(path)
    found = _work_in(file, stack)
    backend, kubeconfig, name = where
    cluster = stack.bundle(name).cluster
    api = open_deployed(stack, cluster, backend, kubeconfig, output.progress).api
    served = served_work(api)
    work, templates = found.as_served(served)
    state = observe_queues(api, stack.factory.fair_sharing)
    state = replace(state, claim_templates=[*templates, *state.claim_templates])
    attended = served.has_controller
    pieces = tried_pieces(api, work, served.unattended, is_attended=attended)
    reasons = reasons_of(pieces, state)
    notes = list(found.notes)
    if not attended:
        notes.append("no controller of Kueue looks after the queues here: this is arithmetic alone")
    lines: list[str] = []
    pieces_data: list[dict[str, Any]] = []
    for reason in reasons:
        verdict = "fits" if reason.code == _FITS else f"would wait: {reason.code}"
        lines += [f"{reason.workload} {verdict}", *_details(reason)]
        pieces_data.append(reason.to_data())
    data: dict[str, Any] = {"work": pieces_data, "notes": notes}
    if len(reasons) == 1:
        data = merged(reasons[0].to_data(), {"notes": notes})
    is_fine = all(reason.code == _FITS for reason in reasons)
    for note in notes:
        lines += wrapped(note)
    output.finish(data, lines, ExitCode.OK if is_fine else ExitCode.FINDINGS)


@frozen_dataclass
class _Found:
    """The work of a file.

    Attributes:
        work: its objects, in their order.
        templates: the templates of their claims.
        notes: what a person should know of the file.
        is_described: whether this program renders it: then it becomes what the cluster can run.
    """

    work: list[dict[str, Any]]
    templates: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    is_described: bool = False

    def as_served(self, served: ServedWork) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the work as `jobs run` would submit it, and its templates."""
        from sovereign_ai.operate import for_cluster

        if not self.is_described:
            return self.work, self.templates
        return for_cluster(self.work, served, is_queued=True), self.templates


def _work_in(file: Path, stack: Stack) -> _Found:
    """Return the work in a file.

    Raises:
        BadFileError: the file cannot be read as objects.
        SpecError: it describes a job or service, and has problems.
        UsageError: it holds no work, or something else that may be work.
    """
    from sovereign_ai.files import WORKLOAD, decode, field_places, parse_objects, read
    from sovereign_ai.verify import read_work

    text = decode(read(file, WORKLOAD), str(file), WORKLOAD)
    if _DESCRIBED.search(text) and not _API_VERSION.search(text):
        return _described(file, stack)
    objects = parse_objects(text, str(file), WORKLOAD)
    found = read_work(objects, str(file), lambda: field_places(text, str(file)))
    notes = [f"beside it, without pods: {', '.join(found.others)}"] if found.others else []
    return _Found(found.work, found.templates, tuple(notes))


def _described(file: Path, stack: Stack) -> _Found:
    """Return what `jobs run` would submit of a TrainingJob or an InferenceService.

    Its image does not matter to a queue, and stands in for one that admission lets run.
    """
    from sovereign_ai.assess.fit import FitVerdict, assess_fit, manifests, read_workload
    from sovereign_ai.verify import probe_image

    work = read_workload(file, stack.factory)
    image = probe_image(stack.factory) or f"{stack.factory.images.registries[0]}/any@sha256:{'0' * 64}"
    objects = manifests(stack.factory, stack.plan, work, image)
    templates: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for obj in objects:
        (templates if obj["kind"] == _CLAIM_TEMPLATE else others).append(obj)
    notes = []
    if assess_fit(stack.factory, stack.plan, work, {}).verdict is not FitVerdict.FITS:
        notes.append("it is not known to fit: `sovereign-ai assess job` says why, `jobs run` wants --anyway")
    return _Found(others, templates, tuple(notes), is_described=True)


_CLAIM_TEMPLATE = "ResourceClaimTemplate"
_FITS = "fits"
_DESCRIBED = re.compile(r"^[\"']?kind[\"']?: *[\"']?(TrainingJob|InferenceService)\b", re.MULTILINE)
"""The first line of what `assess job` and `jobs run` read."""
_API_VERSION = re.compile(r"^[\"'{ ]*apiVersion\b", re.MULTILINE)


def lines_of(reason: QueueReason) -> list[str]:
    """Return a reason as a person reads it."""
    return [f"{reason.workload} {reason.state}: {reason.code}", *_details(reason)]


def _details(reason: QueueReason) -> list[str]:
    lines = wrapped(reason.message, "  ")
    if reason.kueue_reason:
        lines += wrapped(f"Kueue says {reason.kueue_reason}: {reason.kueue_message}", "  ")
    if reason.change is not None:
        lines += wrapped(f"cheapest change: {reason.change}", "  ")
    return lines
