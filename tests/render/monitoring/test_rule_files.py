"""Rules and their tests: each alert has one input that fires it and one that does not."""

from __future__ import annotations

import json
from collections import Counter

import yaml

from sovereign_ai.render.monitoring.rule_files import rule_tests, rules_yaml
from tests.render.lab import counted_lab, stack


def test_every_alert_of_the_rules_has_a_test_that_fires_and_one_that_is_quiet() -> None:
    factory, plan = counted_lab()
    rules = yaml.safe_load(rules_yaml(factory, plan, "fra1"))
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert len(names) == len(set(names))
    tests = json.loads(rule_tests(factory, plan, "fra1"))["tests"]
    checks = [check for test in tests for check in test["alert_rule_test"]]
    firing = Counter(check["alertname"] for check in checks if check["exp_alerts"])
    quiet = Counter(check["alertname"] for check in checks if not check["exp_alerts"])
    # What stands still where nothing is measured has a test of that as well.
    more = Counter({"GpusMissing": 1, "EthernetLinksDown": 1, "NodeNotReady": 1})
    assert quiet == Counter(names)
    assert firing == Counter(names) + more
    for check in checks:
        for alert in check["exp_alerts"]:
            assert "{{" not in alert["exp_annotations"]["summary"]


def test_each_planned_series_is_recorded_once() -> None:
    factory, plan = stack("superpod")
    rules = yaml.safe_load(rules_yaml(factory, plan, "lyon"))
    series = Counter()
    for rule in rules["groups"][0]["rules"]:
        series[rule["record"], *sorted(rule.get("labels", {}).items())] += 1
    assert max(series.values()) == 1
    assert len(series) > 60
