"""Reader of `dcgmi diag -j`.

DCGM 3 names GPUs in `gpu_ids`, DCGM 4 by entity. Only a pass is a pass: an unknown status counts as not run,
so that a status of a new release never reads as healthy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError, document

_ROOTS = ("DCGM Diagnostic", "DCGM GPU Diagnostic")
_STATUSES = {
    "pass": "passed",
    "passed": "passed",
    "fail": "failed",
    "failed": "failed",
    "warn": "warned",
    "warning": "warned",
}
_COUNTS = ("passed", "failed", "warned", "not run")


def read(text: str) -> ResultReading:
    """Return `gpus` that passed a test, and the number of results `passed`, `failed`, `warned`, `not run`.

    Raises:
        UnreadableError: there is no result of any test.
    """
    output = document(text, "dcgmi diag")
    root = next((output[name] for name in _ROOTS if isinstance(output.get(name), dict)), output)
    if message := root.get("runtime_error"):
        raise UnreadableError(f"dcgmi diag could not run: {message}")
    counts = dict.fromkeys(_COUNTS, 0.0)
    gpus: set[str] = set()
    details: list[str] = []
    for test, result in _results(root):
        status = _STATUSES.get(str(result.get("status", "")).strip().lower(), "not run")
        counts[status] += 1
        tested = _gpus(result)
        if status == "passed":
            gpus.update(tested)
        else:
            on = f" on GPU {', '.join(tested)}" if tested else ""
            details.append(f"{test}{on}: {status}{_reason(result)}")
    if not any(counts.values()):
        raise UnreadableError("dcgmi diag gives no result of any test")
    return ResultReading({"gpus": float(len(gpus)), **counts}, tuple(details))


def _results(root: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of the test and the result of every result."""
    # Tests are grouped by category, or listed without one.
    categories = root.get("test_categories") or [{"tests": root.get("tests") or []}]
    for category in categories:
        for test in (category or {}).get("tests") or []:
            for result in (test or {}).get("results") or []:
                if isinstance(result, dict):
                    yield str(test.get("name") or "unnamed test"), result


def _gpus(result: dict[str, Any]) -> list[str]:
    """Return the GPUs that a result is about."""
    if "gpu_ids" in result:
        gpus: list[str] = []
        for part in str(result["gpu_ids"]).split(","):
            name = part.strip()
            if name:
                gpus.append(name)
        return gpus
    if result.get("entity_group") == "GPU" and "entity_id" in result:
        return [str(result["entity_id"])]
    return []


def _reason(result: dict[str, Any]) -> str:
    """Return the first warning, or else the first remark."""
    for key in ("warnings", "info"):
        remarks = result.get(key)
        first = remarks
        if isinstance(remarks, list):
            first = remarks[0] if remarks else None
        if first:
            return f": {first.get('warning', '') if isinstance(first, dict) else first}"
    return ""
