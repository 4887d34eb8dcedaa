"""What a plan would show in a format: the standing site that its own files are read into.

A plan is written in a format by the renderer and read by the reader, so that it says what the format can say
and no more. `ibnetdiscover` has no renderer, since it reports what stands: there the plan's cables are taken
under the names that a subnet has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.standing import MACHINE, SWITCH, Device, SiteDraft, SourceText, StandingSite
from sovereign_ai.adopt.subnets import machine_port
from sovereign_ai.errors import Where
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.interop import file_sets
from sovereign_ai.render.switches import GENERATIONS, adapter, port_number, split_parts
from sovereign_ai.spec import AIFactory


def planned_site(name: str, factory: AIFactory, plan: Plan, seen: StandingSite) -> StandingSite:
    """Return what a plan would show in files such as those that were read.

    Args:
        name: the format.
        factory: the description.
        plan: what follows from it.
        seen: what the files show: of clusters, planes and sites, those with any of its devices are taken, and
            all where there is none.
    """
    sites = list(_sites(name, factory, plan))
    shared = [site for site in sites if not site.devices.keys().isdisjoint(seen.devices)]
    merged = _merged(shared or sites)
    if name != "netbox":
        return merged
    return of_sites(merged, {device.site for device in seen.devices.values()})


def of_sites(site: StandingSite, names: set[str]) -> StandingSite:
    """Return the devices of some sites, with the cables between them."""
    devices = {name: device for name, device in site.devices.items() if device.site in names}
    if not devices:
        return site
    cables = []
    for cable in site.cables:
        if cable[0][0] in devices and cable[1][0] in devices:
            cables.append(cable)
    outside = frozenset(end for end in site.outside if end[0] in devices)
    return replace(site, devices=devices, cables=tuple(cables), outside=outside)


def _sites(name: str, factory: AIFactory, plan: Plan) -> Iterator[StandingSite]:
    """Yield what a format shows of each cluster, of each plane, or of the whole plan."""
    form = FORMATS[name]
    for texts in file_sets(name, factory, plan):
        sources: list[SourceText] = []
        for file, text in texts.items():
            if file.endswith(form.endings):
                sources.append(SourceText(file, text))
        yield site_of(form, sources)
    # `ibnetdiscover` reports what stands, so that nothing renders its output.
    if name == "ibnetdiscover":
        for plane in plan.fabrics:
            if plane.kind == "infiniband":
                yield _subnet(factory, plane)


def _subnet(factory: AIFactory, plane: FabricPlan) -> StandingSite:
    """Return a plane of InfiniBand as a subnet shows it."""
    fabric = next(fabric for fabric in factory.fabrics if fabric.name == plane.fabric)
    breakout = split_parts(plane, fabric.breakout)
    hosts = frozenset(plane.host_links.lowers())
    draft = SiteDraft()
    for switch in plane.switches:
        draft.add(switch.name, Where(), kind=SWITCH)
    machines: dict[tuple[str, str], tuple[str, str]] = {}
    for link in plane.host_links:
        end = machine_port(adapter(link.lower, link.lower_port))
        machines[link.lower, link.lower_port] = end
        draft.add(end[0], Where(), kind=MACHINE)
    for link in plane.cables:
        upper = (link.upper, str(port_number(link.upper_port, breakout)))
        lower = machines.get((link.lower, link.lower_port))
        if lower is None:
            lower = (link.lower, str(port_number(link.lower_port, breakout)))
        rate = plane.host_rate(link.lower) if link.lower in hosts else plane.uplink or plane.link
        speed = GENERATIONS.get(rate // 10**9)
        if speed:
            draft.interfaces[lower] = draft.interfaces[upper] = f"infiniband-{speed}-4x"
        draft.connect(lower, upper)
    return draft.finish()


def _merged(sites: list[StandingSite]) -> StandingSite:
    """Return several sites as one; a device of several has what any of them says of it."""
    draft = SiteDraft()
    for site in sites:
        for name, device in site.devices.items():
            known = draft.devices.get(name)
            draft.devices[name] = device if known is None else _joined(known, device)
        draft.interfaces.update(site.interfaces)
        draft.outside |= site.outside
        for ends in site.cables:
            draft.connect(*ends)
    return draft.finish()


def _joined(first: Device, second: Device) -> Device:
    """Return a device that two sites show.

    On the fabric that manages them switches are hosts like any other, so that whoever shows a switch knows.
    """
    missing = {}
    for fact in fields(Device):
        if not getattr(first, fact.name):
            missing[fact.name] = getattr(second, fact.name)
    if SWITCH in {first.kind, second.kind}:
        missing["kind"] = SWITCH
    return replace(first, **missing)
