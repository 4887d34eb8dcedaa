"""Each reader on outputs in the shape of the real tools, and on texts that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.assess.acceptance.readers import READERS, dcgm, fio, kernel, links, nccl, read
from sovereign_ai.assess.acceptance.readers.reading import UnreadableError

SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def test_the_bus_bandwidth_is_the_lower_one_at_the_largest_size() -> None:
    found = nccl.read(sample("nccl-h100.txt"))
    assert found.values == {"bus": pytest.approx(477.92), "size": 2**34, "wrong": 0, "ranks": 8}


def test_a_launchers_marks_do_not_hide_the_table() -> None:
    found = nccl.read(sample("nccl-two-machines-mpirun.txt"))
    assert found.values["bus"] == pytest.approx(338.46)
    assert found.values["ranks"] == 16


def test_a_table_of_2019_has_other_columns_and_its_small_errors_count() -> None:
    found = nccl.read(sample("nccl-2019.txt"))
    assert (found.values["bus"], found.values["ranks"]) == (10.70, 2)
    assert found.values["wrong"] == pytest.approx(2e-7)


def test_what_is_not_checked_in_place_is_not_wrong() -> None:
    assert nccl.read(sample("nccl-alltoall.txt")).values["wrong"] == 0


def test_wrong_values_are_counted() -> None:
    text = sample("nccl-h100.txt").replace("values : 0 OK", "values : 3 FAILED")
    assert nccl.read(text).values["wrong"] == 3


def test_a_table_that_was_cut_off_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="did not come to its end"):
        nccl.read(sample("nccl-h100.txt").partition("# Out of bounds")[0])


def test_dcgm_4_names_gpus_by_entity() -> None:
    found = dcgm.read(sample("dcgm4-pass.json"))
    assert found.values == {"gpus": 8, "passed": 48, "failed": 0, "warned": 0, "not run": 0}


def test_a_failed_diagnostic_tells_gpu_and_reason() -> None:
    found = dcgm.read(sample("dcgm4-fail.json"))
    assert found.values["failed"] == 1
    assert found.details == ("memory on GPU 3: failed: GPU 3 has uncorrectable memory errors and row remappings are pending.",)


def test_dcgm_3_names_gpus_in_a_list_and_speaks_before_its_json() -> None:
    found = dcgm.read(sample("dcgm3-fail.json"))
    assert (found.values["gpus"], found.values["failed"], found.values["passed"]) == (8, 1, 9)
    assert found.details == ("GPU Memory on GPU 5: failed: GPU 5 fell short of its memory bandwidth.",)


@pytest.mark.parametrize("word", ["Skip", "NOT_RUN", "Healthy enough", ""])
def test_no_word_but_pass_is_a_pass(word: str) -> None:
    text = sample("dcgm4-skip.json").replace('"Skip"', f'"{word}"')
    assert dcgm.read(text).values["not run"] == 8


def test_a_diagnostic_that_could_not_start_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="could not run: no GPU"):
        dcgm.read('{"DCGM Diagnostic": {"runtime_error": "no GPU"}}')
    with pytest.raises(UnreadableError, match="no result of any test"):
        dcgm.read('{"DCGM GPU Diagnostic": {"version": "4.2.3"}}')


def test_fio_tells_read_and_write_of_the_groups_that_ran_apart() -> None:
    assert fio.read(sample("fio-machine.json")).values == {"read": 8.4, "write": 3.1, "errors": 0, "seconds": 120}


@pytest.mark.parametrize(("name", "read_gb", "write_gb"), [("", 1.056422312, 5.613465804), ("-client", 0.918812103, 3.58715439)])
def test_what_fio_3_33_really_printed_is_read_with_its_lines_before_the_json(name: str, read_gb: float, write_gb: float) -> None:
    found = fio.read(sample(f"fio-recorded{name}.txt"))
    assert (found.values["read"], found.values["write"], found.values["errors"]) == (read_gb, write_gb, 0)


def test_clients_are_summed_once_and_their_own_sum_left_out() -> None:
    found = fio.read(sample("fio-clients.json"))
    assert found.values["read"] == pytest.approx(42)
    assert found.values["write"] == pytest.approx(20.4)


def test_a_job_with_an_error_is_told() -> None:
    found = fio.read(sample("fio-error.json"))
    assert (found.values["errors"], found.details) == (1, ("read: error 5",))


def test_only_what_grew_counts() -> None:
    found = links.read(sample("ethtool-clean.txt"))
    assert found.values == {"ports": 2, "errors": 0, "downs": 0, "rate": pytest.approx(3 / (8 * 5e14))}


def test_a_growing_counter_names_its_port() -> None:
    found = links.read(sample("ethtool-growing.txt"))
    assert (found.values["errors"], found.values["downs"]) == (25, 1)
    assert found.details == (
        "compute1: rx_crc_errors_phy grew by 13",
        "compute1: rx_symbol_err_phy grew by 12",
        "compute1: went down 1 times",
    )


def test_infiniband_counts_words_of_four_bytes() -> None:
    found = links.read(sample("perfquery.txt"))
    assert found.values == {"ports": 2, "errors": 2, "downs": 0, "rate": pytest.approx(3 / (32 * 1e14))}
    assert found.details == ("Port extended counters: Lid 1719 port 1: SymbolErrorCounter grew by 2",)


def test_ports_without_traffic_show_no_error_rate() -> None:
    assert links.read("compute0\nNIC statistics:\n     rx_crc_errors_phy: 0\n").values["rate"] == 1


def test_a_burn_in_counts_between_its_own_lines_and_hardware_alone() -> None:
    found = kernel.read(sample("journal.txt"))
    assert found.values == {"hours": 73.5, "hardware": 1, "other": 1}
    assert found.details == ("Xid 79 on 0000:5d:00",)


@pytest.mark.parametrize("line", ["burn-in begins", "burn-in ends"])
def test_a_log_without_begin_or_end_is_no_result(line: str) -> None:
    with pytest.raises(UnreadableError, match="no line"):
        kernel.read("".join(row for row in sample("journal.txt").splitlines(keepends=True) if line not in row))


def test_a_log_without_times_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="short-iso"):
        kernel.read(sample("journal.txt").replace("2026-11-20T09:00:00+0100", "Nov 20 09:00:00"))


KEYS = ("jobs", "client_stats", "groupid", "error", "read", "write", "bw_bytes", "runtime", "DCGM Diagnostic", "test_categories", "tests")
MORE = ("results", "status", "warnings", "info", "gpu_ids", "entity_group", "entity_id", "runtime_error", "name", "jobname")
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just("Pass")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS + MORE), inner, max_size=4)),
)
WORDS = st.lists(st.sampled_from(("#", "busbw", "size", "8", "nan", "# Out of bounds values : 0 OK", "p0", " a: 3", kernel.BEGIN, "\n")))


@given(st.sampled_from(sorted(READERS)), st.one_of(st.text(), ODD.map(json.dumps), WORDS.map(" ".join)))
def test_no_text_ends_otherwise_than_in_a_reading_or_in_unreadable(tool: str, text: str) -> None:
    try:
        reading = read(tool, text)
    except UnreadableError:
        return
    assert all(isinstance(value, float | int) for value in reading.values.values())


@pytest.mark.parametrize(("old", "new", "name"), [("1e-07", "inf", "wrong"), ("  1073741824 ", f"  {'9' * 400} ", "size")])
def test_a_number_without_an_end_is_no_result(old: str, new: str, name: str) -> None:
    text = sample("nccl-2019.txt")
    assert old in text
    with pytest.raises(UnreadableError, match=f"not finite: {name}"):
        read("nccl", text.replace(old, new))
