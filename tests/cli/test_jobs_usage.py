"""`jobs usage`: what tenants have used, and what a GPU-hour costs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli import jobs_usage
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.api import Api
from sovereign_ai.names import KEYS

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")


class UsageApi(Api):
    """An API server with a workload that was admitted in 2026 and has ended an hour later."""

    def __init__(self, namespace: str = "research", team: str = "") -> None:
        self.namespace = namespace
        self.labels = {KEYS.team: team} if team else {}

    def list(self, _api_version: str, kind: str, *_: Any, **__: Any) -> Any:
        if kind != "Workload":
            return []
        conditions = [
            {"type": "Admitted", "status": "True", "lastTransitionTime": "2026-11-27T12:00:00Z"},
            {"type": "Finished", "status": "True", "lastTransitionTime": "2026-11-27T13:00:00Z"},
            {"type": "Evicted", "status": "False", "lastTransitionTime": "2026-11-27T12:00:00Z"},
        ]
        part = {"name": "main", "resourceUsage": {"nvidia.com/gpu": "64"}}
        metadata = {"name": "job-pretrain-1", "namespace": self.namespace}
        metadata["ownerReferences"] = [{"name": "pretrain"}]  # type: ignore[assignment]
        status = {"conditions": conditions, "admission": {"podSetAssignments": [part]}}
        pods = {"name": "main", "template": {"metadata": {"labels": self.labels}}}
        return [{"metadata": metadata, "spec": {"queueName": "train", "podSets": [pods]}, "status": status}]


@dataclass
class UsageTarget:
    """A cluster that is connected already."""

    api: Api


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*words: object, namespace: str = "research", team: str = "") -> Result:
        target = UsageTarget(UsageApi(namespace, team))
        monkeypatch.setattr(jobs_usage, "open_deployed", lambda *_: target)
        return CliRunner().invoke(app, ["jobs", "usage", LAB, *map(str, words)])

    return run


def test_tenant_and_work_are_shown_with_hours_energy_and_a_bounded_cost(call: Any) -> None:
    lines = call().stdout.splitlines()
    assert lines[1].split()[:3] == ["research", "1", "64.00"]
    assert "research/pretrain  ended 64  64.00" in " ".join(lines)
    assert any("a lower bound" in line for line in lines)
    assert "works that lost their place before, whose time until then is not counted: 1" in lines
    assert lines[-1] == "lab: tenants with usage: 1"


def test_the_cost_is_that_of_the_cost_assessment(call: Any) -> None:
    data = orjson.loads(call("--json").stdout)
    assessed = orjson.loads(CliRunner().invoke(app, ["assess", "cost", LAB, "--json"]).stdout)
    (known,) = [
        each["value"] for each in assessed["assessment"]["measures"] if each["id"] == "gpu-hour.known"
    ]
    assert data["price"] == {"euro": pytest.approx(known), "is_lower_bound": True}
    assert data["tenants"][0]["gpu_hours"] == data["works"][0]["gpu_hours"] == 64.0


def test_the_rows_of_tenants_are_written_for_the_period(call: Any, tmp_path: Path) -> None:
    file = tmp_path / "tenants.csv"
    result = call("--focus", file, "--since", "2026-11-27T12:30:00+00:00")
    assert f"wrote {file}" in result.stdout.replace("\n", "")
    (row,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert (row["SubAccountId"], row["ConsumedQuantity"]) == ("research", "32.0000")
    assert row["ResourceId"] == "research/pretrain"
    assert row["ChargePeriodStart"] == "2026-11-27T12:30:00Z"


def test_nothing_used_says_so(call: Any) -> None:
    result = call(namespace="default")
    assert result.exit_code == 0
    assert result.stdout.startswith("no work of a tenant was admitted in this period")


@pytest.mark.parametrize("since", ["2999-01-01", "9999-12-31T23:59:59+00:00"])
def test_a_period_that_has_not_begun_is_refused(call: Any, since: str, tmp_path: Path) -> None:
    result = call("--since", since, "--focus", tmp_path / "tenants.csv", "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["problems"][0]["code"] == "bad-date"


def test_a_day_that_is_none_is_refused_with_an_example(call: Any) -> None:
    result = call("--since", "yesterday", "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["problems"][0]["code"] == "bad-date"


def test_a_team_has_a_row_of_its_own_and_a_tag_in_the_rows_of_focus(call: Any, tmp_path: Path) -> None:
    assert "team" not in call().stdout.split()
    file = tmp_path / "tenants.csv"
    lines = call("--focus", file, team="vision").stdout.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("research/vision")] == [
        ["research/vision", "1", "64.00"]
    ]
    with file.open(encoding="utf-8", newline="") as text:
        (row,) = csv.DictReader(text)
    assert orjson.loads(row["Tags"]) == {"team": "vision"}
    data = orjson.loads(call("--json", team="vision").stdout)
    assert [(each["team"], each["gpu_hours"]) for each in data["teams"]] == [("vision", 64.0)]
    assert "team" not in data["tenants"][0]


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00+14:00", "2016-12-31T23:59:60Z", "2026-02-30", "yesterday"]
)
def test_a_day_that_is_none_is_refused(call: Any, since: str, tmp_path: Path) -> None:
    result = call("--since", since, "--focus", tmp_path / "tenants.csv", "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["problems"][0]["code"] == "bad-date"


def test_work_is_charged_to_its_own_months_however_long_the_period_is(call: Any, tmp_path: Path) -> None:
    file = tmp_path / "tenants.csv"
    assert call("--focus", file, "--since", "0001-01-01").exit_code == 0
    (row,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert (row["BillingPeriodStart"], row["ConsumedQuantity"]) == ("2026-11-01T00:00:00Z", "64.0000")
