"""Output of `ibnetdiscover`: switches, adapters of machines, and links with their rates.

Switches are known by their node description, of which `MF0;NAME:MODEL/U1` is taken apart. An adapter's
description begins with its machine's name, as rdma-ndd writes it (`NAME mlx5_0`), or is `NAME-PORT` with a
port of this project's plans.

>>> machine_port("train-001 mlx5_3"), machine_port("train-001-compute7"), machine_port("login")
(('train-001', 'mlx5_3'), ('train-001', 'compute7'), ('login', 'port'))
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sovereign_ai.adopt.standing import MACHINE, SWITCH, End, SiteDraft, SourceText
from sovereign_ai.assess.observed import Subnet, ibnetdiscover
from sovereign_ai.errors import SovereignError, Where

_MANAGED = re.compile(r"MF0;([^:;]+):([^/;]+)/U\d+")
_PLANNED = re.compile(r"(.+)-((?:compute|storage|in-band|out-of-band)\d+(?:p\d+)?)")
_AGGREGATION = "Aggregation Node"
_GUID = re.compile(r"[A-Z]-[0-9a-f]{16}")
"""What a node is called that shares its description with others."""


def read_subnets(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read outputs of `ibnetdiscover`, one for each subnet, into a draft.

    Raises:
        SpecError: the files have too many problems to go on.
    """
    for source in sources:
        try:
            subnet = ibnetdiscover(source.text, source.file, shared=True)
        except SovereignError as error:
            draft.problems += error.problems
            continue
        _read_subnet(subnet, source, draft)


def machine_port(description: str) -> End:
    """Return the machine of an adapter and the adapter's name there, by its description."""
    planned = _PLANNED.fullmatch(description)
    if planned:
        return planned[1], planned[2]
    machine, _, rest = description.strip().partition(" ")
    return machine, rest.strip() or "port"


def switch_name(description: str) -> tuple[str, str]:
    """Return a switch's name and model, by its description.

    >>> switch_name("MF0;leaf-1:MQM9700/U1"), switch_name("compute-a-leaf-001")
    (('leaf-1', 'MQM9700'), ('compute-a-leaf-001', ''))
    """
    managed = _MANAGED.fullmatch(description)
    return (managed[1], managed[2]) if managed else (description, "")


def _read_subnet(subnet: Subnet, source: SourceText, draft: SiteDraft) -> None:
    """Read one subnet."""
    _read_nodes(subnet, Where(source.file), draft)
    if subnet.one_sided:
        draft.left_out["end of a link that the other end does not report"] += len(subnet.one_sided)
    for near, far in subnet.links.items():
        # Each cable is listed from both ends, and is read from the lower name.
        if near in subnet.one_sided or far < near:
            continue
        ends = [_end_of(subnet, near), _end_of(subnet, far)]
        if "" in ends[0] or "" in ends[1]:
            continue
        width, speed = subnet.rates.get(near) or subnet.rates.get(far) or (0, "")
        if speed:
            kind = f"infiniband-{speed.lower()}-{width}x"
            draft.interfaces[ends[0]] = draft.interfaces[ends[1]] = kind
        draft.connect(ends[0], ends[1])


def _read_nodes(subnet: Subnet, where: Where, draft: SiteDraft) -> None:
    """Read the switches, and the machines of the adapters."""
    for node in subnet.nodes.values():
        if node.description.startswith(_AGGREGATION):
            draft.left_out["aggregation node of a switch"] += 1
        elif _GUID.fullmatch(node.description) and node.kind == "Ca":
            draft.left_out["adapter without a description of its own"] += 1
        elif node.kind == "Switch":
            name, model = switch_name(node.description)
            draft.add(name, where, kind=SWITCH, model=model, ports=node.ports)
        elif node.kind == "Ca":
            machine, _ = machine_port(node.description)
            draft.add(machine, where, kind=MACHINE)
        else:
            draft.left_out["router of InfiniBand"] += 1


def _end_of(subnet: Subnet, end: tuple[str, int]) -> End:
    """Return an end by the names of devices; empty for what is neither a switch nor a machine."""
    description, number = end
    node = subnet.nodes.get(description)
    if node is None or node.kind == "Rt" or description.startswith(_AGGREGATION):
        return "", ""
    if _GUID.fullmatch(description) and node.kind == "Ca":
        return "", ""
    if node.kind == "Switch":
        return switch_name(description)[0], str(number)
    machine, port = machine_port(description)
    # An adapter of one port is that port.
    return machine, port if node.ports == 1 else f"{port}/{number}"
