"""The kubelet's messages on the wire."""

from __future__ import annotations

from sovereign_ai.sim.kubelet.messages import DEVICE_PLUGIN, DRA, HEALTH, POD_RESOURCES, REGISTRATION


def test_a_registration_is_encoded_as_the_kubelet_reads_it() -> None:
    options = DEVICE_PLUGIN["DevicePluginOptions"](get_preferred_allocation_available=True)
    request = DEVICE_PLUGIN["RegisterRequest"](version="v1beta1", resource_name="a/b", options=options)
    assert request.SerializeToString() == b"\n\x07v1beta1\x1a\x03a/b\x22\x02\x10\x01"


def test_a_health_state_is_a_number_on_the_wire() -> None:
    assert HEALTH["DeviceHealth"](health=2).SerializeToString() == b"\x10\x02"


def test_an_answer_for_a_claim_is_kept_under_its_uid() -> None:
    answer = DRA["PrepareResponse"]()
    answer.claims["uid-1"].error = "held"
    answer.claims["uid-2"].devices.add(device_name="gpu-0", cdi_device_ids=["a=b"])
    read = DRA["PrepareResponse"].FromString(answer.SerializeToString())
    assert read.claims["uid-1"].error == "held"
    assert list(read.claims["uid-2"].devices[0].cdi_device_ids) == ["a=b"]


def test_fields_that_a_newer_peer_sends_are_ignored() -> None:
    unknown = b"\xfa\x01\x03new"
    assert REGISTRATION["PluginInfo"].FromString(b"\x12\x01x" + unknown).name == "x"
    pods = POD_RESOURCES["ListResponse"].FromString(b"\x0a\x03\x0a\x01p" + unknown).pods
    assert [pod.name for pod in pods] == ["p"]
