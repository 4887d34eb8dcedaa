"""Lines between sites: their rate with and without the largest, the backups and an exchange of gradients."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.assess.goodput.report import Goodput, assess_goodput
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.plan.factory import plan
from tests.plan.factories import factory, hall, management, pool, site


def line(name: str, **more: Any) -> dict[str, Any]:
    """A line to site b."""
    return {
        "name": name,
        "carrier": f"Example {name}",
        "carrier_seat": "DE",
        "rate": "100 Gbps",
        "route": ["DE"],
        "to": "b",
        **more,
    }


def assessed(*lines: dict[str, Any], **given: float) -> Goodput:
    """Two sites joined by some lines; the storage of the first is backed up to the second once a day."""
    storage = {
        "name": "models",
        "protocol": "nfs",
        "capacity": "864 TB",
        "read": "40 GB/s",
        "write": "20 GB/s",
        "zone": "z",
        "sites": ["a"],
        "backup": {"site": "b", "every": "1 d", "retention": "30 d"},
    }
    sites = [site(halls=[hall("ha")], uplinks=list(lines)), site("b", halls=[hall("hb")])]
    pools = [pool(), pool("serve", site="b", nodes=1, purpose="inference")]
    keys = [{"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}]
    storage["encryption"] = {"key": "k"}
    described = factory(sites=sites, pools=pools, storage=[storage], keys=keys, fabrics=management())
    figures = {"job.train.parameters": GivenValue(1e11)}
    for name, value in given.items():
        figures[name.replace("_", ".")] = GivenValue(value)
    return assess_goodput(described, plan(described), figures, runs=0)


def test_backups_are_compared_with_what_is_left_without_the_largest_line() -> None:
    result = assessed(line("east"), line("west", rate="40 Gbps"), backup_changed=0.5)
    assert result.measure("wan.a.b.rate").value == 17.5e9
    assert result.measure("wan.a.b.left").value == 5e9
    capacity = result.measure("tier.models.capacity").value
    assert capacity is not None
    backups = result.measure("wan.a.b.backups").value
    assert backups == pytest.approx(capacity / 86_400 * 0.5)
    assert result.measure("wan.a.b.load").value == pytest.approx(capacity / 86_400 * 0.5 / 5e9)


def test_an_exchange_of_gradients_takes_two_bytes_a_parameter() -> None:
    result = assessed(line("east"))
    assert result.measure("wan.a.b.exchange.train").value == pytest.approx(1e11 * 2 / 12.5e9)
    assert result.measure("wan.a.b.exchange.train.interval").value == pytest.approx(16 / 0.05)
    # With the only line lost nothing carries the backups.
    assert result.measure("wan.a.b.load").value is None


def test_a_restore_comes_over_the_lines_between_the_sites_and_no_others() -> None:
    outside = line("net", rate="400 Gbps")
    del outside["to"]
    result = assessed(line("east", rate="10 Gbps"), outside)
    assert result.measure("lines.a.b").value == 1.25e9
    assert not [measure for measure in result.measures if measure.id == "site.a.lines"]


def test_without_lines_between_sites_nothing_is_said_about_them() -> None:
    assert not [measure for measure in assessed().measures if measure.id.startswith("wan.")]
