"""`fio --output-format=json`, of one machine or of many (`--client`): bytes a second, read and written.

With clients, every one of them stands under `client_stats` and a sum named `All clients` beside them, which is
left out. Where several jobs ran one after the other in one file, the sum would flatter: only jobs of one group count together,
and the best group is taken.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sovereign_ai.assess.acceptance.readers.reading import Reading, UnreadableError, document

_SUM = "All clients"


def read(text: str) -> Reading:
    """Give `read` and `write` in GB/s (10^9 bytes), `errors` and `seconds` of the shortest job.

    Raises:
        UnreadableError: no job.
    """
    found = document(text, "fio")
    jobs: list[dict[str, Any]] = [
        job for job in found.get("client_stats") or found.get("jobs") or [] if isinstance(job, dict) and job.get("jobname") != _SUM
    ]
    if not jobs:
        raise UnreadableError("fio gives no job")
    best = {"read": 0.0, "write": 0.0}
    for direction in best:
        groups: defaultdict[int, float] = defaultdict(float)
        for job in jobs:
            groups[int(job.get("groupid", 0))] += float((job.get(direction) or {}).get("bw_bytes", 0))
        best[direction] = max(groups.values()) / 1e9
    errors = [f"{job.get('hostname', '')} {job.get('jobname')}: error {job['error']}".strip() for job in jobs if job.get("error")]
    times = [runtime for job in jobs if (runtime := _runtime(job))]
    return Reading({**best, "errors": float(len(errors)), "seconds": min(times, default=0.0)}, tuple(errors))


def _runtime(job: dict[str, Any]) -> float:
    """Give the seconds that a job moved data."""
    return max(float((job.get(direction) or {}).get("runtime", 0)) for direction in ("read", "write")) / 1000
