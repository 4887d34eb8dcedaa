"""NetBox bulk-import files: one CSV an object type, to be imported in the order of their numbers.

Columns and choices are those of NetBox 4.7.3's own import forms (its package on PyPI, read 2026-11-24). A
cable's ends are interfaces, which are in a file of their own, since NetBox imports a device's interfaces
apart where its type has no templates. Ports to the outside have no cable and a file of their own, disabled
and described: whoever takes one into use changes that in NetBox, and a further import leaves it alone.

Several factories fit into one NetBox: prefixes and addresses are in a VRF named after the factory, since
factories may use the same ones, cables name the sites of both ends, and rack PDUs carry their site in the
name. NetBox's forms create an object a row and refuse a file of which one object exists; `netbox_exports`
says what to update and what to leave out.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cache

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import RACK_UNITS, Plan
from sovereign_ai.plan.cabling import cable_length, rack_positions, racks_of
from sovereign_ai.render.interop.racks import DeviceModel, models, mounted_devices
from sovereign_ai.render.interop.table import csv_table
from sovereign_ai.render.switches.ports import host_addresses, host_interface, interface
from sovereign_ai.render.switches.subnet import GENERATIONS
from sovereign_ai.spec import AIFactory

_INFINIBAND = {gbps: f"infiniband-{name}-4x" for gbps, name in GENERATIONS.items()}
"""Gbps to NetBox's type: four lanes; its types without lanes are of one."""
_RACK_INCHES = 19
"""Width of a rack; NetBox requires it where a rack has no type."""
OUTSIDE_PORT = "to the outside: shut until somebody takes it into use"
"""Description of a port to the outside."""
_GREY = "9e9e9e"
"""Colour of every role: NetBox requires one."""
_SPEEDS = {
    800: "800gbase-x-osfp",
    400: "400gbase-x-qsfpdd",
    200: "200gbase-x-qsfp56",
    100: "100gbase-x-qsfp28",
    1: "1000base-t",
}


@frozen_dataclass
class _Link:
    """A cable between two interfaces.

    Attributes:
        lower: the device at the lower end.
        lower_interface: its interface.
        upper: the switch at the upper end.
        upper_interface: its interface.
        kind: NetBox's type of both interfaces.
        label: the cable's label.
    """

    lower: str
    lower_interface: str
    upper: str
    upper_interface: str
    kind: str
    label: str


Row = tuple[object, ...]
Table = tuple[Sequence[str], Sequence[Row]]
"""Names of columns, and rows."""
_CABLE_COLUMNS = (
    "side_a_site",
    "side_a_device",
    "side_a_type",
    "side_a_name",
    "side_b_site",
    "side_b_device",
    "side_b_type",
    "side_b_name",
    "status",
    "label",
    "length",
    "length_unit",
)
_DEVICE_COLUMNS = (
    "name",
    "role",
    "manufacturer",
    "device_type",
    "site",
    "rack",
    "position",
    "face",
    "status",
)


def netbox(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Return file name to text."""
    texts = {}
    for number, (kind, (columns, lines)) in enumerate(netbox_tables(factory, plan).items(), 1):
        texts[f"{number}-{kind}.csv"] = csv_table(columns, lines)
    return texts


def netbox_tables(factory: AIFactory, plan: Plan) -> dict[str, Table]:
    """Return each kind of object with its table, in an order in which each refers to those before."""
    known = models(factory, plan)
    sites = _sites_of_devices(plan)
    links = list(_links(plan, sites))
    prefixes: list[Row] = []
    for prefix in plan.prefixes:
        description = f"{prefix.use} {prefix.owner}"
        prefixes.append((prefix.cidr, factory.name, "active", description))
    vrf = (factory.name, "true", f"addresses of the factory {factory.name}")
    addresses = list(_addresses(plan, sites, factory.name))
    outside = list(_outside_ports(plan, sites))
    tables: dict[str, Table] = {
        **_type_tables(plan, known),
        "sites": _sites_table(factory),
        "racks": _racks_table(plan),
        "devices": (_DEVICE_COLUMNS, list(_devices(plan, known))),
        "interfaces": _interfaces_table(links),
        "cables": (_CABLE_COLUMNS, list(_cables(plan, links, sites))),
        "vrfs": (["name", "enforce_unique", "description"], [vrf]),
        "prefixes": (["prefix", "vrf", "status", "description"], prefixes),
        "ip-addresses": (["address", "vrf", "status", "device", "interface"], addresses),
    }
    # NetBox's forms take no file without rows.
    if outside:
        tables["outside-ports"] = (["device", "name", "type", "enabled", "description"], outside)
    return tables


def _type_tables(plan: Plan, known: Mapping[str, DeviceModel]) -> dict[str, Table]:
    """Return the tables of what devices refer to: manufacturers, roles and device types."""
    kinds: set[tuple[str, str, int]] = set()
    for model in known.values():
        # NetBox requires a height; a device whose height no source states gets one unit.
        kinds.add((model.maker, model.name, 1 if model.units is None else model.units))
    roles = _roles(plan)
    used_roles = set()
    for device in _sites_of_devices(plan):
        used_roles.add(roles[device])
    used_makers = set()
    for maker, _, _ in kinds:
        used_makers.add(maker)
    role_rows = []
    for role in sorted(used_roles):
        role_row = (role, role, _GREY)
        role_rows.append(role_row)
    maker_rows = []
    for maker in sorted(used_makers):
        maker_row = (maker, maker)
        maker_rows.append(maker_row)
    type_rows = []
    for maker, name, units in sorted(kinds):
        type_row = (maker, name, name, units)
        type_rows.append(type_row)
    return {
        "manufacturers": (["name", "slug"], maker_rows),
        "device-roles": (["name", "slug", "color"], role_rows),
        "device-types": (["manufacturer", "model", "slug", "u_height"], type_rows),
    }


def _sites_table(factory: AIFactory) -> Table:
    """Return the table of sites."""
    rows = []
    for site in factory.sites:
        row = (site.name, site.name, "planned")
        rows.append(row)
    return ["name", "slug", "status"], rows


def _racks_table(plan: Plan) -> Table:
    """Return the table of racks."""
    rows = []
    for rack in plan.racks:
        row = (rack.site, rack.name, "planned", _RACK_INCHES, RACK_UNITS)
        rows.append(row)
    return ["site", "name", "status", "width", "u_height"], rows


def _sites_of_devices(plan: Plan) -> dict[str, str]:
    """Return each device that has a rack, rack PDUs included, with its site."""
    sites: dict[str, str] = {}
    for rack in plan.racks:
        for device in (*rack.devices, *rack.pdu_names):
            sites[device] = rack.site
    return sites


def _devices(plan: Plan, known: Mapping[str, DeviceModel]) -> Iterator[Row]:
    """Yield the rows of devices: those in rack units first, and then rack PDUs, which have no unit."""
    roles = _roles(plan)
    for rack in plan.racks:
        for stand in mounted_devices(rack, known):
            maker = known[stand.device].maker
            role = roles[stand.device]
            face = "front" if stand.unit else ""
            # NetBox keeps one decimal; a position without it would count as a change at each import.
            unit = f"{stand.unit:.1f}" if stand.unit else ""
            yield stand.device, role, maker, stand.model, rack.site, rack.name, unit, face, "planned"
    for rack in plan.racks:
        for name in rack.pdu_names:
            model = known[name]
            yield name, roles[name], model.maker, model.name, rack.site, rack.name, "", "", "planned"


def _roles(plan: Plan) -> dict[str, str]:
    """Return device to role."""
    roles = {}
    management: set[str] = set()
    for cluster in plan.clusters:
        management.update(pool.pool for pool in cluster.pools if pool.is_management)
    for node in plan.nodes:
        without_gpus = "management-node" if node.pool in management else "cpu-node"
        roles[node.name] = "gpu-node" if node.gpus else without_gpus
    for plane in plan.fabrics:
        for switch in plane.switches:
            roles[switch.name] = switch.tier
    for rack in plan.racks:
        roles.update(dict.fromkeys(rack.pdu_names, "pdu"))
    for tier in plan.storage:
        roles.update(dict.fromkeys(tier.servers, "storage-server"))
    return roles


def _links(plan: Plan, known: Container[str]) -> Iterator[_Link]:
    """Yield each cable of a device with a rack."""
    for plane in plan.fabrics:
        types = _INFINIBAND if plane.kind == "infiniband" else _SPEEDS
        between = types.get((plane.uplink or plane.link) // 10**9, "other")
        hosts = len(plane.host_links)
        for number, cable in enumerate(plane.cables, 1):
            if cable.lower not in known:
                continue
            # The cables of hosts come first; those between switches have a switch at the lower end too.
            name_lower = host_interface if number <= hosts else interface
            lower_interface = name_lower(cable.lower_port)
            kind = between
            if number <= hosts:
                kind = types.get(plane.host_rate(cable.lower) // 10**9, "other")
            label = f"{plane.name}-{number:06d}"
            yield _Link(cable.lower, lower_interface, cable.upper, interface(cable.upper_port), kind, label)


def _outside_ports(plan: Plan, known: Container[str]) -> Iterator[Row]:
    """Yield each port to the outside of a switch with a rack."""
    for plane in plan.fabrics:
        kind = _SPEEDS.get(plane.outside_link // 10**9, "other")
        for cable in plane.outside_links:
            if cable.upper in known:
                yield cable.upper, interface(cable.upper_port), kind, "false", OUTSIDE_PORT


def _interfaces_table(links: Iterable[_Link]) -> Table:
    """Return the table of interfaces, each once, sorted."""
    interfaces: set[Row] = set()
    for link in links:
        interfaces.add((link.lower, link.lower_interface, link.kind))
        interfaces.add((link.upper, link.upper_interface, link.kind))
    return ["device", "name", "type"], sorted(interfaces)


def _cables(plan: Plan, links: Iterable[_Link], sites: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of cables: both ends with their sites, label and estimated length."""
    racks, positions = racks_of(plan.racks), rack_positions(plan.racks)

    # Many cables connect the same two racks, so their distance is computed once.
    @cache
    def metres(rack: str, other: str) -> str:
        centimetres = cable_length(positions[rack], positions[other], same=rack == other)
        # The two decimals that NetBox keeps, so that a further import changes nothing.
        return f"{centimetres / 100:.2f}"

    for link in links:
        lower_end = (sites[link.lower], link.lower, "dcim.interface", link.lower_interface)
        upper_end = (sites[link.upper], link.upper, "dcim.interface", link.upper_interface)
        distance = metres(racks[link.lower].name, racks[link.upper].name)
        yield *lower_end, *upper_end, "planned", link.label, distance, "m"


def _addresses(plan: Plan, known: Container[str], vrf: str) -> Iterator[Row]:
    """Yield every address of a host's port; one that ports share, also of several planes, is the first's."""
    seen: set[str] = set()
    for plane in plan.fabrics:
        for (host, port), address in host_addresses(plan, plane).items():
            if address not in seen and host in known:
                seen.add(address)
                yield f"{address}/32", vrf, "active", host, host_interface(port)
