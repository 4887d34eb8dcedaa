"""Repeat work that failed only because the API server has too much to do, or its webhook is not up.

Or because somebody changed or deleted, between reading and writing, what it is about.

The client of this program repeats a single request (`cluster/api/retries.py`). The engine's provider does
not: one write that takes longer than the API server allows itself, such as that of a large policy, ends the
whole run. And a request that was repeated for its time may still find a server that is silent. What was done
is kept, so the work is decided anew and goes on from there, as a second command would.

    outcome = while_busy(deploy, progress)
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from sovereign_ai.errors import Problem, SovereignError
from sovereign_ai.toolchain import polling

T = TypeVar("T")
_PAUSES = (5.0, 20.0)
"""Seconds before each further attempt."""
_BUSY = frozenset(
    {
        "api-429",
        "api-504",
        "api-server-timeout",
        "api-timeout",
        "api-too-many-requests",
        "cluster-busy",
        "cluster-slow",
        "cluster-starting",
        "policy-not-enforced",
    }
)
"""Codes of problems that a server reports which works and has too much to do, or has just started."""
_CHANGED = frozenset({"api-conflict", "namespace-ending", "namespace-gone"})
"""Codes of problems about an object that was changed in the meantime, or whose namespace was deleted."""
_SILENT = "webhook-silent"
"""Code of the problem that a webhook does not answer.

A workload may be ready a little before its webhook listens, as Kueue's is, or before the way to it is known
on the machine of the API server.
"""
_UNREACHABLE = "cluster-unreachable"
_UNRESPONSIVE = (
    "it accepts connections and does not answer",
    "it answers other requests, and nothing came for this one",
    "it answers other requests, and did not answer this one in time",
)
"""Words of the client about a server that is there.

One that is gone is another fault: nothing is known about when it comes back.
"""


def while_busy(
    work: Callable[[], T], progress: Callable[[str], object], *, has_new_webhooks: bool = False
) -> T:
    """Call a function, and call it again a bounded number of times while the API server is too busy for it.

    Args:
        work: the function, which may be called again after it failed.
        progress: called with a line before each further attempt.
        has_new_webhooks: whether the deployment has webhooks of its own, which may have started a moment ago.

    Raises:
        SovereignError: it failed for another reason, or every time.
    """
    for number, pause in enumerate(_PAUSES, 2):
        try:
            return work()
        except SovereignError as error:
            if not is_busy(error, has_new_webhooks=has_new_webhooks):
                raise
            progress(f"{error.problems[0].message}; trying again in {pause:g} s ({number} of {_MOST})")
        _pause(pause)
    return work()


_MOST = len(_PAUSES) + 1


def is_busy(error: SovereignError, *, has_new_webhooks: bool = False) -> bool:
    """Return whether another attempt is worth it: the server was busy, waits for us, or things changed."""
    passing = _BUSY | _CHANGED
    if has_new_webhooks:
        passing |= {_SILENT}
    return bool(error.problems) and all(_is_passing(problem, passing) for problem in error.problems)


def _is_passing(problem: Problem, passing: Collection[str]) -> bool:
    """Return whether a problem is one of a server that runs and has too much to do."""
    is_unresponsive = any(words in problem.message for words in _UNRESPONSIVE)
    return problem.code in passing or (problem.code == _UNREACHABLE and is_unresponsive)


def _pause(seconds: float) -> None:
    """Wait."""
    for _ in polling(seconds, seconds):
        pass
