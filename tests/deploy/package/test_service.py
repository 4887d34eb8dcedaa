"""How the package's plugin starts, answers and ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sovereign_ai.deploy import package
from sovereign_ai.deploy.package.schema import TOKEN
from sovereign_ai.deploy.package.service import Servicer
from sovereign_ai.toolchain.launcher import PACKAGE_VERSION

FOLDER = Path(package.__file__).parent


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The plugin as a language host starts it: the folder, and an engine's address."""
    command = [sys.executable, "-u", str(FOLDER), "127.0.0.1:1"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def stub(process: subprocess.Popen[str]) -> Any:
    """Connect to a plugin that has printed its port."""
    assert process.stdout is not None
    return provider_pb2_grpc.ResourceProviderStub(
        grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
    )


def construct(**inputs: object) -> Any:
    values = Struct()
    values.update(inputs)
    return provider_pb2.ConstructRequest(
        project="p",
        stack="dev",
        type=TOKEN,
        name="lab",
        inputs=values,
        monitorEndpoint="127.0.0.1:1",
        dryRun=True,
    )


def test_the_plugin_tells_its_version_and_schema_and_ends_when_the_engine_does(
    plugin: subprocess.Popen[str],
) -> None:
    service = stub(plugin)
    assert service.GetPluginInfo(Empty(), timeout=30).version == PACKAGE_VERSION
    assert (
        TOKEN
        in orjson.loads(service.GetSchema(provider_pb2.GetSchemaRequest(), timeout=30).schema)["resources"]
    )
    configured = service.Configure(provider_pb2.ConfigureRequest(), timeout=30)
    assert (configured.acceptSecrets, configured.acceptOutputs) == (True, False)
    assert plugin.stdin is not None
    plugin.stdin.close()
    assert plugin.wait(timeout=30) == 0


def test_the_plugin_ends_on_request(plugin: subprocess.Popen[str]) -> None:
    stub(plugin)
    plugin.send_signal(signal.SIGTERM)
    assert plugin.wait(timeout=30) == 0


class Context:
    """A call's context that keeps what it is aborted with."""

    status: tuple[Any, str]

    async def abort(self, code: Any, details: str) -> None:
        self.status = (code, details)
        raise ConnectionAbortedError


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "neither `file` nor `description` is given"),
        ({"file": "none.yaml"}, "none.yaml: there is no such file or folder"),
        ({"description": {"name": "lab"}}, "description: sites: the field 'sites' is missing"),
        ({"file": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}, "file: it is unknown at preview"),
    ],
)
def test_a_problem_becomes_the_calls_error_without_a_traceback(
    inputs: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing() -> None:
        return None

    monkeypatch.setattr("pulumi.runtime.settings._load_monitor_feature_support", nothing)
    context = Context()
    with pytest.raises(ConnectionAbortedError):
        asyncio.run(Servicer("").Construct(construct(**inputs), context))
    assert context.status[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert said in context.status[1]
    assert "Traceback" not in context.status[1]


def test_every_option_of_a_request_reaches_the_component() -> None:
    request = construct(file="x")
    urn = "urn:pulumi:dev::p::a:b:C::"
    request.protect = request.retainOnDelete = True
    request.parent, request.deletedWith = f"{urn}parent", f"{urn}gone"
    request.dependencies.append(f"{urn}before")
    request.inputDependencies["file"].urns.append(f"{urn}source")
    request.ignoreChanges.append("data")
    request.replaceOnChanges.append("type")
    request.customTimeouts.create = "9m"
    request.aliases.add().spec.name = "old"
    request.providers["kubernetes"] = "urn:pulumi:dev::p::pulumi:providers:kubernetes::mine::id"

    async def read() -> dict[str, Any]:
        options = Servicer._construct_options(request)
        depends = options.depends_on
        assert isinstance(depends, list)
        assert options.parent is not None
        assert options.deleted_with is not None
        return {
            "protect": options.protect,
            "retain": options.retain_on_delete,
            "parent": await options.parent.urn.future(),
            "gone": await options.deleted_with.urn.future(),
            "depends": [await one.urn.future() for one in depends],
            "ignore": options.ignore_changes,
            "replace": options.replace_on_changes,
            "create": options.custom_timeouts.create if options.custom_timeouts else None,
            "aliases": [one.name for one in options.aliases or []],
            "providers": list(options.providers or {}),
        }

    assert asyncio.run(read()) == {
        "protect": True,
        "retain": True,
        "parent": f"{urn}parent",
        "gone": f"{urn}gone",
        "depends": [f"{urn}before", f"{urn}source"],
        "ignore": ["data"],
        "replace": ["type"],
        "create": "9m",
        "aliases": ["old"],
        "providers": ["kubernetes"],
    }
