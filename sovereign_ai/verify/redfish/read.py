"""From Redfish services to racked machines, by sushy.

A service speaks for one machine (its BMC: all its systems, such as a host and its GPU board, are that machine) or for
several (each system is one, by its host name). GPUs are processors of type GPU; ports are those of the chassis'
network adapters, or else of the systems' network interfaces; firmware is the update service's inventory.
Optional parts that a service does not have are empty; a part that it names and does not give makes it unreachable.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.verify.redfish.endpoints import Access, Endpoint
from sovereign_ai.verify.redfish.racked import Gpu, NicPort, Racked, Unreachable


class _Firmware(NamedTuple):
    """One firmware: its name, its version, and the resources that it is of."""

    name: str
    version: str
    of: frozenset[str]


_CONNECT, _READ, _THREADS = 5, 30, 16
"""Seconds to connect and to wait for an answer; services asked at once."""


def read_all(
    services: Sequence[Endpoint], access: Access, progress: Callable[[str], None], threads: int = _THREADS
) -> tuple[list[Racked], list[Unreachable]]:
    """Ask every service.

    Args:
        services: the services.
        access: how they are spoken to.
        progress: takes a line now and then.
        threads: services asked at once.

    Raises:
        EnvironmentLacksError: sushy is not installed.
    """
    _need()
    racked: list[Racked] = []
    silent: list[Unreachable] = []
    with ThreadPoolExecutor(threads) as pool:
        for number, found in enumerate(pool.map(lambda one: read_one(one, access), services), 1):
            if isinstance(found, Unreachable):
                silent.append(found)
            else:
                racked += found
            if number % 50 == 0 or number == len(services):
                progress(f"{number:,} of {len(services):,} controllers asked, {len(silent):,} silent")
    return racked, silent


def _need() -> None:
    """See that sushy is there, and keep its log from the terminal."""
    try:
        import sushy  # noqa: F401, PLC0415 - an extra, and only this command needs it
    except ImportError:
        hint = "pip install 'sovereign-ai[inventory]'"
        raise EnvironmentLacksError(Problem("no-sushy", "sushy, the Redfish client, is not installed", hint=hint)) from None
    logger = logging.getLogger("sushy")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def read_one(service: Endpoint, access: Access) -> list[Racked] | Unreachable:
    """Ask one service."""
    import requests  # noqa: PLC0415 - sushy's own transport; heavy
    import sushy  # noqa: PLC0415 - an extra; heavy

    from sovereign_ai.verify.redfish.connector import ReadOnlyConnector  # noqa: PLC0415 - it needs the extra

    try:
        connector = ReadOnlyConnector(
            service.address,
            verify=str(access.ca) if access.ca else True,
            server_side_retries=1,
            server_side_retries_delay=1,
            default_request_timeout=_READ,
            connect_timeout=_CONNECT,
        )
        root = sushy.Sushy(service.address, auth=sushy.auth.BasicAuth(access.username, access.password), connector=connector)
        return list(_machines(root, service))
    except sushy.exceptions.AccessError:
        return Unreachable(service.address, service.machine, "it refuses the account")
    except (sushy.exceptions.SushyError, requests.RequestException, OSError, ValueError, TypeError, AttributeError, LookupError) as error:
        return Unreachable(service.address, service.machine, _short(error))


_CAUSE = re.compile(r"\] ([^'\"]+?)(?: \(_ssl|['\"])")


def _short(error: Exception) -> str:
    """Give an error on one line: the cause that the transport names, where there is one."""
    text = " ".join(str(error).split())
    cause = _CAUSE.search(text)
    return (cause[1] if cause else text)[:200] or type(error).__name__


def _machines(root: Any, service: Endpoint) -> Iterator[Racked]:
    """Give the machines that a service speaks for."""
    systems = root.get_system_collection().get_members()
    firmware = _firmware(root)
    if service.machine:
        chassis = root.get_chassis_collection().get_members()
        yield _machine(service.machine, service, systems, chassis, firmware)
        return
    for system in systems:
        name = system.hostname or system.asset_tag or system.identity
        yield _machine(str(name), service, [system], system.chassis, [one for one in firmware if not one.of or system.path in one.of])


def _machine(name: str, service: Endpoint, systems: Sequence[Any], chassis: Iterable[Any], firmware: Sequence[_Firmware]) -> Racked:
    """Give one machine."""
    cases = list(chassis)
    if not systems:
        message = "it tells of no system"
        raise ValueError(message)
    host = next((one for one in systems if one.bios_version), systems[0])
    return Racked(
        name=name,
        endpoint=service.address,
        model=str(host.model or ""),
        serial=str(host.serial_number or ""),
        power=host.power_state.value if host.power_state else "",
        rack=next((rack for one in cases if (rack := _rack(one.json))), ""),
        gpus=tuple(gpu for one in systems for gpu in _gpus(one)),
        ports=tuple(_ports(systems, cases)),
        firmware={one.name: one.version for one in firmware},
    )


def _rack(chassis: Mapping[str, Any]) -> str:
    """Give the rack of a chassis' placement."""
    placement = (chassis.get("Location") or {}).get("Placement") or {}
    return str(placement.get("Rack") or "")


def _gpus(system: Any) -> Iterator[Gpu]:
    """Give a system's GPUs."""
    if "Processors" not in system.json:
        return
    for one in system.processors.get_members():
        if one.processor_type is not None and one.processor_type.value == "GPU":
            present = (one.json.get("Status") or {}).get("State") != "Absent"
            if present:
                yield Gpu(one.identity, str(one.model or ""), str((one.json.get("Status") or {}).get("Health") or ""))


def _ports(systems: Sequence[Any], chassis: Sequence[Any]) -> Iterator[NicPort]:
    """Give the network ports: of the adapters, or else of the systems' interfaces."""
    found = [port for one in chassis if "NetworkAdapters" in one.json for port in _adapter_ports(one)]
    if found:
        yield from found
        return
    for system in systems:
        if "EthernetInterfaces" in system.json:
            for one in system.ethernet_interfaces.get_members():
                yield NicPort(one.identity, int(one.json.get("SpeedMbps") or 0) * 1_000_000)


def _adapter_ports(chassis: Any) -> Iterator[NicPort]:
    """Give the ports of a chassis' adapters, by the newer or the older collection."""
    for adapter in chassis.network_adapters.get_members():
        members = (adapter.ports if "Ports" in adapter.json else adapter.network_ports).get_members()
        for port in members:
            gbps = float(port.json.get("MaxSpeedGbps") or port.json.get("CurrentSpeedGbps") or 0)
            mbps = float(port.json.get("CurrentLinkSpeedMbps") or 0)
            yield NicPort(f"{adapter.identity}/{port.identity}", int(gbps * 1_000_000_000) or int(mbps * 1_000_000))


def _firmware(root: Any) -> list[_Firmware]:
    """Give the firmware that the update service knows."""
    service = root.get_update_service() if "UpdateService" in root.json else None
    if service is None or "FirmwareInventory" not in service.json:
        return []
    found = []
    for one in service.firmware_inventory.get_members():
        of = frozenset(str(item.get("@odata.id")) for item in one.json.get("RelatedItem") or [] if isinstance(item, dict))
        found.append(_Firmware(str(one.software_id or one.identity), str(one.version or ""), of))
    return found
