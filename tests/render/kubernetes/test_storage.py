"""Storage classes: confined to their site, encrypted, bound late."""

from __future__ import annotations

from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.storage import Csi
from tests.render.lab import every, one, stack


def test_a_storage_class_is_confined_encrypted_and_binds_late():
    scratch = one("StorageClass", "scratch")
    expressions = scratch["allowedTopologies"][0]["matchLabelExpressions"]
    assert expressions == [
        {"key": "topology.kubernetes.io/region", "values": ["fra1"]},
        {"key": "topology.kubernetes.io/zone", "values": ["h1"]},
    ]
    assert scratch["parameters"][f"{KEYS.domain}/encryption-key"] == "hsm-fra"
    assert (scratch["volumeBindingMode"], scratch["reclaimPolicy"]) == ("WaitForFirstConsumer", "Retain")
    assert not any("is-default-class" in str(obj) for obj in every("StorageClass"))


def test_a_tiers_csi_driver_gets_its_own_parameters_and_no_others() -> None:
    csi = Csi(driver="csi.example.com", parameters={"pool": "fast"}, mount_options=("noatime",))
    tiers = [tier.model_copy(update={"csi": csi}) for tier in stack("lab")[0].storage]
    factory = stack("lab")[0].model_copy(update={"storage": tuple(tiers)})
    classes = [obj for obj in render(factory, plan(factory), "lab").objects if obj["kind"] == "StorageClass"]
    scratch = classes[-1]
    assert scratch["metadata"]["name"] == "scratch"
    assert scratch["provisioner"] == "csi.example.com"
    assert (scratch["parameters"], scratch["mountOptions"]) == ({"pool": "fast"}, ["noatime"])
    assert scratch["metadata"]["annotations"] == {
        f"{KEYS.domain}/encryption-key": "hsm-fra",
        f"{KEYS.domain}/tier": "scratch",
        f"{KEYS.domain}/zone": "restricted",
    }
    assert scratch["allowedTopologies"] == one("StorageClass", "scratch")["allowedTopologies"]
