"""The compute fabrics that are tried for a request, and the fabrics beside each of them.

Tried is every combination of:

* each switch of the catalogue whose kind and port rate carry the servers' ports, as a leaf;
* one plane, or two that each carry half of a port's rate, where a leaf's port splits into whole links;
* links between switches at the rate of the servers' links or of a whole port of the leaf;
* spines of the leaf's model, or of each other model of the same kind with at least its ports and capacity;
* at 1:1, and the oversubscription that the user allows;
* the shapes that a description can name (`SHAPES`).

A combination that the planner refuses is no candidate. Nothing else is tried: no rails shared unevenly, no
spines of a number chosen for itself, no pods described for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.catalog.switch import SwitchModel, switch, switches
from sovereign_ai.design.request import IN_BAND_RATIO, OUT_OF_BAND_RATIO, STORAGE_RATIO, DesignRequest
from sovereign_ai.plan import ceil_div
from sovereign_ai.units import BitsPerSecond

SHAPES: Mapping[str, Mapping[str, Any]] = {
    "rail-optimised": {},
    "rail-optimised, fewest spines": {"spines": "least"},
    "rail-optimised, a spine may fail": {"spines": "least", "spine_spares": 1},
    "all rails a leaf": {"leaf_rails": "all", "spines": "least"},
    "all rails a leaf, a spine may fail": {"leaf_rails": "all", "spines": "least", "spine_spares": 1},
    "top of rack": {"leaf_rails": "all", "leaf_hosts": "rack", "spines": "least"},
    "top of rack, a spine may fail": {
        "leaf_rails": "all",
        "leaf_hosts": "rack",
        "spines": "least",
        "spine_spares": 1,
    },
    "no spines": {"spines": "none"},
}
"""Name of a shape to the fields of a fabric that select it; `all` stands for the number of rails."""
BREAKOUTS = (1, 2, 4, 8)
"""Into how many links a port is split."""
PLANES = (1, 2)
SUBNETS = (None, 2, 3, 4, 6, 8)
"""InfiniBand subnets in the order in which they are tried: the fewest that the addresses allow."""
IN_BAND_SWITCH, OUT_OF_BAND_SWITCH = "sn4600c", "sn2201"
"""Switches of the management fabrics; as in `stacks/gigafactory`."""
_SMALL_OUT_OF_BAND = 8_192
"""The most machines whose out-of-band leaves have spines of their own model. Three tiers of its 48 ports
carry 50,688 endpoints, and a machine with its share of switches and rack PDUs has four to six."""
_MANAGEMENT = {"kind": "ethernet", "isolation": "vrf", "padding": "none"}
_BORDER_SWITCHES = (2, 4, 8)
"""Leaves with links to the outside: two at least, so that the loss of one leaves some."""
_BORDER_SPINES = range(2, 65)
_FAST_UPLINKS = {"uplink": "100 Gbps", "uplink_ports": 2, "spine_switch": IN_BAND_SWITCH}
"""Links upwards from the leaf's faster ports of its own, to the model that is bought for in-band anyway."""


def compute_fabrics(request: DesignRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of a shape and the compute fabric as described, of every combination."""
    for kind in request.kinds:
        models = [model for model in switches() if (model.kind == "infiniband") == (kind == "infiniband")]
        for leaf in models:
            for planes in PLANES:
                yield from _of_leaf(request, kind, leaf, planes, models)


def _of_leaf(
    request: DesignRequest, kind: str, leaf: SwitchModel, planes: int, models: list[SwitchModel]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fabrics of one kind, leaf and number of planes."""
    port = request.system.compute_nic_rate
    link = port.count // planes
    # Ports of a leaf split into whole links, or carry one.
    breakout = _breakout(leaf, link)
    if not breakout or port.count % planes:
        return
    fabric: dict[str, Any] = {"name": "compute", "role": "compute", "kind": kind}
    fabric["rails"] = request.system.compute_nics
    if planes > 1:
        fabric["planes"] = planes
    fabric.update({"switch": leaf.name, "link": str(port), "padding": "none"})
    if breakout > 1:
        fabric["breakout"] = breakout
    for ratio in dict.fromkeys(("1:1", str(request.ratio))):
        for uplink in dict.fromkeys((link, leaf.rate.count)):
            for shape, fields in _shapes(request):
                chosen = {**fabric, "oversubscription": ratio, **fields}
                yield from _of_spines(chosen, shape, leaf, (link, uplink), models)


def _of_spines(
    fabric: dict[str, Any], shape: str, leaf: SwitchModel, rates: tuple[int, int], models: list[SwitchModel]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a fabric with each model of spines; without spines there is one.

    Args:
        fabric: the fabric without spines.
        shape: the name of its shape.
        leaf: its leaf.
        rates: bits a second of a link to a server, and of one between switches.
        models: switches of its kind.
    """
    link, uplink = rates
    other = {"uplink": str(BitsPerSecond(uplink))} if uplink != link else {}
    # The leaf's own model comes first: where it needs no spines, the search skips the others.
    yield shape, {**fabric, **other}
    if fabric.get("spines") == "none":
        return
    for spine in models:
        is_large = spine.ports >= leaf.ports and _capacity(spine) >= _capacity(leaf)
        # Of models alike in all that is counted, leaves and spines of the cheaper are as good as a mix.
        if is_large and _figures(spine) != _figures(leaf) and _breakout(spine, uplink):
            named = {"uplink": str(BitsPerSecond(uplink)), "spine_switch": spine.name}
            yield shape, {**fabric, **named}


def _figures(model: SwitchModel) -> tuple[object, ...]:
    """Return what a design counts of a model besides its price."""
    power = model.power_figure
    return model.ports, model.rate, model.cages, model.rack_units, power.low, power.high


def _capacity(model: SwitchModel) -> int:
    """Return the bits a second of all ports of a switch."""
    return model.ports * model.rate.count


def _breakout(model: SwitchModel, link: int) -> int:
    """Return into how many links of a rate a port splits; 0 where it does not."""
    parts, rest = divmod(model.rate.count, link) if link else (0, 1)
    return parts if not rest and parts in BREAKOUTS else 0


def _shapes(request: DesignRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the shapes with their numbers of rails."""
    rails = request.system.compute_nics
    for name, fields in SHAPES.items():
        chosen = dict(fields)
        if chosen.get("leaf_rails") == "all":
            chosen["leaf_rails"] = rails
        yield name, chosen


def other_fabrics(
    request: DesignRequest, compute: Mapping[str, Any], border: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the fabrics beside a compute fabric: storage on its model of leaf, in-band and out-of-band.

    One model for compute and storage needs one set of spares.

    Args:
        request: what is wanted.
        compute: the compute fabric.
        border: how the in-band fabric meets the outside; None where it does not.
    """
    fabrics: list[dict[str, Any]] = []
    system = request.system
    if system.storage_nics and system.storage_nic_rate is not None:
        model = switch(compute["switch"])
        # A port that does not split into whole links carries no storage: the fabric is left out.
        breakout = _breakout(model, system.storage_nic_rate.count)
        if breakout:
            storage: dict[str, Any] = {"name": "storage", "role": "storage", "kind": compute["kind"]}
            storage.update({"rails": system.storage_nics, "switch": model.name})
            if breakout > 1:
                storage["breakout"] = breakout
            storage.update({"link": str(system.storage_nic_rate), "oversubscription": str(STORAGE_RATIO)})
            storage.update({"padding": "none", "leaf_rails": system.storage_nics, "spines": "least"})
            if request.managers:
                # Management machines have ports of another rate: whoever wants them there adds it.
                storage["pools"] = ["gpu"]
            fabrics.append(storage)
    out = {"name": "oob", "role": "out-of-band", "rails": 1, "switch": OUT_OF_BAND_SWITCH, "link": "1 Gbps"}
    if request.all_machines > _SMALL_OUT_OF_BAND:
        out |= _FAST_UPLINKS
    fabrics.append(in_band_fabric(border))
    fabrics.append({**out, **_MANAGEMENT, "oversubscription": str(OUT_OF_BAND_RATIO)})
    return fabrics


def in_band_fabric(border: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the in-band fabric, with links to the outside where some are described."""
    fabric: dict[str, Any] = {"name": "inband", "role": "in-band", "rails": 2, "switch": IN_BAND_SWITCH}
    fabric |= {"link": "100 Gbps", **_MANAGEMENT, "oversubscription": str(IN_BAND_RATIO)}
    return fabric if border is None else {**fabric, "border": dict(border)}


def borders(request: DesignRequest) -> Iterator[dict[str, Any]]:
    """Yield every way in which the in-band fabric may meet the outside; none where no link is wanted.

    Tried are the switches of each tier, with a number of ports on each that gives at least the links wanted:
    ordinary leaves, all or some; spines; and border leaves of each Ethernet model, two, four or eight.
    """
    wanted = request.border_ports
    if not wanted:
        return
    rate = {} if request.border_link is None else {"link": str(request.border_link)}
    for leaves in _BORDER_SWITCHES:
        ports = ceil_div(wanted, leaves)
        yield {"at": "leaf", "leaves": leaves, "ports": ports, **rate}
        yield {"leaves": leaves, "ports": ports, **rate}
        for model in switches():
            if model.kind == "ethernet" and model.name != IN_BAND_SWITCH:
                yield {"leaves": leaves, "ports": ports, "switch": model.name, **rate}
    # How many spines there are follows from their ports, so each number of ports is tried.
    for spines in _BORDER_SPINES:
        yield {"at": "spine", "ports": ceil_div(wanted, spines), **rate}
