"""The KPI file of the European database."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.energy.report import assess_energy
from tests.assess.stacks import stack


def test_the_kpi_file_has_what_is_known_and_says_what_must_be_measured():
    report = assess_energy(*stack("superpod")).kpis[0]
    fields = report["fields"]
    assert fields["PD_IT"]["value"] == pytest.approx(1444.3)
    assert fields["C_STOR"]["value"] == pytest.approx(3.5)
    assert fields["W_IN"]["value"] is None
    assert fields["W_IN"]["needs"]
    assert {"PUE", "WUE", "ERF", "REF", "E_DC", "E_IT", "E_RES-TOT", "CDD"} <= set(fields)
