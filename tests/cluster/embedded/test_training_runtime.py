"""The runtime of TrainJobs: its name and shape are published ones, its pods narrow, its image the job's."""

from __future__ import annotations

from sovereign_ai.cluster.embedded.training_runtime import training_runtime
from sovereign_ai.names import KEYS


def test_the_runtime_brings_no_image_and_asks_for_no_right_that_admission_refuses() -> None:
    runtime = training_runtime()
    assert runtime["metadata"]["name"] == "torch-distributed"
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    assert job["name"] == "node"
    template = job["template"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert "image" not in container
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert template["spec"]["securityContext"]["runAsNonRoot"] is True
    assert template["metadata"]["annotations"] == {
        "kueue.x-k8s.io/podset-preferred-topology": KEYS.scalable_unit
    }
