"""What counts as a fault, and what is tried first against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.catalog.vendors import vendor
from sovereign_ai.operate.repair.faults import Fault, Remedy, condition_faults, remedy_for, taint_faults

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
GRACE = timedelta(seconds=30)
CODES = vendor("nvidia").faults
assert CODES is not None


def node(*conditions: tuple[str, str, int]) -> dict[str, Any]:
    """Return a Node with conditions: type, status, and since how many seconds."""
    rows = []
    for kind, status, seconds in conditions:
        since = (NOW - timedelta(seconds=seconds)).isoformat()
        rows.append({"type": kind, "status": status, "lastTransitionTime": since})
    return {"status": {"conditions": rows}}


def of(*conditions: tuple[str, str, int]) -> list[str]:
    return [str(fault) for fault in condition_faults(node(*conditions), ("KernelDeadlock",), NOW, GRACE)]


def rule(device: str | None = "gpu-3", pool: str | None = "n1", **taint: str) -> dict[str, Any]:
    selected = {"driver": "gpu.nvidia.com", "pool": pool, "device": device}
    return {"spec": {"deviceSelector": selected, "taint": {"effect": "NoSchedule", **taint}}}


def tainted(*rules: dict[str, Any], slices: tuple[dict[str, Any], ...] = ()) -> dict[str, tuple[Fault, ...]]:
    assert CODES is not None
    return taint_faults(rules, slices, {"n1": CODES, "n2": CODES})


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_a_node_that_is_not_ready_has_a_fault_after_a_grace(status: str) -> None:
    assert of(("Ready", status, 29)) == []
    assert of(("Ready", status, 30)) == ["NotReady"]
    assert of(("Ready", "True", 900)) == []


def test_only_conditions_that_were_asked_for_are_faults_and_only_where_true() -> None:
    assert of(("KernelDeadlock", "True", 1), ("MemoryPressure", "True", 1)) == ["KernelDeadlock"]
    assert of(("KernelDeadlock", "False", 1), ("KernelDeadlock", "Unknown", 1)) == []


def test_a_node_without_a_status_or_with_a_strange_time_stops_nothing() -> None:
    assert condition_faults({"metadata": {}}, (), NOW, GRACE) == ()
    strange = {"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "soon"}]}}
    assert [str(fault) for fault in condition_faults(strange, (), NOW, GRACE)] == ["NotReady"]


def test_a_taint_with_an_effect_is_a_fault_of_the_gpu_that_it_names() -> None:
    key = "gpu.nvidia.com/xid"
    assert tainted(rule(key=key, value="xid-48")) == {"n1": (Fault("Xid", 3, 48, Remedy.RESET),)}
    assert tainted(rule(key="health", value="XID_79")) == {"n1": (Fault("Xid", 3, 79, Remedy.REBOOT),)}
    assert tainted(rule("gpu-3-mig-1g.10gb-0", key=key, value="xid-48"))["n1"][0].gpu == 3
    assert tainted(rule(None, key=key, value="xid-48"))["n1"][0].gpu is None


def test_information_an_applications_code_and_foreign_words_are_no_faults() -> None:
    assert tainted(rule(key="xid", value="xid-48", effect="None")) == {}
    for code in (13, 31, 43, 45):
        assert tainted(rule(key="xid", value=f"xid-{code}")) == {}
    assert tainted(rule(key="reserved", value="maintenance")) == {}
    assert tainted(rule(key="taxid", value="48")) == {}


def test_rules_of_other_machines_or_of_none_name_nobody() -> None:
    assert tainted(rule(pool=None, key="xid", value="xid-48")) == {}
    assert tainted(rule(pool="elsewhere", key="xid", value="xid-48")) == {}


def test_the_drivers_own_slices_are_read_and_the_same_fault_counts_once() -> None:
    taint = {"key": "gpu.nvidia.com/xid", "value": "xid-95", "effect": "NoExecute"}
    devices = [{"name": "gpu-0", "taints": [taint]}, {"name": "gpu-1"}]
    twice = {"spec": {"nodeName": "n2", "devices": devices}}
    assert tainted(slices=(twice, twice)) == {"n2": (Fault("Xid", 0, 95, Remedy.RESET),)}


def test_every_code_of_the_catalogue_has_a_remedy() -> None:
    assert CODES is not None
    assert {remedy_for(code, CODES) for code in CODES.application} == {Remedy.NOTHING}
    remedies = {code: remedy_for(code, CODES) for code in CODES.hardware}
    assert {code for code, remedy in remedies.items() if remedy is Remedy.REBOOT} == {79}
    assert set(remedies.values()) == {Remedy.RESET, Remedy.REBOOT}


def health(message: str, check: str = "SysLogsXIDError", status: str = "True", **more: str) -> dict[str, Any]:
    condition = {
        "type": check,
        "status": status,
        "reason": f"{check}IsNotHealthy",
        "message": message,
        **more,
    }
    return {"status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("node", "faults"),
    [
        (
            health("ErrorCode:48 GPU:3 XID error occurred Recommended Action=COMPONENT_RESET;"),
            (Fault("Xid", 3, 48, Remedy.RESET),),
        ),
        (
            health(
                "ErrorCode:48 GPU:3 Recommended Action=COMPONENT_RESET;"
                "ErrorCode:79 GPU:5 Recommended Action=RESTART_BM;"
            ),
            (Fault("Xid", 3, 48, Remedy.RESET), Fault("Xid", 5, 79, Remedy.REBOOT)),
        ),
        (
            health("ErrorCode:48 GPU:GPU-455d8f70-2051 Recommended Action=COMPONENT_RESET;"),
            (Fault("Xid", None, 48, Remedy.RESET),),
        ),
        (
            health("NIC:mlx5_2 port is down Recommended Action=REPLACE_VM;", "InfiniBandStateCheck"),
            (Fault("InfiniBandStateCheck", None, 0, Remedy.REBOOT),),
        ),
        (health("Recommended Action=SOMETHING_NEW;", "New"), (Fault("New", None, 0, Remedy.REBOOT),)),
        (health("ErrorCode:31 GPU:3 Recommended Action=NONE;"), ()),
        (health("Recommended Action=RESTART_BM;", status="False"), ()),
        (health("Recommended Action=RESTART_BM;", reason="SomethingElse"), ()),
        (health(""), ()),
    ],
)
def test_a_fatal_health_event_asks_for_what_it_recommends(
    node: dict[str, Any], faults: tuple[Fault, ...]
) -> None:
    assert condition_faults(node, (), NOW, timedelta(seconds=30)) == faults


def test_a_condition_that_is_listed_as_fatal_counts_once() -> None:
    node = health("Recommended Action=COMPONENT_RESET;", "KernelDeadlock")
    assert condition_faults(node, ("KernelDeadlock",), NOW, timedelta(seconds=30)) == (
        Fault("KernelDeadlock", None, 0, Remedy.REBOOT),
    )
