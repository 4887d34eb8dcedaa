"""What is registered straight with the engine is what the SDK registers for the same object, field by
field.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks, settings

from sovereign_ai.deploy.components import resources
from sovereign_ai.deploy.components.children import Children
from sovereign_ai.deploy.components.resources import PartComponent, limits_by_namespace
from sovereign_ai.deploy.objects import resource_name
from tests.render.lab import bundle

OWN = {"sourcePosition", "stackTrace", "packageRef", "acceptResources"}
"""Fields that say where in a program a resource comes from, or in which form its outputs are answered."""

LOOP = asyncio.new_event_loop()
"""Kept open: threads of Pulumi's mocks hang on it, with loops of their own that they never close."""


@pytest.fixture(autouse=True)
def _loop() -> None:
    asyncio.set_event_loop(LOOP)  # Pulumi's mocks use the thread's, and a test before may have left none


class Recorder(mocks.MockMonitor):
    """An engine that answers and remembers each registration."""

    def __init__(self) -> None:
        super().__init__(Anything())
        self.requests: dict[str, dict[str, Any]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        if request.type.startswith("kubernetes:"):
            self.requests[request.name] = MessageToDict(request)
        return super().RegisterResource(request)


class Anything(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # noqa: ARG002 - the SDK calls it so
        return {}


def registered(opts: pulumi.ResourceOptions) -> dict[str, dict[str, Any]]:
    """Return the request for each object of the lab, below a component with these options."""
    recorder = Recorder()
    mocks.set_mocks(Anything(), preview=False, monitor=recorder)

    @pulumi.runtime.test
    def program() -> None:
        provider = pulumi.ProviderResource("kubernetes", "lab", {"kubeconfig": "k"})
        children = Children("lab", opts, pulumi.Output.from_input([]))
        below = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[provider]))
        parts = [
            PartComponent(name, objects, children, below) for name, objects in bundle().by_component().items()
        ]
        parts.sort(key=lambda part: not any(obj["kind"] == "Namespace" for obj in part.objects))
        made: dict[str, pulumi.Resource] = {}
        for part in parts:
            part.register(made)
        limits = limits_by_namespace(made)
        for part in parts:
            part.register(made, limits)
            part.finish()

    try:
        program()
    finally:
        settings.reset_options()
    return recorder.requests


@pytest.mark.parametrize("protect", [None, True])
def test_an_object_is_registered_as_the_sdk_registers_it(
    protect: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opts = pulumi.ResourceOptions(protect=protect, aliases=[pulumi.Alias(name="old")])
    direct = registered(opts)
    monkeypatch.setattr(resources, "_SENT", frozenset())
    by_sdk = registered(opts)
    assert sorted(direct) == sorted(by_sdk) == sorted(f"lab/{resource_name(obj)}" for obj in bundle().objects)
    for name, request in direct.items():
        assert comparable(request) == comparable(by_sdk[name])


def comparable(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request without what may differ and what is empty, its sets sorted."""
    fields = {key: value for key, value in request.items() if key not in OWN and value not in ({}, [])}
    return {**fields, "dependencies": sorted(fields.get("dependencies", []))}
