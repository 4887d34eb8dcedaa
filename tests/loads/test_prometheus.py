"""Debian's promtool on every site's rules, their tests and configuration, and Prometheus itself on the lab's.

Prometheus runs in namespaces of its own, which end with the test. Without root and Prometheus this fails.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sovereign_ai.render.monitoring.rule_files import rule_tests, rules_yaml
from tests.loads.test_debian import put, run
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import counted_lab, stack

pytestmark = pytest.mark.loads

START = """set -e
ip link set lo up
prometheus --config.file=prometheus.yaml --storage.tsdb.path=data --web.listen-address=127.0.0.1:9090 2>log &
for second in $(seq 60); do
  python3 ask.py >answer.json 2>/dev/null && break
  sleep 1
done
"""
# Rules are judged at the first evaluation; before it Prometheus lists them as unknown.
ASK = """import json, sys, urllib.request
address = "http://127.0.0.1:9090/api/v1/"
answer = {what: json.load(urllib.request.urlopen(address + what))["data"] for what in ("rules", "targets")}
rules = [rule for group in answer["rules"]["groups"] for rule in group["rules"]]
json.dump(answer, sys.stdout)
sys.exit(any(rule["health"] == "unknown" for rule in rules) or not answer["targets"]["activeTargets"])
"""


@pytest.mark.parametrize("name", SMALL)
def test_promtool_takes_configuration_rules_and_their_tests(name: str, tmp_path: Path) -> None:
    list(put(tmp_path, name, "monitoring/"))
    for site in stack(name)[0].sites:
        folder = tmp_path / "monitoring" / site.name
        assert run("promtool", "check", "config", "prometheus.yaml", cwd=folder).endswith("exit 0")
        assert run("promtool", "check", "rules", "rules.yaml", cwd=folder).endswith("exit 0")
        text = run("promtool", "test", "rules", "rules_test.json", cwd=folder)
        assert text.endswith("exit 0"), text


def test_promtool_takes_the_rules_of_counted_objects_and_their_tests(tmp_path: Path) -> None:
    made = counted_lab()
    (tmp_path / "rules.yaml").write_text(rules_yaml(*made, "fra1"))
    tests = json.loads(rule_tests(*made, "fra1"))
    # A node whose exporter is silent too is lost: that is told once.
    (fires,) = (test for test in tests["tests"] if test["name"] == "NodeNotReady fires")
    lost = {**fires, "name": "NodeNotReady leaves a lost node to NodeLost"}
    lost["input_series"] = [
        {**each, "values": each["values"].replace("1+", "0+")} for each in lost["input_series"]
    ]
    lost["alert_rule_test"] = [{**fires["alert_rule_test"][0], "exp_alerts": []}]
    tests["tests"].append(lost)
    (tmp_path / "rules_test.json").write_text(json.dumps(tests))
    text = run("promtool", "test", "rules", "rules_test.json", cwd=tmp_path)
    assert text.endswith("exit 0"), text


def test_a_test_of_the_rules_fails_where_an_alert_is_lost(tmp_path: Path) -> None:
    # The checks above would be worth nothing if the tests passed with any rules.
    list(put(tmp_path, "lab", "monitoring/"))
    folder = tmp_path / "monitoring" / "fra1"
    rules = folder / "rules.yaml"
    text = rules.read_text()
    rules.write_text(text.replace(" > on (rack) plan:rack_watts", " > on (rack) plan:rack_limit_watts"))
    assert rules.read_text() != text
    answer = run("promtool", "test", "rules", "rules_test.json", cwd=folder)
    assert "RackPowerOverPlan fires" in answer
    assert not answer.endswith("exit 0")


def test_prometheus_judges_every_rule_and_knows_every_target(tmp_path: Path) -> None:
    list(put(tmp_path, "lab", "monitoring/"))
    folder = tmp_path / "monitoring" / "fra1"
    (folder / "ask.py").write_text(ASK)
    own = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
    run(*own, "sh", "-c", START, cwd=folder)
    answer = json.loads((folder / "answer.json").read_text())
    rules = [rule for group in answer["rules"]["groups"] for rule in group["rules"]]
    assert len(rules) > 40
    assert {rule["health"] for rule in rules} == {"ok"}
    active = {
        target["labels"].get("node") or target["labels"]["switch"]
        for target in answer["targets"]["activeTargets"]
    }
    plan = stack("lab")[1]
    switches = {switch.name for plane in plan.fabrics for switch in plane.switches}
    assert active == {node.name for node in plan.nodes} | switches
