"""What one machine's controller tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        name: the controller's name of it, `GPU_SXM_1`.
        model: its model as told.
        health: `OK`, `Warning`, `Critical`; empty if it is not told.
    """

    name: str
    model: str
    health: str


@dataclass(frozen=True, slots=True)
class NicPort:
    """One network port.

    Attributes:
        name: adapter and port.
        rate: the most bits a second that it can; 0 if it is not told.
    """

    name: str
    rate: int


@dataclass(frozen=True, slots=True)
class Racked:
    """One machine.

    Attributes:
        name: the machine's name: by the endpoints file, else its host name, else its asset tag.
        endpoint: the controller's address.
        model: the system's model.
        serial: its serial number.
        power: `On`, `Off`, and what else Redfish has; empty if it is not told.
        rack: the rack by its chassis' location; empty if it is not told.
        gpus: its GPUs.
        ports: its network ports.
        firmware: firmware's name to its version.
    """

    name: str
    endpoint: str
    model: str
    serial: str = ""
    power: str = ""
    rack: str = ""
    gpus: tuple[Gpu, ...] = ()
    ports: tuple[NicPort, ...] = ()
    firmware: Mapping[str, str] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        plain = {name: getattr(self, name) for name in ("name", "endpoint", "model", "serial", "power", "rack")}
        return plain | {
            "gpus": [{"name": gpu.name, "model": gpu.model, "health": gpu.health} for gpu in self.gpus],
            "ports": [{"name": port.name, "rate": port.rate} for port in self.ports],
            "firmware": dict(self.firmware),
        }


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A controller that gave no whole answer.

    Attributes:
        endpoint: its address.
        machine: the machine it should be of; empty if the endpoints file names none.
        reason: why, in one line.
    """

    endpoint: str
    machine: str
    reason: str

    def to_data(self) -> dict[str, str]:
        """Give plain data."""
        return {name: getattr(self, name) for name in self.__slots__}
