"""A deployment is repeated where the API server is only too busy, a bounded number of times."""

from __future__ import annotations

import inspect

import pytest

from sovereign_ai.cluster.api import wire_faults
from sovereign_ai.cluster.busy_cluster import _UNRESPONSIVE, is_busy, while_busy
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("sovereign_ai.cluster.busy_cluster._pause", waited.append)
    return waited


class Work:
    """A deployment that fails with some codes each time, and at last succeeds."""

    def __init__(self, *failures: tuple[str, ...]) -> None:
        self.failures = list(failures)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            codes = self.failures.pop(0)
            raise DeploymentError(Problem(code, f"failed: {code}") for code in codes)
        return "done"


def test_a_write_that_took_too_long_is_followed_by_another_attempt_which_is_told(waits: list[float]) -> None:
    lines: list[str] = []
    work = Work(("cluster-slow",), ("policy-not-enforced", "cluster-busy"))
    assert while_busy(work, lines.append) == "done"
    assert waits == [5.0, 20.0]
    assert lines == [
        "failed: cluster-slow; trying again in 5 s (2 of 3)",
        "failed: cluster-busy; trying again in 20 s (3 of 3)",
    ]


def test_a_server_that_stays_busy_ends_the_command_after_three_attempts() -> None:
    work = Work(*[("cluster-slow",)] * 4)
    with pytest.raises(DeploymentError, match="cluster-slow"):
        while_busy(work, lambda _line: None)
    assert work.calls == 3


@pytest.mark.parametrize(
    "codes",
    [("cluster-unreachable",), ("cluster-slow", "pulumi-failed"), ("interrupted",), ("cluster-forbidden",)],
)
def test_any_other_failure_is_final(codes: tuple[str, ...]) -> None:
    work = Work(codes)
    with pytest.raises(DeploymentError):
        while_busy(work, lambda _line: None)
    assert work.calls == 1


def test_a_webhook_of_the_deployment_itself_may_answer_later_and_one_of_others_may_not() -> None:
    work = Work(("webhook-silent",), ("webhook-silent", "cluster-slow"))
    assert while_busy(work, lambda _line: None, has_new_webhooks=True) == "done"
    with pytest.raises(DeploymentError, match="webhook-silent"):
        while_busy(Work(("webhook-silent",)), lambda _line: None)


@pytest.mark.parametrize("words", _UNRESPONSIVE)
def test_a_server_that_is_there_and_says_nothing_is_busy_and_one_that_is_gone_is_not(words: str) -> None:
    mute = Problem("cluster-unreachable", f"https://h:1 gave no answer: {words}")
    gone = Problem("cluster-unreachable", "https://h:1 gave no answer: it refuses connections")
    assert is_busy(EnvironmentLacksError(mute))
    assert not is_busy(EnvironmentLacksError(gone))
    assert not is_busy(EnvironmentLacksError([mute, gone]))
    # The words are those of the client.
    assert words in inspect.getsource(wire_faults)
