"""Read servers from Redfish services, through sushy.

A service speaks for one server (its BMC: all its systems, such as a host and its GPU board, are that server)
or for several (each system is one, by its host name). A service that fails does not keep the others from
being read.

GPUs are processors of type GPU. Ports are those of the chassis' network adapters, or else of the systems'
network interfaces. Firmware is the update service's inventory. An optional part that a service does not have
is empty; a part that it names and does not deliver makes it unreachable.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.text import clean, counted
from sovereign_ai.verify.redfish.endpoints import Access, RedfishEndpoint
from sovereign_ai.verify.redfish.reported_server import Gpu, NicPort, ReportedServer, Unreachable


class _Firmware(NamedTuple):
    """One firmware: its name, its version, and the paths of the resources that it belongs to."""

    name: str
    version: str
    owners: frozenset[str]


_LONGEST = 256
"""Characters of a text that a controller may report."""
_OTHER_FORM = "an answer has another form than Redfish's schemas give it"
"""What Python's own words for it come to."""
_CONNECT, _READ, _THREADS = 5, 30, 16
"""Seconds to connect and to wait for an answer; services read at once."""


def read_all(
    services: Sequence[RedfishEndpoint],
    access: Access,
    progress: Callable[[str], None],
    threads: int = _THREADS,
) -> tuple[list[ReportedServer], list[Unreachable]]:
    """Read every service.

    Args:
        services: the services.
        access: how they are accessed.
        progress: receives a line after every 50 services and at the end.
        threads: services read at once.

    Returns:
        The servers, and the controllers that gave no complete answer, in the order of their services.

    Raises:
        EnvironmentLacksError: sushy is not installed.
    """
    _require_sushy()
    racked: list[ReportedServer] = []
    silent: list[Unreachable] = []
    total = len(services)
    with ThreadPoolExecutor(threads) as pool:
        answers = pool.map(lambda service: read_one(service, access), services)
        for number, answer in enumerate(answers, 1):
            if isinstance(answer, Unreachable):
                silent.append(answer)
            else:
                racked += answer
            if number % 50 == 0 or number == total:
                progress(f"{number:,} of {counted(total, 'controller')} read, {len(silent):,} silent")
    return racked, silent


def _require_sushy() -> None:
    """Check that sushy is installed, and keep its log off the terminal.

    Raises:
        EnvironmentLacksError: it is not installed.
    """
    try:
        import sushy  # noqa: F401, PLC0415 - an extra, and only this command needs it
    except ImportError:
        problem = Problem(
            "no-sushy",
            "sushy, the Redfish client, is not installed",
            hint="pip install 'sovereign-ai[inventory]'",
        )
        raise EnvironmentLacksError(problem) from None
    # Without a handler of its own, Python writes a library's warnings to standard error.
    logger = logging.getLogger("sushy")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def read_one(service: RedfishEndpoint, access: Access) -> list[ReportedServer] | Unreachable:
    """Read one service; return why where it gave no complete answer."""
    import sushy  # noqa: PLC0415 - an extra; heavy

    from sovereign_ai.verify.redfish.connector import ReadOnlyConnector  # noqa: PLC0415 - it needs the extra

    try:
        connector = ReadOnlyConnector(
            service.address,
            of_one=bool(service.machine),
            verify=str(access.ca) if access.ca else True,
            server_side_retries=1,
            server_side_retries_delay=1,
            default_request_timeout=_READ,
            connect_timeout=_CONNECT,
        )
        auth = sushy.auth.BasicAuth(access.username, access.password)
        root = sushy.Sushy(service.address, auth=auth, connector=connector)
        return list(_servers(root, service))
    except sushy.exceptions.AccessError:
        return Unreachable(service.address, service.machine, "it refuses the account")
    except (AttributeError, IndexError, KeyError, TypeError):
        return Unreachable(service.address, service.machine, _OTHER_FORM)
    except Exception as error:  # noqa: BLE001 - whatever one controller answers, the others are still read
        return Unreachable(service.address, service.machine, _brief(error))


_CAUSE = re.compile(r"\] ([^'\"]+?)(?: \(_ssl|['\"])")
"""The cause in nested errors of the HTTP client: `[SSL: …] certificate verify failed (_ssl.c:…)`."""


def _brief(error: Exception) -> str:
    """Return an error on one line: the cause that the transport names, where there is one."""
    # An error may quote what a controller sent, so it is cut before the search and cleaned after it.
    text = " ".join(str(error).split())[:2_000]
    cause = _CAUSE.search(text)
    if cause:
        text = cause[1]
    return clean(text[:200]) or type(error).__name__


def _text(value: object, name: str) -> str:
    """Return a text that a controller reports; an empty one for none.

    Args:
        value: the reported value.
        name: the property's name, for the error.

    Raises:
        ValueError: it is no text, or longer than any such text.
    """
    if value is None:
        return ""
    is_text = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not is_text or len(str(value)) > _LONGEST:
        message = f"its {name} is no text of at most {_LONGEST} characters"
        raise ValueError(message)
    return clean(str(value))


def _servers(root: Any, service: RedfishEndpoint) -> Iterator[ReportedServer]:
    """Yield the servers that a service speaks for."""
    systems = root.get_system_collection().get_members()
    firmware = _firmware(root)
    if service.machine:
        chassis = root.get_chassis_collection().get_members()
        yield _server(service.machine, service, systems, chassis, firmware)
        return
    for system in systems:
        name = _text(system.hostname or system.asset_tag or system.identity, "name")
        # Firmware without a related resource may be any server's, and so counts for each.
        own = [item for item in firmware if not item.owners or system.path in item.owners]
        yield _server(name, service, [system], system.chassis, own)


def _server(
    name: str,
    service: RedfishEndpoint,
    systems: Sequence[Any],
    chassis: Iterable[Any],
    firmware: Sequence[_Firmware],
) -> ReportedServer:
    """Return one server."""
    cases = list(chassis)
    if not systems:
        message = "it reports no system"
        raise ValueError(message)
    host = _host(systems)
    gpus: list[Gpu] = []
    for system in systems:
        gpus += _gpus(system)
    return ReportedServer(
        name=name,
        endpoint=service.address,
        model=_text(host.model, "Model"),
        serial=_text(host.serial_number, "SerialNumber"),
        power=host.power_state.value if host.power_state else "",
        rack=_rack(cases),
        gpus=tuple(gpus),
        ports=tuple(_ports(systems, cases)),
        firmware={item.name: item.version for item in firmware},
    )


def _host(systems: Sequence[Any]) -> Any:
    """Return the system that is the host and not its GPU board: the first with a BIOS, else the first."""
    for system in systems:
        if system.bios_version:
            return system
    return systems[0]


def _rack(cases: Iterable[Any]) -> str:
    """Return the rack of the first chassis that reports one; empty if none does."""
    for chassis in cases:
        location = chassis.json.get("Location") or {}
        placement = location.get("Placement") or {}
        rack = _text(placement.get("Rack"), "Rack")
        if rack:
            return rack
    return ""


def _gpus(system: Any) -> Iterator[Gpu]:
    """Yield a system's GPUs that are present."""
    if "Processors" not in system.json:
        return
    for processor in system.processors.get_members():
        if processor.processor_type is None or processor.processor_type.value != "GPU":
            continue
        status = processor.json.get("Status") or {}
        # A controller may list an empty slot as an absent processor.
        if status.get("State") == "Absent":
            continue
        name = _text(processor.identity, "Id")
        model = _text(processor.model, "Model")
        yield Gpu(name, model, _text(status.get("Health"), "Health"))


def _ports(systems: Sequence[Any], chassis: Sequence[Any]) -> Iterator[NicPort]:
    """Yield the network ports: of the adapters, or else of the systems' interfaces."""
    ports: list[NicPort] = []
    for case in chassis:
        if "NetworkAdapters" in case.json:
            ports += _adapter_ports(case)
    if ports:
        yield from ports
        return
    for system in systems:
        if "EthernetInterfaces" not in system.json:
            continue
        for interface in system.ethernet_interfaces.get_members():
            mbps = int(interface.json.get("SpeedMbps") or 0)
            yield NicPort(_text(interface.identity, "Id"), mbps * 1_000_000)


def _adapter_ports(chassis: Any) -> Iterator[NicPort]:
    """Yield the ports of a chassis' adapters."""
    for adapter in chassis.network_adapters.get_members():
        # `Ports` replaced `NetworkPorts` in the NetworkAdapter schema; older controllers have the latter
        # only.
        collection = adapter.ports if "Ports" in adapter.json else adapter.network_ports
        for port in collection.get_members():
            gbps = float(port.json.get("MaxSpeedGbps") or port.json.get("CurrentSpeedGbps") or 0)
            mbps = float(port.json.get("CurrentLinkSpeedMbps") or 0)
            rate = int(gbps * 1_000_000_000) or int(mbps * 1_000_000)
            yield NicPort(_text(f"{adapter.identity}/{port.identity}", "Id"), rate)


def _firmware(root: Any) -> list[_Firmware]:
    """Return the firmware that the update service lists."""
    if "UpdateService" not in root.json:
        return []
    service = root.get_update_service()
    if service is None or "FirmwareInventory" not in service.json:
        return []
    firmware = []
    for item in service.firmware_inventory.get_members():
        owners = set()
        for related in item.json.get("RelatedItem") or []:
            if isinstance(related, dict):
                owners.add(str(related.get("@odata.id")))
        name = _text(item.software_id or item.identity, "SoftwareId")
        firmware.append(_Firmware(name, _text(item.version, "Version"), frozenset(owners)))
    return firmware
