"""Run many calls to one API server in parallel.

many([partial(api.create, node) for node in nodes])
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sovereign_ai.cluster.api.deadlines import StoppedError, stopping
from sovereign_ai.cluster.api.errors import ApiError, join_errors

T = TypeVar("T")


def many(calls: Iterable[Callable[[], T]], workers: int = 16) -> list[T]:
    """Make calls in parallel and return their results in order.

    Refusals are collected over all calls and raised as one. After any other error, such as an unreachable
    server, no further call begins, and calls that wait for an answer end soon.

    Args:
        calls: functions without arguments.
        workers: the number of calls at once.

    Raises:
        ApiError: some calls were refused; it has all of their problems, in order.
        UnreachableError: the server stopped answering.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="api") as pool:
        try:
            futures = [pool.submit(_outcome, call, stop) for call in calls]
            outcomes = [future.result() for future in futures]
        finally:
            # Before the pool waits for its threads: whatever failed, the other calls are not needed any more.
            stop.set()
    results: list[T] = []
    refusals: list[ApiError] = []
    for outcome in outcomes:
        for result in outcome:
            if isinstance(result, ApiError):
                refusals.append(result)
            else:
                results.append(result)
    if refusals:
        raise join_errors(refusals)
    return results


def _outcome(call: Callable[[], T], stop: threading.Event) -> tuple[T | ApiError, ...]:
    """Return a call's result or refusal; an empty tuple if another call has stopped all of them."""
    if stop.is_set():
        return ()
    try:
        with stopping(stop):
            return (call(),)
    except ApiError as error:
        return (error,)
    except StoppedError:
        return ()
    except BaseException:
        stop.set()
        raise
