"""`dcgmi diag -j`: DCGM 3 names GPUs in `gpu_ids`, DCGM 4 by entity; only a pass is a pass.

A word that is not known is counted as not run, so that a new release's word never reads as healthy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.assess.acceptance.readers.reading import Reading, UnreadableError, document

_ROOTS = ("DCGM Diagnostic", "DCGM GPU Diagnostic")
_WORDS = {"pass": "passed", "passed": "passed", "fail": "failed", "failed": "failed", "warn": "warned", "warning": "warned"}
_COUNTS = ("passed", "failed", "warned", "not run")


def read(text: str) -> Reading:
    """Give `gpus` that passed a test, and results `passed`, `failed`, `warned`, `not run`.

    Raises:
        UnreadableError: no result of any test.
    """
    found = document(text, "dcgmi diag")
    root = next((found[name] for name in _ROOTS if isinstance(found.get(name), dict)), found)
    if message := root.get("runtime_error"):
        raise UnreadableError(f"dcgmi diag could not run: {message}")
    counts = dict.fromkeys(_COUNTS, 0.0)
    gpus: set[str] = set()
    details: list[str] = []
    for test, result in _results(root):
        word = _WORDS.get(str(result.get("status", "")).strip().lower(), "not run")
        counts[word] += 1
        who = _gpus(result)
        gpus |= set(who) if word == "passed" else set()
        if word != "passed":
            where = f" on GPU {', '.join(who)}" if who else ""
            details.append(f"{test}{where}: {word}{_reason(result)}")
    if not any(counts.values()):
        raise UnreadableError("dcgmi diag gives no result of any test")
    return Reading({"gpus": float(len(gpus)), **counts}, tuple(details))


def _results(root: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give (test, result) of every result."""
    categories = root.get("test_categories") or [{"tests": root.get("tests") or []}]
    for category in categories:
        for test in (category or {}).get("tests") or []:
            for result in (test or {}).get("results") or []:
                if isinstance(result, dict):
                    yield str(test.get("name") or "unnamed test"), result


def _gpus(result: dict[str, Any]) -> list[str]:
    """Give the GPUs that a result is of."""
    if "gpu_ids" in result:
        return [one.strip() for one in str(result["gpu_ids"]).split(",") if one.strip()]
    return [str(result["entity_id"])] if result.get("entity_group") == "GPU" and "entity_id" in result else []


def _reason(result: dict[str, Any]) -> str:
    """Give the first warning, or else the first remark."""
    for key in ("warnings", "info"):
        told = result.get(key)
        first = (told[0] if told else None) if isinstance(told, list) else told
        if first:
            return f": {first.get('warning', '') if isinstance(first, dict) else first}"
    return ""
