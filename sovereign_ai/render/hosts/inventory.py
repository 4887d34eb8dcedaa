"""Hosts in units and groups, with their variables: an inventory as Ansible reads it, in JSON, which is YAML too.

>>> one = Host("leaf-1", "u1", ("switches",), {"asn": 1})
>>> Inventory((one,), {"switches": {"mtu": 9216}}).to_data()["all"]["children"]["switches"]["hosts"]
{'leaf-1': {'asn': 1}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import orjson

_SORTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Host:
    """One machine, server or switch.

    Attributes:
        name: its name in the plan.
        unit: what is worked on at once: a scalable unit, a tier's servers, a rail's leaves.
        groups: groups it is in, sorted; groups decide the roles.
        variables: what is its own.
    """

    name: str
    unit: str
    groups: tuple[str, ...]
    variables: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts, and what each group shares.

    Attributes:
        hosts: every host, in the order in which units are worked on.
        shared: group to variables; `all` reaches every host.
    """

    hosts: tuple[Host, ...]
    shared: Mapping[str, Mapping[str, Any]] = field(hash=False)

    @property
    def units(self) -> tuple[str, ...]:
        """Give the units, each once, in order."""
        return tuple(dict.fromkeys(one.unit for one in self.hosts))

    def of(self, names: Collection[str]) -> Inventory:
        """Give the part that has these hosts alone."""
        return Inventory(tuple(one for one in self.hosts if one.name in names), self.shared)

    def matching(self, patterns: Collection[str]) -> Inventory:
        """Give the hosts whose name, unit or group one of the patterns matches, as a shell matches file names; without patterns, all."""
        if not patterns:
            return self
        return Inventory(tuple(one for one in self.hosts if _matches(one, patterns)), self.shared)

    def in_units(self) -> Iterator[tuple[str, Inventory]]:
        """Give each unit with its part."""
        for unit in self.units:
            yield unit, Inventory(tuple(one for one in self.hosts if one.unit == unit), self.shared)

    def in_parts(self, most: int) -> Iterator[tuple[str, Inventory]]:
        """Give parts of so many hosts at most, whatever their units, each with what it is in words."""
        for start in range(0, len(self.hosts), most):
            hosts = self.hosts[start : start + most]
            yield f"hosts {start + 1:,} to {start + len(hosts):,} of {len(self.hosts):,}", Inventory(hosts, self.shared)

    def with_variables(self, own: Mapping[str, Mapping[str, Any]]) -> Inventory:
        """Give the same hosts with more variables: host to what is added, as a connection."""
        return Inventory(
            tuple(Host(one.name, one.unit, one.groups, {**one.variables, **own.get(one.name, {})}) for one in self.hosts), self.shared
        )

    def to_data(self) -> dict[str, Any]:
        """Give Ansible's own form. A host's variables stand in the first of its groups, and its name alone in the others."""
        children: dict[str, dict[str, Any]] = {}
        for one in self.hosts:
            for number, group in enumerate(one.groups):
                children.setdefault(group, {"hosts": {}})["hosts"][one.name] = {} if number else dict(one.variables)
        for group, values in self.shared.items():
            if group in children:
                children[group]["vars"] = dict(values)
        return {"all": {"children": children, "vars": dict(self.shared.get("all", {}))}}

    def to_json(self) -> str:
        """Give the file."""
        return orjson.dumps(self.to_data(), option=_SORTED).decode() + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _matches(one: Host, patterns: Collection[str]) -> bool:
    """Tell whether one of the patterns means this host."""
    names = (one.name, one.unit, *one.groups)
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
