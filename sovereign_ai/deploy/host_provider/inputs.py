"""What a resource of hosts is given, judged all at once; and how properties travel between the engine and here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]
from pulumi.runtime.rpc import UNKNOWN
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sovereign_ai.deploy.host_provider.inventories import kept
from sovereign_ai.errors import Problem, SovereignError, Where
from sovereign_ai.render.hosts.inventory import Inventory
from sovereign_ai.spec.base import Name
from sovereign_ai.spec.problems import from_validation


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

    def hosts(self) -> Inventory:
        """Give the inventory.

        Raises:
            DeploymentError: it is not in the state folder, or is another.
        """
        return kept(self.inventory)

    def same_hosts(self, other: Mapping[str, Any]) -> bool:
        """Tell whether other inputs mean the same hosts under the same plan; how they are worked on does not count."""
        return other.get("inventory") == self.inventory and units_of(other) == units_of(self.model_dump(mode="json"))


def units_of(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give the units of inputs in plain form."""
    return {unit: list(hosts) for unit, hosts in (inputs.get("units") or {}).items()}


def judged(properties: Mapping[str, Any]) -> tuple[Inputs | None, list[Problem]]:
    """Give the inputs, or every problem with them; each problem's field is the property."""
    unknown = [name for name, value in properties.items() if _holds_unknown(value)]
    if unknown:
        said = "its value is not known yet; hosts are chosen by plain values"
        return None, [Problem("unknown-value", said, Where(field=name)) for name in unknown]
    try:
        inputs = Inputs.model_validate(properties)
    except ValidationError as error:
        return None, from_validation(error, Inputs, where=lambda field: Where(field=field))
    try:
        units = {unit: [one.name for one in part.hosts] for unit, part in inputs.hosts().in_units()}
    except SovereignError as error:
        return None, [Problem(one.code, one.message, Where(field="inventory"), hint=one.hint) for one in error.problems]
    if units != units_of(properties):
        return None, [Problem("other-hosts", "the inventory has other hosts than these", Where(field="units"))]
    return inputs, []


def plain(properties: Struct) -> dict[str, Any]:
    """Give properties as plain data, without what is the engine's own."""
    found = MessageToDict(properties)
    return {name: value for name, value in found.items() if not name.startswith("__")}


def struct(data: Mapping[str, Any]) -> Struct:
    """Give plain data as properties."""
    made = Struct()
    made.update(dict(data))
    return made


def _holds_unknown(value: Any) -> bool:
    """Tell whether a value, or a part of it, is not known yet."""
    if isinstance(value, dict):
        return any(_holds_unknown(one) for one in value.values())
    if isinstance(value, list):
        return any(_holds_unknown(one) for one in value)
    return bool(value == UNKNOWN)
