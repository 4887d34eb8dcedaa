"""Results judged against the lab's sheet, and the command."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.assess.acceptance.acceptance_sheet import sheet
from sovereign_ai.assess.acceptance.readers.kernel import BEGIN, END
from sovereign_ai.assess.acceptance.tests import AcceptanceTest, Limit, file_name
from sovereign_ai.assess.acceptance.verdicts import Acceptance, AcceptanceOutcome, Miss, judge
from sovereign_ai.cli.main import app
from sovereign_ai.errors import UsageError
from tests.assess.acceptance.test_readers import sample
from tests.conftest import STACKS
from tests.render.lab import stack


def nccl(bus: float, ranks: int) -> str:
    lines = sample("nccl-h100.txt").splitlines(keepends=True)
    head = [
        line
        for line in lines
        if line.startswith("#") and "Rank" not in line and "Out of" not in line and "Avg" not in line
    ]
    names = [
        f"#  Rank {rank:>3} Group  0 Pid  1 on train-001 device  0 [0000:1b:00] NVIDIA H100 80GB HBM3\n"
        for rank in range(ranks)
    ]
    row = f" 17179869184  4294967296  float  sum  -1  1.0  1.0  {bus:.2f}  0  1.0  1.0  {bus:.2f}  0\n"
    return "".join([*names, *head, row, "# Out of bounds values : 0 OK\n"])


def good(test: AcceptanceTest) -> str:
    """Give an output that meets every limit of a test, as the tool would print it."""
    limits = {limit.metric: limit.value for limit in test.limits}
    if test.tool == "nccl":
        return nccl(limits["bus"] + 1, int(limits["ranks"]))
    if test.tool == "dcgm":
        return sample("dcgm4-pass.json")
    if test.tool == "fio":
        jobs = [
            {"jobname": one, "groupid": at, "error": 0, one: {"bw_bytes": limits[one] * 1e9}}
            for at, one in enumerate(("read", "write"))
        ]
        return orjson.dumps({"jobs": jobs}).decode()
    if test.tool == "links":
        return "".join(
            f"p{port}\nNIC statistics:\n rx_crc_errors_phy: 0\n rx_bytes_phy: {10**15}\n"
            for port in range(int(limits["ports"]))
        )
    return f"2026-11-20T00:00:00+0100 m kernel: {BEGIN}\n2026-11-23T00:00:00+0100 m kernel: {END}\n"


@pytest.fixture
def results() -> dict[str, str]:
    """A result for every run of the lab, all good."""
    return {
        file_name(subject, test.name): good(test)
        for subject, test in sheet(*stack("lab")).runs()
        if test.tool != "count"
    }


def judged(results: dict[str, str]) -> Acceptance:
    return judge(sheet(*stack("lab")), results)


def the(found: Acceptance, subject: str, test: str) -> AcceptanceOutcome:
    (one,) = [one for one in found.outcomes if (one.subject, one.test) == (subject, test)]
    return one


def test_a_site_that_shows_all_of_it_is_accepted(results: dict[str, str]) -> None:
    found = judged(results)
    assert found.accepted
    assert {state for counts in found.counts().values() for state in counts} == {"passed"}
    assert set(found.counts()) == {"node", "rail", "unit", "site"}


def test_nothing_shown_is_nothing_accepted() -> None:
    found = judged({})
    assert not found.accepted
    assert {one.state for one in found.outcomes} == {"not run"}


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            "train-001.collectives",
            "compute-fra1-p0-r3-restricted.collectives",
            "scratch-fra1.storage",
            "serve-002.links",
        }
    ),
)
def test_one_result_missing_is_enough_not_to_accept(results: dict[str, str], name: str) -> None:
    del results[name]
    assert not judged(results).accepted


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "train-001.collectives",
            nccl(338.8, 8),
            "the scale-up network of dgx-h100, 900 GB/s a GPU: bus 338.8 GB/s, wanted at least 460",
        ),
        ("train-001.collectives", nccl(470, 7), "8 GPUs in each dgx-h100: ranks 7, wanted at least 8"),
        (
            "train-002.diagnostics",
            sample("dcgm4-fail.json"),
            "8 sound GPUs in each dgx-h100: failed 1, wanted at most 0",
        ),
        (
            "train-002.diagnostics",
            sample("dcgm4-skip.json"),
            "8 sound GPUs in each dgx-h100: not run 8, wanted at most 0",
        ),
        (
            "train-003.storage-scratch",
            sample("fio-machine.json"),
            "one machine's rate to write scratch, 4 GB/s: write 3.1 GB/s, wanted at least 4",
        ),
        (
            "serve-001.links",
            sample("ethtool-growing.txt"),
            "10 ports of each machine of serve without errors: errors 25, wanted at most 0",
        ),
        ("serve-001.burn-in", sample("journal.txt"), "GPUs that last: hardware 1, wanted at most 0"),
        (
            "compute-fra1-p0-r3-restricted.collectives",
            nccl(24, 12),
            "a rail of compute-fra1-p0, 400 Gbps a port: bus 24 GB/s, wanted at least 40",
        ),
    ],
)
def test_a_miss_names_the_planned_figure(results: dict[str, str], name: str, text: str, said: str) -> None:
    found = judged(results | {name: text})
    outcome = the(found, *name.split("."))
    assert outcome.state == "missed"
    assert said in [str(miss) for miss in outcome.misses]
    assert not found.accepted


def test_more_broken_machines_than_the_counted_rate_makes_likely_fail_the_site(
    results: dict[str, str],
) -> None:
    for number in (1, 2, 3):
        results[f"train-{number:03d}.burn-in"] = sample("journal.txt")
    site = the(judged(results), "fra1", "burn-in")
    assert (site.state, site.details) == ("missed", ("train-001", "train-002", "train-003"))
    results["train-003.burn-in"] = results["train-004.burn-in"]
    assert the(judged(results), "fra1", "burn-in").state == "passed"
    del results["train-003.burn-in"]
    assert the(judged(results), "fra1", "burn-in").state == "not run"


def test_a_result_that_cannot_be_read_is_told_and_not_accepted(results: dict[str, str]) -> None:
    found = judged(results | {"train-001.diagnostics": "Error: unable to connect to host engine"})
    assert the(found, "train-001", "diagnostics").state == "unreadable"
    assert not found.accepted


def test_results_of_no_test_are_refused_with_the_nearest_name(results: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'train-001\.links'"):
        judged(results | {"train-001.link": ""})


def test_the_command_judges_a_folder(results: dict[str, str], tmp_path: Path) -> None:
    for name, text in results.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    arguments = ["acceptance", "judge", str(STACKS / "lab"), str(tmp_path)]
    fine = CliRunner().invoke(app, arguments)
    assert (fine.exit_code, fine.stdout.splitlines()[-1]) == (0, "accepted")
    (tmp_path / "train-001.collectives.txt").write_text(nccl(338.8, 8), encoding="utf-8")
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 1
    assert "missed train-001 collectives" in told.stdout
    data = orjson.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [one["misses"][0]["metric"] for one in data["open"]] == ["bus"]
    miss = data["open"][0]["misses"][0]
    assert (miss["value"], miss["limit"]) == (338.8, 460)


def test_a_number_that_the_output_lacks_is_null_beside_its_limit() -> None:
    limit = Limit(
        "bus", 460, "GB/s", least=True, planned="the network", source="a benchmark", low=450, high=470
    )
    data = Miss(limit, None).to_data()
    assert (data["value"], data["limit"], data["low"], data["high"]) == (None, 460, 450, 470)
    assert set(data) == {"value", "message", "metric", "limit", "unit", "planned", "source", "low", "high"}


def test_the_command_prints_the_sheet() -> None:
    data = orjson.loads(CliRunner().invoke(app, ["acceptance", "plan", str(STACKS / "lab"), "--json"]).stdout)
    assert len(data["sheet"]["tests"]) == len(sheet(*stack("lab")).tests)
