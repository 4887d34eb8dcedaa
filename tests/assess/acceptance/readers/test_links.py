"""The reader of error counters."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.readers import links
from tests.assess.acceptance.test_readers import sample


def test_only_what_grew_counts() -> None:
    found = links.read(sample("ethtool-clean.txt"))
    assert found.values == {"ports": 2, "errors": 0, "downs": 0, "rate": pytest.approx(3 / (8 * 5e14))}


def test_a_growing_counter_names_its_port() -> None:
    found = links.read(sample("ethtool-growing.txt"))
    assert (found.values["errors"], found.values["downs"]) == (25, 1)
    assert found.details == (
        "compute1: rx_crc_errors_phy grew by 13",
        "compute1: rx_symbol_err_phy grew by 12",
        "compute1: went down 1 time",
    )


def test_infiniband_counts_words_of_four_bytes() -> None:
    found = links.read(sample("perfquery.txt"))
    assert found.values == {"ports": 2, "errors": 2, "downs": 0, "rate": pytest.approx(3 / (32 * 1e14))}
    assert found.details == ("Port extended counters: Lid 1719 port 1: SymbolErrorCounter grew by 2",)


def test_ports_without_traffic_show_no_error_rate() -> None:
    assert links.read("compute0\nNIC statistics:\n     rx_crc_errors_phy: 0\n").values["rate"] == 1
