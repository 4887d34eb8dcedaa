"""Small descriptions with plans written by hand, so that these tests do not lean on the planner."""

from __future__ import annotations

from sovereign_ai.catalog.accelerator import accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.names import label
from sovereign_ai.plan.addresses import Prefix
from sovereign_ai.plan.clusters import ClusterPlan, Namespace, PoolSlice
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.images import Images
from sovereign_ai.spec.operator import Operator, Parent, Staff
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.site import Cooling, Hall, Power, Site
from sovereign_ai.spec.zone import SecurityZone, Tenant
from sovereign_ai.units import BitsPerSecond, Celsius, Watts

CLUSTER = "tiny"


def pool(
    name: str, system_name: str = "dgx-h100", nodes: int = 2, zone: str = "restricted", **more: object
) -> GpuNodePool:
    return GpuNodePool(
        name=name, site="fra1", system=system_name, nodes=nodes, purpose="training", zone=zone, **more
    )


def factory_of(*pools: GpuNodePool, name: str = "tiny") -> AIFactory:
    """One site, two zones with a tenant each, and these pools; two pools by default."""
    return AIFactory(
        name=name,
        operator=Operator(
            name="Example Compute",
            seat="DE",
            parent=Parent(seat="DE"),
            staff=Staff(location=("DE",), citizenship=("EU",)),
            support=("DE",),
        ),
        sites=(
            Site(
                name="fra1",
                country="DE",
                power=Power(it_budget=Watts.parse("20 MW"), feeds={"A": "20 MW", "B": "20 MW", "C": "20 MW"}),
                halls=(
                    Hall(
                        name="h1",
                        cooling=Cooling(kind="hybrid", supply=Celsius.parse("22 degC")),
                        rack_limit=Watts.parse("200 kW"),
                    ),
                ),
            ),
        ),
        pools=pools or (pool("train"), pool("serve", nodes=1, zone="open")),
        fabrics=(
            Fabric(name="compute", kind="roce", rails=4, radix=32, link=BitsPerSecond.parse("400 Gbps")),
        ),
        zones=(
            SecurityZone(name="restricted", trust="high", tenants=("research",)),
            SecurityZone(name="open", trust="low", tenants=("startups",)),
        ),
        tenants=(Tenant(name="research", seat="DE"), Tenant(name="startups", seat="DE")),
        images=Images(registries=("registry.example.com/ai",)),
    )


def plan_of(factory: AIFactory, *, spares: int = 0) -> Plan:
    """Every machine of every pool in one cluster, numbered from one.

    The last ones of each pool are spares.
    """
    nodes = tuple(
        _node(factory, one, number, spares)
        for one in factory.pools
        for number in range(1, one.nodes + spares + 1)
    )
    return Plan(
        factory=factory.name,
        spec_digest=factory.digest,
        nodes=tuple(sorted(nodes, key=lambda node: node.name)),
        racks=(),
        power=(),
        fabrics=(),
        prefixes=(Prefix("10.0.0.0/16", "pods", "fra1", CLUSTER, -1),),
        partitions=(),
        storage=(),
        clusters=(_cluster(factory, nodes, spares),),
        warnings=(),
    )


def _node(factory: AIFactory, one: GpuNodePool, number: int, spares: int) -> Node:
    machine = system(one.system)
    domain = machine.nvlink_domain_nodes
    place = list(factory.pools).index(one) * 1000 + number
    return Node(
        name=label(one.name, f"{number:04}"),
        pool=one.name,
        system=one.system,
        site="fra1",
        region="fra1",
        hall="h1",
        zone=one.zone,
        jurisdiction="DE",
        rack=f"h1-r{place // 4:03}",
        place=place % 4,
        scalable_unit=f"fra1-{one.name}-su{(number - 1) // 32}",
        nvlink_domain=f"fra1-{one.name}-nvl{(number - 1) // domain}" if domain else "",
        cluster=CLUSTER,
        spare=spares > 0 and number > one.nodes,
        gpus=machine.gpus,
        address=f"10.64.{place // 250}.{place % 250 + 1}",
        bmc="",
    )


def _cluster(factory: AIFactory, nodes: tuple[Node, ...], spares: int) -> ClusterPlan:
    parts = []
    for one in factory.pools:
        machine = system(one.system)
        resource = accelerator(machine.accelerator).resource
        gpus = one.nodes * machine.gpus
        parts.append(
            PoolSlice(
                one.name,
                one.zone,
                one.system,
                one.purpose,
                one.nodes,
                spares,
                gpus,
                resource,
                one.driver,
                one.mig or "",
            )
        )
    namespaces = []
    for zone in factory.zones:
        here = [part for part in parts if part.zone == zone.name]
        held = {
            part.resource: sum(other.gpus for other in here if other.resource == part.resource)
            for part in here
        }
        namespaces += [
            Namespace(tenant, tenant, zone.name, held, tuple(part.pool for part in here))
            for tenant in zone.tenants
        ]
    return ClusterPlan(
        CLUSTER,
        "fra1",
        "fra1",
        "DE",
        ("h1",),
        tuple(parts),
        tuple(namespaces),
        len(nodes),
        len(nodes) * factory.clusters.pods_per_node,
        {},
    )
