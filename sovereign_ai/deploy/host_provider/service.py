"""The provider itself: Pulumi's ResourceProvider protocol for one type, `sovereign-hosts:index:HostConfiguration`.

`Check` judges all inputs at once. `Diff`, `Read` and a preview look at the hosts in check mode; `Create` and `Update` bring them
to the plan, unit by unit under the failure budget. A run in which a host failed is a partial failure in Pulumi's sense: the state
keeps the resource with each failed host's reason, the engine ends with an error, and the next `up` goes on. `Cancel` ends a
running playbook here and on the hosts. `Delete` forgets, and leaves hosts as they are.

The engine is asked to refresh before each update, so that a plain `pulumi preview` or `up` knows the drift with its text. A look
is used again for the same inventory within a minute of the same engine run, since a refresh, its own diff and the diff of the
program follow each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sovereign_ai.deploy.host_provider.drift import Seen, failures, name_of, path, seen
from sovereign_ai.deploy.host_provider.engine_log import EngineLog
from sovereign_ai.deploy.host_provider.inputs import Inputs, judged, plain, struct
from sovereign_ai.deploy.host_provider.inventories import forget
from sovereign_ai.deploy.host_provider.worker import Job, work
from sovereign_ai.deploy.hosts import Outcome
from sovereign_ai.errors import DeploymentError, Problem, SovereignError
from sovereign_ai.toolchain.launcher import HOSTS_VERSION
from sovereign_ai.toolchain.plugin_server import engine_in, serve

FRESH = 60.0
"""Seconds for which a look counts."""
MOST_LINES = 200
"""Hosts that are told of one by one."""


Runner = Callable[[Job, Callable[[str], None], threading.Event], Outcome]
"""What works on hosts: `worker.work`, or in tests another."""


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an error of ours into one that the engine shows with all its problems."""

    @wraps(method)
    def call(self: HostsProvider, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except SovereignError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return call


class HostsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine.

    Args:
        engine: the engine's address, for its log; `Handshake` may name it later.
        runner: works on hosts.
    """

    def __init__(self, engine: str = "", runner: Runner = work) -> None:
        """Begin with nothing looked at."""
        self._log = EngineLog(engine)
        self._runner = runner
        self._cancelled = threading.Event()
        self._changing = threading.Lock()
        self._looks: dict[str, tuple[float, Seen]] = {}

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's names
        """Note the engine's address."""
        if request.engine_address:
            self._log = EngineLog(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Give the provider's version."""
        return plugin_pb2.PluginInfo(version=HOSTS_VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Take the provider's own settings as they are: there are none."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Say that no setting of the provider changes a resource."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Say that previews are answered here, and that no secret is wanted."""
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @_told
    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Judge the inputs, all at once."""
        inputs, problems = judged(plain(request.news))
        if inputs is None:
            failed = [provider_pb2.CheckFailure(property=one.where.field, reason=_reason(one)) for one in problems]
            return provider_pb2.CheckResponse(failures=failed)
        return provider_pb2.CheckResponse(inputs=struct(inputs.model_dump(mode="json")))

    @_told
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Look at the hosts, and give what differs: each host and task, and what the program says otherwise."""
        inputs, old = _inputs(request.news), plain(request.old_inputs) or plain(request.olds)
        update, gone = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.DELETE
        found = {one: provider_pb2.PropertyDiff(kind=gone) for one in self._look(inputs, request.urn).paths()}
        if not inputs.same_hosts(old):
            now = inputs.model_dump(mode="json")
            changed = [name for name in ("inventory", "units") if now[name] != old.get(name)]
            found |= {path(name): provider_pb2.PropertyDiff(kind=update, inputDiff=True) for name in changed}
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({one.partition("[")[0] for one in found}),
            detailedDiff=found,
            hasDetailedDiff=True,
        )

    @_told
    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Bring the hosts to the plan; in a preview, look."""
        inputs = _inputs(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_properties(inputs, self._look(inputs, request.urn)))
        name = request.urn.rpartition("::")[2]
        _whole_or_partly(self._bring(inputs, request.urn), inputs, name, context)
        return provider_pb2.CreateResponse(id=name, properties=_properties(inputs, Seen()), refresh_before_update=True)

    @_told
    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Bring the hosts to the plan; in a preview, the diff has said it."""
        inputs = _inputs(request.news)
        if not request.preview:
            _whole_or_partly(self._bring(inputs, request.urn), inputs, request.id, context)
            for digest in _inventories(request.old_inputs, request.olds) - {inputs.inventory}:
                forget(digest)
        return provider_pb2.UpdateResponse(properties=_properties(inputs, Seen()), refresh_before_update=True)

    @_told
    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Look at the hosts as the state has them; one that does not answer makes the resource unhealthy, and never gone."""
        given = plain(request.inputs)
        inputs, problems = judged(given)
        if inputs is None:
            said = "; ".join(_reason(one) for one in problems)
            self._log.warn(request.urn, f"the hosts were not looked at, and the state stays as it was: {said}")
            return provider_pb2.ReadResponse(
                id=request.id, properties=request.properties, inputs=request.inputs, refresh_before_update=True
            )
        found = self._look(inputs, request.urn)
        properties = _properties(inputs, found)
        if found.failed:
            reasons = [line for bad, line in found.lines() if bad]
            _partly(context, request.id, properties, reasons, inputs=request.inputs)
        return provider_pb2.ReadResponse(id=request.id, properties=properties, inputs=request.inputs, refresh_before_update=True)

    @_told
    def Delete(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Forget the hosts, and say that they stay as they are."""
        old = plain(request.old_inputs) or plain(request.properties)
        count = sum(len(one) for one in (old.get("units") or {}).values())
        self._log.warn(request.urn, f"{count:,} hosts stay as they are: nothing is removed from a host; they are only forgotten here")
        for digest in _inventories(request.old_inputs, request.properties):
            forget(digest)
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """End what runs, here and on the hosts."""
        self.cancel()
        return Empty()

    def cancel(self) -> None:
        """Let every run stop at its next breath; the call that began it comes back once nothing is left running."""
        self._cancelled.set()

    def _look(self, inputs: Inputs, urn: str) -> Seen:
        """Look at the hosts, unless that was done a moment ago.

        Raises:
            DeploymentError: the look was cancelled, or Ansible itself failed.
        """
        when, found = self._looks.get(inputs.inventory, (0.0, Seen()))
        if when and time.monotonic() - when < FRESH:
            return found
        outcome = self._run(inputs, urn, check=True)
        if outcome.stopped:
            raise DeploymentError(Problem("cancelled", f"the look at the hosts was ended: {outcome.stopped}"))
        found = seen(outcome)
        self._looks[inputs.inventory] = time.monotonic(), found
        for number, (bad, line) in enumerate(found.lines()):
            if number < MOST_LINES:
                (self._log.warn if bad else self._log.info)(urn, line)
        return found

    def _bring(self, inputs: Inputs, urn: str) -> Outcome:
        """Bring the hosts to the plan, one run at a time, and say what was changed."""
        with self._changing:
            outcome = self._run(inputs, urn, check=False)
            self._looks.clear()
        for one in outcome.changed[:MOST_LINES]:
            self._log.info(urn, f"{one.host} changed: {'; '.join(dict.fromkeys(map(name_of, one.changes)))}")
        states = outcome.to_data()["states"]
        self._log.info(urn, ", ".join(f"{count:,} {state}" for state, count in sorted(states.items())) + f" in {outcome.seconds:.0f} s")
        return outcome

    def _run(self, inputs: Inputs, urn: str, *, check: bool) -> Outcome:
        """Run the playbook."""
        job = Job(inputs.inventory, check, inputs.budget, inputs.forks)
        return self._runner(job, lambda line: self._log.step(urn, line), self._cancelled)


def _inputs(properties: Any) -> Inputs:
    """Give inputs that were checked.

    Raises:
        DeploymentError: they hold problems all the same, as when the inventory has gone since.
    """
    inputs, problems = judged(plain(properties))
    if inputs is None:
        raise DeploymentError(problems)
    return inputs


def _inventories(*states: Any) -> set[str]:
    """Give the inventories that a state names: after an update that failed in part, its outputs name another than its inputs."""
    return {str(digest) for one in states if (digest := plain(one).get("inventory"))}


def _properties(inputs: Inputs, found: Seen) -> Any:
    """Give a resource's outputs."""
    return struct({**inputs.model_dump(mode="json"), **found.to_data()})


def _reason(problem: Problem) -> str:
    """Write a problem without its place."""
    return problem.message + (f" ({problem.hint})" if problem.hint else "")


def _whole_or_partly(outcome: Outcome, inputs: Inputs, name: str, context: Any) -> None:
    """Go on where every host was brought to the plan, or end the call as a partial failure that names each that was not."""
    if reasons := failures(outcome):
        seen_so_far = Seen(failed={one.host: one.failure for one in outcome.bad})
        _partly(context, name, _properties(inputs, seen_so_far), reasons, inputs=struct(inputs.model_dump(mode="json")))


def _partly(context: Any, name: str, properties: Any, reasons: Sequence[str], *, inputs: Any) -> NoReturn:
    """End a call with what Pulumi calls a failed initialisation: the state keeps the resource and the reasons."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=name, properties=properties, reasons=reasons, inputs=inputs, refresh_before_update=True
    )
    text = "; ".join(reasons)
    whole = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text)
    whole.details.add().Pack(failed)
    status = grpc.Status()
    status.code, status.details = grpc.StatusCode.UNKNOWN, text
    status.trailing_metadata = (("grpc-status-details-bin", whole.SerializeToString()),)
    context.abort_with_status(status)
    raise AssertionError(name)  # abort has raised


def main(arguments: Sequence[str]) -> None:
    """Serve until the engine goes; a running playbook is then ended before the process is."""
    provider = HostsProvider(engine_in(arguments))
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server), provider.cancel, grace=60.0)
