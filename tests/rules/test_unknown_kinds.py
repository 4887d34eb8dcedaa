from __future__ import annotations

from sovereign_ai.rules.kinds import OTHER
from sovereign_ai.rules.registry import find_rule
from tests.rules.deciding import obj, refused_by
from tests.rules.subject import pod


def test_an_unknown_kind_is_refused_only_in_a_zone_with_a_policy() -> None:
    assert refused_by(obj("Thing", "example.com/v1")) == {"RES-011"}
    assert refused_by(obj("Thing", "example.com/v1", namespace="startups")) == set()
    assert refused_by(obj("Lease", "coordination.k8s.io/v1")) == set()


def test_an_unknown_kind_of_the_cluster_is_refused_if_its_group_reaches_out() -> None:
    assert refused_by(obj("Thing", "example.com/v1", namespace="")) == set()
    assert refused_by(obj("Provider", "pkg.crossplane.io/v1", namespace="")) == {"RES-011"}


def test_a_variable_of_the_environment_names_a_permitted_place() -> None:
    for value, rules in (("http://otel.monitoring.svc:4317", set()), ("http://example.com", {"RES-013"})):
        sending = pod()
        sending["spec"]["containers"][0]["env"] = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": value}]
        assert refused_by(sending) == rules


def test_no_check_on_add_ons_is_longer_than_the_parser_takes() -> None:
    checks = find_rule("RES-012").checks_on(OTHER)
    assert len(checks) > 5
    assert max(len(check.expression) for check in checks) < 50_000
