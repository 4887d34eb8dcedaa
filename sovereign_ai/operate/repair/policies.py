"""Policies by group of nodes, read from a file; the first group that a machine belongs to decides.

    groups:
      - name: serving
        pools: [serve]
        unavailable: 0.25
        reset: 10 min
      - name: canaries
        nodes: [train-00?]
        conditions: [FrequentKubeletRestart]
      - name: lent
        racks: [h1-r004]
        repair: false
      - name: large
        where: node.gpus >= 8 && node.zone != 'restricted'

`where` is an expression of CEL over what the plan says of a machine. It is decided when the file is read, so
that one that cannot be decided of some machine is refused, and never chooses differently later. So is a group
without machines of its own: what is in no group, or in one that comes later, would be repaired in another way
than its author thinks.

A machine of no group is repaired as without a file. `decide` stays one function of one policy: it runs once a
policy over all machines, and of its decisions those count that are about the policy's own machines. What two
groups share, such as a rack, is never drained further than the more permissive of the two allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Strict, StringConstraints

from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import POLICIES, Parsed, decode, parse, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.repair.budgets import Budget
from sovereign_ai.operate.repair.decide import Act, Decision, Machine, Policy, decide
from sovereign_ai.plan import Node, Plan
from sovereign_ai.rules import ExpressionError, chosen_by
from sovereign_ai.spec import Model, Name, TextForm, validated
from sovereign_ai.units import Seconds

Share = Annotated[float, Field(gt=0.0, le=1.0)]
Pattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9.*?\-]+$"),
    TextForm("bad-name", "a machine's name, in which * stands for any characters and ? for one"),
]
ConditionType = Annotated[
    str,
    StringConstraints(min_length=1, max_length=316, pattern=r"^[A-Za-z0-9./_\-]+$"),
    TextForm("bad-name", "the type of a node's condition, such as DiskPressure"),
]
_USUAL = Policy()
_FOREVER = timedelta(days=200 * 365)
"""What any longer time counts as: moments that lie further ahead have no date."""
_STEPS = ("reset", "reboot", "accept")
"""Steps that may take a time."""
_SOUND = "Ready"
"""The condition that Kubernetes sets on a node without a fault."""


_ALL = "true"
"""The expression of a group without one."""


class NodeGroup(Model):
    """A group of nodes, and how they are repaired."""

    name: Name
    """Its name, for problems and events."""
    pools: tuple[Name, ...] = ()
    """Pools; left out, all of them."""
    racks: tuple[Name, ...] = ()
    """Racks; left out, all of them."""
    nodes: tuple[Pattern, ...] = ()
    """Patterns of names, with `*` and `?`; left out, all of them."""
    where: Annotated[str, Field(min_length=1, max_length=1000)] = _ALL
    """An expression of CEL over `node`, such as `node.gpus >= 8`; left out, all of them."""
    repair: Annotated[bool, Strict()] = True
    """Whether they are repaired at all."""
    conditions: tuple[ConditionType, ...] = ()
    """Types of node conditions that are a fault where they are true, besides those that always are."""
    readiness: Seconds | None = None
    """How long a NodeReadinessRule may keep them tainted before that is a fault; left out, for any time."""
    unavailable: Share = _USUAL.unavailable
    """The greatest share of a pool that may be drained of running work at a time."""
    per_domain: Share = _USUAL.per_domain
    """The same of each rack, NVLink domain and power feed."""
    reset: Seconds | None = None
    """How long a reset may take; left out, 5 minutes."""
    reboot: Seconds | None = None
    """How long a restart may take; left out, 30 minutes."""
    accept: Seconds | None = None
    """How long an acceptance may take; left out, 2 hours."""
    grace: Seconds | None = None
    """How long a pod that has to go may take to end, whatever its own grace period; left out, 1 hour."""
    drain: Literal["machine", "gpus"] = "machine"
    """Which pods go before a reset: all of the machine, or those that hold one of the GPUs with faults."""
    attempts: Annotated[int, Field(ge=1, le=10, strict=True)] = _USUAL.attempts
    """Resets and restarts of one repair."""
    relapses: Annotated[int, Field(ge=1, le=30, strict=True)] = _USUAL.relapses
    """Repairs of one machine within 28 days, after which its next fault is given up at once."""

    def policy(self) -> Policy:
        """Return how its machines are repaired."""
        return Policy(
            self.unavailable,
            self.per_domain,
            _duration(self.reset, _USUAL.reset),
            _duration(self.reboot, _USUAL.reboot),
            _duration(self.accept, _USUAL.accept),
            self.attempts,
            self.relapses,
            by_gpu=self.drain == "gpus",
            grace=_duration(self.grace, _USUAL.grace),
        )


class PolicyFile(Model):
    """A file of policies."""

    groups: Annotated[tuple[NodeGroup, ...], Field(min_length=1, max_length=100)]
    """The groups; the first that a machine belongs to decides."""


@frozen_dataclass
class Policies:
    """How each machine of a cluster is repaired.

    Attributes:
        default: the policy of machines of no group.
        groups: machine to its group, for those that are in one.
        budgets: the disruption budgets of the cluster, which hold for every group.
    """

    default: Policy
    groups: Mapping[str, NodeGroup]
    budgets: tuple[Budget, ...] = ()

    def conditions(self) -> frozenset[str]:
        """Return every condition that is a fault of some machine."""
        types: set[str] = set()
        for group in self.groups.values():
            types.update(group.conditions)
        return frozenset(types)

    def conditions_of(self, machine: str) -> tuple[str, ...]:
        """Return the conditions that are a fault of one machine, besides those that always are."""
        group = self.groups.get(machine)
        return group.conditions if group else ()

    @property
    def patience(self) -> Callable[[str], timedelta | None] | None:
        """How long each machine may be tainted as not ready; None where no group says it."""
        if any(group.readiness is not None for group in self.groups.values()):
            return self._patience_of
        return None

    def _patience_of(self, machine: str) -> timedelta | None:
        group = self.groups.get(machine)
        limit = group.readiness if group else None
        return None if limit is None else _duration(limit, _FOREVER)

    def spares_pods(self, machine: str) -> bool:
        """Return whether pods of a machine that hold none of its GPUs with faults run on."""
        group = self.groups.get(machine)
        return group.policy().by_gpu if group else self.default.by_gpu

    def grace_of(self, machine: str) -> timedelta:
        """Return how long a pod of a machine that is drained may take to end."""
        group = self.groups.get(machine)
        return group.policy().grace if group else self.default.grace

    def decide(self, machines: Sequence[Machine], now: datetime) -> tuple[Decision, ...]:
        """Return what to do next, at most one decision a machine; cordons first.

        Args:
            machines: what is observed of every machine of the cluster.
            now: the moment of the observation.
        """
        chosen: dict[str, Policy | None] = {}
        for machine in machines:
            group = self.groups.get(machine.name)
            chosen[machine.name] = self.default if group is None else group.policy() if group.repair else None
        decisions: list[Decision] = []
        # Equal policies are one: their machines share what may be drained at a time.
        policies = [policy for policy in dict.fromkeys(chosen.values()) if policy is not None]
        for policy in policies:
            for decision in decide(machines, policy, now, budgets=self.budgets):
                if chosen[decision.machine] == policy:
                    decisions.append(decision)
        if len(policies) > 1:
            bound = decide(machines, _widest(policies), now, budgets=self.budgets)
            decisions = _bounded(decisions, bound)
        return tuple(sorted(decisions, key=lambda decision: decision.act is not Act.CORDON))


def _widest(policies: Sequence[Policy]) -> Policy:
    """Return the policy with the greatest shares that any of several has."""
    unavailable = max(policy.unavailable for policy in policies)
    return Policy(unavailable, max(policy.per_domain for policy in policies))


def _bounded(decisions: Sequence[Decision], bound: Sequence[Decision]) -> list[Decision]:
    """Return decisions whose evictions are among those of another set; the others wait as that set says.

    Two policies that each keep their shares may break both together: where one holds a machine back, another
    machine takes its place, and the other policy knows nothing of that.
    """
    allowed = {decision.machine: decision for decision in bound}
    kept = []
    for decision in decisions:
        other = allowed.get(decision.machine)
        is_held = decision.act is Act.EVICT and other is not None and other.act is Act.WAIT
        kept.append(other if is_held and other is not None else decision)
    return kept


def one_policy(policy: Policy) -> Policies:
    """Return one policy for all machines."""
    return Policies(policy, {})


def read_policies(path: Path, plan: Plan, cluster: str) -> Policies:
    """Read a file of policies.

    Args:
        path: the file.
        plan: the plan whose pools, racks and machines it names.
        cluster: the cluster.

    Raises:
        SpecError: every problem of the file.
        KeyError: the plan has no such cluster.
    """
    file = str(path)
    parsed = parse(decode(read(path, POLICIES), file, POLICIES), file, POLICIES, tabs=path.suffix == ".json")
    if not isinstance(parsed.data, dict):
        place, hint = Where(file, 1, 1), "start with 'groups:' and a list"
        problem = Problem("wrong-type", "the file holds no mapping of fields", place, hint)
        raise SpecError([*parsed.problems, problem])
    groups = validated(PolicyFile, parsed).groups
    nodes = plan.nodes_of(cluster)
    names = [node.name for node in nodes]
    known = {"pools": {node.pool for node in nodes}, "racks": {node.rack for node in nodes}}
    problems = [*_unknown(groups, known, names, parsed), *_harmful(groups, parsed)]
    if problems:
        raise SpecError(problems)
    chosen: dict[str, NodeGroup] = {}
    fields = {node.name: _fields(node) for node in nodes}
    for number, group in enumerate(groups):
        field = f"groups[{number}]"
        try:
            members = _members(group, nodes, fields)
        except ExpressionError as error:
            hint = f"`node` has {', '.join(NODE_FIELDS)}"
            where = parsed.source.where(f"{field}.where")
            problems.append(Problem("bad-expression", f"{group.where[:60]!r}: {error}", where, hint))
            continue
        own = [name for name in members if name not in chosen]
        chosen |= dict.fromkeys(own, group)
        if not own:
            problems.append(_without_machines(group, members, chosen, parsed.source.where(f"{field}.name")))
    if problems:
        raise SpecError(problems)
    return Policies(_USUAL, chosen)


NODE_FIELDS = (
    "name",
    "pool",
    "system",
    "site",
    "hall",
    "zone",
    "jurisdiction",
    "rack",
    "place",
    "scalable_unit",
    "nvlink_domain",
    "spare",
    "gpus",
)
"""What `where` knows of a machine, as the plan calls it."""


def _fields(node: Node) -> dict[str, object]:
    """Return what `where` knows of a machine."""
    return {name: getattr(node, name) for name in NODE_FIELDS}


def _members(
    group: NodeGroup, nodes: Sequence[Node], fields: Mapping[str, Mapping[str, object]]
) -> list[str]:
    """Return the machines of a group: those that match all that it names.

    Args:
        group: the group.
        nodes: the machines of the cluster.
        fields: what `where` knows of each, by its name.

    Raises:
        ExpressionError: its expression cannot be decided of all machines of the cluster.
    """
    # Most groups have no expression, and each takes a while for thousands of machines.
    selected = set(fields if group.where == _ALL else chosen_by(group.where, "node", fields))
    members = []
    for node in nodes:
        is_named = not group.nodes or any(fnmatchcase(node.name, pattern) for pattern in group.nodes)
        is_placed = node.pool in (group.pools or (node.pool,)) and node.rack in (group.racks or (node.rack,))
        if is_named and is_placed and node.name in selected:
            members.append(node.name)
    return members


def _without_machines(
    group: NodeGroup, members: Sequence[str], chosen: Mapping[str, NodeGroup], where: Where
) -> Problem:
    """Return the problem of a group that decides about no machine."""
    if not members:
        message = f"no machine of the cluster matches all that group {group.name} names"
        return Problem("empty-group", message, where, "remove it, or name less")
    earlier = ", ".join(dict.fromkeys(chosen[name].name for name in members))
    message = f"every machine of group {group.name} belongs to an earlier one: {earlier}"
    return Problem("empty-group", message, where, "move it up: the first group of a machine decides")


def _harmful(groups: Sequence[NodeGroup], parsed: Parsed) -> Iterator[Problem]:
    """Yield a problem for each step without time, and for a condition that is true of sound machines."""
    for number, group in enumerate(groups):
        field = f"groups[{number}]"
        for step in _STEPS:
            limit = getattr(group, step)
            if limit is not None and not limit.count:
                message = f"a {step} that is given {limit} has failed before it begins"
                hint = f"write {step}: 10 min, or leave it out"
                yield Problem("out-of-range", message, parsed.source.where(f"{field}.{step}"), hint)
        if group.grace is not None and not group.grace.count:
            message = "pods that are given no time are killed before they can write a checkpoint"
            where = parsed.source.where(f"{field}.grace")
            yield Problem("out-of-range", message, where, "write grace: 10 min, or leave it out")
        if group.readiness is not None and not group.readiness.count:
            message = "a machine that starts is tainted as not ready, and would be restarted again"
            where = parsed.source.where(f"{field}.readiness")
            yield Problem("out-of-range", message, where, "write readiness: 15 min, or leave it out")
        for index, condition in enumerate(group.conditions):
            if condition == _SOUND:
                message = f"{condition} is true of every sound machine, and all of them would be cordoned"
                where = parsed.source.where(f"{field}.conditions[{index}]")
                hint = "leave it out: a machine that is not ready is repaired without it"
                yield Problem("sound-condition", message, where, hint)


def _unknown(
    groups: Sequence[NodeGroup], known: Mapping[str, set[str]], names: Sequence[str], parsed: Parsed
) -> list[Problem]:
    """Return a problem for each pool, rack and pattern that the cluster lacks, and for double names."""
    problems = []
    seen: set[str] = set()
    for number, group in enumerate(groups):
        field = f"groups[{number}]"
        if group.name in seen:
            where = parsed.source.where(f"{field}.name")
            message = f"another group is called {group.name!r}"
            problems.append(Problem("duplicate-name", message, where, "rename one of them"))
        seen.add(group.name)
        for noun, existing in known.items():
            for index, value in enumerate(getattr(group, noun)):
                if value not in existing:
                    where = parsed.source.where(f"{field}.{noun}[{index}]")
                    message = f"the cluster has no {noun[:-1]} {value!r}"
                    problems.append(Problem("unknown-name", message, where, nearest(value, sorted(existing))))
        for index, pattern in enumerate(group.nodes):
            if not any(fnmatchcase(name, pattern) for name in names):
                where = parsed.source.where(f"{field}.nodes[{index}]")
                message = f"no machine of the cluster is called like {pattern!r}"
                problems.append(Problem("unknown-name", message, where, nearest(pattern, list(names))))
    return problems


def _duration(value: Seconds | None, usual: timedelta) -> timedelta:
    if value is None:
        return usual
    return timedelta(seconds=min(value.count, int(_FOREVER.total_seconds())))
