"""Pods and claims as an API server lists them, for tests of what follows from them."""

from __future__ import annotations

from typing import Any


def pod(name: str, node: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return {
        "metadata": {"name": name, "namespace": "research"},
        "spec": {"nodeName": node, "containers": [{"resources": limits}]},
        "status": {"phase": phase},
    }


def claim(node: str, device: str) -> dict[str, Any]:
    results = [{"driver": "gpu.nvidia.com", "pool": node, "device": device}]
    status = {"allocation": {"devices": {"results": results}}, "reservedFor": [{"name": "claimer"}]}
    return {"metadata": {"name": "c", "namespace": "research"}, "status": status}
