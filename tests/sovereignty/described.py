"""A rich lab, and how to change one field of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.plan.factory import plan
from sovereign_ai.sovereignty.evidence import NONE, EvidenceSet
from sovereign_ai.sovereignty.report import SovereigntyReport, assess_sovereignty
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load, read_text

STACKS = Path(__file__).resolve().parents[2] / "stacks"
NOW = date(2026, 11, 24)
Data = dict[str, Any]


@cache
def rich_bytes() -> bytes:
    """The lab with everything that the assessment reads described, and nothing from outside but its
    machines.
    """
    data = load(STACKS / "lab").to_data()
    operator = data["operator"]
    operator["shareholders"] = [{"name": "Example Foundation", "seat": "DE", "share": "100 %"}]
    operator["sub_processors"] = [{"name": "Example Desk", "seat": "FR", "purpose": "accounts"}]
    operator["certificates"] = [
        {"scheme": "Common Criteria EAL4", "scope": "platform", "expires": "2027-01-01"}
    ]
    data["sites"][0]["contracts"] = [
        {
            "name": "wind",
            "supplier": "Example Wind",
            "supplier_seat": "DE",
            "power": "300 kW",
            "source": "wind",
        }
    ]
    data["gateways"] = [
        {
            "name": "out",
            "entity": "Example Exchange",
            "seat": "DE",
            "addresses": ["203.0.113.0/24"],
            "zones": ["open"],
        }
    ]
    data["residency"][0]["zones"] = ["restricted"]
    data["residency"][0]["metrics"] = ["DE"]
    data["services"] = [
        {
            "name": f"{kind}-service",
            "kind": kind,
            "supplier": f"Example Service {number}",
            "entity": f"Example Entity {number}",
            "jurisdiction": "DE",
            "alternative": "another",
        }
        for number, kind in enumerate(
            ("identity", "dns", "time", "ca", "packages", "licence", "heartbeat", "attestation")
        )
    ]
    data["suppliers"] = [
        {
            "name": f"s{number}",
            "component": component,
            "vendor": f"Example Supplier {number}",
            "jurisdiction": "DE",
            "alternative": "another",
        }
        for number, component in enumerate(("optics", "storage", "switches"))
    ]
    data["suppliers"] += [
        {
            "name": "gpus",
            "component": "GPU machines",
            "vendor": "NVIDIA",
            "jurisdiction": "US",
            "stock": 2,
            "alternative": "another",
        },
        {
            "name": "gpu-driver",
            "component": "driver",
            "vendor": "NVIDIA",
            "jurisdiction": "US",
            "control_channel": "updates",
        },
    ]
    data["waivers"] = []
    return orjson.dumps(data)


def made(data: Data) -> AIFactory:
    """Make the factory that data describes, as a file would."""
    return read_text(orjson.dumps(data), "rich.json").factory


def report(data: Data, evidence: EvidenceSet = NONE) -> SovereigntyReport:
    """Assess what data describes."""
    factory = made(data)
    return assess_sovereignty(factory, plan(factory), now=NOW, evidence=evidence)


Change = Callable[[Data], None]


def changed(data: Data, change: Change) -> Data:
    """Give data with one change."""
    other = copy.deepcopy(data)
    change(other)
    return other
