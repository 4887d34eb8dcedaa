"""Many calls to one API server at once.

many([partial(api.create, node) for node in nodes])
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sovereign_ai.cluster.api_errors import ApiError, together

T = TypeVar("T")


def many(calls: Iterable[Callable[[], T]], workers: int = 16) -> list[T]:
    """Make calls in parallel and give their results in order.

    Refusals are collected over all calls and raised as one; any other error, such as an
    unreachable server, stops what has not begun.

    Args:
        calls: what to call, without arguments.
        workers: how many calls at once.

    Raises:
        ApiError: some calls were refused; it tells of all of them, in their order.
        UnreachableError: the server stopped answering.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="api") as pool:
        try:
            futures = [pool.submit(_kept, call, stop) for call in calls]
            results = [result for future in futures for result in future.result()]
        finally:
            stop.set()
    refused = [result for result in results if isinstance(result, ApiError)]
    if refused:
        raise together(refused)
    return [result for result in results if not isinstance(result, ApiError)]


def _kept(call: Callable[[], T], stop: threading.Event) -> tuple[T | ApiError, ...]:
    """Make a call and keep its result or its refusal; nothing, if another call has put an end to it all."""
    if stop.is_set():
        return ()
    try:
        return (call(),)
    except ApiError as error:
        return (error,)
    except BaseException:
        stop.set()
        raise
