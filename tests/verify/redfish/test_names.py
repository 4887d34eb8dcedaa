from __future__ import annotations

from sovereign_ai.catalog.accelerator import accelerators
from sovereign_ai.verify.redfish.names import gpu_of, plain, same_model


def test_case_blanks_and_signs_make_no_difference() -> None:
    assert plain("AS -8125GS_TNMR2") == "as8125gstnmr2"
    assert same_model("dgx-h100", "DGX H100", ())
    assert same_model("dgx-h100", "PowerEdge", ("power-edge",))
    assert not same_model("dgx-h100", "", ())


def test_the_longest_name_counts() -> None:
    assert gpu_of("NVIDIA GB200 192GB") == "gb200"
    assert gpu_of("NVIDIA B200") != "gb200"


def test_every_accelerator_is_recognised_by_its_own_name() -> None:
    assert {gpu_of(row.name) for row in accelerators()} == {row.name for row in accelerators()}
