from __future__ import annotations

from sovereign_ai.rules.addons.field_values import direct, gathered, templates
from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.places.fields import GATHERED


def test_a_long_condition_is_gathered_and_every_other_is_checked_by_itself() -> None:
    monitor = ADDONS["monitoring.coreos.com/ServiceMonitor"]
    assert [field.path for field in direct(monitor)] == [
        "spec.endpoints[].relabelings[]",
        "spec.namespaceSelector.any",
        "spec.namespaceSelector.matchNames[]",
    ]
    assert "object.spec.endpoints" in gathered("place", monitor.key)[0]


def test_a_kind_without_templates_has_an_empty_list() -> None:
    assert templates("monitoring.coreos.com/ServiceMonitor") == "[]"
    assert "? [object.spec.template] : [])" in templates("argoproj.io/Rollout")


def test_a_bare_pod_specification_becomes_a_template() -> None:
    assert '.map(s, {"spec": s})' in templates("serving.kserve.io/InferenceService")


def test_the_expression_for_every_kind_chooses_by_the_key() -> None:
    assert '(variables.key in ["kubeflow.org/Notebook","argoproj.io/Rollout"] ? ' in templates()
    assert "MultiKueueCluster" not in templates()


def test_values_of_all_kinds_are_gathered_by_short_expressions_and_of_one_kind_by_one() -> None:
    for must in GATHERED:
        assert max(len(piece) for piece in gathered(must)) < 6_000
        assert len(gathered(must, "serving.kserve.io/InferenceService")) == 1
