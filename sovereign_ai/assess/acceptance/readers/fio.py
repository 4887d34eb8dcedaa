"""Reader of `fio --output-format=json`, of one server or of many (`--client`): read and write rates.

With clients, each of them is listed under `client_stats`, beside a sum named `All clients` that is left out.
Where several jobs ran one after the other in one file, their sum would be too high: only jobs of one group
count together, and the best group is the result.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError, document

_SUM = "All clients"


def read(text: str) -> ResultReading:
    """Return `read` and `write` in GB/s (10^9 bytes), `errors` and `seconds` of the shortest job.

    Raises:
        UnreadableError: there is no job.
    """
    output = document(text, "fio")
    rows = output.get("client_stats") or output.get("jobs") or []
    jobs = []
    for job in rows:
        if isinstance(job, dict) and job.get("jobname") != _SUM:
            jobs.append(job)
    if not jobs:
        raise UnreadableError("fio gives no job")
    errors: list[str] = []
    times: list[float] = []
    for job in jobs:
        if job.get("error"):
            name = f"{job.get('hostname', '')} {job.get('jobname')}"
            errors.append(f"{name}: error {job['error']}".strip())
        runtime = _runtime(job)
        # A job that moved nothing has no time, and would make every run look too short.
        if runtime:
            times.append(runtime)
    values = {
        "read": _rate(jobs, "read"),
        "write": _rate(jobs, "write"),
        "errors": float(len(errors)),
        "seconds": min(times, default=0.0),
    }
    return ResultReading(values, tuple(errors))


def _rate(jobs: list[dict[str, Any]], direction: str) -> float:
    """Return the rate of the best group of jobs, in GB/s."""
    groups: defaultdict[int, float] = defaultdict(float)
    for job in jobs:
        groups[int(job.get("groupid", 0))] += float((job.get(direction) or {}).get("bw_bytes", 0))
    return max(groups.values()) / 1e9


def _runtime(job: dict[str, Any]) -> float:
    """Return the seconds that a job moved data; fio prints milliseconds."""
    runtimes = [float((job.get(direction) or {}).get("runtime", 0)) for direction in ("read", "write")]
    return max(runtimes) / 1000
