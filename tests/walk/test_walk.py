"""The data at each station of the line, as files that a reader can follow; see README.md."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.rules.whole_check import check
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load

if TYPE_CHECKING:
    from tests.conftest import Deployed

HERE = Path(__file__).resolve().parent / "lab"
STACK = HERE.parents[2] / "stacks" / "lab"
DAY = date(2026, 11, 24)
Golden = Callable[[Path, str], None]


def pretty(data: object) -> str:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


@pytest.fixture(scope="module")
def line() -> tuple[AIFactory, Plan, Bundle]:
    factory = load(STACK)
    derived = plan(factory)
    return factory, derived, render(factory, derived, "lab")


def test_1_the_description_with_every_default_written_out(
    line: tuple[AIFactory, Plan, Bundle], golden: Golden
) -> None:
    golden(HERE / "1-spec" / "factory.json", pretty(line[0].to_data()))


def test_2_the_plan_part_by_part(line: tuple[AIFactory, Plan, Bundle], golden: Golden) -> None:
    data = line[1].to_data()
    for part in ("nodes", "racks", "power", "prefixes", "partitions", "storage", "clusters"):
        golden(HERE / "2-plan" / f"{part}.json", pretty(data[part]))
    for fabric in data["fabrics"]:
        rows = "".join(f"{a},{port},{b},{other}\n" for a, port, b, other in fabric["cables"])
        golden(HERE / "2-plan" / f"{fabric['name']}.cables.csv", "a,a_port,b,b_port\n" + rows)
        golden(
            HERE / "2-plan" / f"{fabric['name']}.json",
            pretty({key: fabric[key] for key in fabric if key != "cables"}),
        )


def test_3_the_objects(line: tuple[AIFactory, Plan, Bundle], golden: Golden, tmp_path: Path) -> None:
    files = line[2].write(tmp_path)
    for file in files:
        golden(HERE / "3-objects" / file.relative_to(tmp_path), file.read_text())
    kept = {path.relative_to(HERE / "3-objects") for path in (HERE / "3-objects").rglob("*.yaml")}
    assert kept == {file.relative_to(tmp_path) for file in files}


def test_4_the_verdict_before_anything_is_deployed(
    line: tuple[AIFactory, Plan, Bundle], golden: Golden
) -> None:
    golden(
        HERE / "4-rules" / "verdict.json", pretty(check(line[0], line[1], line[2].objects, now=DAY).to_data())
    )


@pytest.mark.cluster
def test_5_the_resources_that_pulumi_keeps(deployed_lab: Deployed, golden: Golden) -> None:
    resources = sorted(deployed_lab.resources, key=lambda item: (item["parent"], item["type"], item["name"]))
    golden(HERE / "5-deploy" / "resources.json", pretty(resources))


@pytest.mark.cluster
def test_6_what_is_really_there(deployed_lab: Deployed, golden: Golden) -> None:
    golden(HERE / "6-verify" / "verdict.json", pretty(_verdict(deployed_lab)))


@pytest.mark.cluster
def test_7_the_chain_of_digests(deployed_lab: Deployed, golden: Golden) -> None:
    factory, derived, bundle = deployed_lab.factory, deployed_lab.plan, deployed_lab.bundle
    live = deployed_lab.api.get("v1", "ConfigMap", "factory", "sovereign-system")
    assert live is not None
    chain = {
        "spec": factory.digest,
        "plan": derived.digest,
        "bundle": bundle.digest,
        "live": live["data"],
        "verdict": hashlib.sha256(
            orjson.dumps(_verdict(deployed_lab), option=orjson.OPT_SORT_KEYS)
        ).hexdigest(),
    }
    golden(HERE / "7-evidence" / "digests.json", pretty(chain))


def test_7_the_digests_that_need_no_cluster_are_those_that_the_chain_holds(
    line: tuple[AIFactory, Plan, Bundle],
) -> None:
    """A stale chain fails before a control plane is needed; `-m cluster --update-golden` writes it anew."""
    factory, derived, bundle = line
    kept = orjson.loads((HERE / "7-evidence" / "digests.json").read_bytes())
    label = next(
        each
        for each in bundle.objects
        if (each["kind"], each["metadata"]["name"]) == ("ConfigMap", "factory")
    )
    assert kept["spec"] == factory.digest
    assert kept["plan"] == derived.digest
    assert kept["bundle"] == bundle.digest
    assert kept["live"] == label["data"]


def _verdict(lab: Deployed) -> dict[str, Any]:
    from sovereign_ai.verify.verdict import verify

    data = verify(lab.api, lab.factory, lab.plan, lab.bundle, cluster="lab").to_data()
    return {key: value for key, value in data.items() if key != "observed_at"}
