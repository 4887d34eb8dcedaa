"""Grafana's dashboards: a dashboard a row of a hall, in which each rack is a column where it stands.

A column has what the rack draws against its plan and its hall's limit, how many of its nodes and switches
answer, the hottest GPU, and the alerts that fire. Racks follow each other as in the hall, eight in a line.

The form is Grafana's JSON model at schema version 39 (its documentation, read 2026-11-27). The data source is
a variable of the dashboard, since its identifier differs in every Grafana.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sovereign_ai.plan import Plan, Rack
from sovereign_ai.render.monitoring.targets import has_dcgm, nodes_of
from sovereign_ai.spec import AIFactory

_SCHEMA = 39
_COLUMNS = 24
"""Width of Grafana's grid."""
_WIDTH, _TALL, _FLAT = 3, 5, 3
"""Width of a rack's column, and heights of its gauge and of its other panels, in units of the grid."""
_HEIGHT = _TALL + 3 * _FLAT
_HOT = 85
"""Degrees Celsius of a GPU that are shown red (the project's own judgement, 2026-11)."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def rack_dashboards(factory: AIFactory, plan: Plan, site: str) -> Mapping[str, str]:
    """Return file name to the dashboard of each row of racks at a site."""
    rows: defaultdict[tuple[str, int], list[Rack]] = defaultdict(list)
    for rack in plan.racks:
        if rack.site == site:
            rows[rack.hall, rack.row].append(rack)
    limits: dict[str, int] = {}
    for described in factory.sites:
        if described.name == site:
            for hall in described.halls:
                limits[hall.name] = hall.rack_limit.count
    with_gpus = {node.rack for node in nodes_of(plan, site) if has_dcgm(node)}
    files: dict[str, str] = {}
    for (name, row), racks in rows.items():
        document = _dashboard(plan.factory, site, name, row, _panels(racks, limits[name], with_gpus))
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        files[f"{name}-row-{row + 1:03d}.json"] = f"{text}\n"
    return files


def _dashboard(
    factory: str, site: str, hall: str, row: int, panels: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a dashboard."""
    title = f"{factory} {site} {hall}: racks of row {row + 1}"
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    digest = hashlib.sha256(title.encode()).hexdigest()
    return {
        # Grafana's identifiers have at most 40 characters.
        "uid": digest[:32],
        "title": title,
        "tags": ["sovereign-ai", factory, site, hall],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": [source]},
        "annotations": {"list": []},
        "links": [],
        "panels": list(panels),
    }


def _panels(racks: Sequence[Rack], limit: int, with_gpus: set[str]) -> list[dict[str, Any]]:
    """Return the panels of a row of racks, numbered from 1."""
    panels: list[dict[str, Any]] = []
    for number, rack in enumerate(racks):
        line, column = divmod(number, _COLUMNS // _WIDTH)
        top = line * _HEIGHT
        for panel in _rack_panels(rack, limit, hottest=rack.name in with_gpus):
            height = panel["gridPos"]["h"]
            panel["gridPos"].update({"x": column * _WIDTH, "y": top})
            panel["id"] = len(panels) + 1
            panels.append(panel)
            top += height
    return panels


def _rack_panels(rack: Rack, limit: int, *, hottest: bool) -> list[dict[str, Any]]:
    """Return the panels of one rack, from the top."""
    at = f'{{rack="{rack.name}"}}'
    power = f'sum(ipmi_dcmi_power_consumption_watts{{job="controllers",rack="{rack.name}"}})'
    answering = f'sum(up{{job=~"nodes|switches",rack="{rack.name}"}})'
    firing = f'sum(ALERTS{{alertstate="firing",rack="{rack.name}"}}) or vector(0)'
    steps = [(rack.power, "yellow"), (limit, "red")]
    gauge = _panel("gauge", f"{rack.name} ({rack.kind})", power, "watt", steps)
    gauge["fieldConfig"]["defaults"].update({"min": 0, "max": limit})
    panels = [gauge, _panel("stat", "answering", answering, "none", [])]
    if hottest:
        temperature = f"max(DCGM_FI_DEV_GPU_TEMP{at})"
        panel = _panel("stat", "hottest GPU", temperature, "celsius", [(_HOT, "red")])
        panels.append(panel)
    panels.append(_panel("stat", "alerts", firing, "none", [(1, "red")]))
    return panels


def _panel(
    kind: str, title: str, expression: str, unit: str, steps: Sequence[tuple[int, str]]
) -> dict[str, Any]:
    """Return a panel of the last value of one expression, green below its steps."""
    colours: list[dict[str, Any]] = [{"color": "green", "value": None}]
    # Grafana takes steps in rising order alone; a rack may be planned to its hall's limit or beyond.
    for value, colour in sorted(steps):
        colours.append({"color": colour, "value": value})
    thresholds = {"mode": "absolute", "steps": colours}
    target = {"refId": "A", "expr": expression, "instant": True, "datasource": dict(_SOURCE)}
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    height = _TALL if kind == "gauge" else _FLAT
    return {
        "type": kind,
        "title": title,
        "datasource": dict(_SOURCE),
        "gridPos": {"h": height, "w": _WIDTH},
        "targets": [target],
        "fieldConfig": {"defaults": {"unit": unit, "thresholds": thresholds}, "overrides": []},
        "options": {"reduceOptions": last},
    }
