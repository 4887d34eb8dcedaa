"""What everybody can do in the end: the closure against a naive search, and each step by itself."""

from __future__ import annotations

import doctest
import importlib
import random
import time
from collections import Counter
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.rules.rbac.closure import Rights
from sovereign_ai.rules.rbac.escalation import MACHINES, SHOW_SECRETS, WORKLOAD_GROUPS
from sovereign_ai.rules.rbac.grants import NODES, POLICIES, SECRETS, Right, effective_grants
from sovereign_ai.rules.rbac.matching import may
from sovereign_ai.rules.rbac.subjects import groups_of, principal, shown
from tests.rules.brute_force import SPACES, Attack, Data, World, identity, matches, world

WORLDS = 900
RBAC, ADMISSION, CERTIFICATES = (
    "rbac.authorization.k8s.io",
    "admissionregistration.k8s.io",
    "certificates.k8s.io",
)


def by_closure(rights: Rights, right: Right) -> set[tuple[str, str]]:
    """Return who has a right in which namespace; the empty text where its objects lie in none."""
    found = set()
    for grant in effective_grants(rights, right):
        if right is SECRETS:
            found |= {(grant.subject, space) for space in ([grant.namespace] if grant.namespace else SPACES)}
        else:
            assert grant.namespace == "", "what lies in no namespace is granted in none"
            found.add((grant.subject, ""))
    return found


def by_brute_force(made: World, right: Right) -> set[tuple[str, str]]:
    """Return the same, by trying everything."""
    found: set[tuple[str, str]] = set()
    for subject, at in made.subjects():
        name, attack = shown(principal(subject, at)), attacked(made, subject, at)
        if right is SECRETS:
            found |= {(name, space) for space in SPACES if attack.reads_secrets(space)}
        elif any(
            attack.can(verb, group, resource, "")
            for group, resource in right.resources
            for verb in right.verbs
        ):
            found.add((name, ""))
    return found


def attacked(made: World, subject: Data, at: str) -> Attack:
    """Return an attack on a cluster, tried once for each subject."""
    who = identity(subject, at)
    if who not in made.attacks:
        made.attacks[who] = Attack(made, who)
    return made.attacks[who]


def test_the_closure_is_what_a_naive_search_comes_to_on_thousands_of_bindings() -> None:
    dice = random.Random(12)  # noqa: S311 - repeatable on purpose
    seen: Counter[str] = Counter()
    for number in range(WORLDS):
        made = world(dice)
        rights = Rights(made.objects())
        seen["bindings"] += len(made.bindings)
        for right in (SECRETS, POLICIES, NODES):
            mine, theirs = by_closure(rights, right), by_brute_force(made, right)
            assert mine == theirs, (number, right.noun, mine ^ theirs, made.roles, made.bindings)
            seen[right.noun] += len(mine)
            seen[f"no {right.noun}"] += not mine
    assert seen["bindings"] > 2_000
    assert min(seen.values()) > WORLDS / 10, seen


OURS, OTHER, EVE = "research", "tools", {"kind": "User", "name": "eve"}
SPACES_THERE: list[Data] = [
    {"kind": "Namespace", "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": level}}}
    for name, level in ((OURS, "restricted"), (OTHER, "privileged"))
]
WRITER = {"kind": "ServiceAccount", "name": "writer", "namespace": OURS}
Row = tuple[str, str, str]


def role(*rows: Row, names: tuple[str, ...] = (), name: str = "r", **more: Any) -> Data:
    rules: list[Data] = [
        {"apiGroups": [group], "resources": [resource], "verbs": [verb]} for group, resource, verb in rows
    ]
    rules = [{**rule, "resourceNames": list(names)} if names else rule for rule in rules]
    return {"kind": "ClusterRole", "metadata": {"name": name, **more}, "rules": rules}


def bound(to: Data, *subjects: Data, space: str = "", name: str = "b") -> Data:
    reference = {"kind": to["kind"], "name": to["metadata"]["name"]}
    metadata = {"name": name, **({"namespace": space} if space else {})}
    kind = "RoleBinding" if space else "ClusterRoleBinding"
    return {"kind": kind, "metadata": metadata, "roleRef": reference, "subjects": list(subjects)}


def gets_to_machines(*objects: Data) -> list[str]:
    """Return how eve comes to write machines, where a service account of the first namespace may."""
    writes = role(("", "nodes", "patch"), name="writes")
    there = [*SPACES_THERE, writes, bound(writes, WRITER, name="writes"), *objects]
    return [str(grant) for grant in effective_grants(Rights(there), NODES) if grant.subject == "User eve"]


STEPS: list[tuple[str, Row, tuple[str, ...], str]] = [
    ("pods", ("", "pods", "create"), (), OURS),
    ("images of pods", ("", "pods", "patch"), (), OURS),
    ("every subresource of pods", ("", "*/exec", "create"), (), OURS),
    ("exec by a websocket", ("", "pods/exec", "get"), (), OURS),
    ("attach", ("", "pods/attach", "create"), (), OURS),
    ("ephemeral containers", ("", "pods/ephemeralcontainers", "patch"), (), OURS),
    ("deployments", ("apps", "deployments", "update"), (), OURS),
    ("revisions of stateful sets", ("apps", "controllerrevisions", "create"), (), OURS),
    ("cron jobs", ("batch", "cronjobs", "create"), (), OURS),
    ("replication controllers", ("", "replicationcontrollers", "create"), (), OURS),
    ("privileged pods elsewhere", ("", "pods", "create"), (), OTHER),
    ("privileged containers in pods elsewhere", ("", "pods/ephemeralcontainers", "patch"), (), OTHER),
    ("tokens", ("", "serviceaccounts/token", "create"), (), OURS),
    ("tokens of the one account", ("", "serviceaccounts/token", "create"), ("writer",), OURS),
    ("certificates of pods", ("certificates.k8s.io", "podcertificaterequests", "create"), (), OURS),
    ("impersonation of accounts", ("", "serviceaccounts", "impersonate"), (), OURS),
    (
        "constrained impersonation",
        ("authentication.k8s.io", "serviceaccounts", "impersonate:serviceaccount"),
        ("writer",),
        OURS,
    ),
    (
        "impersonation of a user by the account's name",
        ("", "users", "impersonate"),
        ("system:serviceaccount:research:writer",),
        "",
    ),
    ("impersonation of groups", ("", "groups", "impersonate"), (), ""),
    ("impersonation of masters", ("", "groups", "impersonate"), ("system:masters",), ""),
    ("impersonation of machines", ("authentication.k8s.io", "nodes", "impersonate:associated-node"), (), ""),
    ("secrets that may hold tokens", ("", "secrets", "list"), (), OURS),
    ("secrets in the answer to a patch", ("", "secrets", "patch"), (), OURS),
    ("secrets in the answer to a deletion", ("", "secrets", "deletecollection"), (), OURS),
    ("a secret of one name", ("", "secrets", "get"), ("mine",), OURS),
    ("the kubelets' own interface", ("", "nodes/proxy", "get"), (), ""),
    ("escalate", (RBAC, "clusterroles", "escalate"), (), ""),
    ("bind", (RBAC, "clusterroles", "bind"), (), ""),
    ("bind the one role", (RBAC, "clusterroles", "bind"), ("writes",), ""),
    (
        "approval of people",
        (CERTIFICATES, "signers", "approve"),
        ("kubernetes.io/kube-apiserver-client",),
        "",
    ),
    ("approval of all signers", (CERTIFICATES, "signers", "approve"), ("kubernetes.io/*",), ""),
    (
        "approval of machines",
        (CERTIFICATES, "signers", "approve"),
        ("kubernetes.io/kube-apiserver-client-kubelet",),
        "",
    ),
    (
        "certificates that are approved by themselves",
        (CERTIFICATES, "certificatesigningrequests/nodeclient", "create"),
        (),
        "",
    ),
    ("mutating webhooks", (ADMISSION, "mutatingwebhookconfigurations", "patch"), (), ""),
    ("mutating policies", (ADMISSION, "mutatingadmissionpolicies", "create"), (), ""),
    (
        "validating webhooks, which are sent secrets",
        (ADMISSION, "validatingwebhookconfigurations", "create"),
        (),
        "",
    ),
    (
        "definitions of custom workloads",
        ("apiextensions.k8s.io", "customresourcedefinitions", "patch"),
        (),
        "",
    ),
    (
        "the definition of one custom workload",
        ("apiextensions.k8s.io", "customresourcedefinitions", "update"),
        ("rayclusters.ray.io",),
        "",
    ),
    ("volumes of any folder", ("", "persistentvolumes", "create"), (), ""),
    ("classes by which drivers log in with secrets", ("storage.k8s.io", "storageclasses", "create"), (), ""),
    ("classes of snapshots", ("snapshot.storage.k8s.io", "volumesnapshotclasses", "patch"), (), ""),
    ("who is mapped to whom", ("", "configmaps", "patch"), ("aws-auth",), ""),
    ("all verbs", ("", "pods", "*"), (), OURS),
    ("all resources", ("", "*", "create"), (), OURS),
    ("all groups", ("*", "deployments", "create"), (), OURS),
    ("everything", ("*", "*", "*"), (), OURS),
    *((f"workloads of {group}", (group, "things", "create"), (), OURS) for group in WORKLOAD_GROUPS),
]


@pytest.mark.parametrize(
    ("row", "names", "space"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS]
)
def test_each_right_that_is_another_in_disguise_is_followed(
    row: Row, names: tuple[str, ...], space: str
) -> None:
    held = role(row, names=names)
    assert len(gets_to_machines(held, bound(held, EVE, space=space))) == 1


CONTROLS: list[tuple[str, Row, tuple[str, ...], str]] = [
    ("reading pods", ("", "pods", "list"), (), OURS),
    ("the log", ("", "pods/log", "get"), (), OURS),
    ("scaling", ("apps", "deployments/scale", "update"), (), OURS),
    ("deleting", ("apps", "deployments", "delete"), (), OURS),
    ("pods of another guarded namespace", ("", "pods", "create"), (), "startups"),
    ("tokens of another account", ("", "serviceaccounts/token", "create"), ("ci",), OURS),
    ("seeing requests of pods", ("certificates.k8s.io", "podcertificaterequests", "list"), (), OURS),
    ("signing for pods", ("certificates.k8s.io", "podcertificaterequests/status", "patch"), (), OURS),
    ("impersonation of people in a namespace", ("", "users", "impersonate"), (), OURS),
    ("binding another role", (RBAC, "clusterroles", "bind"), ("view",), ""),
    ("writing roles, which the API server bounds", (RBAC, "clusterroles", "update"), (), ""),
    ("approval of another signer", (CERTIFICATES, "signers", "approve"), ("example.com/serving",), ""),
    ("approval in a namespace", (CERTIFICATES, "signers", "approve"), (), OURS),
    ("configmaps of the namespace", ("", "configmaps", "patch"), (), OURS),
    ("the status of a workload", ("ray.io", "rayclusters/status", "patch"), (), OURS),
    ("seeing classes of storage", ("storage.k8s.io", "storageclasses", "list"), (), ""),
    ("classes in a namespace", ("storage.k8s.io", "storageclasses", "create"), (), OURS),
    ("services", ("", "services", "*"), (), OURS),
    ("the status of pods, where no webhook is", ("", "pods/status", "patch"), (), OURS),
    ("new definitions", ("apiextensions.k8s.io", "customresourcedefinitions", "create"), (), ""),
    (
        "another definition",
        ("apiextensions.k8s.io", "customresourcedefinitions", "patch"),
        ("things.example.com",),
        "",
    ),
]


@pytest.mark.parametrize(
    ("row", "names", "space"), [case[1:] for case in CONTROLS], ids=[case[0] for case in CONTROLS]
)
def test_a_right_that_leads_nowhere_is_not_followed(row: Row, names: tuple[str, ...], space: str) -> None:
    startups = {
        "kind": "Namespace",
        "metadata": {"name": "startups", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    held = role(row, names=names)
    assert gets_to_machines(startups, held, bound(held, EVE, space=space)) == []


GUARDED: list[Data] = [
    {"kind": "Namespace", "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": level}}}
    for name, level in (("startups", "restricted"), ("weather", "baseline"))
]
_POD = ("", "pods", "create")
Half = tuple[Row, tuple[str, ...], str]
"""A right, the names that it is for, and the namespace in which it is bound; empty for everywhere."""
# Each pair leads on only together: neither leads to a machine by itself.
PAIRS: list[tuple[str, Half, Half]] = [
    ("patch", (("", "namespaces", "patch"), (), ""), (_POD, (), "startups")),
    ("update", (("", "namespaces", "update"), (), ""), (_POD, (), "startups")),
    ("status", (("", "namespaces/status", "patch"), (), ""), (_POD, (), "startups")),
    ("finalize", (("", "namespaces/finalize", "update"), (), ""), (_POD, (), "startups")),
    ("any status", (("", "*/status", "patch"), (), ""), (_POD, (), "startups")),
    ("by name", (("", "namespaces", "patch"), ("startups",), ""), (_POD, (), "startups")),
    ("within", (("", "namespaces", "patch"), (), "startups"), (_POD, (), "startups")),
    ("within, by name", (("", "namespaces", "patch"), ("startups",), "startups"), (_POD, (), "startups")),
    ("pods everywhere", (("", "namespaces", "patch"), ("weather",), ""), (_POD, (), "")),
    ("jobs", (("", "namespaces", "patch"), (), ""), (("batch", "jobs", "create"), (), "startups")),
    ("workloads", (("", "namespaces", "patch"), (), ""), (("apps", "deployments", "patch"), (), "weather")),
    ("add-ons", (("", "namespaces", "patch"), (), ""), (("ray.io", "rayjobs", "create"), (), "weather")),
    (
        "debug",
        (("", "namespaces", "patch"), (), ""),
        (("", "pods/ephemeralcontainers", "patch"), (), "weather"),
    ),
    ("a new one", (("", "namespaces", "create"), (), ""), (_POD, (), "")),
]


def reaches_machines(*halves: Half, subjects: tuple[Data, ...] = (EVE,)) -> bool:
    """Return whether eve reaches the machines by some rights, each in a binding of its own."""
    there = [*GUARDED]
    for number, (row, names, space) in enumerate(halves):
        held = role(row, names=names, name=f"half{number}")
        there += [held, bound(held, subjects[number % len(subjects)], space=space, name=f"half{number}")]
    return MACHINES in Rights(there).reached("User eve")


@pytest.mark.parametrize(("first", "second"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_two_rights_lead_to_the_machine_together_and_neither_alone(first: Half, second: Half) -> None:
    assert reaches_machines(first, second)
    assert not reaches_machines(first)
    assert not reaches_machines(second)


APART: list[tuple[str, Half, Half]] = [
    ("of another", (("", "namespaces", "patch"), ("weather",), ""), (_POD, (), "startups")),
    ("within another", (("", "namespaces", "patch"), (), "weather"), (_POD, (), "startups")),
    ("named in another", (("", "namespaces", "patch"), ("startups",), "weather"), (_POD, (), "startups")),
    ("only read", (("", "namespaces", "get"), (), ""), (_POD, (), "startups")),
    ("only deleted", (("", "namespaces", "delete"), (), ""), (_POD, (), "startups")),
    ("old pods", (("", "namespaces", "patch"), (), ""), (("", "pods/exec", "create"), (), "startups")),
    ("images", (("", "namespaces", "patch"), (), ""), (("", "pods", "patch"), (), "startups")),
    ("a new one", (("", "namespaces", "create"), (), ""), (_POD, (), "startups")),
    ("a new one within", (("", "namespaces", "create"), (), "startups"), (_POD, (), "")),
    (
        "scales",
        (("", "namespaces", "patch"), (), ""),
        (("apps", "deployments/scale", "patch"), (), "startups"),
    ),
    ("another's pods", (("", "namespaces", "patch"), (), ""), (("", "pods", "list"), (), "startups")),
]


@pytest.mark.parametrize(("first", "second"), [pair[1:] for pair in APART], ids=[pair[0] for pair in APART])
def test_two_rights_that_do_not_meet_lead_to_no_machine(first: Half, second: Half) -> None:
    assert not reaches_machines(first, second)


def test_the_halves_may_belong_to_identities_that_are_reached_one_by_one() -> None:
    relabels: Half = (("", "namespaces", "patch"), ("startups",), "")
    runs: Half = (_POD, (), "startups")
    impersonates: Half = (("", "users", "impersonate"), ("ann",), "")
    ann = {"kind": "User", "name": "ann"}
    assert reaches_machines(impersonates, relabels, runs, subjects=(EVE, ann, EVE))
    assert reaches_machines(impersonates, relabels, runs, subjects=(EVE, ann, ann))
    assert not reaches_machines(relabels, runs, subjects=(EVE, ann))


def test_a_finding_by_two_rights_names_both_bindings() -> None:
    relabels, runs = role(("", "namespaces", "patch"), name="labels"), role(_POD, name="runs")
    writes = role(("", "nodes", "patch"), name="writes")
    writer = {"kind": "ServiceAccount", "name": "writer", "namespace": "weather"}
    there = [*GUARDED, relabels, runs, writes, bound(writes, writer, name="writes")]
    there += [bound(relabels, EVE, name="labels"), bound(runs, EVE, space="startups", name="runs")]
    grants = [grant for grant in effective_grants(Rights(there), NODES) if grant.subject == "User eve"]
    assert [grant.bindings for grant in grants] == [
        ("ClusterRoleBinding/labels", "RoleBinding/startups/runs", "ClusterRoleBinding/writes")
    ]
    assert str(grants[0]).startswith(
        "User eve may patch machines everywhere: change the Pod Security level of startups by "
        "ClusterRoleBinding/labels, create pods, privileged ones too, in startups by "
        "RoleBinding/startups/runs"
    )


def test_a_finding_names_subject_binding_and_right() -> None:
    runs, makes = (
        role(("batch", "jobs", "create"), name="runs"),
        role((RBAC, "clusterroles", "escalate"), name="makes"),
    )
    there = [*SPACES_THERE, runs, makes, bound(runs, EVE, space=OURS), bound(makes, WRITER, name="c")]
    assert [str(grant) for grant in effective_grants(Rights(there), SECRETS) if grant.namespace == ""][
        -1
    ] == (
        f"User eve may {', '.join(sorted(SHOW_SECRETS))} secrets everywhere: write workloads in research by "
        "RoleBinding/research/b,"
        " as any service account in research, as ServiceAccount research/writer, escalate clusterroles by "
        "ClusterRoleBinding/c"
    )


SEALED: Data = {
    "kind": "Namespace",
    "metadata": {"name": OTHER, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
_ANSWERED = ("Group system:masters", "a webhook that is sent what is written")


def asking(kind: str = "MutatingWebhookConfiguration", **client: Any) -> Data:
    """Return a configuration of webhooks, whose server is Service tools/server unless a client is given."""
    config = client or {"service": {"namespace": OTHER, "name": "server"}}
    return {"kind": kind, "metadata": {"name": "asks"}, "webhooks": [{"clientConfig": config}]}


def reached_with(row: Row, names: tuple[str, ...], *configured: Data, space: str = OTHER) -> list[str]:
    """Return the positions of webhooks that eve reaches by one right in the namespace of a server."""
    held = role(row, names=names, name="held")
    reached = Rights([*GUARDED, SEALED, held, bound(held, EVE, space=space), *configured]).reached("User eve")
    return [position for position in _ANSWERED if position in reached]


_AT_THE_SERVER: list[tuple[Row, tuple[str, ...]]] = [
    (("", "pods/exec", "create"), ()),
    (("", "pods/attach", "get"), ()),
    (("", "pods", "patch"), ()),
    (("apps", "deployments", "update"), ("server",)),
    (("", "services", "patch"), ("server",)),
    (("", "endpoints", "update"), ()),
    (("discovery.k8s.io", "endpointslices", "create"), ("any",)),
    (("", "pods/status", "patch"), ("any",)),
]


@pytest.mark.parametrize(("row", "names"), _AT_THE_SERVER, ids=[row[0][1] for row in _AT_THE_SERVER])
def test_who_can_answer_a_webhook_changes_everything_or_reads_it(row: Row, names: tuple[str, ...]) -> None:
    everything, reads = _ANSWERED
    assert everything in reached_with(row, names, asking())
    assert everything in reached_with(row, names, asking(url="https://server.tools.svc:443/x"))
    assert reached_with(row, names, asking("ValidatingWebhookConfiguration")) == [reads]
    assert reached_with(row, names) == []
    elsewhere = asking(service={"namespace": OURS, "name": "server"})
    assert reached_with(row, names, elsewhere) == []


_BESIDE_THE_SERVER: list[tuple[Row, tuple[str, ...]]] = [
    (("", "services", "patch"), ("other",)),
    (("", "services/status", "patch"), ()),
    (("", "services", "get"), ()),
    (("", "pods", "list"), ()),
    (("", "namespaces", "patch"), ()),
]


@pytest.mark.parametrize(("row", "names"), _BESIDE_THE_SERVER)
def test_who_writes_something_else_there_answers_no_webhook(row: Row, names: tuple[str, ...]) -> None:
    assert reached_with(row, names, asking()) == []


def test_who_makes_pods_everywhere_answers_from_a_namespace_that_is_not_there_yet() -> None:
    later = asking("ValidatingWebhookConfiguration", service={"namespace": "later", "name": "server"})
    assert reached_with(_POD, (), later, space="") == [*_ANSWERED][1:]
    assert reached_with(_POD, (), space="") == []


_JOINS: Row = ("certificates.k8s.io", "certificatesigningrequests/nodeclient", "create")


@pytest.mark.parametrize(
    ("names", "space", "is_reached"),
    [
        ((), "kube-system", True),
        (("bootstrap-token-abcdef",), "kube-system", True),
        (("other",), "kube-system", False),
        ((), OURS, False),
    ],
)
def test_who_makes_bootstrap_tokens_joins_machines(
    names: tuple[str, ...], space: str, is_reached: bool
) -> None:
    writes, joins = role(("", "secrets", "create"), names=names, name="writes"), role(_JOINS, name="joins")
    group = {"kind": "Group", "name": "system:bootstrappers:kubeadm:default-node-token"}
    there = [*GUARDED, writes, joins, bound(writes, EVE, space=space), bound(joins, group, name="joins")]
    assert (MACHINES in Rights(there).reached("User eve")) is is_reached
    assert MACHINES not in Rights(there[:-1]).reached("User eve")


@pytest.mark.parametrize(
    ("name", "end"), [("kubelet-config", MACHINES), ("aws-auth", "Group system:masters"), ("coredns", None)]
)
def test_who_writes_what_kubelets_are_set_up_from_reaches_machines(name: str, end: str | None) -> None:
    held = role(("", "configmaps", "patch"), names=(name,), name="held")
    reached = Rights([*GUARDED, held, bound(held, EVE, space="kube-system")]).reached("User eve")
    assert {MACHINES, "Group system:masters"} & set(reached) == ({end} if end else set())


def test_who_converts_templates_of_pods_gets_into_pods() -> None:
    held = role(("", "pods/exec", "create"), name="held")
    there = [*GUARDED, SEALED, held, bound(held, EVE, space=OTHER)]
    client = {"service": {"namespace": OTHER, "name": "server"}}
    for group, is_reached in (("ray.io", True), ("example.com", False)):
        spec = {"group": group, "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client}}}
        definition = {"kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": spec}
        assert ("pods everywhere" in Rights([*there, definition]).reached("User eve")) is is_reached


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_roles_that_gather_roles_that_gather_roles_are_read_to_the_end(depth: int) -> None:
    chain = [role(("", "nodes", "patch"), name="end", labels={"level": "0"})]
    for level in range(1, depth + 1):
        gathers = {"clusterRoleSelectors": [{"matchLabels": {"level": str(level - 1)}}]}
        chain.append({**role(name=f"up{level}", labels={"level": str(level)}), "aggregationRule": gathers})
    assert gets_to_machines(*chain, bound(chain[-1], EVE)) == [
        "User eve may patch machines everywhere by ClusterRoleBinding/b"
    ]
    assert gets_to_machines(*chain[1:], bound(chain[-1], EVE)) == []


def test_roles_that_gather_each_other_come_to_an_end() -> None:
    gathers = {"clusterRoleSelectors": [{"matchLabels": {"in": "circle"}}]}
    one = {**role(("", "nodes", "patch"), name="a", labels={"in": "circle"}), "aggregationRule": gathers}
    other = {**role(name="b", labels={"in": "circle"}), "aggregationRule": gathers}
    assert len(gets_to_machines(one, other, bound(other, EVE))) == 1


@pytest.mark.parametrize(
    "name",
    [
        "matching",
        "escalation",
        "closure",
        "grants",
        "control_plane",
        "unresolved_rights",
        "webhook_servers",
    ],
)
def test_the_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"sovereign_ai.rules.rbac.{name}")).failed == 0


ASKED = 10_000


@pytest.mark.faults_long
def test_a_real_api_server_reads_roles_and_bindings_the_same_way(tmp_path: Path) -> None:
    """Ten thousand questions about what a right is directly: the steps that follow from it rest on this
    reading.
    """
    dice = random.Random(17)  # noqa: S311 - repeatable on purpose
    cluster = up("closure", root=tmp_path)
    try:
        api = open_cluster(cluster.kubeconfig)
        made = [world(dice) for _ in range(60)]
        # One batch after another: within a batch a role may come before its namespace, and is refused.
        for kinds in (("Namespace",), ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")):
            api.many(partial(api.apply, obj, force=True) for obj in _stored(made, kinds))
        time.sleep(3)  # roles that gather others are filled in by a controller
        read = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
        rights = Rights([obj for kind in read for obj in api.list(f"{RBAC}/v1", kind)])
        asked = [_question(dice, made) for _ in range(ASKED)]
        answers = api.many(partial(api.create, _review(*question)) for question in asked)
        told = [bool(answer["status"]["allowed"]) for answer in answers]
        assert [
            question
            for question, yes in zip(asked, told, strict=True)
            if yes is not _allowed(rights, *question)
        ] == []
        assert ASKED / 20 < sum(told) < ASKED * 19 / 20
        api.close()
    finally:
        down("closure", root=tmp_path)


BINDINGS = 10_000


@pytest.mark.faults_long
def test_closure_naive_search_and_api_server_agree_on_ten_thousand_bindings(tmp_path: Path) -> None:
    """Each cluster's people are its own, so that its answers follow from its bindings alone."""
    dice = random.Random(23)  # noqa: S311 - repeatable on purpose
    made: list[World] = []
    bindings = 0
    while bindings < BINDINGS:
        made.append(_with_own_people(world(dice), len(made)))
        bindings += len(made[-1].bindings)
    disagreed = []
    for number, one in enumerate(made):
        rights = Rights(one.objects())
        for right in (SECRETS, POLICIES, NODES):
            if by_closure(rights, right) != by_brute_force(one, right):
                disagreed.append((number, right.noun))
    assert disagreed == []
    asked = [(one, question) for one in made for question in _questions(dice, one)]
    assert len(asked) >= BINDINGS
    cluster = up("closure", root=tmp_path)
    try:
        api = open_cluster(cluster.kubeconfig)
        for kinds in (("Namespace",), ("Role", "ClusterRole"), ("RoleBinding", "ClusterRoleBinding")):
            api.many(partial(api.apply, obj, force=True) for obj in _stored(made, kinds))
        _wait_for_gathered_roles(api, made)
        answers = api.many(partial(api.create, _review(*question)) for _, question in asked)
        api.close()
    finally:
        down("closure", root=tmp_path)
    told = [bool(answer["status"]["allowed"]) for answer in answers]
    for (one, question), yes in zip(asked, told, strict=True):
        assert yes is _allowed(Rights(one.objects()), *question), (question, one.roles, one.bindings)
        assert yes is _is_granted(one, *question), (question, one.roles, one.bindings)
    assert BINDINGS / 20 < sum(told) < BINDINGS * 19 / 20


def _with_own_people(one: World, number: int) -> World:
    """Return a cluster with people, groups and accounts of its own: none of them has a meaning elsewhere."""
    bindings = deepcopy(one.bindings)
    for binding in bindings:
        for subject in binding["subjects"]:
            subject["name"] = f"w{number}-{subject['name'].replace(':', '-')}"
    return World(roles=one.roles, bindings=bindings, hooks=one.hooks)


def _questions(dice: random.Random, one: World) -> list[Question]:
    """Return a question for each binding of a cluster: half of them about what its role grants."""
    questions = []
    for binding in one.bindings:
        at = binding["metadata"].get("namespace", "")
        rules = one.rules_of(binding["roleRef"], at)
        if rules and dice.random() < 0.5:
            subject = dice.choice(binding["subjects"])
            questions.append(_question_on(dice, principal(subject, at), dice.choice(rules), at))
        else:
            questions.append(_question(dice, [one]))
    return questions


def _question_on(dice: random.Random, who: str, rule: Data, space: str) -> Question:
    """Make a question about what a rule grants."""
    verb = dice.choice(rule["verbs"]).replace("*", "watch")
    group = dice.choice(rule["apiGroups"]).replace("*", "apps")
    resource = dice.choice(rule["resources"]).replace("*/", "services/").replace("*", "endpoints")
    name = dice.choice(rule.get("resourceNames") or ("",))
    return who, verb, group, resource, space, name


def _wait_for_gathered_roles(api: Any, made: list[World], seconds: float = 300) -> None:
    """Wait until the controller has filled in every role that gathers others."""
    wanted = {}
    for number, one in enumerate(made):
        if ("ClusterRole", "", "sum") in one.roles:
            wanted[f"w{number}-sum"] = len(one.rules_of({"kind": "ClusterRole", "name": "sum"}, ""))
    deadline = time.monotonic() + seconds
    while True:
        there = {}
        for role in api.list(f"{RBAC}/v1", "ClusterRole"):
            there[role["metadata"]["name"]] = bool(role.get("rules"))
        if all(there.get(name) is bool(count) for name, count in wanted.items()):
            return
        assert time.monotonic() < deadline, "roles that gather others were not filled in"
        time.sleep(1)


def _is_granted(one: World, who: str, verb: str, group: str, resource: str, space: str, name: str) -> bool:
    """Answer as the naive search does: by every binding, whoever it is for."""
    kind, _, rest = who.partition(" ")
    asking = identity({"kind": kind, "name": rest})
    for rule in one.rules_for(asking, space):
        names = rule.get("resourceNames") or (name,)
        if matches(rule, verb, group, resource) and name in names:
            return True
    return False


Question = tuple[str, str, str, str, str, str]
"""Principal, verb, API group, resource with subresource, namespace, name."""


def _stored(made: list[World], kinds: tuple[str, ...]) -> list[Data]:
    """Return the objects of clusters under names of their own, as they are sent to an API server."""
    found: dict[tuple[str, str, str], Data] = {}
    for number, one in enumerate(made):
        for obj in deepcopy(one.objects()):
            if obj["kind"] not in kinds:
                continue
            if obj["kind"] != "Namespace":
                obj["metadata"]["name"] = f"w{number}-{obj['metadata']['name']}"
            if "roleRef" in obj:
                obj["roleRef"]["name"] = f"w{number}-{obj['roleRef']['name']}"
            if "labels" in obj["metadata"] and "adds" in obj["metadata"]["labels"]:
                obj["metadata"]["labels"]["adds"] = f"w{number}"
            for selector in obj.get("aggregationRule", {}).get("clusterRoleSelectors", ()):
                selector["matchLabels"]["adds"] = f"w{number}"
            version = "v1" if obj["kind"] == "Namespace" else f"{RBAC}/v1"
            key = (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            found[key] = {"apiVersion": version, **obj}
    return list(found.values())


def _question(dice: random.Random, made: list[World]) -> Question:
    """Make a question near some rule: about what it grants, or about something beside it."""
    one = dice.choice(made)
    subject, at = dice.choice(list(one.subjects()))
    rule = dice.choice([rule for role in one.roles.values() for rule in role["rules"]] or [{}])
    verb = dice.choice([*rule.get("verbs", ()), "get", "create", "patch"]).replace("*", "watch")
    group = dice.choice([*rule.get("apiGroups", ()), ""]).replace("*", "apps")
    resource = dice.choice([*rule.get("resources", ()), "pods", "secrets"])
    resource = resource.replace("*/", "services/").replace("*", "endpoints")
    name = dice.choice([*rule.get("resourceNames", ()), "", "other"])
    return principal(subject, at), verb, group, resource, dice.choice((at, "", *SPACES)), name


def _review(who: str, verb: str, group: str, resource: str, space: str, name: str) -> Data:
    kind, _, rest = who.partition(" ")
    user, groups = (rest, groups_of(who)) if kind == "User" else ("somebody", (rest, *groups_of(who)))
    resource, _, part = resource.partition("/")
    asked = {
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": part,
        "namespace": space,
        "name": name,
    }
    spec = {
        "user": user,
        "groups": list(groups),
        "resourceAttributes": {key: value for key, value in asked.items() if value},
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": spec,
    }


def _allowed(rights: Rights, who: str, verb: str, group: str, resource: str, space: str, name: str) -> bool:
    """Answer from what the closure starts with: the rules that somebody holds, and those of the groups he is
    in.
    """
    for holder in (who, *(f"Group {group}" for group in groups_of(who))):
        for held in rights.held(holder):
            names = held.rule.get("resourceNames") or (name,)
            if (
                held.namespace in {"", space}
                and held.binding
                and may(held.rule, group, resource, verb)
                and name in names
            ):
                return True
    return who == "Group system:masters"
