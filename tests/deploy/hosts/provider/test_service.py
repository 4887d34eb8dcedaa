"""The provider of hosts behind its own gRPC server on loopback, with another in Ansible's place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from sovereign_ai.deploy.hosts.events import HostChange, HostResult
from sovereign_ai.deploy.hosts.provider import inventories
from sovereign_ai.deploy.hosts.provider.inputs import struct
from sovereign_ai.deploy.hosts.provider.service import HostsProvider
from sovereign_ai.deploy.hosts.provider.worker import HostJob
from sovereign_ai.deploy.hosts.runner import HostRun
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory

URN = "urn:pulumi:lab.hosts::lab-hosts::sovereign-hosts:index:HostConfiguration::lab"
TWO = HostInventory(
    (Host("a-1", "u0", ("machines",), {"port": 1}), Host("b.2", "u1", ("machines",), {})),
    {"machines": {"mtu": 9000}},
)
SYSCTL = HostChange("baseline", "baseline : Kernel parameters", "", "- x = 0\n+ x = 1\n")
FILE = HostChange("rdma", 'say "so"', "one", "")


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's log."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str, bool]] = []

    def Log(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the protocol's name
        assert request.urn == URN
        self.said.append((request.severity, request.message, request.ephemeral))
        return Empty()


class Runner:
    """Answers jobs as a test chose, and keeps them."""

    def __init__(self) -> None:
        self.jobs: list[HostJob] = []
        self.looked: tuple[HostResult, ...] = (HostResult("a-1", "ok"), HostResult("b.2", "ok"))
        self.changed = self.looked
        self.stopped = ""
        self.wait = False
        self.error: EnvironmentLacksError | None = None

    def __call__(self, job: HostJob, progress: Callable[[str], None], cancel: threading.Event) -> HostRun:
        self.jobs.append(job)
        progress("u0: at work")
        if self.error is not None:
            raise self.error
        if self.wait:
            assert cancel.wait(20)
            return HostRun(
                job.check,
                tuple(HostResult(one.name, "cancelled") for one in TWO.hosts),
                "cancelled in u0",
                1.0,
            )
        return HostRun(job.check, self.looked if job.check else self.changed, self.stopped, 1.0)


class Provider:
    """The provider, as the engine sees it."""

    def __init__(self, stub: Any, runner: Runner, engine: Engine) -> None:
        self.stub, self.runner, self.engine = stub, runner, engine

    def diff(self, news: Mapping[str, Any], old: Mapping[str, Any]) -> tuple[int, dict[str, int]]:
        answer = self.stub.Diff(
            provider_pb2.DiffRequest(
                urn=URN, id="lab", olds=struct(old), old_inputs=struct(old), news=struct(news)
            )
        )
        assert answer.hasDetailedDiff
        return answer.changes, {path: one.kind for path, one in answer.detailedDiff.items()}

    def create(self, news: Mapping[str, Any], *, preview: bool = False) -> Any:
        return self.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(news), preview=preview))

    def read(self, inputs: Mapping[str, Any]) -> Any:
        return self.stub.Read(
            provider_pb2.ReadRequest(urn=URN, id="lab", properties=struct(inputs), inputs=struct(inputs))
        )


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    engine, runner = Engine(), Runner()
    servers = [grpc.server(ThreadPoolExecutor(max_workers=4)) for _ in range(2)]
    ports = [server.add_insecure_port("127.0.0.1:0") for server in servers]
    engine_pb2_grpc.add_EngineServicer_to_server(engine, servers[0])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        HostsProvider(f"127.0.0.1:{ports[0]}", runner), servers[1]
    )
    for server in servers:
        server.start()
    with grpc.insecure_channel(f"127.0.0.1:{ports[1]}") as channel:
        yield Provider(provider_pb2_grpc.ResourceProviderStub(channel), runner, engine)
    for server in servers:
        server.stop(grace=0).wait()


@pytest.fixture
def inputs(provider: Provider) -> dict[str, Any]:
    """Inputs that name a kept inventory."""
    units = {unit: [one.name for one in part.hosts] for unit, part in TWO.in_units()}
    return {
        "factory": "lab",
        "inventory": inventories.save_inventory(TWO),
        "units": units,
        "budget": 1,
        "forks": 50,
    }


def failed(error: grpc.RpcError) -> Any:
    """Give what stands in a partial failure."""
    found = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    made = provider_pb2.ErrorResourceInitFailed()
    assert found.details[0].Unpack(made)
    return made


def test_check_gives_good_inputs_back_with_what_was_left_out(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    del inputs["forks"], inputs["budget"]
    answer = provider.stub.Check(provider_pb2.CheckRequest(urn=URN, news=struct(inputs)))
    assert not answer.failures
    assert MessageToDict(answer.inputs) == {**inputs, "budget": 0.0, "forks": 50.0}


def test_check_tells_every_wrong_input_at_once_by_its_property(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    wrong = {**inputs, "inventory": "abc", "budget": -1, "forks": 0, "more": 1}
    del wrong["factory"]
    answer = provider.stub.Check(provider_pb2.CheckRequest(urn=URN, news=struct(wrong)))
    assert {one.property for one in answer.failures} == {"factory", "inventory", "budget", "forks", "more"}
    assert provider.runner.jobs == []


def test_hosts_as_planned_are_no_diff_and_were_only_looked_at(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    assert provider.diff(inputs, inputs) == (provider_pb2.DiffResponse.DIFF_NONE, {})
    assert [job.check for job in provider.runner.jobs] == [True]


def test_a_diff_names_host_and_task_and_who_could_not_be_seen(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.looked = (
        HostResult("a-1", "drift", (SYSCTL, FILE)),
        HostResult("b.2", "unreachable", (), "no route"),
    )
    changes, found = provider.diff(inputs, inputs)
    assert changes == provider_pb2.DiffResponse.DIFF_SOME
    assert set(found) == {
        'drift["a-1"]["baseline: Kernel parameters"]',
        'drift["a-1"]["rdma: say \\"so\\" (one)"]',
        'failed["b.2"]',
    }
    assert (2, "b.2 could not be checked: no route", False) in provider.engine.said
    assert any(ephemeral and text == "u0: at work" for _, text, ephemeral in provider.engine.said)


def test_a_host_of_which_nothing_was_heard_is_never_taken_for_one_that_is_as_planned(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.looked = (HostResult("a-1", "ok"), HostResult("b.2", "not-run"))
    assert provider.diff(inputs, inputs) == (
        provider_pb2.DiffResponse.DIFF_SOME,
        {'failed["b.2"]': provider_pb2.PropertyDiff.DELETE},
    )


def test_another_plan_is_a_diff_of_the_inputs_and_another_budget_is_none(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    assert (
        provider.diff({**inputs, "budget": 3, "forks": 7}, inputs)[0] == provider_pb2.DiffResponse.DIFF_NONE
    )
    assert provider.diff(inputs, {**inputs, "inventory": "0" * 64, "units": {"u0": ["a-1"]}})[1] == {
        "inventory": provider_pb2.PropertyDiff.UPDATE,
        "units": provider_pb2.PropertyDiff.UPDATE,
    }


def test_one_look_serves_a_refresh_and_the_diffs_after_it_until_something_is_changed(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.looked = (HostResult("a-1", "drift", (SYSCTL,)), HostResult("b.2", "ok"))
    refreshed = provider.read(inputs)
    assert MessageToDict(refreshed.properties)["drift"] == {
        "a-1": {"baseline: Kernel parameters": SYSCTL.diff}
    }
    assert refreshed.refresh_before_update
    provider.diff(inputs, inputs)
    assert len(provider.runner.jobs) == 1
    provider.create(inputs)
    provider.diff(inputs, inputs)
    assert [job.check for job in provider.runner.jobs] == [True, False, True]


def test_a_preview_of_a_creation_looks_and_changes_nothing(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.looked = (HostResult("a-1", "drift", (SYSCTL,)), HostResult("b.2", "ok"))
    answer = provider.create(inputs, preview=True)
    assert answer.id == ""
    assert list(MessageToDict(answer.properties)["drift"]) == ["a-1"]
    assert provider.runner.jobs == [HostJob(inputs["inventory"], check=True, budget=1)]


def test_a_preview_of_an_update_runs_nothing(provider: Provider, inputs: dict[str, Any]) -> None:
    request = provider_pb2.UpdateRequest(
        urn=URN, id="lab", olds=struct(inputs), old_inputs=struct(inputs), news=struct(inputs), preview=True
    )
    provider.stub.Update(request)
    assert provider.runner.jobs == []


def test_a_creation_brings_hosts_there_under_the_budget_and_says_what_it_changed(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.changed = (HostResult("a-1", "changed", (SYSCTL,)), HostResult("b.2", "ok"))
    answer = provider.create(inputs)
    assert (answer.id, provider.runner.jobs) == ("lab", [HostJob(inputs["inventory"], check=False, budget=1)])
    assert MessageToDict(answer.properties) == {
        **inputs,
        "budget": 1.0,
        "forks": 50.0,
        "drift": {},
        "failed": {},
    }
    assert (1, "a-1 changed: baseline: Kernel parameters", False) in provider.engine.said


def test_a_host_that_failed_is_a_partial_failure_that_keeps_the_resource_and_names_it(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.changed = (
        HostResult("a-1", "failed", (), "baseline: Packages: none"),
        HostResult("b.2", "not-run"),
    )
    provider.runner.stopped = "1 hosts failed"
    with pytest.raises(grpc.RpcError) as found:
        provider.create(inputs)
    said = failed(found.value)
    assert said.id == "lab"
    assert list(said.reasons) == [
        "a-1 failed: baseline: Packages: none",
        "not brought to the plan: b.2",
        "1 hosts failed",
    ]
    assert MessageToDict(said.properties)["failed"] == {"a-1": "baseline: Packages: none"}
    assert MessageToDict(said.inputs)["inventory"] == inputs["inventory"]


@pytest.mark.parametrize("whole", [True, False])
def test_an_update_forgets_the_inventories_that_it_has_overtaken_once_it_is_whole(
    provider: Provider, inputs: dict[str, Any], whole: bool
) -> None:
    before = [
        {**inputs, "inventory": inventories.save_inventory(TWO.of({name})), "units": {}}
        for name in ("a-1", "b.2")
    ]
    request = provider_pb2.UpdateRequest(
        urn=URN, id="lab", old_inputs=struct(before[0]), olds=struct(before[1]), news=struct(inputs)
    )
    if whole:
        provider.stub.Update(request)
    else:
        provider.runner.changed = (HostResult("a-1", "failed", (), "why"), HostResult("b.2", "ok"))
        with pytest.raises(grpc.RpcError, match="a-1 failed: why"):
            provider.stub.Update(request)
    assert [inventories.inventory_path(one["inventory"]).exists() for one in before] == [not whole, not whole]
    assert inventories.inventory_path(inputs["inventory"]).exists()


def test_a_refresh_calls_a_host_that_does_not_answer_unhealthy_and_never_gone(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.looked = (
        HostResult("a-1", "drift", (SYSCTL,)),
        HostResult("b.2", "unreachable", (), "no route"),
    )
    with pytest.raises(grpc.RpcError) as found:
        provider.read(inputs)
    said = failed(found.value)
    assert (said.id, list(said.reasons)) == ("lab", ["b.2 could not be checked: no route"])
    assert list(MessageToDict(said.properties)["drift"]) == ["a-1"]


def test_a_refresh_without_the_inventory_leaves_the_state_and_says_so(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    inventories.remove_inventory(inputs["inventory"])
    answer = provider.read(inputs)
    assert (answer.id, MessageToDict(answer.properties)["inventory"]) == ("lab", inputs["inventory"])
    assert provider.runner.jobs == []
    assert provider.engine.said[0][1].startswith(
        "the hosts were not checked, and the state stays as it was: the inventory"
    )


def test_a_deletion_touches_no_host_and_says_so(provider: Provider, inputs: dict[str, Any]) -> None:
    provider.stub.Delete(
        provider_pb2.DeleteRequest(urn=URN, id="lab", properties=struct(inputs), old_inputs=struct(inputs))
    )
    assert provider.runner.jobs == []
    assert provider.engine.said == [
        (2, "2 hosts stay as they are: nothing is removed from a host; they are only forgotten here", False)
    ]
    assert not inventories.inventory_path(inputs["inventory"]).exists()


def test_a_cancelled_run_comes_back_once_it_has_ended_with_every_host_named(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.wait = True
    call = provider.stub.Create.future(provider_pb2.CreateRequest(urn=URN, properties=struct(inputs)))
    while not provider.runner.jobs:
        threading.Event().wait(0.01)
    provider.stub.Cancel(Empty())
    with pytest.raises(grpc.RpcError):
        call.result(timeout=20)
    assert list(failed(call.exception()).reasons) == ["not brought to the plan: a-1, b.2", "cancelled in u0"]


def test_a_cancelled_look_is_an_error_and_no_verdict(provider: Provider, inputs: dict[str, Any]) -> None:
    provider.runner.stopped = "cancelled in u0"
    with pytest.raises(grpc.RpcError, match="the check of the hosts was ended: cancelled in u0"):
        provider.diff(inputs, inputs)


def test_what_the_environment_lacks_is_told_with_its_next_step(
    provider: Provider, inputs: dict[str, Any]
) -> None:
    provider.runner.error = EnvironmentLacksError(
        Problem("no-ansible", "it is not there", hint="pip install it")
    )
    with pytest.raises(grpc.RpcError, match="pip install it"):
        provider.create(inputs)


def test_the_provider_takes_previews_wants_no_secret_and_states_its_version(provider: Provider) -> None:
    configured = provider.stub.Configure(provider_pb2.ConfigureRequest())
    assert (configured.supportsPreview, configured.acceptSecrets) == (True, False)
    assert provider.stub.GetPluginInfo(Empty()).version == "0.1.0"
