"""Storage classes: confined to their site, encrypted, bound late."""

from __future__ import annotations

from sovereign_ai.names import KEYS
from tests.render.lab import every, one


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
