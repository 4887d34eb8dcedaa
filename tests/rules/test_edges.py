"""Rules on the description at their edges: what is just enough, just too much, and next to what they are
about.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.whole_check import decide
from tests.rules.test_described import (
    BACKUP,
    FACTORY,
    GATE,
    HEAVY,
    KEY,
    NAMED,
    TODAY,
    ZONES,
    body,
    certificate,
    contract,
    fabric,
    factory_of,
    holders,
    of,
    operator,
    part,
    policy,
    power,
    site,
    tier,
    uplink,
    waiver,
    workload,
    zone,
)

SCRATCH, BUCKET = FACTORY["storage"]
TRAIN, SERVE = FACTORY["pools"]
RESEARCH, STARTUPS = FACTORY["tenants"]
THERE = FACTORY["sites"][1]
LOAD = next(one.it_load for one in plan(factory_of()).power if one.site == "fra1")
"""What the small factory's machines draw, in watts."""
ALONE: dict[str, Any] = {
    "zones": [{**ZONES[0], "allow": [], "isolation": {"nodes": "shared", "in_band": "none"}}],
    "pools": [TRAIN],
    "tenants": [RESEARCH],
    "storage": [SCRATCH],
    "gateways": [],
}
"""One zone, which nothing has to be kept from."""
THIRD = {"name": "outer", "trust": "low", "tenants": []}
CHAIN: dict[str, Any] = {
    "zones": [ZONES[0], {**ZONES[1], "allow": [{"to": "outer", "ports": [443]}]}, THIRD],
    "gateways": [{**GATE, "zones": ["outer"]}],
}
"""A gateway two flows away."""
NOBODYS: dict[str, Any] = {"residency": [], "tenants": [{**RESEARCH, "data": []}, STARTUPS]}
"""No data that a policy is for."""
APART = {"storage": [{**SCRATCH, "sites": ["fra1"], "backup": BACKUP}, {**BUCKET, "sites": ["zrh1"]}]}
LINE_THERE = {"sites": [FACTORY["sites"][0], {**THERE, "uplinks": [uplink(route=["US"], encryption="none")]}]}

EDGES: list[tuple[str, str, dict[str, Any], str]] = [
    # as in tests/rules/test_described.py
    ("ACC-003", "high trust may call high trust", {"zones": [ZONES[0], {**ZONES[1], "trust": "high"}]}, ""),
    ("ACC-004", "a flow that never is", zone(0, allow=[{"to": "open", "never": True}]), ""),
    (
        "ACC-004",
        "a gateway of the own zone",
        {"gateways": [{**GATE, "zones": ["restricted"]}]} | zone(0, allow=[]),
        "",
    ),
    ("ACC-004", "a gateway two flows away", CHAIN, "zones[0].allow"),
    ("LNK-002", "a foreign hop at a site without such data", LINE_THERE, ""),
    (
        "LNK-002",
        "a foreign hop and a policy for every zone",
        policy(zones=[]) | site(uplinks=[uplink(route=["CH"])]),
        "sites[0].uplinks[0].route",
    ),
    ("SEP-001", "an open fabric at every site", fabric(isolation="none", sites=[]), "fabrics[0].isolation"),
    (
        "SEP-001",
        "one zone at the fabric's only site",
        fabric(isolation="none", sites=["fra1"]) | {"pools": [TRAIN, {**SERVE, "site": "zrh1"}]},
        "",
    ),
    (
        "SEP-001",
        "two zones on an open fabric, by their pools",
        fabric(isolation="none", pools=["serve", "train"]),
        "fabrics[0].isolation",
    ),
    ("SEP-002", "nothing around the only zone", ALONE, ""),
    ("SEP-003", "shared machines in the only zone", ALONE, ""),
    (
        "SEP-004",
        "a tenant with data in two zones of low trust",
        zone(1, tenants=["startups", "research"])
        | {"zones": [{**ZONES[0], "trust": "medium"}, {**ZONES[1], "tenants": ["startups", "research"]}]},
        "",
    ),
    (
        "SEP-004",
        "a tenant without data at both levels",
        zone(1, tenants=["startups", "research"]) | NOBODYS,
        "",
    ),
    (
        "RES-002",
        "snapshots at home, another tier abroad",
        {
            "storage": [
                {**APART["storage"][0], "snapshots": {"every": "1 h", "keep": 24}},
                APART["storage"][1],
            ]
        },
        "",
    ),
    ("RES-005", "a policy for every zone without logs", policy(zones=[], logs=[]), "residency[0].logs"),
    ("RES-007", "a tier with an end and no backup", tier(retention="7 d"), ""),
    ("RES-008", "a policy for every zone", policy(zones=[]), ""),
    ("RES-008", "a workload under a policy for every zone", workload() | policy(zones=[]), ""),
    ("RES-010", "a backup beside its tier, another tier elsewhere", APART, "storage[0].backup.site"),
    (
        "KEY-003",
        "a key in a file that nothing uses",
        {"keys": [KEY, {**KEY, "name": "other", "module": "software"}]},
        "",
    ),
    (
        "TRF-001",
        "a recipient of the EEA",
        {"gateways": [{**GATE, "seat": "FR", "zones": ["restricted"]}]}
        | policy(**NAMED, transfer="adequacy"),
        "",
    ),
    (
        "TRF-001",
        "binding rules with the parent",
        operator(
            parent={"seat": "DE", "name": "Example Group"},
            sub_processors=[
                {"name": "Example Group", "seat": "US", "purpose": "billing", "data": ["personal"]}
            ],
        )
        | policy(transfer="bcr"),
        "",
    ),
    (
        "TRF-002",
        "a decision in force with a condition",
        policy(staff_access=["DE", "CA"]),
        "residency[0].staff_access",
    ),
    ("LAW-001", "a holder of half", holders(("US", "50 %"), ("DE", "50 %")), ""),
    (
        "LAW-001",
        "a holder of a little more",
        holders(("US", "50.01 %"), ("DE", "49.99 %")),
        "operator.shareholders[0].seat",
    ),
    (
        "LAW-001",
        "a parent where the data may be",
        operator(parent={"seat": "US"}) | policy(**{"in": ["DE", "US"]}),
        "",
    ),
    ("LAW-001", "a parent abroad and no such data", operator(parent={"seat": "US"}) | NOBODYS, ""),
    (
        "LAW-002",
        "a sub-processor where the data may be",
        body(parent_seat="US") | policy(**{"in": ["DE", "US"]}),
        "",
    ),
    ("LAW-002", "a sub-processor under a law that does not reach", body(seat="IN"), ""),
    ("LAW-003", "no holder is declared", {}, ""),
    (
        "STF-001",
        "staff abroad",
        operator(staff={"location": ["IN"], "citizenship": ["EU"]}),
        "operator.staff.location",
    ),
    ("STF-001", "a security operations centre abroad", operator(soc=["IN"]), "operator.soc"),
    (
        "STF-002",
        "citizens of another country and no such data",
        operator(staff={"location": ["DE"], "citizenship": ["CN"]}) | NOBODYS,
        "",
    ),
    ("STF-003", "no zone of high trust", zone(0, trust="medium"), ""),
    ("SUP-001", "updates from abroad", part(control_channel="updates"), ""),
    ("SUP-002", "a licence server abroad", part(control_channel="licence"), ""),
    ("SUP-002", "updates from home", part(control_channel="updates", jurisdiction="DE"), ""),
    ("SUP-003", "a licence server abroad", part(control_channel="licence"), ""),
    ("SUP-004", "a licence server abroad", part(control_channel="licence"), ""),
    (
        "SUP-004",
        "telemetry where metrics may be and logs may not",
        part(control_channel="telemetry") | policy(metrics=["US"]),
        "",
    ),
    ("SUP-004", "telemetry where logs may be", part(control_channel="telemetry") | policy(logs=["US"]), ""),
    ("SUP-005", "two sources and no store", part(lead_time="180 d", alternative="Example Drivers"), ""),
    ("SUP-005", "one source at once", part(), ""),
    ("CRT-002", "a certificate that ended yesterday", certificate("2026-11-23"), ""),
    (
        "CRT-002",
        "a certificate on its last day",
        certificate("2026-11-24"),
        "operator.certificates[0].expires",
    ),
    (
        "NRG-001",
        "a large pool that infers",
        power(ramp_limit="21 kW/s") | {"pools": [TRAIN, {**SERVE, "nodes": 9}]},
        "",
    ),
    (
        "NRG-001",
        "a large pool at another site",
        power(ramp_limit="1 kW/s") | {"pools": [{**TRAIN, "site": "zrh1"}, SERVE]},
        "",
    ),
    ("NRG-001", "a pool as large as the ramp", power(ramp_limit="20400 W/s"), ""),
    ("NRG-001", "a pool a little larger", power(ramp_limit="20399 W/s"), "sites[0].power.ramp_limit"),
    ("NRG-002", "exactly enough contracted", site(contracts=[contract(power=f"{LOAD} W")]), ""),
    (
        "NRG-002",
        "a watt too little contracted",
        site(contracts=[contract(power=f"{LOAD - 1} W")]),
        "sites[0].contracts",
    ),
    (
        "NRG-003",
        "a large site outside the Union",
        {"pools": [{**HEAVY["pools"][0], "site": "zrh1"}, SERVE]},
        "",
    ),
    ("WVR-003", "a waiver of today", waiver(created="2026-11-24"), ""),
]


@pytest.mark.parametrize(
    ("rule", "changes", "field"),
    [(a, c, d) for a, _, c, d in EDGES],
    ids=[f"{a} {b}" for a, b, _, _ in EDGES],
)
def test_a_rule_is_exact_at_its_edges(rule: str, changes: dict[str, Any], field: str) -> None:
    found = of(rule, factory_of(**changes))
    fields = [one.where.field for one in found]
    assert (field in fields) if field else not fields, [one.message for one in found]


def test_logs_are_asked_about_only_where_a_cluster_runs_a_zone_of_the_data() -> None:
    factory = factory_of(**policy(logs=["DE"]))
    derived = plan(factory)
    here = replace(
        derived.clusters[0],
        namespaces=tuple(one for one in derived.clusters[0].namespaces if one.zone == "restricted"),
    )
    there = replace(
        derived.clusters[0],
        name="there",
        jurisdiction="CH",
        namespaces=tuple(one for one in derived.clusters[0].namespaces if one.zone == "open"),
    )
    parted = replace(derived, clusters=(here, there))
    assert [one for one in decide(factory, parted, TODAY) if one.rule == "RES-005"] == []
    mixed = replace(derived, clusters=(here, replace(there, namespaces=derived.clusters[0].namespaces)))
    assert [one.where.field for one in decide(factory, mixed, TODAY) if one.rule == "RES-005"] == [
        "residency[0].logs"
    ]


@pytest.mark.parametrize(
    ("expires", "words"),
    [("2026-11-24", "it ended on"), ("2026-11-25", "in 1 day"), ("2026-12-08", "in 14 days")],
    ids=["today", "tomorrow", "soon"],
)
def test_a_waiver_has_ended_on_its_last_day_and_not_before(expires: str, words: str) -> None:
    (finding,) = of("WVR-003", factory_of(**waiver(expires=expires)))
    assert words in finding.message


FAR = ["AU", "BR", "CN", "GB", "IN", "JP", "US"]


@pytest.mark.parametrize(("countries", "cut"), [(FAR[:6], False), (FAR, True)], ids=["six", "seven"])
def test_six_countries_are_named_and_more_are_shortened(countries: list[str], cut: bool) -> None:
    (support,) = of("STF-001", factory_of(**operator(support=countries)))
    (citizens,) = of("STF-002", factory_of(**operator(staff={"location": ["DE"], "citizenship": countries})))
    for finding in (support, citizens):
        assert ", ".join(FAR[:6]) in finding.message
        assert (", …" in finding.message) == cut


def test_laws_that_bind_citizens_are_named_and_only_those_that_do() -> None:
    (told,) = of("STF-002", factory_of(**operator(staff={"location": ["DE"], "citizenship": ["CN", "IN"]})))
    (silent,) = of("STF-002", factory_of(**operator(staff={"location": ["DE"], "citizenship": ["IN"]})))
    assert "CN: " in told.message
    assert "IN: " not in told.message
    assert silent.message.endswith("citizens of IN too")


def test_a_list_that_permits_nothing_is_reported_as_no_country() -> None:
    nothing = {
        "backups": (factory_of(**tier(backup=BACKUP), **policy(backups=[])), "RES-002"),
        "logs": (factory_of(**policy(logs=[])), "RES-005"),
    }
    for factory, rule in nothing.values():
        assert "no country" in of(rule, factory)[0].message
    abroad = {"site": "zrh1", "every": "1 d", "retention": "30 d"}
    assert "may be in DE" in of("RES-002", factory_of(**tier(backup=abroad)))[0].message
    telemetry = of("SUP-004", factory_of(**part(control_channel="telemetry"), **policy(logs=["DE", "FR"])))
    assert "may be in DE, FR" in telemetry[0].message
    assert (
        "may be in no country"
        in of("SUP-004", factory_of(**part(control_channel="telemetry"), **policy(logs=[])))[0].message
    )
