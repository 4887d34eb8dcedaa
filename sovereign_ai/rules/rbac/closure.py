"""The closure of rights: everything that a principal can do in the end, since some rights lead to others.

Whoever may create a pod runs it as any service account of the namespace and mounts any of its Secrets.
Whoever may impersonate, escalate, bind, issue tokens or approve certificates acts with the rights of others.
`Rights` reads all roles and bindings once and follows these steps (`escalation.py`) from every bound
principal, until nothing is added. The search is breadth first, so that each path is a shortest one.

Some rights lead on only together: whoever may lower a namespace's Pod Security level and make a privileged
container there reaches the machine, by whichever identities. Such halves are gathered from everything that is
reached, and joined when nothing else is added.

A *principal* is a user or a group. A *position* is a set of rights that several principals may hold, such as
that of code in any pod of a namespace.

Admission may refuse what a right permits. The closure ignores admission, but for Pod Security: whoever holds
a right keeps it when a policy is removed.

    >>> rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
    >>> metadata = {"name": "ci", "namespace": "a"}
    >>> role = {"kind": "Role", "metadata": metadata, "rules": [rule]}
    >>> reference, eve = {"kind": "Role", "name": "ci"}, {"kind": "User", "name": "eve"}
    >>> binding = {"kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [eve]}
    >>> [str(step) for step in Rights([role, binding]).reached("User eve")["pods in a"]]
    ['create pods in a by RoleBinding/a/ci']
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import NODE_WRITER
from sovereign_ai.rules.rbac.escalation import (
    BOOTSTRAP_GROUPS,
    BOOTSTRAPPERS,
    DRIVERS,
    EVERYTHING,
    HOOKS,
    MACHINES,
    NEW,
    PEOPLE,
    USERS,
    RoleIn,
    accounts,
    all_in,
    leads,
    opened,
    pods,
    privileged,
)
from sovereign_ai.rules.rbac.matching import Object, selects
from sovereign_ai.rules.rbac.subjects import ACCOUNTS, account_of, accounts_in, groups_of, principal, shown
from sovereign_ai.rules.rbac.webhook_servers import WebhookServer, leads_elsewhere, servers_of

_EVERY_RULE: Object = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
_READS_SECRETS: Object = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
_WRITES_NODES: Object = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["create", "patch", "update"]}
_WRITER = f"User {NODE_WRITER}"
_ENFORCE = "pod-security.kubernetes.io/enforce"
_KEPT_FROM_NODES = frozenset({"baseline", "restricted"})
"""Pod Security levels that permit neither privileged containers nor folders of the node."""

_RoleKey = tuple[str, str, str]
"""Kind, namespace and name of a role."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldRight:
    """A rule that a principal or a position holds.

    Attributes:
        rule: the RBAC rule.
        namespace: where it holds; empty for everywhere.
        binding: the binding that gives it; empty if it follows from the position itself.
    """

    rule: Object
    namespace: str
    binding: str


@frozen_dataclass
class ClosureStep:
    """One step from a principal to another, or to a position with rights of its own.

    Attributes:
        start: the principal or position before the step.
        end: the principal or position after it.
        right: the right that permits the step, in words; empty if one is a member of the other.
        binding: the binding that gives the right; empty if no right is needed.
    """

    start: str
    end: str
    right: str = ""
    binding: str = ""

    def __str__(self) -> str:
        """Return the right and the binding that gives it, or the principal after the step."""
        if self.right:
            return f"{self.right} by {self.binding}"
        return f"as {shown(self.end)}"


class _Halves(NamedTuple):
    """Rights that lead to the machines two by two, each with its namespace.

    Attributes:
        openers: rights to lower a Pod Security level.
        runners: rights to make a privileged container; without a namespace, everywhere.
    """

    openers: list[tuple[str, ClosureStep]]
    runners: list[tuple[str, ClosureStep]]


@frozen_dataclass
class Dangling:
    """A binding to a role that does not exist, so that whoever creates that role decides what it grants.

    Attributes:
        binding: the binding, `Kind/namespace/name`.
        role: the role that it refers to.
        namespace: where it holds; empty for everywhere.
        subjects: the principals that it is for.
    """

    binding: str
    role: str
    namespace: str
    subjects: tuple[str, ...]


class Rights:
    """All rights of a cluster, or of a set of rendered objects.

    Args:
        objects: Kubernetes objects; roles, bindings, service accounts, namespaces, configurations of webhooks
            and definitions of custom resources among them count.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        listed = list(objects)
        self.dangling: list[Dangling] = []
        self._roles = {_role_key(obj): obj for obj in listed if obj["kind"] in {"Role", "ClusterRole"}}
        self._held: dict[str, list[HeldRight]] = defaultdict(list)
        self._bound: set[str] = set()
        self._accounts: dict[str, set[str]] = defaultdict(set)
        # Namespace to whether Pod Security keeps its pods from the node. One that is known from a binding
        # alone counts as open: nothing shows that Pod Security applies there.
        self._spaces: dict[str, bool] = {}
        # Namespaces first: what a binding adds must not hide the level that a namespace states.
        for obj in listed:
            if obj["kind"] == "Namespace":
                self._add_namespace(obj)
        for obj in listed:
            if obj["kind"] == "ServiceAccount":
                self._add_account(principal({**obj["metadata"], "kind": "ServiceAccount"}))
            elif obj["kind"] in {"RoleBinding", "ClusterRoleBinding"}:
                self._add_binding(obj)
        self._servers: list[WebhookServer] = []
        for obj in listed:
            self._servers += servers_of(obj)
        # A namespace that does not exist yet is one in which pods can be made, too.
        for server in self._servers:
            self._spaces.setdefault(server.namespace, False)
        self._members: dict[str, list[str]] = {}
        self._following: dict[str, list[ClosureStep]] = {}
        self._halves: dict[str, _Halves] = {}
        self._add_positions()

    @property
    def bound(self) -> list[str]:
        """Return every principal that is bound to anything, sorted."""
        return sorted(self._bound)

    def held(self, name: str) -> Sequence[HeldRight]:
        """Return the rules that a principal or a position holds itself, without those of its groups."""
        return self._held.get(name, ())

    def reached(self, start: str) -> dict[str, tuple[ClosureStep, ...]]:
        """Return every principal and position that a principal reaches, itself included, with a path."""
        paths: dict[str, tuple[ClosureStep, ...]] = {start: ()}
        self._spread(paths, start)
        # Nothing is beyond these two, so that no half of a right matters any more.
        if MACHINES not in paths and EVERYTHING not in paths:
            joined = self._joined(paths)
            if joined:
                paths[MACHINES] = joined
                self._spread(paths, MACHINES)
        return paths

    def _spread(self, paths: dict[str, tuple[ClosureStep, ...]], start: str) -> None:
        """Add everything that follows from a principal or a position, breadth first."""
        waiting = deque([start])
        while waiting:
            name = waiting.popleft()
            for step in self._steps(name):
                if step.end not in paths:
                    paths[step.end] = (*paths[name], step)
                    waiting.append(step.end)

    def _joined(self, paths: Mapping[str, tuple[ClosureStep, ...]]) -> tuple[ClosureStep, ...]:
        """Return the shortest path to the machines by two rights together; empty if there is none.

        One lowers the Pod Security level of a namespace, or makes a namespace without one; the other makes a
        privileged container there. Each may be held by another principal or position that is reached.
        """
        openers: dict[str, tuple[ClosureStep, ...]] = {}
        runners: dict[str, tuple[ClosureStep, ...]] = {}
        for name, path in paths.items():
            for space, step in self._halves_of(name).openers:
                openers.setdefault(space, (*path, step))
            for space, step in self._halves_of(name).runners:
                runners.setdefault(space, (*path, step))
        joined: list[tuple[ClosureStep, ...]] = []
        for space, opener in openers.items():
            for place in ("",) if space == NEW else (space, ""):
                if place in runners:
                    joined.append(_with_rest(opener, runners[place]))
        return min(joined, key=len, default=())

    def _halves_of(self, name: str) -> _Halves:
        """Return the halves of rights that a principal or a position holds itself."""
        if name not in self._halves:
            openers: list[tuple[str, ClosureStep]] = []
            runners: list[tuple[str, ClosureStep]] = []
            for held in self.held(name):
                by = held.binding or shown(name)
                for right, space in opened(held.rule, held.namespace, self._spaces):
                    openers.append((space, ClosureStep(name, name, right, by)))
                for right in privileged(held.rule, held.namespace):
                    runners.append((held.namespace, ClosureStep(name, MACHINES, right, by)))
            self._halves[name] = _Halves(openers, runners)
        return self._halves[name]

    def _add_namespace(self, namespace: Object) -> None:
        """Record whether Pod Security keeps the pods of a namespace from the node."""
        metadata = namespace["metadata"]
        level = (metadata.get("labels") or {}).get(_ENFORCE)
        self._spaces[metadata["name"]] = level in _KEPT_FROM_NODES

    def _add_account(self, name: str) -> None:
        """Record a service account, and the namespace of a principal that is one or all of its accounts."""
        account = account_of(name)
        if account:
            self._accounts[account[0]].add(name)
        space = accounts_in(name)
        if space:
            self._spaces.setdefault(space, False)

    def _add_binding(self, binding: Object) -> None:
        """Record the rules that a binding gives to its principals."""
        metadata = binding["metadata"]
        reference = binding["roleRef"]
        namespace = metadata.get("namespace", "") if binding["kind"] == "RoleBinding" else ""
        if namespace:
            self._spaces.setdefault(namespace, False)
        parts = (binding["kind"], namespace, metadata["name"])
        by = "/".join(part for part in parts if part)
        principals = [principal(subject, namespace) for subject in binding.get("subjects") or ()]
        role = RoleIn(reference["kind"], reference["name"], namespace)
        rules = self._rules(role)
        if rules is None:
            title = f"{role.kind} {role.name}"
            self.dangling.append(Dangling(by, title, namespace, tuple(principals)))
        for name in principals:
            self._add_account(name)
            self._bound.add(name)
            self._held[name] += [HeldRight(rule, namespace, by) for rule in rules or ()]

    def _rules(self, role: RoleIn) -> list[Object] | None:
        """Return a role's rules; None if it does not exist.

        Those of the roles that it aggregates by their labels are included.
        """
        key = (role.kind, role.namespace if role.kind == "Role" else "", role.name)
        if key not in self._roles:
            return None
        rules: list[Object] = []
        waiting = [key]
        aggregated = {key}
        while waiting:
            obj = self._roles[waiting.pop()]
            rules += obj.get("rules") or ()
            selectors = (obj.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
            # An aggregated role may aggregate others: `admin` aggregates `edit`, which aggregates `view`.
            for other in self._selected(selectors):
                if other not in aggregated:
                    aggregated.add(other)
                    waiting.append(other)
        return rules

    def _selected(self, selectors: Sequence[Object]) -> Iterator[_RoleKey]:
        """Yield the cluster roles that any of some label selectors selects."""
        for key, obj in self._roles.items():
            labels = obj["metadata"].get("labels") or {}
            if key[0] == "ClusterRole" and any(selects(selector, labels) for selector in selectors):
                yield key

    def _add_positions(self) -> None:
        """Record for each position the rules that it holds and the principals that belong to it."""
        spaces = sorted(self._spaces)
        self._held[EVERYTHING] = [HeldRight(_EVERY_RULE, "", "")]
        self._held[HOOKS] = [HeldRight(_READS_SECRETS, "", "")]
        self._held[DRIVERS] = [HeldRight(_READS_SECRETS, "", "")]
        self._held[pods("")] = [HeldRight(_READS_SECRETS, "", "")]
        # A node holds the tokens and the Secrets of every pod that is scheduled to it, and may report itself
        # free.
        self._members[MACHINES] = [pods("")]
        # Admission trusts this user's writes to nodes. Its rights are those of the groups that it is
        # impersonated with.
        self._held[_WRITER].append(HeldRight(_WRITES_NODES, "", ""))
        people = [name for name in self.bound if name.startswith("User ") and account_of(name) is None]
        self._members[USERS] = [*people, _WRITER]
        # No signer certifies members of system:masters.
        certifiable = [name for name in self.bound if name != EVERYTHING]
        self._members[PEOPLE] = [*certifiable, _WRITER]
        tokens = f"Group {BOOTSTRAP_GROUPS}"
        self._members[BOOTSTRAPPERS] = [name for name in self.bound if name.startswith(tokens)]
        self._members[pods("")] = [accounts("")]
        accounts_of_spaces = [accounts(space) for space in spaces]
        self._members[accounts("")] = [f"Group {ACCOUNTS}", *accounts_of_spaces]
        for space in spaces:
            self._held[all_in(space)] = [HeldRight(_EVERY_RULE, space, "")]
            self._held[pods(space)] = [HeldRight(_READS_SECRETS, space, "")]
            self._members[all_in(space)] = [pods(space)]
            self._members[pods(space)] = [accounts(space)]
            own_accounts = sorted(self._accounts[space])
            self._members[accounts(space)] = [f"Group {ACCOUNTS}:{space}", *own_accounts]

    def _steps(self, name: str) -> list[ClosureStep]:
        """Return every step from a principal or a position; none leads beyond every right."""
        # Many principals reach the same positions, so their steps are computed once.
        if name not in self._following:
            steps: list[ClosureStep] = []
            if name != EVERYTHING:
                steps += self._memberships(name)
                steps += self._steps_by_rights(name)
                steps += self._steps_by_servers(name)
            self._following[name] = steps
        return self._following[name]

    def _memberships(self, name: str) -> Iterator[ClosureStep]:
        """Yield the steps that need no right: from a user to its groups, from a position to its members."""
        if name.startswith(("User ", "Group ")):
            for group in groups_of(name):
                yield ClosureStep(name, f"Group {group}")
        for member in self._members.get(name, ()):
            yield ClosureStep(name, member)

    def _steps_by_rights(self, name: str) -> Iterator[ClosureStep]:
        """Yield the steps that the rules of a principal or a position permit."""
        for held in self.held(name):
            for right, end in leads(held.rule, held.namespace, self._spaces):
                target = self._position_of_role(end) if isinstance(end, RoleIn) else end
                yield ClosureStep(name, target, right, held.binding or shown(name))

    def _steps_by_servers(self, name: str) -> Iterator[ClosureStep]:
        """Yield the steps of whoever answers in the place of a webhook's server."""
        for server in self._servers:
            if name in {pods(""), pods(server.namespace)}:
                action = f"answer webhooks in {server.namespace}"
                yield ClosureStep(name, server.end, action, server.configured_by)
            for held in self.held(name):
                if leads_elsewhere(held.rule, held.namespace, server):
                    service = f"{server.namespace}/{server.service}"
                    right = f"lead Service {service}, which answers webhooks, elsewhere"
                    yield ClosureStep(name, server.end, right, held.binding or shown(name))

    def _position_of_role(self, role: RoleIn) -> str:
        """Return the position of whoever is bound to a role, and record the rules of that role."""
        scope = f"in {role.namespace}" if role.namespace else "everywhere"
        name = f"{role.kind} {role.name} {scope}"
        if name not in self._held:
            rules = self._rules(role) or []
            by = f"{role.kind}/{role.name}"
            self._held[name] = [HeldRight(rule, role.namespace, by) for rule in rules]
        return name


def _with_rest(opener: tuple[ClosureStep, ...], runner: tuple[ClosureStep, ...]) -> tuple[ClosureStep, ...]:
    """Return a path with the steps of another behind it, without those that both begin with."""
    common = 0
    while common < min(len(opener), len(runner)) - 1 and opener[common] == runner[common]:
        common += 1
    return (*opener, *runner[common:])


def _role_key(obj: Object) -> _RoleKey:
    """Return the identity of a role: kind, namespace and name."""
    namespace = obj["metadata"].get("namespace", "") if obj["kind"] == "Role" else ""
    return obj["kind"], namespace, obj["metadata"]["name"]
