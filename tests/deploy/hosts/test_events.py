"""One result a host, whatever Ansible says and in whatever order it says it."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.hosts.events import MOST_DIFF, HostEvents, diff_text


def event(kind: str, host: str = "a", **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": {"host": host, "role": "base", "task": "files", **data}}


def taken(*events: dict[str, Any], check: bool = False, over: bool = True) -> HostEvents:
    one = HostEvents(("a", "b"), check=check)
    for each in (*events, *([{"event": "playbook_on_stats", "event_data": {}}] if over else [])):
        one.take_event(each)
    return one


def test_a_change_is_a_change_and_in_a_check_it_is_drift() -> None:
    said = event(
        "runner_on_ok",
        res={"changed": True, "diff": {"before": "a\nb\n", "after": "a\nc\n", "after_header": "/etc/x"}},
    )
    result = taken(said).result("a")
    assert (result.state, result.changes[0].diff) == ("changed", "/etc/x\n- b\n+ c\n")
    assert taken(said, check=True).result("a").state == "drift"


def test_nothing_changed_is_ok_and_nothing_heard_is_not_run() -> None:
    both = taken(event("runner_on_ok", res={"changed": False}))
    assert [one.state for one in both.results()] == ["ok", "not-run"]


def test_a_loop_is_counted_by_its_items() -> None:
    items = [
        event("runner_item_on_ok", res={"changed": changed, "_ansible_item_label": name})
        for name, changed in (("x", True), ("y", False))
    ]
    whole = event("runner_on_ok", res={"changed": True, "results": [{"changed": True}, {"changed": False}]})
    assert [one.item for one in taken(*items, whole).result("a").changes] == ["x"]


def test_a_failure_says_role_task_and_reason_of_the_item_that_failed() -> None:
    results = [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "no such\n  user"}]
    result = taken(
        event("runner_on_failed", res={"msg": "One or more items failed", "results": results})
    ).result("a")
    assert (result.state, result.failure) == ("failed", "base: files: no such user")


def test_a_failure_that_the_role_expects_is_none() -> None:
    assert (
        taken(event("runner_on_failed", ignore_errors=True, res={"msg": "absent"})).result("a").state == "ok"
    )


def test_a_host_that_does_not_answer_is_unreachable_and_says_why() -> None:
    result = taken(event("runner_on_unreachable", res={"msg": "Connection refused"})).result("a")
    assert (result.state, result.failure) == ("unreachable", "Connection refused")


def test_what_was_begun_when_the_run_was_cancelled_is_cancelled_and_the_rest_not_run() -> None:
    one = taken(event("runner_on_ok", res={"changed": True}), over=False)
    assert [each.state for each in one.results(cancelled=True)] == ["cancelled", "not-run"]
    assert one.result("a", cancelled=True).changes


@pytest.mark.parametrize("kind", ["runner_on_failed", "runner_on_unreachable"])
def test_a_task_that_fails_because_the_run_is_ended_is_no_host_s_failure(kind: str) -> None:
    one = taken(event("runner_on_ok", res={"changed": True}), over=False)
    one.take_event(event(kind, res={"msg": "module failed: the process was ended"}), ending=True)
    assert (one.result("a", cancelled=True).state, one.result("a", cancelled=True).failure) == (
        "cancelled",
        "",
    )


def test_a_role_can_leave_a_note() -> None:
    assert taken(
        event("runner_on_ok", task_action="ansible.builtin.debug", res={"msg": "0 of 8 found"})
    ).result("a").notes == ("0 of 8 found",)


def test_the_task_at_work_is_known_as_a_person_would_say_it() -> None:
    one = taken({"event": "playbook_on_task_start", "event_data": {"name": "base : Files"}})
    assert one.task == "base: Files"


@pytest.mark.parametrize(
    ("diff", "text"),
    [
        (None, ""),
        ({"prepared": "+ ip link\n"}, "+ ip link\n"),
        ({"before": "same", "after": "same"}, ""),
        ({"before": {"state": "absent"}, "after": {"state": "file"}}, "- state: absent\n+ state: file\n"),
        ([{"prepared": "x"}, {"prepared": "y"}], "xy"),
    ],
)
def test_every_form_of_a_difference_can_be_read(diff: Any, text: str) -> None:
    assert diff_text(diff) == text


def test_a_long_difference_says_how_much_is_left_out() -> None:
    text = diff_text({"prepared": "x" * (MOST_DIFF + 1_500)})
    assert text.endswith("… 1,500 more characters\n")
