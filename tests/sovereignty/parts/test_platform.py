"""Controllers as parts of a factory: who can cut each off, and what a cut does to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.sovereignty.graph import graph
from sovereign_ai.sovereignty.parts.build import parts_of
from sovereign_ai.sovereignty.parts.part import Dependency
from sovereign_ai.spec.reader import load
from tests.rules.subject import factory_of

LAB = Path(__file__).resolve().parents[3] / "stacks" / "lab"


def parts(**platform: Any) -> dict[str, Dependency]:
    """Return the software of the lab with a platform, by id."""
    described = factory_of(platform=platform).platform if platform else None
    lab = load(LAB).model_copy(update={"platform": described})
    software = {part.id: part for part in parts_of(lab, plan(lab)) if part.layer == "software"}
    return {name: part for name, part in software.items() if name.startswith("software:")}


def kueue(**contact: Any) -> dict[str, Any]:
    contacts = [{"name": "pulse", "host": "pulse.example.net", **contact}]
    return {"queueing": "kueue", "controllers": [{"name": "kueue", "contacts": contacts}]}


def test_without_a_platform_the_usual_software_is_counted_and_nothing_else() -> None:
    assert set(parts()) == {"software:kubernetes", "software:queueing", "software:deployment"}


def test_a_described_queue_takes_the_place_of_the_usual_one() -> None:
    described = parts(queueing="kueue", monitoring="prometheus")
    assert "software:queueing" not in described
    assert {"software:queueing/kueue", "software:monitoring/prometheus"} <= set(described)


def test_a_platform_without_a_queue_leaves_the_usual_one() -> None:
    assert "software:queueing" in parts(monitoring="prometheus")


def test_a_controller_is_under_the_law_of_its_vendors_parent_and_ages_without_updates() -> None:
    part = parts(queueing="kueue")["software:queueing/kueue"]
    assert (part.holder, part.law, part.channel, part.effect) == ("Linux Foundation", "US", "updates", "ages")
    assert part.licence == "Apache-2.0"
    assert part.alternative
    assert part.known


@pytest.mark.parametrize(
    ("kind", "channel", "effect"),
    [
        ("heartbeat", "licence", "stops"),
        ("telemetry", "telemetry", "ages"),
        ("packages", "updates", "shrinks"),
        ("endpoint", "updates", "ages"),
    ],
)
def test_what_a_cut_does_follows_from_what_a_controller_reaches(kind: str, channel: str, effect: str) -> None:
    part = parts(**kueue(kind=kind, jurisdiction="FR"))["software:queueing/kueue"]
    assert (part.channel, part.effect, part.also) == (channel, effect, ("FR",))


def test_a_contact_that_is_switched_off_is_no_hold() -> None:
    details = {"name": "grafana", "contacts": []}
    for name, kind in (("usage", "telemetry"), ("updates", "endpoint")):
        details["contacts"].append({"name": name, "kind": kind, "used": False})  # type: ignore[attr-defined]
    shipped = parts(monitoring="grafana")["software:monitoring/grafana"]
    switched_off = parts(monitoring="grafana", controllers=[details])["software:monitoring/grafana"]
    assert (shipped.channel, switched_off.channel) == ("telemetry", "updates")


def test_a_licence_that_is_not_open_leaves_no_source_to_keep() -> None:
    details = {"name": "kueue", "licence": "proprietary", "vendor": "Example Queues", "jurisdiction": "DE"}
    part = parts(queueing="kueue", controllers=[details])["software:queueing/kueue"]
    assert (part.holder, part.law, part.alternative) == ("Example Queues", "DE", "")


def test_training_stops_with_its_queue_and_goes_on_without_its_monitor() -> None:
    described = parts(queueing="kueue", monitoring="prometheus")
    assert described["software:queueing/kueue"].critical
    assert not described["software:monitoring/prometheus"].critical
    lab = load(LAB).model_copy(update={"platform": factory_of(platform={"queueing": "kueue"}).platform})
    assert "software:queueing/kueue" in str(graph(lab, plan(lab)).trees["training"])
