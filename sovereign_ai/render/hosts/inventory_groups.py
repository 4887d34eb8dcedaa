"""Hosts in units and groups, with their variables: an inventory as Ansible reads it, in JSON.

>>> leaf = Host("leaf-1", "u1", ("switches",), {"asn": 1})
>>> HostInventory((leaf,), {"switches": {"mtu": 9216}}).to_data()["all"]["children"]["switches"]["hosts"]
{'leaf-1': {'asn': 1}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass

_UNSAFE = "__ansible_unsafe"
"""How Ansible's JSON marks a text that is never evaluated."""
_TEMPLATE_MARKS = ("{{", "{%", "{#")
"""How expressions, statements and comments begin in Jinja, by its defaults, which the playbooks keep."""
_SORTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


@frozen_dataclass
class Host:
    """One node, storage server or switch.

    Attributes:
        name: its name in the plan.
        unit: the hosts that are configured together: a scalable unit, half of a tier's servers, a rail's
            leaves.
        groups: groups it is in, sorted; groups decide the roles.
        variables: variables of this host alone.
    """

    name: str
    unit: str
    groups: tuple[str, ...]
    variables: Mapping[str, Any] = field(hash=False)


@frozen_dataclass
class HostInventory:
    """Hosts, and the variables that each group shares.

    Attributes:
        hosts: every host, in the order in which units are worked on.
        shared: group to variables; `all` reaches every host.
    """

    hosts: tuple[Host, ...]
    shared: Mapping[str, Mapping[str, Any]] = field(hash=False)

    @property
    def units(self) -> tuple[str, ...]:
        """Return the units, each once, in order."""
        return tuple(dict.fromkeys(host.unit for host in self.hosts))

    def of(self, names: Collection[str]) -> HostInventory:
        """Return an inventory of these hosts alone."""
        return self._with_hosts([host for host in self.hosts if host.name in names])

    def matching(self, patterns: Collection[str]) -> HostInventory:
        """Return the hosts whose name, unit or group matches one of the patterns; without patterns, all.

        Args:
            patterns: patterns as a shell matches file names.
        """
        if not patterns:
            return self
        return self._with_hosts([host for host in self.hosts if _matches(host, patterns)])

    def in_units(self) -> Iterator[tuple[str, HostInventory]]:
        """Yield each unit with its inventory."""
        for unit in self.units:
            yield unit, self._with_hosts([host for host in self.hosts if host.unit == unit])

    def in_parts(self, most: int) -> Iterator[tuple[str, HostInventory]]:
        """Yield inventories of at most so many hosts, whatever their units, each with its description."""
        total = len(self.hosts)
        for start in range(0, total, most):
            hosts = self.hosts[start : start + most]
            description = f"hosts {start + 1:,} to {start + len(hosts):,} of {total:,}"
            yield description, self._with_hosts(hosts)

    def with_variables(self, own: Mapping[str, Mapping[str, Any]]) -> HostInventory:
        """Return the same hosts with more variables.

        Args:
            own: host to the variables that are added to its own, such as those of a connection.
        """
        hosts: list[Host] = []
        for host in self.hosts:
            variables = {**host.variables, **own.get(host.name, {})}
            hosts.append(Host(host.name, host.unit, host.groups, variables))
        return self._with_hosts(hosts)

    def _with_hosts(self, hosts: Collection[Host]) -> HostInventory:
        """Return an inventory of other hosts with the same shared variables."""
        return HostInventory(tuple(hosts), self.shared)

    def to_data(self) -> dict[str, Any]:
        """Return the inventory in Ansible's own form.

        A host's variables are in the first of its groups; the other groups hold its name alone.
        """
        children: dict[str, dict[str, Any]] = {}
        for host in self.hosts:
            for number, group in enumerate(host.groups):
                members = children.setdefault(group, {"hosts": {}})["hosts"]
                members[host.name] = as_data(host.variables) if number == 0 else {}
        for group, values in self.shared.items():
            # A part of an inventory lists the groups of its own hosts alone.
            if group in children:
                children[group]["vars"] = as_data(values)
        common = as_data(self.shared.get("all", {}))
        return {"all": {"children": children, "vars": common}}

    def to_json(self) -> str:
        """Return the inventory file."""
        return orjson.dumps(self.to_data(), option=_SORTED).decode() + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def as_data(value: Any) -> Any:
    """Return a variable in Ansible's JSON form, with every text that reads like a template marked as unsafe.

    The plan computes every value, so nothing in an inventory is meant to be evaluated. A text such as the
    comment of a public key comes from a person, and Ansible would evaluate it on the controller.

    >>> as_data({"keys": ["ssh-ed25519 AAAA {{ 7*7 }}", "ssh-ed25519 AAAA ops"]})
    {'keys': [{'__ansible_unsafe': 'ssh-ed25519 AAAA {{ 7*7 }}'}, 'ssh-ed25519 AAAA ops']}
    """
    if isinstance(value, str):
        return {_UNSAFE: value} if any(mark in value for mark in _TEMPLATE_MARKS) else value
    if isinstance(value, Mapping):
        return {name: as_data(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(item) for item in value]
    return value


def _matches(host: Host, patterns: Collection[str]) -> bool:
    """Return whether one of the patterns matches a host."""
    for name in (host.name, host.unit, *host.groups):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return True
    return False
