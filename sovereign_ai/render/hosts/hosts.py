"""The whole inventory of a plan: nodes, storage servers and switches, in the order of work.

from sovereign_ai.render.hosts import inventory

inventory(factory, plan, SiteFacts()).matching(["fra1-train-su0"]).to_json()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.plan import Node, Plan
from sovereign_ai.render.hosts.firewall import node_table, server_table
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory
from sovereign_ai.render.hosts.machine import KERNEL, as_files, node_variables, pool_variables
from sovereign_ai.render.hosts.network import rail_files
from sovereign_ai.render.hosts.package_sources import judge_sources, package_files
from sovereign_ai.render.hosts.site_facts import Reach, SiteFacts
from sovereign_ai.render.hosts.switches import SHARED, switches
from sovereign_ai.render.switches.ports import rail_addresses
from sovereign_ai.spec import AIFactory

MACHINE_ROLES = ("baseline", "container_runtime", "kubernetes_node", "gpu", "rdma", "storage_client")
SERVER_ROLES = ("baseline", "rdma")
"""Roles by kind of host, see `_machine_roles`. A role is the group `role_<name>`."""

RailFiles = Mapping[str, Mapping[str, str]]
"""Host to the files of its rails, path to text."""


def inventory(factory: AIFactory, plan: Plan, given: SiteFacts) -> HostInventory:
    """Return every host of a plan.

    Args:
        factory: the description.
        plan: what follows from it.
        given: what the plan cannot know.

    Raises:
        SpecError: a package source is abroad, or nobody says where it is.
    """
    judge_sources(factory, given)
    rails = rail_files(plan)
    hosts = [*_nodes(factory, plan, given, rails), *_servers(plan, given, rails)]
    for switch in switches(factory, plan):
        host = _with_connection(switch, given)
        hosts.append(host)
    shared: dict[str, dict[str, Any]] = {"all": _common_variables(factory, given), "switches": SHARED}
    for pool in factory.pools:
        if not factory.standing(pool):
            continue  # its machines come in a later phase
        variables = pool_variables(factory, plan, given, pool)
        variables["firewall"] = node_table(factory, plan, given, pool.name)
        shared[_group("pool", pool.name)] = variables
    for tier in plan.storage:
        shared[_group("tier", tier.tier)] = {
            "kernel_parameters": KERNEL,
            "kernel_words": [],
            "firewall": server_table(factory, plan, given, tier.tier),
        }
    return HostInventory(tuple(hosts), shared)


def _common_variables(factory: AIFactory, given: SiteFacts) -> dict[str, Any]:
    """Return the variables that every host shares."""
    return {
        "sovereign_factory": factory.name,
        "ansible_user": given.account,
        "ansible_become": True,
        "account": given.account,
        "admin_keys": list(given.admin_keys),
        "time_servers": list(given.time_servers),
        "log_server": given.log_server or "",
        "package_files": package_files(given),
    }


def _nodes(factory: AIFactory, plan: Plan, given: SiteFacts, rails: RailFiles) -> Iterator[Host]:
    """Yield the nodes, pool by pool; a unit is a scalable unit."""
    limits: dict[str, int] = {}
    for power in plan.power:
        limits.update(power.limits)
    for node in plan.nodes:
        roles = _machine_roles(node)
        groups = (
            "machines",
            _group("pool", node.pool),
            _group("zone", node.zone),
            _group("site", node.site),
            *_role_groups(roles),
        )
        variables = {
            "ansible_host": node.address,
            **node_variables(factory, given, node, rails.get(node.name, {})),
        }
        # The plan counts on the cap, so the machine's controller has to hold it.
        if node.pool in limits:
            variables["power_limit_watts"] = limits[node.pool]
        host = Host(node.name, node.scalable_unit, groups, variables)
        yield _with_connection(host, given)


def _machine_roles(node: Node) -> tuple[str, ...]:
    """Return the roles of a node: `gpu` where it has accelerators, `bmc` where its BMC has an address."""
    roles = tuple(role for role in MACHINE_ROLES if role != "gpu" or node.gpus)
    return (*roles, "bmc") if node.bmc else roles


def _servers(plan: Plan, given: SiteFacts, rails: RailFiles) -> Iterator[Host]:
    """Yield the storage servers, tier by tier.

    Every second server is a unit, so that a tier serves with one half while the other is worked on.
    """
    addresses = _server_addresses(plan)
    for tier in plan.storage:
        groups = (
            "servers",
            _group("tier", tier.tier),
            _group("zone", tier.zone),
            _group("site", tier.site),
            *_role_groups(SERVER_ROLES),
        )
        for number, name in enumerate(tier.servers):
            unit = f"{tier.tier}-{tier.site}-half{number % 2}"
            variables = {
                "ansible_host": addresses.get(name, ""),
                "rail_files": as_files(rails.get(name, {})),
            }
            yield _with_connection(Host(name, unit, groups, variables), given)


def _server_addresses(plan: Plan) -> dict[str, str]:
    """Return each server's first address on a storage fabric."""
    addresses: dict[str, str] = {}
    for plane in plan.fabrics:
        if plane.role != "storage" or plane.kind == "infiniband":
            continue
        for (host, _), address in rail_addresses(plan, plane).items():
            addresses.setdefault(host, address)
    return addresses


def _role_groups(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return the groups that stand for roles."""
    return tuple(f"role_{role}" for role in roles)


def _group(kind: str, name: str) -> str:
    """Return the name of a group.

    Ansible accepts no hyphen in a group's name. A name of the description has no underscore, so two names
    never become one group.
    """
    return f"{kind}_{name.replace('-', '_')}"


def _with_connection(host: Host, given: SiteFacts) -> Host:
    """Return a host with the variables of its connection, where the operator named one."""
    reach = given.reach.get(host.name)
    if reach is None:
        return host
    variables = {**host.variables, **_connection_variables(reach)}
    return Host(host.name, host.unit, host.groups, variables)


def _connection_variables(reach: Reach) -> dict[str, Any]:
    """Return Ansible's variables of a connection; what is not named keeps its value."""
    variables = {
        "ansible_connection": reach.connection,
        "ansible_host": reach.address,
        "ansible_port": reach.port,
        "nsenter_leader": reach.leader,
        "netns_name": reach.namespace,
    }
    # Both other ways run as root already, and a container need not have sudo.
    if reach.connection != "ssh":
        variables["ansible_become"] = False
    return {name: value for name, value in variables.items() if value is not None}
