"""The whole inventory of a plan: machines, storage servers and switches, each with its roles, in the order of work.

from sovereign_ai.render.hosts.hosts import inventory

inventory(factory, plan, Given()).matching(["fra1-train-su0"]).to_json()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.hosts.firewall import machine_table, server_table
from sovereign_ai.render.hosts.given import Given, Reach
from sovereign_ai.render.hosts.inventory import Host, Inventory
from sovereign_ai.render.hosts.machine import KERNEL, node_variables, pool_variables
from sovereign_ai.render.hosts.network import rail_files
from sovereign_ai.render.hosts.switches import SHARED, switches
from sovereign_ai.render.switches.ports import rail_addresses
from sovereign_ai.spec.factory import AIFactory

MACHINE_ROLES = ("baseline", "container_runtime", "kubernetes_node", "gpu", "rdma", "storage_client")
SERVER_ROLES = ("baseline", "rdma")
"""Roles by kind of host; a machine with a BMC address has `bmc` too. A role is the group `role_<name>`."""


def inventory(factory: AIFactory, plan: Plan, given: Given) -> Inventory:
    """Give every host of a plan.

    Args:
        factory: the description.
        plan: what follows from it.
        given: what the plan cannot know.
    """
    rails = rail_files(plan)
    hosts = [*_machines(factory, plan, given, rails), *_servers(plan, given, rails)]
    hosts += [_reached(one, given) for one in switches(factory, plan)]
    shared: dict[str, dict[str, Any]] = {"all": _everywhere(factory, given), "switches": SHARED}
    for pool in factory.pools:
        firewall = {"firewall": machine_table(factory, plan, given, pool.name)}
        shared[_group("pool", pool.name)] = pool_variables(factory, plan, given, pool) | firewall
    for tier in plan.storage:
        firewall = {"firewall": server_table(factory, plan, given, tier.tier)}
        shared[_group("tier", tier.tier)] = {"kernel_parameters": KERNEL, "kernel_words": [], **firewall}
    return Inventory(tuple(hosts), shared)


def _everywhere(factory: AIFactory, given: Given) -> dict[str, Any]:
    """Give what every host shares."""
    return {
        "sovereign_factory": factory.name,
        "ansible_user": given.account,
        "ansible_become": True,
        "account": given.account,
        "admin_keys": list(given.admin_keys),
        "time_servers": list(given.time_servers),
        "log_server": given.log_server or "",
    }


def _machines(factory: AIFactory, plan: Plan, given: Given, rails: Mapping[str, Mapping[str, str]]) -> Iterator[Host]:
    """Give the machines, pool by pool."""
    for node in plan.nodes:
        roles = MACHINE_ROLES + (("bmc",) if node.bmc else ())
        groups = ("machines", _group("pool", node.pool), _group("zone", node.zone), _group("site", node.site), *_roles(roles))
        variables = node_variables(factory, given, node, rails.get(node.name, {}))
        yield _reached(Host(node.name, node.scalable_unit, groups, {"ansible_host": node.address, **variables}), given)


def _servers(plan: Plan, given: Given, rails: Mapping[str, Mapping[str, str]]) -> Iterator[Host]:
    """Give the storage servers, tier by tier: every second one is a unit, so that a tier goes on while half of it is worked on."""
    addresses = _server_addresses(plan)
    for tier in plan.storage:
        for number, name in enumerate(tier.servers):
            groups = ("servers", _group("tier", tier.tier), _group("zone", tier.zone), _group("site", tier.site), *_roles(SERVER_ROLES))
            files = [{"path": path, "content": text} for path, text in sorted(rails.get(name, {}).items())]
            variables = {"ansible_host": addresses.get(name, ""), "rail_files": files}
            yield _reached(Host(name, f"{tier.tier}-{tier.site}-half{number % 2}", groups, variables), given)


def _server_addresses(plan: Plan) -> dict[str, str]:
    """Give each server's first address."""
    found: dict[str, str] = {}
    for plane in (one for one in plan.fabrics if one.role == "storage" and one.kind != "infiniband"):
        for (host, _), address in rail_addresses(plan, plane).items():
            found.setdefault(host, address)
    return found


def _roles(names: tuple[str, ...]) -> tuple[str, ...]:
    """Give the groups of roles."""
    return tuple(f"role_{name}" for name in names)


def _group(kind: str, name: str) -> str:
    """Give a group's name: Ansible takes no hyphen in it, and no name of ours has an underscore, so none meet."""
    return f"{kind}_{name.replace('-', '_')}"


def _reached(host: Host, given: Given) -> Host:
    """Add how a host is reached, where that was said."""
    reach = given.reach.get(host.name)
    return host if reach is None else Host(host.name, host.unit, host.groups, {**host.variables, **_connection(reach)})


def _connection(reach: Reach) -> dict[str, Any]:
    """Give Ansible's words for it."""
    said = {
        "ansible_connection": reach.connection,
        "ansible_host": reach.address,
        "ansible_port": reach.port,
        "nsenter_leader": reach.leader,
        "netns_name": reach.namespace,
        "ansible_become": None if reach.connection == "ssh" else False,
    }
    return {name: value for name, value in said.items() if value is not None}
