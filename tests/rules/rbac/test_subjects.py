"""One identity has many names: every one is judged as the API server's authorizer compares it.

The oracle here knows no names. It holds a list of people, workloads and machines with their user names and
groups, asks of each binding whom it applies to, in the words of the authorizer's own source, and refuses what
reaches somebody it may not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cel
import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.expressions import with_constants
from sovereign_ai.rules.rbac.subjects import (
    ALL_USERS,
    STOCK,
    account_of,
    accounts_in,
    groups_of,
    principal,
    principals_in_cel,
    shown,
)
from sovereign_ai.spec.reader import load
from tests.rules.agreement import ask, running_plane

Data = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
COUNT, ASKED = 10_000, 400
LAB = Path(__file__).resolve().parents[3] / "stacks" / "lab"


@cache
def lab() -> Context:
    factory = load(LAB)
    return factory_context(factory, plan(factory), "lab")


@dataclass(frozen=True)
class Somebody:
    """Who sends requests.

    Attributes:
        name: the user name.
        groups: the groups.
        namespace: of a workload; empty for others.
        tenant: of a tenant's people.
    """

    name: str
    groups: frozenset[str]
    namespace: str = ""
    tenant: str = ""


TENANTS = ("research", "startups", "nobody-s")
NAMESPACES = ("research", "startups", "sovereign-system", "kube-system", "research2", "default")


@cache
def everybody() -> tuple[Somebody, ...]:
    """Give people of each tenant, a workload of each namespace, machines, and who has no name."""
    known = "system:authenticated"
    found = []
    for tenant in TENANTS:
        found.append(Somebody(f"ann@{tenant}", frozenset({f"tenant:{tenant}", known}), tenant=tenant))
        found.append(Somebody(f"bob@{tenant}", frozenset({f"tenant:{tenant}:viewers", known}), tenant=tenant))
    for space in NAMESPACES:
        for name in ("default", "ci"):
            groups = frozenset({"system:serviceaccounts", f"system:serviceaccounts:{space}", known})
            found.append(Somebody(f"system:serviceaccount:{space}:{name}", groups, namespace=space))
    found.append(Somebody("system:node:serve-001", frozenset({"system:nodes", known})))
    found.append(Somebody("system:anonymous", frozenset({"system:unauthenticated"})))
    found.append(Somebody("root", frozenset({"system:masters", known})))
    found.append(Somebody("platform", frozenset({"platform", known})))
    return tuple(found)


def applies(subject: Data, somebody: Somebody, namespace: str) -> bool:
    """Tell whether a subject means somebody: `appliesToUser` of Kubernetes 1.37, word by word."""
    if subject["kind"] == "User":
        return bool(somebody.name == subject["name"])
    if subject["kind"] == "Group":
        return subject["name"] in somebody.groups
    space = subject.get("namespace") or namespace
    return bool(space) and somebody.name == f"system:serviceaccount:{space}:{subject['name']}"


def reached(binding: Data) -> set[Somebody]:
    """Give everybody whom a binding is for."""
    namespace = binding["metadata"].get("namespace", "")
    return {
        one for one in everybody() if any(applies(subject, one, namespace) for subject in binding["subjects"])
    }


def permitted(binding: Data) -> bool:
    """Tell whether a binding reaches nobody whom it may not."""
    space = binding["metadata"].get("namespace", "")
    tenants = dict(lab().tenants)
    if not space:
        # Everybody may have what every API server gives them.
        wide = [subject for subject in binding["subjects"] if _is_wide(subject)]
        narrow = {**binding, "subjects": [subject for subject in binding["subjects"] if subject not in wide]}
        reaches_tenants = any(one.tenant or one.namespace in tenants for one in reached(narrow))
        return not reaches_tenants and all(
            (binding["roleRef"]["name"], subject["name"]) in STOCK for subject in wide
        )
    if {"kind": "Group", "name": "system:serviceaccounts:sovereign-system"} in _bare(
        binding
    ) and space != "sovereign-system":
        return False  # a workload of the platform may be let in by its name, all of them together may not
    for one in reached(binding):
        # The platform's own namespace is no tenant's, and its people there are the platform's business.
        people = one.tenant == tenants.get(space) or space == "sovereign-system"
        own = people if one.tenant else one.namespace in {space, "sovereign-system"}
        platform = not one.tenant and not one.namespace and one.name == "platform"
        if not own and not platform:
            return False
    return True


def _bare(binding: Data) -> list[Data]:
    return [{"kind": subject["kind"], "name": subject["name"]} for subject in binding["subjects"]]


def _is_wide(subject: Data) -> bool:
    """Tell whether a subject is for more than one tenant's people or workloads."""
    meant = {one for one in everybody() if applies(subject, one, "")}
    return len({one.namespace for one in meant if one.namespace}) > 1 or any(
        one.name == "system:anonymous" for one in meant
    )


def generated(seed: int, count: int) -> Iterator[Data]:
    """Give bindings of all kinds, each identity under each of its names and under names that only look like
    one.
    """
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    names = ("default", "ci", "other")
    for number in range(count):
        space = dice.choice(["", "research", "startups", "sovereign-system"])
        subjects = [_subject(dice, names) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
        if not space:
            for subject in subjects:
                if subject["kind"] == "ServiceAccount":
                    subject.setdefault("namespace", dice.choice(NAMESPACES))
        role = dice.choice(["view", "system:discovery", "system:public-info-viewer", "platform"])
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
        if space:
            reference = {"apiGroup": RBAC, "kind": "Role", "name": "tenant-viewer"}
        metadata = {"name": f"generated-{number}", **({"namespace": space} if space else {})}
        kind = "RoleBinding" if space else "ClusterRoleBinding"
        yield {
            "apiVersion": f"{RBAC}/v1",
            "kind": kind,
            "metadata": metadata,
            "roleRef": reference,
            "subjects": subjects,
        }


def _subject(dice: random.Random, names: tuple[str, ...]) -> Data:
    space, name = dice.choice(NAMESPACES), dice.choice(names[:2])
    account: Data = {"kind": "ServiceAccount", "name": name}
    if dice.random() < 0.7:
        account["namespace"] = space
    users = (
        f"system:serviceaccount:{space}:{name}",
        f"ann@{dice.choice(TENANTS)}",
        "system:anonymous",
        "root",
        "system:node:serve-001",
    )
    groups = (
        f"system:serviceaccounts:{space}",
        "system:serviceaccounts",
        "system:authenticated",
        "system:unauthenticated",
        "system:masters",
        "system:nodes",
        f"tenant:{dice.choice(TENANTS)}",
        f"tenant:{dice.choice(TENANTS)}:viewers",
        "platform",
    )
    ways = (
        lambda: account,
        lambda: {"apiGroup": RBAC, "kind": "User", "name": dice.choice(users)},
        lambda: {"apiGroup": RBAC, "kind": "Group", "name": dice.choice(groups)},
    )
    return dice.choice(ways)()


ABOUT = {"RBC-007", "RBC-008", "RBC-010"}


def refused(binding: Data) -> bool:
    """Decide a binding by the rules in CEL, offline."""
    return bool(ABOUT & {finding.rule for finding in evaluate([binding], lab())})


def held_to_the_oracle(binding: Data) -> str:
    """Say in what the rules and the oracle differ; empty where they agree.

    Two things the rules refuse although nobody of the oracle's list is reached: what the oracle's list has no
    member of. A person of a tenant who is named alone is nobody's group, so that no rule can know whose he
    is.
    """
    people = [one for one in binding["subjects"] if one["kind"] == "User" and "@" in one["name"]]
    rest = {**binding, "subjects": [one for one in binding["subjects"] if one not in people]}
    masters = [
        one
        for one in rest["subjects"]
        if one["name"] in {"root", "system:masters", "system:node:serve-001", "system:nodes"}
    ]
    if binding["kind"] == "ClusterRoleBinding":
        rest = {**rest, "subjects": [one for one in rest["subjects"] if one not in masters]}
    else:  # a group of the system is refused in a zone, whoever is in it; a person called root is a person
        rest = {
            **rest,
            "subjects": [one for one in rest["subjects"] if (one["kind"], one["name"]) != ("User", "root")],
        }
    says = permitted(rest)
    return "" if says is not refused(binding) else f"{'refused' if says else 'let in'}: {binding}"


def test_ten_thousand_bindings_are_decided_as_by_the_identities_they_apply_to() -> None:
    made = list(generated(1, COUNT))
    assert [text for text in map(held_to_the_oracle, made) if text] == []
    decided = Counter((one["kind"], refused(one)) for one in made)
    assert len(decided) == 4
    assert min(decided.values()) > COUNT / 50


def test_ten_thousand_subjects_have_one_name_in_python_and_in_cel() -> None:
    program = cel.compile(with_constants(principals_in_cel("space"), {}))
    made = list(generated(2, COUNT))
    seen: set[str] = set()
    for binding in made:
        space = binding["metadata"].get("namespace", "")
        answer = program.execute(cel.Context({"object": binding, "space": space}))
        assert answer == [principal(subject, space) for subject in binding["subjects"]]
        seen.update(answer)
    assert len(seen) > 30


def test_a_principal_is_that_of_the_authorizer_with_its_groups() -> None:
    for binding in generated(3, 2_000):
        space = binding["metadata"].get("namespace", "")
        for subject in binding["subjects"]:
            name = principal(subject, space)
            for one in everybody():
                meant = name in {f"User {one.name}", *(f"Group {group}" for group in one.groups)}
                assert meant is applies(subject, one, space), (subject, one)
                if meant:
                    assert set(groups_of(name)) <= one.groups
    for one in everybody():
        sure = set(groups_of(f"User {one.name}"))
        assert sure <= one.groups
        if one.namespace or one.name.startswith("system:"):
            assert sure == one.groups


@pytest.mark.parametrize(
    ("name", "account", "space", "text"),
    [
        ("User system:serviceaccount:a:b", ("a", "b"), "a", "ServiceAccount a/b"),
        ("Group system:serviceaccounts:a", None, "a", "Group system:serviceaccounts:a"),
        ("Group system:serviceaccounts", None, "", "Group system:serviceaccounts"),
        ("Group system:serviceaccount:a:b", None, "", "Group system:serviceaccount:a:b"),
        ("User system:serviceaccount:a", None, "", "User system:serviceaccount:a"),
        ("User system:serviceaccount:a:b:c", None, "", "User system:serviceaccount:a:b:c"),
        ("User system:serviceaccount::b", None, "", "User system:serviceaccount::b"),
        ("User system:serviceaccounts:a", None, "", "User system:serviceaccounts:a"),
        ("User ann", None, "", "User ann"),
    ],
)
def test_only_a_whole_name_is_an_account(
    name: str, account: tuple[str, str] | None, space: str, text: str
) -> None:
    assert account_of(name) == account
    assert accounts_in(name) == space
    assert shown(name) == text


def test_everybody_is_whoever_other_tenants_are_among() -> None:
    for name in ALL_USERS:
        meant = {
            one
            for one in everybody()
            if name in {f"User {one.name}", *(f"Group {group}" for group in one.groups)}
        }
        assert len({one.namespace for one in meant if one.namespace}) > 1 or {one.name for one in meant} == {
            "system:anonymous"
        }


@pytest.mark.faults_long
def test_the_real_api_server_refuses_the_same_bindings_and_means_the_same_people() -> None:
    with running_plane() as plane:
        made = list(generated(4, ASKED))
        answers = plane.api.many(partial(ask, plane, binding) for binding in made)
        wrong = [
            (binding, answer.word, sorted(answer.rules))
            for binding, answer in zip(made, answers, strict=True)
            if (answer.word == "deny") is not refused(binding) or answer.word not in {"allow", "deny"}
        ]
        assert wrong == []
        _authorizer_agrees(plane.api)


def _authorizer_agrees(api: Any) -> None:
    """Bind a right of its own by each subject, and ask the authorizer of everybody whether he has it."""
    subjects = {}
    for binding in generated(5, 300):
        for subject in binding["subjects"]:
            subjects[tuple(sorted(subject.items()))] = subject
    role = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "asked"}}
    rules = [{"apiGroups": ["asked.example.com"], "resources": ["*"], "verbs": ["get"]}]
    api.apply({**role, "rules": rules}, force=True)
    listed = list(subjects.values())
    spaces = [f"asked-{number}" for number in range(len(listed))]
    api.many(
        partial(api.create, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
        for space in spaces
    )
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "asked"}
    api.many(
        partial(
            api.create,
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "asked", "namespace": space},
                "roleRef": reference,
                "subjects": [subject],
            },
        )
        for space, subject in zip(spaces, listed, strict=True)
    )
    asked = [
        (space, subject, one) for space, subject in zip(spaces, listed, strict=True) for one in everybody()
    ]
    answers = api.many(partial(_may, api, space, one) for space, _, one in asked)
    wrong = [
        (subject, one.name)
        for (space, subject, one), may in zip(asked, answers, strict=True)
        if one.name != "root" and may is not applies(subject, one, space)
    ]
    assert wrong == []
    assert sum(answers) > len(listed)


def _may(api: Any, space: str, one: Somebody) -> bool:
    asked = {"namespace": space, "verb": "get", "group": "asked.example.com", "resource": "things"}
    spec = {"user": one.name, "groups": sorted(one.groups), "resourceAttributes": asked}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": spec,
    }
    return bool(api.create(review)["status"]["allowed"])
