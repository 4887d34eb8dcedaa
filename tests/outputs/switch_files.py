"""A plane's files by the rules of their readers: SONiC, FRR, NVUE, containerlab, OpenSM, ibdm, Topograph."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import yaml

from sovereign_ai.plan import Plan
from tests.render.interop.test_topograph import refused
from tests.render.switches.sonic_yang import faults as sonic_faults

_INTERFACE_CHARACTERS = 15
"""Linux's IFNAMSIZ is 16 with the closing zero byte; a VRF is an interface too."""
_OPENSM_LINE = 8_192
"""Characters of a line that OpenSM 3.3.23 reads (osm_prtn_config.c)."""
_NEIGHBOUR = re.compile(r"^\s*neighbor (\S+) interface", re.MULTILINE)


def config_db(text: str) -> Iterator[str]:
    """Yield what SONiC's models would refuse, and lanes that two ports share."""
    tables = orjson.loads(text)
    yield from sonic_faults(tables)
    lanes: Counter[str] = Counter()
    for row in tables["PORT"].values():
        lanes.update(row["lanes"].split(","))
    yield from (f"lane {lane} is of {count} ports" for lane, count in lanes.items() if count > 1)


def frr_beside(text: str, database: str) -> Iterator[str]:
    """Yield interfaces and tables of SONiC's `frr.conf` that its database does not have."""
    tables = orjson.loads(database)
    known: set[str] = set()
    for table in ("PORT", "VLAN", "VLAN_SUB_INTERFACE", "LOOPBACK_INTERFACE"):
        known.update(tables.get(table, ()))
    yield from _undefined_names(text, known, set(tables.get("VRF", ())))


def _undefined_names(text: str, known: set[str], tables: set[str]) -> Iterator[str]:
    """Yield interfaces and VRFs that a configuration names and a switch does not have."""
    named = set(_NEIGHBOUR.findall(text)) | set(
        re.findall(r"^\s*ip route \S+ ([^\s.]\S*)", text, re.MULTILINE)
    )
    named |= set(re.findall(r"^interface (\S+)", text, re.MULTILINE))
    for name in sorted(named - known - tables):
        yield f"no interface {name}"
    for name in sorted(set(re.findall(r"^(?:router bgp \d+ )?vrf (\S+)", text, re.MULTILINE)) - tables):
        yield f"no VRF {name}"


def frr_conf(text: str) -> Iterator[str]:
    """Yield what FRR refuses: names too long, lists and maps that are used and not stated."""
    for name in re.findall(r"^(?:interface|vrf) (\S+)", text, re.MULTILINE):
        if len(name) > _INTERFACE_CHARACTERS:
            yield f"{name} has {len(name)} characters, an interface at most {_INTERFACE_CHARACTERS}"
    stated = set(re.findall(r"^route-map (\S+)", text, re.MULTILINE))
    for name in sorted(set(re.findall(r"route-map (\S+) (?:in|out)", text)) - stated):
        yield f"route map {name} is not stated"
    lists = set(re.findall(r"^ip prefix-list (\S+)", text, re.MULTILINE))
    for name in sorted(set(re.findall(r"match ip address prefix-list (\S+)", text)) - lists):
        yield f"prefix list {name} is not stated"
    for number in re.findall(r"^router bgp (\d+)", text, re.MULTILINE):
        if not 1 <= int(number) < 2**32 - 1:
            yield f"{number} is no AS"
    blocks = re.findall(r"^router bgp .*$", text, re.MULTILINE)
    yield from (f"{block!r} is stated twice" for block, count in Counter(blocks).items() if count > 1)
    for line in re.findall(r"^(?:ip prefix-list|route-map) .*$", text, re.MULTILINE):
        sequence = re.search(r"(?:seq|permit|deny) (\d+)", line)
        if sequence and not 1 <= int(sequence[1]) <= 65_535:
            yield f"{line!r}: a sequence of at most 65535"


def ports_json(text: str) -> Iterator[str]:
    """Yield ports of one interface, and interfaces whose names are too long."""
    data = orjson.loads(text)
    counts = Counter(port["interface"] for port in data["ports"])
    yield from (f"{name} is of {count} ports" for name, count in counts.items() if count > 1)
    yield from (f"{name} is too long" for name in counts if len(name) > _INTERFACE_CHARACTERS)


def nvue(text: str) -> Iterator[str]:
    """Yield what NVUE refuses: references to what is not stated, numbers outside their ranges."""
    (document,) = yaml.load(text, yaml.CSafeLoader)
    if document.keys() != {"set"}:
        yield f"expected set:, and it is {', '.join(document)}"
        return
    settings = document["set"]
    policy = settings["router"]["policy"]
    yield from _nvue_interfaces(settings["interface"], settings["vrf"])
    for name, vrf in settings["vrf"].items():
        yield from (f"VRF {name}: {fault}" for fault in _nvue_table(name, vrf, settings["interface"]))
    maps = set(re.findall(r"route-map: (\S+)", text))
    yield from (f"no route map {name}" for name in sorted(maps - policy["route-map"].keys()))
    lists = set(re.findall(r"ip-prefix-list: (\S+)", text))
    yield from (f"no prefix list {name}" for name in sorted(lists - policy["prefix-list"].keys()))
    bridge = settings.get("bridge", {}).get("domain", {}).get("br_default", {})
    for vlan, fields in bridge.get("vlan", {}).items():
        if not 1 <= int(vlan) <= 4_094 or not all(1 <= int(vni) < 2**24 for vni in fields["vni"]):
            yield f"no VLAN {vlan} or VNI {fields['vni']}"


def _nvue_interfaces(interfaces: Mapping[str, Any], vrfs: Mapping[str, Any]) -> Iterator[str]:
    """Yield interfaces whose table, parent or VLAN is not there."""
    for name, fields in interfaces.items():
        if len(name) > _INTERFACE_CHARACTERS:
            yield f"interface {name} is too long"
        if fields.get("vrf", "default") not in vrfs:
            yield f"{name}: no VRF {fields['vrf']}"
        if fields["type"] == "sub" and fields["base-interface"] not in interfaces:
            yield f"{name}: no interface {fields['base-interface']}"
        if not 1 <= fields.get("vlan", 1) <= 4_094:
            yield f"{name}: no VLAN {fields['vlan']}"


def _nvue_table(name: str, vrf: Mapping[str, Any], interfaces: Mapping[str, Any]) -> Iterator[str]:
    """Yield neighbours and routes of a routing table whose interface is not there."""
    if len(name) > _INTERFACE_CHARACTERS:
        yield "its name is too long"
    used = set(vrf["router"]["bgp"]["neighbor"])
    for route in vrf["router"].get("static", {}).values():
        used.update(route["via"])
    yield from (f"no interface {interface}" for interface in sorted(used - interfaces.keys()))


def containerlab(text: str, form: Mapping[str, Any]) -> Iterator[str]:
    """Yield what containerlab's schema and its check of links refuse."""
    document = yaml.load(text, yaml.CSafeLoader)
    if list(document) != form["top"] or list(document["topology"]) != form["topology"]:
        yield f"sections {', '.join(document)}, {', '.join(document['topology'])}"
        return
    nodes = document["topology"]["nodes"]
    for name, fields in nodes.items():
        if not re.fullmatch(form["node_name"], name) or fields["kind"] not in form["kinds"]:
            yield f"node {name}: its name or kind"
        if fields.keys() - set(form["node"]):
            yield f"node {name}: unknown fields"
    ends: Counter[str] = Counter()
    for link in document["topology"]["links"]:
        ends.update(link["endpoints"])
        if len(link["endpoints"]) != 2:
            yield f"link {link['endpoints']}: two ends"
    for end, count in ends.items():
        device, _, interface = end.rpartition(":")
        if count > 1 or device not in nodes:
            yield f"{end} is an end of {count} links, or of no node"
        if interface == form["reserved_interface"] or len(interface) > form["interface_characters"]:
            yield f"{end}: reserved or too long"


def topograph(text: str) -> Iterator[str]:
    """Yield why Topograph refuses a model, and a model without nodes."""
    model = yaml.load(text, yaml.CSafeLoader)
    if reason := refused(model):
        yield reason
    if not model["blocks"]:
        yield "no block, so no node"


def partitions(text: str, guids: Mapping[tuple[str, str], str], plan: Plan) -> Iterator[str]:
    """Yield lines that OpenSM cuts, names with two P_Keys, and ports that are not in their zone.

    Args:
        text: the file.
        guids: (host, port) of this plane to its GUID.
        plan: the plan, for the zones of machines.
    """
    members: dict[str, str] = {}
    keys: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) >= _OPENSM_LINE:
            yield f"line {number} has {len(line)} characters"
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"([\w-]+)=(0x[0-9a-f]{4}), defmember=(full|limited) : (.+);", line)
        if match is None:
            yield f"line {number}: {line[:60]!r} is no rule"
            continue
        name, key, _, listed = match.groups()
        if keys.setdefault(name, key) != key or not 1 <= int(key, 16) <= 0x7FFF:
            yield f"line {number}: {name} has the key {key}"
        for member in listed.split(", "):
            if member.startswith("0x") and members.setdefault(member, name) != name:
                yield f"{member} is in {members[member]} and in {name}"
    if len(set(keys.values())) != len(keys):
        yield "two partitions have one key"
    yield from _misplaced(members, guids, plan)


def _misplaced(members: Mapping[str, str], guids: Mapping[tuple[str, str], str], plan: Plan) -> Iterator[str]:
    """Yield ports of machines that are not in the partition of their zone."""
    zones = {node.name: node.zone for node in plan.nodes}
    for (host, port), guid in guids.items():
        if host in zones and members.get(guid) != zones[host]:
            yield f"{host} {port} is in {members.get(guid)}, planned in {zones[host]}"


def opensm(text: str) -> Iterator[str]:
    """Yield lines that are no setting of OpenSM, which ignores what it does not know."""
    known = {"routing_engine", "partition_config_file", "part_enforce", "exit_on_fatal", "sm_priority"}
    for line in text.splitlines():
        if not line.startswith("#") and (len(line.split()) != 2 or line.split()[0] not in known):
            yield f"{line!r} is no setting"


def ibdm_topology(text: str, definitions: Mapping[str, str]) -> Iterator[str]:
    """Yield ports of systems that their definition does not have, and systems without a definition."""
    ports: dict[str, set[str]] = {}
    for name, definition in definitions.items():
        kind = name.rpartition("/")[2].removesuffix(".ibnl")
        ports[kind] = set(re.findall(r"-> (\S+)$", definition, re.MULTILINE))
    used: Counter[tuple[str, str]] = Counter()
    kind = system = ""
    for line in text.splitlines():
        if match := re.match(r"(\S+) (\S+)$", line):
            kind, system = match[1], match[2]
            if kind not in ports:
                yield f"no definition of {kind}"
        elif match := re.match(r"\s+(\S+) -> (\S+) (\S+) (\S+)$", line):
            used[system, match[1]] += 1
            used[match[3], match[4]] += 1
            if match[1] not in ports.get(kind, ()) or match[4] not in ports.get(match[2], ()):
                yield f"{system} {match[1]} or {match[3]} {match[4]} is no port of its type"
    if not used:
        yield "no cable"
    yield from (f"{' '.join(end)} has {count} cables" for end, count in used.items() if count > 1)
