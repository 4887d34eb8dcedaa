"""The verdict of a fit, its report, and the numbers of the page about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sovereign_ai.assess.fit.report import assess_fit
from sovereign_ai.assess.fit.workload_file import read_workload
from tests.assess.fit.published import DEPLOYMENTS, Published
from tests.assess.fit.work import job, service
from tests.assess.stacks import stack

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "jobs.md").read_text(encoding="utf-8")


def test_the_page_shows_a_job_with_the_numbers_that_come_out(tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(PAGE.partition("```yaml\n")[2].partition("```")[0])
    factory, plan = stack("lab")
    fit = assess_fit(factory, plan, read_workload(file, factory))
    assert fit.verdict.value == "fits"
    rows = 0
    for part in ("weights", "gradients", "optimizer", "activations", "logits", "total"):
        shown = str(fit.measure(f"memory.{part}")).removesuffix(" (plan)")
        assert f"| {shown} |" in next(line for line in PAGE.splitlines() if line.startswith(f"| {part} |"))
        rows += 1
    assert rows == 6
    assert str(fit.measure("memory.available")).removesuffix(" (estimate)") in PAGE


@pytest.mark.parametrize("published", DEPLOYMENTS, ids=lambda published: published.name)
def test_a_published_deployment_fits_where_its_publisher_says_so(published: Published, tmp_path: Path):
    fit = assess_fit(*published.fleet(tmp_path), published.work)
    checks = {check.label: (check.verdict.value, check.text) for check in fit.checks}
    assert fit.verdict.value == published.verdict, checks
    if published.states:
        parts = [fit.measure(f"memory.{part}").value or 0 for part in ("weights", "gradients", "optimizer")]
        assert sum(parts) == pytest.approx(published.states, rel=0.15)


def test_one_check_that_fails_outweighs_one_that_is_not_known():
    unknown = assess_fit(*stack("lab"), job(tenant=None))
    assert (unknown.verdict.value, unknown.missing) == ("not known", ("tenant",))
    failed = assess_fit(*stack("lab"), job(tenant=None, parallel__data=1))
    assert (failed.verdict.value, failed.missing) == ("does not fit", ("tenant",))


@pytest.mark.parametrize("work", [job(), service()], ids=["job", "service"])
def test_every_number_of_a_line_has_its_reason_down_to_a_source(work: object):
    fit = assess_fit(*stack("lab"), work)  # type: ignore[arg-type]
    for _, names in fit.lines_with_measures():
        assert list(fit.reasons(names, set())) or not names
    for measure in fit.measures:
        assert measure.formula or measure.source, measure.id


def test_the_data_of_a_fit_is_plain_and_holds_each_checks_verdict():
    data = json.loads(json.dumps(assess_fit(*stack("lab"), job(model__layers=None)).to_data()))
    verdicts = {check["label"]: check["verdict"] for check in data["checks"]}
    assert (data["verdict"], data["missing"]) == ("not known", ["model.layers"])
    assert verdicts["pipeline stages"] == "not known"
    assert verdicts["degrees of parallelism"] == "fits"
