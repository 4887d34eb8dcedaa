"""Which pods may run on while GPUs of their machine are reset."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.operate.repair.gpu_holders import spared_pods

KEY = ("research", "work")


def pod(*limits: str, claims: bool = False, field: str = "containers") -> dict[str, Any]:
    spec: dict[str, Any] = {field: [{"resources": {"limits": dict.fromkeys(limits, "1")}}]}
    if claims:
        spec["resourceClaims"] = [{"name": "gpu", "resourceClaimName": "work"}]
    return {"metadata": {"namespace": "research", "name": "work"}, "spec": spec}


def claim(*devices: str, pool: str = "n1", users: tuple[str, ...] = ("work",)) -> dict[str, Any]:
    results = [{"driver": "gpu.nvidia.com", "pool": pool, "device": device} for device in devices]
    reserved = [{"resource": "pods", "name": name} for name in users]
    status = {"allocation": {"devices": {"results": results}}, "reservedFor": reserved}
    return {"metadata": {"namespace": "research", "name": "work"}, "status": status}


def is_spared(live: dict[str, Any], *claims: dict[str, Any], gpus: tuple[int, ...] = (3,)) -> bool:
    return spared_pods([live], claims, "n1", gpus) == {KEY}


@pytest.mark.parametrize(
    ("devices", "spared"),
    [
        (("gpu-4",), True),
        (("gpu-3",), False),
        (("gpu-30",), True),
        (("gpu-4", "gpu-3"), False),
        (("gpu-3-mig-1g.10gb-0",), False),
        (("gpu-4-mig-1g.10gb-0", "nic-3"), True),
        (("channel-3",), True),
    ],
)
def test_a_pod_holds_the_gpus_of_its_claims_and_of_partitions_of_them(
    devices: tuple[str, ...], spared: bool
) -> None:
    assert is_spared(pod("cpu", claims=True), claim(*devices)) is spared


def test_a_pod_without_a_gpu_is_spared_and_one_that_asks_for_a_number_never() -> None:
    assert is_spared(pod("cpu", "memory", "ephemeral-storage", "hugepages-2Mi"))
    for resource in ("nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "amd.com/gpu"):
        for field in ("containers", "initContainers"):
            assert not is_spared(pod("cpu", resource, field=field))


def test_a_claim_of_which_nothing_is_known_may_be_for_any_gpu() -> None:
    live = pod(claims=True)
    assert not is_spared(live)
    assert not is_spared(live, claim("gpu-4", pool="n2"))
    assert not is_spared(live, claim("gpu-4", users=("other",)))
    assert not is_spared(live, {**claim("gpu-4"), "status": {}})
    assert not is_spared(live, claim("gpu-4"), claim("gpu-3", users=("other", "work")))


def test_pods_that_share_a_gpu_all_hold_it() -> None:
    live = [pod(claims=True), {**pod(claims=True), "metadata": {"namespace": "research", "name": "b"}}]
    assert spared_pods(live, [claim("gpu-3", users=("work", "b"))], "n1", (3,)) == set()
    assert spared_pods(live, [claim("gpu-3", users=("work", "b"))], "n1", (4,)) == {KEY, ("research", "b")}


def test_of_pods_of_two_namespaces_each_has_its_own_claims() -> None:
    other = pod(claims=True)
    other["metadata"] = {"namespace": "weather", "name": "work"}
    assert spared_pods([other], [claim("gpu-4")], "n1", (3,)) == set()
