from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.names import KEYS
from sovereign_ai.verify.defaults import completed
from sovereign_ai.verify.difference import object_differences, value_differences

POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "own-zone", "namespace": "research", "labels": {"a": "b"}},
    "spec": {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 8443}]}],
    },
}
ROLE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "tenant", "namespace": "research"},
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
}
BINDING: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "tenant", "namespace": "research"},
    "roleRef": {"kind": "Role", "name": "tenant"},
    "subjects": [{"kind": "Group", "name": "tenant:research"}],
}
NAMESPACE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "research", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}


def paths(wanted: dict[str, Any], spoil: Callable[[dict[str, Any]], object]) -> list[str]:
    live = completed(wanted)
    spoil(live)
    return [one.field for one in object_differences(wanted, live)]


def add_peer(live: dict[str, Any]) -> None:
    live["spec"]["ingress"][0]["from"].append({"namespaceSelector": {}})


def open_the_peer_to_all_namespaces(live: dict[str, Any]) -> None:
    live["spec"]["ingress"][0]["from"][0]["namespaceSelector"] = {}


def drop_all_peers(live: dict[str, Any]) -> None:
    live["spec"]["ingress"][0]["from"] = []


def add_port(live: dict[str, Any]) -> None:
    live["spec"]["ingress"][0]["ports"].append({"port": 22})


def widen_port(live: dict[str, Any]) -> None:
    live["spec"]["ingress"][0]["ports"][0]["endPort"] = 65535


def add_rule_for_everybody(live: dict[str, Any]) -> None:
    live["spec"]["ingress"].append({})


def add_egress_that_was_never_stated(live: dict[str, Any]) -> None:
    live["spec"]["egress"] = [{}]


def narrow_the_pods_it_holds_for(live: dict[str, Any]) -> None:
    live["spec"]["podSelector"] = {"matchLabels": {"app": "none"}}


def stop_holding_for_egress(live: dict[str, Any]) -> None:
    live["spec"]["policyTypes"] = ["Ingress"]


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (add_peer, "spec.ingress[0].from"),
        (open_the_peer_to_all_namespaces, "spec.ingress[0].from[0].namespaceSelector"),
        (drop_all_peers, "spec.ingress[0].from"),
        (add_port, "spec.ingress[0].ports"),
        (widen_port, "spec.ingress[0].ports[0].endPort"),
        (add_rule_for_everybody, "spec.ingress"),
        (add_egress_that_was_never_stated, "spec.egress"),
        (narrow_the_pods_it_holds_for, "spec.podSelector.matchLabels"),
        (stop_holding_for_egress, "spec.policyTypes"),
    ],
)
def test_every_way_to_widen_a_network_policy_is_seen(
    spoil: Callable[[dict[str, Any]], object], field: str
) -> None:
    assert paths(POLICY, spoil) == [field]


def test_a_right_that_was_added_to_a_role_is_seen() -> None:
    assert paths(ROLE, lambda live: live["rules"][0]["verbs"].append("delete")) == ["rules[0].verbs"]
    assert paths(
        ROLE, lambda live: live["rules"].append({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})
    ) == ["rules"]


def test_a_subject_that_was_added_or_exchanged_is_seen() -> None:
    assert paths(BINDING, lambda live: live["subjects"].append({"kind": "User", "name": "eve"})) == [
        "subjects"
    ]
    assert paths(
        BINDING, lambda live: live["subjects"][0].update(name="others", apiGroup="rbac.authorization.k8s.io")
    ) == ["subjects[0].name"]


def test_what_the_server_adds_by_itself_is_no_difference() -> None:
    live = copy.deepcopy(POLICY)
    live["spec"]["ingress"][0]["ports"][0]["protocol"] = "TCP"
    live["metadata"] |= {
        "uid": "1",
        "resourceVersion": "2",
        "managedFields": [],
        "annotations": {"pulumi.com/x": "y"},
    }
    live["status"] = {}
    assert list(object_differences(POLICY, live)) == []
    bound = copy.deepcopy(BINDING)
    bound["roleRef"]["apiGroup"] = bound["subjects"][0]["apiGroup"] = "rbac.authorization.k8s.io"
    assert list(object_differences(BINDING, bound)) == []


def test_an_added_label_is_nobodys_business_unless_it_gives_somebody_more() -> None:
    def label(key: str) -> Callable[[dict[str, Any]], object]:
        return lambda live: live["metadata"]["labels"].update({key: "x"})

    assert paths(NAMESPACE, label("example.com/team")) == []
    for key in ("pod-security.kubernetes.io/warn", KEYS.namespace_zone, KEYS.tenant):
        assert paths(NAMESPACE, label(key)) == [f"metadata.labels[{key}]"]


def test_a_weakened_pod_security_level_is_seen() -> None:
    found = paths(
        NAMESPACE,
        lambda live: live["metadata"]["labels"].update({"pod-security.kubernetes.io/enforce": "privileged"}),
    )
    assert found == ["metadata.labels[pod-security.kubernetes.io/enforce]"]


def test_a_namespace_on_its_way_out_is_seen() -> None:
    assert paths(
        NAMESPACE, lambda live: live["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z")
    ) == ["metadata.deletionTimestamp"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("1", "1000m"), ("1Gi", "1024Mi"), ("0.5", "500m"), (8, "8"), ("2e3", "2k"), ("64000m", "64")],
)
def test_one_amount_in_two_spellings_is_the_same_where_quantities_stand(wanted: Any, found: Any) -> None:
    assert (
        list(value_differences({"hard": {"requests.cpu": wanted}}, {"hard": {"requests.cpu": found}}, "spec"))
        == []
    )


def test_outside_quantities_two_spellings_are_two_texts() -> None:
    assert [
        one.field for one in value_differences({"data": {"key": "1"}}, {"data": {"key": "1000m"}}, "")
    ] == ["data.key"]


def test_false_and_zero_say_something() -> None:
    assert [one.field for one in value_differences({"mount": False}, {}, "")] == ["mount"]
    assert [one.field for one in value_differences({}, {"number": 0}, "")] == ["number"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["spec", "from", "x"]), below, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert list(value_differences(value, copy.deepcopy(value), "spec")) == []


@given(JSON, JSON)
def test_a_difference_is_seen_from_both_sides(one: Any, other: Any) -> None:
    assert bool(list(value_differences(one, other, "spec"))) == bool(
        list(value_differences(other, one, "spec"))
    )
