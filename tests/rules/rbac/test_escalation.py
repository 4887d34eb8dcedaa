from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.rbac.escalation import EVERYTHING, MACHINES, RoleIn, accounts, leads, pods


def _rule(group: str, resource: str, verb: str, *names: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
    return {**rule, "resourceNames": list(names)} if names else rule


def test_new_pods_reach_the_node_only_where_pod_security_does_not_keep_them_from_it() -> None:
    rule = _rule("", "pods", "create")
    assert [end for _, end in leads(rule, "a", {"a": True})] == [pods("a")]
    assert [end for _, end in leads(rule, "a", {"a": False})] == [pods("a"), MACHINES]
    assert [end for _, end in leads(rule, "", {"a": True, "b": False})] == [pods(""), MACHINES]


def test_a_shell_in_a_running_pod_makes_no_new_pod() -> None:
    rule = _rule("", "pods/exec", "create")
    assert [end for _, end in leads(rule, "a", {"a": False})] == [pods("a")]


def test_a_named_role_that_may_be_bound_leads_to_that_role_alone() -> None:
    rule = _rule("rbac.authorization.k8s.io", "clusterroles", "bind", "view")
    assert list(leads(rule, "a", {})) == [("bind ClusterRole view in a", RoleIn("ClusterRole", "view", "a"))]


def test_impersonation_of_any_group_leads_to_every_right_only_without_a_namespace() -> None:
    rule = _rule("", "groups", "impersonate")
    assert list(leads(rule, "", {})) == [("impersonate groups", EVERYTHING)]
    assert list(leads(rule, "a", {})) == []


@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_reading_secrets_leads_to_every_account_of_the_namespace(verb: str) -> None:
    assert [end for _, end in leads(_rule("", "secrets", verb), "a", {})] == [accounts("a")]
