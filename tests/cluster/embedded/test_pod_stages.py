from __future__ import annotations

import yaml

from sovereign_ai.cluster.embedded.pod_stages import SIMULATED_DURATION, pod_stages


def test_a_jobs_pod_ends_after_the_time_that_it_states_and_others_run_on() -> None:
    stages = {stage["metadata"]["name"]: stage["spec"] for stage in yaml.safe_load_all(pod_stages()) if stage}
    assert list(stages) == ["pod-runs", "pod-ends", "pod-goes"]
    ends = stages["pod-ends"]
    assert SIMULATED_DURATION in ends["delay"]["durationFrom"]["expressionFrom"]
    owners = ends["selector"]["matchExpressions"][-1]
    assert (owners["key"], owners["values"]) == (".metadata.ownerReferences.[].kind", ["Job"])
    assert "delay" not in stages["pod-runs"]
    assert stages["pod-goes"]["next"]["delete"]
