"""Many calls to one API server at once.

many([partial(api.create, node) for node in nodes])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
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
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="api") as pool:
        futures = [pool.submit(_kept, call) for call in calls]
        done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        for future in done:
            future.result()
    results = [future.result() for future in futures]
    refused = [result for result in results if isinstance(result, ApiError)]
    if refused:
        raise together(refused)
    return [result for result in results if not isinstance(result, ApiError)]


def _kept(call: Callable[[], T]) -> T | ApiError:
    """Make a call and keep its refusal as a value."""
    try:
        return call()
    except ApiError as error:
        return error
