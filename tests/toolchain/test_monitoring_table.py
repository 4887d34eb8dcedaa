from __future__ import annotations

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.monitoring_table import MONITORING_ROWS
from sovereign_ai.toolchain.row import parse_version
from sovereign_ai.toolchain.table import TOOLS


def test_what_watches_is_installed_by_name_alone() -> None:
    for row in MONITORING_ROWS:
        assert TOOLS[row.name] is row
        assert row.optional
        assert row.group == "monitoring"
        assert row.accepts(row.version)


def test_the_module_of_prometheus_has_the_number_that_stands_for_its_release() -> None:
    source = TOOLS["prometheus"].source
    assert source is not None
    # v0.313.5 of the module is release 3.13.5: modules of a major version above 1 need another path.
    _, minor, patch = parse_version(source.version)
    release = parse_version(TOOLS["prometheus"].version)
    assert (minor // 100, minor % 100, patch) == release


def test_prometheus_is_built_without_discovery_that_asks_clouds() -> None:
    source = TOOLS["prometheus"].source
    assert source is not None
    assert "remove_all_sd" in source.tags


def test_debians_prometheus_does_not_suit() -> None:
    assert not TOOLS["prometheus"].accepts("2.42.0")


def test_who_misses_an_optional_tool_is_told_to_install_it_by_name() -> None:
    with pytest.raises(EnvironmentLacksError) as error:
        find("prometheus")
    assert error.value.problems[0].hint == "run `sovereign-ai tools install prometheus`"
