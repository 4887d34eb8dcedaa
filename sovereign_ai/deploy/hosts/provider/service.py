"""The provider itself: Pulumi's ResourceProvider protocol for one type of resource.

The type is `sovereign-hosts:index:HostConfiguration`.

`Check` validates all inputs at once. `Diff`, `Read` and a preview check the hosts in Ansible's check mode;
`Create` and `Update` bring them to the plan, unit by unit under the failure budget. A run in which a host
failed is a partial failure in Pulumi's sense: the state keeps the resource with each failed host's reason,
the engine ends with an error, and the next `up` resumes. `Cancel` ends a running playbook here and on the
hosts. `Delete` only drops the resource, and leaves hosts as they are.

The provider asks the engine to refresh before each update, so that a plain `pulumi preview` or `up` knows the
drift with its text. The result of a check counts for the same inventory for a minute in the same engine run,
since a refresh, its own diff and the diff of the program follow each other.
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

from sovereign_ai.deploy.hosts.provider.drift import HostDrift, drift_of, failures, name_of, path
from sovereign_ai.deploy.hosts.provider.engine_log import EngineLog
from sovereign_ai.deploy.hosts.provider.inputs import Inputs, plain, struct, validated
from sovereign_ai.deploy.hosts.provider.inventories import remove_inventory
from sovereign_ai.deploy.hosts.provider.worker import HostJob, run_job
from sovereign_ai.deploy.hosts.runner import HostRun
from sovereign_ai.deploy.language_host.plugin_server import engine_address, serve
from sovereign_ai.errors import DeploymentError, Problem, SovereignError
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted
from sovereign_ai.toolchain import HOSTS_VERSION

FRESH = 60.0
"""Seconds for which the result of a check counts."""
MOST_LINES = 200
"""Hosts that are reported one by one."""


Runner = Callable[[HostJob, Callable[[str], None], threading.Event], HostRun]
"""What runs a job: `worker.work`, or a substitute in tests."""


def _reports_problems(method: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a `SovereignError` of a method into a gRPC error that the engine shows with all its problems."""

    @wraps(method)
    def call(self: HostsProvider, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except SovereignError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    return call


class HostsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine's calls.

    Args:
        engine: the engine's address, for its log; `Handshake` may name it later.
        runner: runs jobs on hosts.
    """

    def __init__(self, engine: str = "", runner: Runner = run_job) -> None:
        """Start without any check."""
        self._log = EngineLog(engine)
        self._runner = runner
        self._cancelled = threading.Event()
        self._changing = threading.Lock()
        self._looks: dict[str, tuple[float, HostDrift]] = {}

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's names
        """Note the engine's address."""
        if request.engine_address:
            self._log = EngineLog(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Return the provider's version."""
        return plugin_pb2.PluginInfo(version=HOSTS_VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Accept the provider's own settings as they are: there are none."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Report that no setting of the provider changes a resource."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Report that the provider answers previews, and does not accept secrets."""
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @_reports_problems
    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Validate the inputs, all at once."""
        inputs, problems = validated(plain(request.news))
        if inputs is None:
            failed = []
            for problem in problems:
                failure = provider_pb2.CheckFailure(property=problem.where.field, reason=_reason(problem))
                failed.append(failure)
            return provider_pb2.CheckResponse(failures=failed)
        return provider_pb2.CheckResponse(inputs=struct(inputs.model_dump(mode="json")))

    @_reports_problems
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Check the hosts, and return what differs: hosts and tasks, and inputs that the program changed."""
        inputs = _inputs(request.news)
        old = plain(request.old_inputs) or plain(request.olds)
        update, gone = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.DELETE
        details: dict[str, Any] = {}
        # A host that is brought to the plan loses its entry in `drift`: the diff shows each as deleted.
        properties: set[str] = set()
        for property_path in self._look(inputs, request.urn).paths():
            details[property_path] = provider_pb2.PropertyDiff(kind=gone)
            properties.add(property_path.partition("[")[0])
        if not inputs.same_hosts(old):
            now = inputs.model_dump(mode="json")
            for name in ("inventory", "units"):
                if now[name] != old.get(name):
                    details[path(name)] = provider_pb2.PropertyDiff(kind=update, inputDiff=True)
                    properties.add(name)
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if details else kinds.DIFF_NONE,
            diffs=sorted(properties),
            detailedDiff=details,
            hasDetailedDiff=True,
        )

    @_reports_problems
    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Bring the hosts to the plan; in a preview, check them."""
        inputs = _inputs(request.properties)
        if request.preview:
            drift = self._look(inputs, request.urn)
            return provider_pb2.CreateResponse(properties=_properties(inputs, drift))
        name = request.urn.rpartition("::")[2]
        _require_all(self._bring(inputs, request.urn), inputs, name, context)
        return provider_pb2.CreateResponse(
            id=name, properties=_properties(inputs, HostDrift()), refresh_before_update=True
        )

    @_reports_problems
    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Bring the hosts to the plan; a preview has shown the diff already, and does nothing here."""
        inputs = _inputs(request.news)
        if not request.preview:
            _require_all(self._bring(inputs, request.urn), inputs, request.id, context)
            # Only after the run: until it succeeds, the state still names the old inventories.
            for digest in _inventories(request.old_inputs, request.olds) - {inputs.inventory}:
                remove_inventory(digest)
        return provider_pb2.UpdateResponse(
            properties=_properties(inputs, HostDrift()), refresh_before_update=True
        )

    @_reports_problems
    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Check the hosts as the state has them.

        A host that does not answer makes the resource unhealthy, and never deleted.
        """
        inputs, problems = validated(plain(request.inputs))
        if inputs is None:
            reasons = "; ".join(map(_reason, problems))
            message = f"the hosts were not checked, and the state stays as it was: {reasons}"
            self._log.warn(request.urn, message)
            return provider_pb2.ReadResponse(
                id=request.id,
                properties=request.properties,
                inputs=request.inputs,
                refresh_before_update=True,
            )
        drift = self._look(inputs, request.urn)
        properties = _properties(inputs, drift)
        if drift.failed:
            failed = [line for is_failure, line in drift.lines() if is_failure]
            _abort_partly(context, request.id, properties, failed, inputs=request.inputs)
        return provider_pb2.ReadResponse(
            id=request.id, properties=properties, inputs=request.inputs, refresh_before_update=True
        )

    @_reports_problems
    def Delete(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Drop the hosts from the state, and report that they stay as they are."""
        old = plain(request.old_inputs) or plain(request.properties)
        count = sum(len(hosts) for hosts in (old.get("units") or {}).values())
        hosts_text = counted(count, "host stays", "hosts stay")
        message = f"{hosts_text} as they are: nothing is removed from a host; they are only forgotten here"
        self._log.warn(request.urn, message)
        for digest in _inventories(request.old_inputs, request.properties):
            remove_inventory(digest)
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """End what runs, here and on the hosts."""
        self.cancel()
        return Empty()

    def cancel(self) -> None:
        """Ask every run to stop; the call that started it returns once none of its processes is running."""
        self._cancelled.set()

    def _look(self, inputs: Inputs, urn: str) -> HostDrift:
        """Check the hosts, unless that was done a moment ago.

        Raises:
            DeploymentError: the check was cancelled, or Ansible itself failed.
        """
        checked_at, drift = self._looks.get(inputs.inventory, (0.0, HostDrift()))
        if checked_at and time.monotonic() - checked_at < FRESH:
            return drift
        outcome = self._run(inputs, urn, check=True)
        if outcome.stopped:
            raise DeploymentError(
                Problem("cancelled", f"the check of the hosts was ended: {outcome.stopped}")
            )
        drift = drift_of(outcome)
        self._looks[inputs.inventory] = time.monotonic(), drift
        for number, (is_failure, line) in enumerate(drift.lines()):
            if number >= MOST_LINES:
                break
            if is_failure:
                self._log.warn(urn, line)
            else:
                self._log.info(urn, line)
        return drift

    def _bring(self, inputs: Inputs, urn: str) -> HostRun:
        """Bring the hosts to the plan, one run at a time, and report what was changed."""
        with self._changing:
            outcome = self._run(inputs, urn, check=False)
            # Whatever a check found before, it is out of date now.
            self._looks.clear()
        for result in outcome.changed[:MOST_LINES]:
            changes = "; ".join(dict.fromkeys(map(name_of, result.changes)))
            self._log.info(urn, f"{result.host} changed: {changes}")
        counts = []
        for state, count in sorted(outcome.to_data()["states"].items()):
            counts.append(f"{count:,} {state}")
        self._log.info(urn, f"{', '.join(counts)} in {outcome.seconds:.0f} s")
        return outcome

    def _run(self, inputs: Inputs, urn: str, *, check: bool) -> HostRun:
        """Run the playbook on the hosts."""
        job = HostJob(inputs.inventory, check, inputs.budget, inputs.forks)
        return self._runner(job, lambda line: self._log.step(urn, line), self._cancelled)


def _inputs(properties: Any) -> Inputs:
    """Return inputs that `Check` accepted.

    Raises:
        DeploymentError: they have problems now, such as an inventory that was removed meanwhile.
    """
    inputs, problems = validated(plain(properties))
    if inputs is None:
        raise DeploymentError(problems)
    return inputs


def _inventories(*states: Any) -> set[str]:
    """Return the digests of the inventories that states name.

    After an update that failed in part, a state's outputs name another inventory than its inputs.
    """
    digests = set()
    for state in states:
        if digest := plain(state).get("inventory"):
            digests.add(str(digest))
    return digests


def _properties(inputs: Inputs, drift: HostDrift) -> Any:
    """Return a resource's outputs."""
    return struct(merged(inputs.model_dump(mode="json"), drift.to_data()))


def _reason(problem: Problem) -> str:
    """Return a problem's text, without its location."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{problem.message}{hint}"


def _require_all(outcome: HostRun, inputs: Inputs, name: str, context: Any) -> None:
    """Return where every host was brought to the plan.

    Else end the call as a partial failure that names the others.
    """
    reasons = failures(outcome)
    if not reasons:
        return
    failed = {result.host: result.failure for result in outcome.bad}
    properties = _properties(inputs, HostDrift(failed=failed))
    data = inputs.model_dump(mode="json")
    _abort_partly(context, name, properties, reasons, inputs=struct(data))


def _abort_partly(
    context: Any, name: str, properties: Any, reasons: Sequence[str], *, inputs: Any
) -> NoReturn:
    """End a call with Pulumi's failed initialisation: the state keeps the resource and the reasons."""
    # The engine reads the resource out of the error's details, which gRPC sends in this trailer.
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
    """Serve until the engine exits; a running playbook is then ended before this process."""
    provider = HostsProvider(engine_address(arguments))
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server),
        provider.cancel,
        grace=60.0,
    )
