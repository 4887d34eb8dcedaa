"""Validate the inputs of a resource of hosts, and convert properties from and to the engine's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]
from pulumi.runtime.rpc import UNKNOWN
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sovereign_ai.deploy.hosts.provider.inventories import load_inventory
from sovereign_ai.errors import Problem, SovereignError, Where
from sovereign_ai.render.hosts import HostInventory
from sovereign_ai.spec import Name, from_validation


class Inputs(BaseModel):
    """The inputs of one resource."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    factory: Name
    """The factory whose hosts they are."""
    inventory: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the inventory and its variables, hexadecimal."""
    units: dict[str, tuple[str, ...]]
    """Unit to its hosts, for a reader of the preview; the order of units is the inventory's."""
    budget: Annotated[int, Field(ge=0)] = 0
    """Hosts that may fail before no further unit is begun."""
    forks: Annotated[int, Field(ge=1, le=500)] = 50
    """Hosts worked on at the same time."""

    def hosts(self) -> HostInventory:
        """Return the inventory.

        Raises:
            DeploymentError: it is not in the state folder, or its file holds another one.
        """
        return load_inventory(self.inventory)

    def same_hosts(self, other: Mapping[str, Any]) -> bool:
        """Return whether other inputs name the same hosts under the same plan.

        Budget and forks do not count.
        """
        if other.get("inventory") != self.inventory:
            return False
        return units_of(other) == units_of(self.model_dump(mode="json"))


def units_of(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the units of inputs in plain form."""
    return {unit: list(hosts) for unit, hosts in (inputs.get("units") or {}).items()}


def validated(properties: Mapping[str, Any]) -> tuple[Inputs | None, list[Problem]]:
    """Return the inputs, or every problem with them; each problem's field is the property."""
    unknown = []
    for name, value in properties.items():
        if _holds_unknown(value):
            message = "its value is not known yet; hosts are chosen by plain values"
            unknown.append(Problem("unknown-value", message, Where(field=name)))
    # The validation below would report the placeholder of an unknown value as a wrong one.
    if unknown:
        return None, unknown
    try:
        inputs = Inputs.model_validate(properties)
    except ValidationError as error:
        return None, from_validation(error, Inputs, where=lambda field: Where(field=field))
    units: dict[str, list[str]] = {}
    try:
        for unit, part in inputs.hosts().in_units():
            units[unit] = [host.name for host in part.hosts]
    except SovereignError as error:
        problems = []
        for problem in error.problems:
            field = Where(field="inventory")
            problems.append(Problem(problem.code, problem.message, field, hint=problem.hint))
        return None, problems
    # A program may pass any units: the preview must not show other hosts than those that are worked on.
    if units != units_of(properties):
        message = "the inventory has other hosts than these"
        return None, [Problem("other-hosts", message, Where(field="units"))]
    return inputs, []


def plain(properties: Struct) -> dict[str, Any]:
    """Return properties as plain data, without the engine's own, whose names start with `__`."""
    data = MessageToDict(properties)
    return {name: value for name, value in data.items() if not name.startswith("__")}


def struct(data: Mapping[str, Any]) -> Struct:
    """Return plain data as properties."""
    properties = Struct()
    properties.update(dict(data))
    return properties


def _holds_unknown(value: Any) -> bool:
    """Return whether a value, or a part of it, is not known yet."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(_holds_unknown(item) for item in value)
    return bool(value == UNKNOWN)
