"""One server as its management controller reports it, and a controller that gave no complete answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class Gpu:
    """One GPU.

    Attributes:
        name: the controller's name of it, `GPU_SXM_1`.
        model: its model as reported.
        health: `OK`, `Warning`, `Critical`; empty if it is not reported.
    """

    name: str
    model: str
    health: str


@frozen_dataclass
class NicPort:
    """One network port.

    Attributes:
        name: adapter and port.
        rate: its highest rate in bit/s; 0 if it is not reported.
    """

    name: str
    rate: int


@frozen_dataclass
class ReportedServer:
    """One server.

    Attributes:
        name: the server's name: by the endpoints file, else its host name, else its asset tag.
        endpoint: the controller's address.
        model: the system's model.
        serial: its serial number.
        power: `On`, `Off`, or another power state of Redfish; empty if it is not reported.
        rack: the rack by its chassis' location; empty if it is not reported.
        gpus: its GPUs.
        ports: its network ports.
        firmware: name of a firmware to its version.
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
        """Return plain data."""
        return {
            "name": self.name,
            "endpoint": self.endpoint,
            "model": self.model,
            "serial": self.serial,
            "power": self.power,
            "rack": self.rack,
            "gpus": [{"name": gpu.name, "model": gpu.model, "health": gpu.health} for gpu in self.gpus],
            "ports": [{"name": port.name, "rate": port.rate} for port in self.ports],
            "firmware": dict(self.firmware),
        }


@frozen_dataclass
class Unreachable:
    """A controller that gave no complete answer.

    Attributes:
        endpoint: its address.
        machine: the server that it should belong to; empty if the endpoints file names none.
        reason: why, in one line.
    """

    endpoint: str
    machine: str
    reason: str

    def to_data(self) -> dict[str, str]:
        """Return plain data."""
        return {"endpoint": self.endpoint, "machine": self.machine, "reason": self.reason}
