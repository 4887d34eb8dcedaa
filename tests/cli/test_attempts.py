"""Work that is done again while the API server is busy, and what a command says of it."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from sovereign_ai.cli.attempts import Attempts
from sovereign_ai.errors import DeploymentError, Problem


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign_ai.cluster.busy_cluster._pause", lambda _seconds: None)


class Work:
    """Fails by these codes, one after the other, and is done then."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)

    def __call__(self) -> str:
        if self.codes:
            raise DeploymentError(Problem(self.codes.pop(0), "it took too long"))
        return "done"


def test_work_that_is_done_at_once_leaves_nothing_to_say() -> None:
    attempts = Attempts(MagicMock())
    assert attempts.until_done(Work()) == "done"
    assert (attempts.data, attempts.lines) == ({}, [])


def test_failed_attempts_of_all_steps_of_a_command_are_told_and_counted_together() -> None:
    output = MagicMock()
    attempts = Attempts(output)
    assert attempts.until_done(Work("cluster-slow")) == "done"
    assert attempts.until_done(Work("cluster-busy", "api-504")) == "done"
    assert len(attempts.data["failed_attempts"]) == 3
    assert attempts.lines == ["failed attempts before this one, whose changes are not counted: 3"]
    assert [call.args[0] for call in output.progress.call_args_list] == attempts.failed


def test_a_webhook_that_is_silent_is_waited_for_only_by_who_brings_it() -> None:
    attempts = Attempts(MagicMock())
    assert attempts.until_done(Work("webhook-silent"), has_new_webhooks=True) == "done"
    with pytest.raises(DeploymentError, match="took too long"):
        attempts.until_done(Work("webhook-silent"))
    with pytest.raises(DeploymentError, match="took too long"):
        attempts.until_done(Work("cluster-forbidden"))
