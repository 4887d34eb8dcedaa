"""How KWOK plays the pods of simulated machines: they run at once, and jobs' pods end after a stated time.

KWOK's own stages end a Job's pod as soon as it runs, so that no job ever holds its machines. Here the pod of
a Job runs for as long as its annotation says; without one it ends at once, as with KWOK's stages.
"""

from __future__ import annotations

import json
from typing import Any

from sovereign_ai.names import KEYS

SIMULATED_DURATION = f"{KEYS.domain}/simulated-duration"
"""The annotation of a Job's pod with the time that it runs on a simulated machine, such as `90s` or `2h`."""
_NOW = "{{ $now := Now | Quote }}"
_RUNNING = """
phase: Running
startTime: {{ $now }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "")
 (or .metadata.namespace "") | Quote }}
conditions:
{{ range $type := list "Initialized" "ContainersReady" "Ready" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now }}}
{{ end }}
{{ range .spec.readinessGates }}
- {type: {{ .conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now }}}}
{{ end }}
{{ if .spec.initContainers }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  restartCount: 0
{{ if eq (or .restartPolicy "") "Always" }}
  started: true
  state: {running: {startedAt: {{ $now }}}}
{{ else }}
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now }}, finishedAt: {{ $now }}}}
{{ end }}
{{ end }}
{{ end }}
"""
_ENDED = """
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now }}, finishedAt: {{ $now }}}}
{{ end }}
"""


def pod_stages() -> str:
    """Return the stages of pods as further documents of KWOK's configuration file."""
    is_kept = _match(".metadata.deletionTimestamp", "DoesNotExist")
    has_no_address = _match(".status.podIP", "DoesNotExist")
    is_running = _match(".status.phase", "In", "Running")
    is_of_job = _match(".metadata.ownerReferences.[].kind", "In", "Job")
    duration = {"expressionFrom": f'.metadata.annotations["{SIMULATED_DURATION}"]'}
    delay = {"durationMilliseconds": 0, "durationFrom": duration}
    is_deleted = _match(".metadata.deletionTimestamp", "Exists")
    stages = (
        _stage("pod-runs", [is_kept, has_no_address], {"statusTemplate": _NOW + _RUNNING}),
        _stage("pod-ends", [is_kept, is_running, is_of_job], {"statusTemplate": _NOW + _ENDED}, delay),
        _stage("pod-goes", [is_deleted], {"finalizers": {"empty": True}, "delete": True}),
    )
    return "".join(f"---\n{json.dumps(stage)}\n" for stage in stages)


def _match(key: str, operator: str, *values: str) -> dict[str, Any]:
    """Return a condition on a pod."""
    condition: dict[str, Any] = {"key": key, "operator": operator}
    return {**condition, "values": list(values)} if values else condition


def _stage(
    name: str,
    conditions: list[dict[str, Any]],
    following: dict[str, Any],
    delay: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a stage: what happens to a pod of which all conditions hold."""
    spec = {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": conditions},
        "next": following,
    }
    if delay:
        spec["delay"] = delay
    api_version = "kwok.x-k8s.io/v1alpha1"
    return {"apiVersion": api_version, "kind": "Stage", "metadata": {"name": name}, "spec": spec}
