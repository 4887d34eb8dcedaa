"""`rules.yaml` of a site, and its tests for `promtool test rules`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from sovereign_ai.plan import Plan
from sovereign_ai.render.monitoring.rules import Alert, Figure, Series, alerts, figures
from sovereign_ai.render.switches.block import yaml_block
from sovereign_ai.spec import AIFactory

_EVIDENCE = """# Whoever signs evidence writes its time for node_exporter's textfile collector:
#   sovereign_ai_evidence_signed_seconds{factory="NAME"} SECONDS_SINCE_1970
"""


def rules_yaml(factory: AIFactory, plan: Plan, site: str) -> str:
    """Return the rules of a site."""
    text = f"# {site}: promtool check rules rules.yaml\n{_EVIDENCE}groups:\n"
    planned = [_figure(row) for row in figures(factory, plan, site)]
    departures = [_alert(row) for row in alerts(factory, plan, site)]
    for name, rows in (("plan", planned), ("departures", departures)):
        if rows:
            text += f"- name: {name}\n  rules:\n{_rows(rows)}"
    return text


def _rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a list of mappings in YAML, its dashes two blanks in."""
    text = ""
    for row in rows:
        text += "  - " + yaml_block(row, indent=4).removeprefix("    ")
    return text


def _figure(row: Figure) -> dict[str, Any]:
    """Return a planned figure as a recording rule."""
    rule: dict[str, Any] = {"record": row.name, "expr": f"vector({row.value})"}
    if row.labels:
        rule["labels"] = dict(row.labels)
    return rule


def _alert(row: Alert) -> dict[str, Any]:
    """Return an alerting rule."""
    return {
        "alert": row.name,
        "expr": row.expression,
        "for": f"{row.minutes}m",
        "labels": {"severity": row.severity},
        "annotations": {"summary": row.summary},
    }


def rule_tests(factory: AIFactory, plan: Plan, site: str) -> str:
    """Return the tests of a site's alerts, each with inputs that fire it and inputs that do not."""
    tests: list[dict[str, Any]] = []
    for alert in alerts(factory, plan, site):
        expected = [
            {
                "exp_labels": {**alert.labels, "severity": alert.severity},
                "exp_annotations": {"summary": _filled(alert.summary, alert.labels)},
            }
        ]
        tests.append(_test(f"{alert.name} fires", alert, alert.fires, expected))
        if alert.missing:
            name = f"{alert.name} fires where nothing is measured"
            tests.append(_test(name, alert, alert.missing, expected))
        tests.append(_test(f"{alert.name} is quiet", alert, alert.quiet, []))
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _filled(summary: str, labels: Mapping[str, str]) -> str:
    """Return a summary as Prometheus fills in its labels.

    >>> _filled("rack {{ $labels.rack }} is dark", {"rack": "h1-r001"})
    'rack h1-r001 is dark'
    """
    for key, text in labels.items():
        summary = summary.replace(f"{{{{ $labels.{key} }}}}", text)
    return summary


def _test(
    name: str, alert: Alert, series: Iterable[Series], expected: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return one test: inputs that do not change, and what is reported some minutes later."""
    minutes = alert.minutes + 3
    inputs = []
    for metric, labels, value in series:
        pairs = ",".join(f'{key}="{text}"' for key, text in labels.items())
        # promtool's notation: a value, and how often it is repeated with which change.
        inputs.append({"series": f"{metric}{{{pairs}}}", "values": f"{value}+0x{minutes}"})
    check = {"eval_time": f"{minutes}m", "alertname": alert.name, "exp_alerts": expected}
    return {"name": name, "interval": "1m", "input_series": inputs, "alert_rule_test": [check]}
