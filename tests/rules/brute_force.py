"""Small random clusters, and a naive answer to who can do what in the end.

The answer knows nothing of paths, positions or graphs. It keeps a bag of identities that somebody can act as
and of what else fell to them, asks the authorizer (its source in Kubernetes 1.37, word by word) for every
attack in the documentation, and goes round until the bag no longer grows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Data = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
SPACES = {"research": "restricted", "startups": "baseline", "kube-system": "", "tools": "privileged"}
"""Namespaces with their Pod Security level."""
ACCOUNTS = dict.fromkeys(SPACES, ("default", "ci"))
USERS = ("ann", "eve", "system:kube-scheduler")
GROUPS = (
    "platform",
    "tenant:research",
    "system:authenticated",
    "system:serviceaccounts:tools",
    "system:serviceaccounts",
    "system:bootstrappers:kubeadm",
)
_WRITES = ("create", "update", "patch")
_WORKLOADS = (
    ("", "replicationcontrollers"),
    *(
        ("apps", name)
        for name in ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets")
    ),
    *(("batch", name) for name in ("cronjobs", "jobs")),
    ("kubeflow.org", "pytorchjobs"),
)
_MUTATING = ("mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
_SHOW_SECRETS = ("get", "list", "watch", "patch", "delete", "deletecollection")
_CLIENT = "kubernetes.io/kube-apiserver-client"


@dataclass(frozen=True)
class Identity:
    """Who sends a request: a user with groups, or a member of a group of whom nothing else is known."""

    user: str
    groups: frozenset[str]


def identity(subject: Data, space: str = "") -> Identity:
    """Return who a subject is."""
    if subject["kind"] == "Group":
        return Identity("", frozenset({subject["name"], *_of_group(subject["name"])}))
    if subject["kind"] == "User":
        return Identity(subject["name"], frozenset(_of_user(subject["name"])))
    return account(subject.get("namespace") or space, subject["name"])


def account(space: str, name: str) -> Identity:
    return Identity(
        f"system:serviceaccount:{space}:{name}", frozenset(_of_user(f"system:serviceaccount:{space}:{name}"))
    )


def _of_group(name: str) -> set[str]:
    if name == "system:authenticated":
        return set()
    return {"system:authenticated"} | (
        {"system:serviceaccounts"} if name.startswith("system:serviceaccounts:") else set()
    )


def _of_user(name: str) -> set[str]:
    parts = name.split(":")
    if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        return {"system:serviceaccounts", f"system:serviceaccounts:{parts[2]}", "system:authenticated"}
    return {"system:authenticated"}


@dataclass
class World:
    """A cluster: everything in it that counts."""

    roles: dict[tuple[str, str, str], Data] = field(default_factory=dict)
    bindings: list[Data] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    """Namespace of the server of a webhook, to the kind of its configuration."""
    attacks: dict[Identity, Attack] = field(default_factory=dict)

    def objects(self) -> list[Data]:
        """Return it as Kubernetes objects."""
        spaces = [
            {
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {"pod-security.kubernetes.io/enforce": level} if level else {},
                },
            }
            for name, level in SPACES.items()
        ]
        accounts = [
            {"kind": "ServiceAccount", "metadata": {"name": name, "namespace": space}}
            for space, names in ACCOUNTS.items()
            for name in names
        ]
        asked = []
        for space, kind in self.hooks.items():
            client = {"service": {"namespace": space, "name": "server"}}
            asked.append(
                {"kind": kind, "metadata": {"name": f"of-{space}"}, "webhooks": [{"clientConfig": client}]}
            )
        return [*spaces, *accounts, *self.roles.values(), *self.bindings, *asked]

    def subjects(self) -> Iterator[tuple[Data, str]]:
        """Yield each subject with its binding's namespace."""
        for binding in self.bindings:
            for subject in binding["subjects"]:
                yield subject, binding["metadata"].get("namespace", "")

    def rules_of(self, reference: Data, space: str) -> list[Data]:
        """Return the rules of a role, aggregated ones as the controller would have filled them in."""
        role = self.roles.get(
            (reference["kind"], space if reference["kind"] == "Role" else "", reference["name"])
        )
        if role is None:
            return []
        if "aggregationRule" not in role:
            return list(role["rules"])
        wanted = [
            set(selector["matchLabels"].items())
            for selector in role["aggregationRule"]["clusterRoleSelectors"]
        ]
        gathered = [
            other
            for (kind, _, _), other in self.roles.items()
            if kind == "ClusterRole"
            and other is not role
            and any(labels <= set(other["metadata"].get("labels", {}).items()) for labels in wanted)
        ]
        return [rule for other in gathered for rule in other["rules"]]

    def rules_for(self, who: Identity, space: str) -> Iterator[Data]:
        """Yield the rules that hold for somebody in a namespace.

        For cluster-scoped requests the namespace is empty.
        """
        for binding in self.bindings:
            at = binding["metadata"].get("namespace", "")
            if at not in {"", space}:
                continue
            for subject in binding["subjects"]:
                if _applies(subject, who, at):
                    yield from self.rules_of(binding["roleRef"], at)


def _applies(subject: Data, who: Identity, space: str) -> bool:
    if subject["kind"] == "User":
        return bool(who.user) and who.user == subject["name"]
    if subject["kind"] == "Group":
        return subject["name"] in who.groups
    return who.user == f"system:serviceaccount:{subject.get('namespace') or space}:{subject['name']}"


def matches(rule: Data, verb: str, group: str, resource: str) -> bool:
    """Decide a rule as the authorizer does, the object's name aside."""
    if not ("*" in rule["verbs"] or verb in rule["verbs"]):
        return False
    if not ("*" in rule["apiGroups"] or group in rule["apiGroups"]):
        return False
    for named in rule["resources"]:
        if named in {"*", resource}:
            return True
        if "/" in resource and named == "*/" + resource.split("/")[1]:
            return True
    return False


class Attack:
    """Somebody who uses every right there is, until nothing new comes of it.

    Attributes:
        acting: the identities that requests can be sent as.
        ruling: namespaces in which everything is permitted; the empty text for the whole cluster.
        reading: namespaces whose secrets can be read without asking the authorizer; the empty text for all.
        bound: cluster roles and roles that they bound to themselves, with the namespace.
    """

    def __init__(self, world: World, who: Identity) -> None:
        self.world = world
        self.acting = {who}
        self.ruling: set[str] = set()
        self.reading: set[str] = set()
        self.bound: set[tuple[str, str, str]] = set()
        self._known: dict[str, list[Data]] = {}
        before: object = None
        while before != (before := self._size()):
            self._known = {}
            for space in SPACES:
                self._run_code(space)
                self._act_as_accounts(space)
                self._change_rights(space)
            for attack in (self._impersonate, self._certify, self._use_machinery):
                attack()
            self._change_rights("")
        self._known = {}

    def can(self, verb: str, group: str, resource: str, space: str) -> bool:
        """Tell whether one of the identities may do it; on a single named object counts."""
        return any(matches(rule, verb, group, resource) for rule in self._rules(space))

    def reads_secrets(self, space: str) -> bool:
        """Tell whether the secrets of a namespace can be read."""
        if self.reading & {"", space}:
            return True
        return any(self.can(verb, "", "secrets", space) for verb in _SHOW_SECRETS)

    def _size(self) -> tuple[int, int, int, int]:
        return len(self.acting), len(self.ruling), len(self.reading), len(self.bound)

    def _rules(self, space: str) -> list[Data]:
        """Return every rule that holds for any of the identities in a namespace, as of the beginning of this
        round.
        """
        if space not in self._known:
            self._known[space] = list(self._rules_now(space))
        return self._known[space]

    def _rules_now(self, space: str) -> Iterator[Data]:
        if any(who.user == "sovereign-ai:machines" for who in self.acting):
            yield {"apiGroups": [""], "resources": ["nodes"], "verbs": ["create", "update", "patch"]}
        if self.ruling & {"", space}:
            yield {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
        for who in self.acting:
            if "system:masters" in who.groups:
                yield {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
            yield from self.world.rules_for(who, space)
        for kind, name, at in self.bound:
            if at in {"", space}:
                yield from self.world.rules_of({"kind": kind, "name": name}, at)

    def _makes_pods(self, space: str) -> bool:
        """Tell whether pods can be made in a namespace; without one, in any that will ever be."""
        if self.can("create", "", "pods", space):
            return True
        return any(self.can(verb, group, name, space) for verb in _WRITES for group, name in _WORKLOADS)

    def _puts_containers(self, space: str) -> bool:
        """Tell whether containers can be put into pods that run."""
        return any(self.can(verb, "", "pods/ephemeralcontainers", space) for verb in _WRITES[1:])

    def _relabels(self, space: str) -> bool:
        """Tell whether the namespace's labels can be taken off: a request about it is one in it."""
        for rule in self._rules(space):
            named = rule.get("resourceNames") or (space,)
            for name in ("namespaces", "namespaces/status", "namespaces/finalize"):
                if space in named and any(matches(rule, verb, "", name) for verb in _WRITES[1:]):
                    return True
        return False

    def _run_code(self, space: str) -> None:
        """Try to have code of one's own run in the namespace."""
        new_pod = self._makes_pods(space)
        old_pod = any(
            self.can(verb, "", f"pods/{way}", space)
            for way in ("exec", "attach")
            for verb in ("get", "create")
        )
        old_pod |= any(
            self.can(verb, "", name, space)
            for verb in _WRITES[1:]
            for name in ("pods", "pods/ephemeralcontainers")
        )
        is_open = SPACES[space] in {"", "privileged"} or self._relabels(space)
        if is_open and (new_pod or self._puts_containers(space)):
            self._machine()
        if self.can("create", "", "namespaces", "") and (self._makes_pods("") or self._puts_containers("")):
            self._machine()
        if new_pod or old_pod:
            self.reading.add(space)
            self._all_accounts(space)
            self._answer(space)
        if self._leads_elsewhere(space):
            self._answer(space)

    def _leads_elsewhere(self, space: str) -> bool:
        """Tell whether the service of a webhook's server can be led to other pods."""
        for rule in self._rules(space):
            named = rule.get("resourceNames") or ("server",)
            ways = [("discovery.k8s.io", "endpointslices"), ("", "pods/status")]
            if "server" in named:
                ways += [("", "services"), ("", "endpoints")]
            for group, resource in ways:
                if any(matches(rule, verb, group, resource) for verb in _WRITES):
                    return True
        return False

    def _answer(self, space: str) -> None:
        """Answer in the place of the server of a webhook, where the namespace has one."""
        kind = self.world.hooks.get(space, "")
        if kind == "MutatingWebhookConfiguration":
            self.ruling.add("")
        if kind == "ValidatingWebhookConfiguration":
            self.reading.add("")

    def _act_as_accounts(self, space: str) -> None:
        """Try to act as service accounts of the namespace."""
        if self.reads_secrets(space):
            self._all_accounts(space)
        for rule in self._rules(space):
            # A request names no account in the rule that permits it.
            if matches(rule, "create", "certificates.k8s.io", "podcertificaterequests"):
                self._all_accounts(space)
            if not self._takes(rule, "serviceaccounts") and not matches(
                rule, "create", "", "serviceaccounts/token"
            ):
                continue
            if not rule.get("resourceNames"):
                self._all_accounts(space)
            self.acting |= {account(space, name) for name in rule.get("resourceNames", ())}

    def _change_rights(self, space: str) -> None:
        """Try to give oneself rights, in a namespace or, without one, in the cluster."""
        for rule in self._rules(space):
            named = rule.get("resourceNames", ())
            for kind, resource in (("Role", "roles"), ("ClusterRole", "clusterroles")):
                binds = matches(rule, "bind", RBAC, resource)
                if matches(rule, "escalate", RBAC, resource) or (binds and not named):
                    self.ruling.add(space)
                if binds:
                    self.bound |= {(kind, name, space) for name in named}
            maps_identities = space == "kube-system" and (not named or "aws-auth" in named)
            if maps_identities and any(matches(rule, verb, "", "configmaps") for verb in _WRITES):
                self.ruling.add("")
            if space == "kube-system":
                self._join(rule, named)

    def _join(self, rule: Data, named: list[str]) -> None:
        """Try to have machines of one's own join the cluster, by a rule that holds in kube-system."""
        makes = any(matches(rule, verb, "", "secrets") for verb in _WRITES)
        if makes and (not named or "bootstrap-token-abcdef" in named):
            for subject, _ in self.world.subjects():
                if subject["kind"] == "Group" and subject["name"].startswith("system:bootstrappers"):
                    self.acting.add(identity(subject))
        if "kubelet-config" in named and any(matches(rule, verb, "", "configmaps") for verb in _WRITES):
            self._machine()

    def _all_accounts(self, space: str) -> None:
        names = {
            subject["name"] for subject, at in self.world.subjects() if _is_account_in(subject, at, space)
        }
        self.acting |= {account(space, name) for name in {*ACCOUNTS[space], *names}}
        self.acting.add(identity({"kind": "Group", "name": f"system:serviceaccounts:{space}"}))

    def _machine(self) -> None:
        """On a machine: the pods of all namespaces come there, and its own name is known."""
        self.reading.add("")
        self.acting.add(Identity("", frozenset({"system:nodes", "system:authenticated"})))
        for space in SPACES:
            self._all_accounts(space)
            self._answer(space)

    def _takes(self, rule: Data, resource: str) -> bool:
        """Tell whether a rule permits impersonation of a kind of identity."""
        verbs = [verb for verb in rule["verbs"] if verb == "*" or verb.startswith("impersonate")]
        return any(
            matches(rule, verb, group, resource) for verb in verbs for group in ("", "authentication.k8s.io")
        )

    def _impersonate(self) -> None:
        """Try to act as people, groups and machines."""
        for rule in self._rules(""):
            named = rule.get("resourceNames")
            if self._takes(rule, "users"):
                people = {identity({"kind": "User", "name": name}) for name in named or ()}
                self.acting |= people or {
                    who for who in self._everybody() if not _is_account(who) and who.user
                }
            if self._takes(rule, "groups"):
                if not named or "system:masters" in named:
                    self.ruling.add("")
                self.acting |= {identity({"kind": "Group", "name": name}) for name in named or ()}
            if self._takes(rule, "nodes"):
                self._machine()

    def _certify(self) -> None:
        """Try to have a certificate of somebody else."""
        for rule in self._rules(""):
            named = set(rule.get("resourceNames") or (_CLIENT, f"{_CLIENT}-kubelet"))
            if any(matches(rule, verb, "certificates.k8s.io", "signers") for verb in ("approve", "sign")):
                if named & {_CLIENT, "kubernetes.io/*"}:
                    self.acting |= self._everybody()
                if named & {f"{_CLIENT}-kubelet", "kubernetes.io/*"}:
                    self._machine()
        ways = ("nodeclient", "selfnodeclient")
        if any(
            self.can("create", "certificates.k8s.io", f"certificatesigningrequests/{way}", "") for way in ways
        ):
            self._machine()

    def _use_machinery(self) -> None:
        """Try what the cluster itself runs on."""
        if any(
            self.can(verb, "", "nodes/proxy", "") for verb in ("get", "create", "update", "patch", "delete")
        ):
            self._machine_pods()
        for rule in self._rules(""):
            named = rule.get("resourceNames") or ("rayclusters.ray.io",)
            if any(name.endswith("ray.io") for name in named) and any(
                matches(rule, verb, "apiextensions.k8s.io", "customresourcedefinitions")
                for verb in _WRITES[1:]
            ):
                self._machine_pods()
        group = "admissionregistration.k8s.io"
        if any(self.can(verb, group, name, "") for verb in _WRITES for name in _MUTATING) or self.can(
            "create", "", "persistentvolumes", ""
        ):
            self.ruling.add("")
        if any(self.can(verb, group, "validatingwebhookconfigurations", "") for verb in _WRITES):
            self.reading.add("")
        if any(self.can(verb, "storage.k8s.io", "storageclasses", "") for verb in _WRITES):
            self.reading.add("")

    def _machine_pods(self) -> None:
        self.reading.add("")
        for space in SPACES:
            self._all_accounts(space)
            self._answer(space)

    def _everybody(self) -> set[Identity]:
        factory = identity({"kind": "User", "name": "sovereign-ai:machines"})
        return {factory, *(identity(subject, space) for subject, space in self.world.subjects())}


def _is_account(who: Identity) -> bool:
    return who.user.startswith("system:serviceaccount:")


def _is_account_in(subject: Data, at: str, space: str) -> bool:
    if subject["kind"] == "ServiceAccount":
        return bool((subject.get("namespace") or at) == space)
    return False


def world(dice: random.Random) -> World:
    """Make a small cluster."""
    made = World()
    for number in range(dice.randint(1, 3)):
        rules = [_rule(dice) for _ in range(dice.choice((1, 1, 2)))]
        # Rights that lead on only together are seldom together by chance.
        if dice.random() < 0.2:
            rules += [_rule(dice, _RELABELS), _rule(dice, _NEW_PODS)][: dice.choice((1, 2))]
        space = dice.choice(("", "", *SPACES))
        made.roles["Role" if space else "ClusterRole", space, f"r{number}"] = _role(
            dice, f"r{number}", space, rules
        )
    if dice.random() < 0.3:
        selector = {"clusterRoleSelectors": [{"matchLabels": {"adds": "yes"}}]}
        made.roles["ClusterRole", "", "sum"] = {
            "kind": "ClusterRole",
            "metadata": {"name": "sum"},
            "aggregationRule": selector,
            "rules": [],
        }
    for number in range(dice.randint(1, 4)):
        made.bindings.append(_binding(dice, made, number))
    if dice.random() < 0.3:
        kind = dice.choice(("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"))
        made.hooks[dice.choice(tuple(SPACES))] = kind
    return made


def _role(dice: random.Random, name: str, space: str, rules: list[Data]) -> Data:
    metadata: Data = {"name": name}
    if space:
        return {"kind": "Role", "metadata": {**metadata, "namespace": space}, "rules": rules}
    if dice.random() < 0.4:
        metadata["labels"] = {"adds": "yes"}
    return {"kind": "ClusterRole", "metadata": metadata, "rules": rules}


def _binding(dice: random.Random, made: World, number: int) -> Data:
    """Make a binding to a role that is there, or now and then to one that is not."""
    kind, space, name = dice.choice([*made.roles, ("ClusterRole", "", "missing")])
    at = space or dice.choice(("", "", *SPACES))
    metadata: Data = {"name": f"b{number}", **({"namespace": at} if at else {})}
    reference = {"apiGroup": RBAC, "kind": kind, "name": name}
    subjects = [subject(dice, at) for _ in range(dice.choice((1, 1, 2)))]
    return {
        "kind": "RoleBinding" if at else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": reference,
        "subjects": subjects,
    }


def subject(dice: random.Random, at: str) -> Data:
    """Make a subject; a service account under any of its names."""
    space = dice.choice(tuple(SPACES))
    name = dice.choice(ACCOUNTS[space])
    named: Data = {"kind": "ServiceAccount", "name": name}
    if not at or dice.random() < 0.7:
        named["namespace"] = space
    return dice.choice(
        (
            named,
            {"apiGroup": RBAC, "kind": "User", "name": f"system:serviceaccount:{space}:{name}"},
            {"apiGroup": RBAC, "kind": "User", "name": dice.choice(USERS)},
            {"apiGroup": RBAC, "kind": "Group", "name": dice.choice(GROUPS)},
        )
    )


_ATOMS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("secrets", "pods", "configmaps", "*"), ("get", "list", "create", "patch", "*")),
    ("", ("pods/exec", "pods/attach", "*/exec", "pods/ephemeralcontainers"), ("get", "create", "patch", "*")),
    ("", ("serviceaccounts", "users", "groups"), ("impersonate", "get", "*")),
    ("", ("serviceaccounts/token", "nodes/proxy", "persistentvolumes", "nodes"), ("create", "get", "patch")),
    ("", ("namespaces", "namespaces/status", "namespaces/finalize"), ("patch", "update", "create", "get")),
    ("", ("services", "endpoints", "services/status", "pods/status"), ("patch", "create", "get")),
    ("discovery.k8s.io", ("endpointslices",), ("update", "get")),
    (
        "apiextensions.k8s.io",
        ("customresourcedefinitions", "customresourcedefinitions/status"),
        ("patch", "get"),
    ),
    ("apps", ("deployments", "deployments/scale", "*"), ("create", "patch", "get")),
    ("batch", ("jobs", "cronjobs"), ("create", "delete")),
    ("kubeflow.org", ("pytorchjobs", "pytorchjobs/status"), ("create", "get")),
    (RBAC, ("roles", "clusterroles"), ("bind", "escalate", "create")),
    ("certificates.k8s.io", ("signers", "certificatesigningrequests/nodeclient"), ("approve", "create")),
    ("certificates.k8s.io", ("podcertificaterequests", "podcertificaterequests/status"), ("create", "get")),
    (
        "authentication.k8s.io",
        ("nodes", "serviceaccounts"),
        ("impersonate:associated-node", "impersonate:serviceaccount"),
    ),
    (
        "admissionregistration.k8s.io",
        ("mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies"),
        ("create", "get", "delete"),
    ),
    ("storage.k8s.io", ("storageclasses", "csidrivers"), ("create", "get")),
    ("*", ("secrets", "pods"), ("get", "watch")),
)
_NAMES = (
    "research",
    "startups",
    "r0",
    "r1",
    "sum",
    "sovereign-ai:machines",
    "ci",
    "default",
    "eve",
    "platform",
    "aws-auth",
    "rayclusters.ray.io",
    "kubernetes.io/kube-apiserver-client",
    "system:masters",
    "server",
    "bootstrap-token-abcdef",
    "kubelet-config",
)


_RELABELS = (("", ("namespaces", "namespaces/status", "namespaces/finalize"), ("patch", "update")),)
_NEW_PODS = (
    ("", ("pods", "pods/ephemeralcontainers"), ("create", "patch")),
    ("batch", ("jobs", "jobs/status"), ("create", "patch")),
)


def _rule(dice: random.Random, atoms: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()) -> Data:
    group, resources, verbs = dice.choice(atoms or _ATOMS)
    rule: Data = {"apiGroups": [group], "resources": [dice.choice(resources)], "verbs": [dice.choice(verbs)]}
    if dice.random() < 0.3:
        rule["resourceNames"] = [dice.choice(_NAMES)]
    return rule
