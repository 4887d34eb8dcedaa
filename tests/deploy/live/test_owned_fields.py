"""Which fields of a live object this tool owns and gives up, in the API server's own notation."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.live.owned_fields import gives_up, leaves, states_path

PORTS = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}}}}
SPEC = {"selector": {"app": "a"}, "ports": [{"port": 80, "name": "http"}], "finalizers": ["one"]}


def live(fields: dict[str, Any], manager: str = "sovereign-ai", operation: str = "Apply") -> dict[str, Any]:
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    return {"metadata": {"managedFields": [entry]}}


@pytest.mark.parametrize(
    ("owned", "is_given_up"),
    [
        ({"f:selector": {"f:app": {}}}, False),
        ({"f:selector": {"f:app": {}, "f:tier": {}}}, True),
        ({"f:selector": {}}, False),
        (PORTS, False),
        ({"f:ports": {'k:{"port":81,"protocol":"TCP"}': {".": {}, "f:port": {}}}}, True),
        ({"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}, True),
        ({"f:finalizers": {'v:"one"': {}}}, False),
        ({"f:finalizers": {'v:"two"': {}}}, True),
    ],
)
def test_a_field_of_ours_that_the_new_form_leaves_out_is_given_up(
    owned: dict[str, Any], is_given_up: bool
) -> None:
    assert gives_up({"spec": SPEC}, live({"f:spec": owned})) is is_given_up


def test_what_others_own_and_metadata_and_status_are_not_ours_to_give_up() -> None:
    gone = {"f:spec": {"f:tier": {}}}
    assert gives_up({"spec": SPEC}, live(gone))
    assert not gives_up({"spec": SPEC}, live(gone, manager="kubectl"))
    assert not gives_up({"spec": SPEC}, live(gone, operation="Update"))
    assert not gives_up(
        {"spec": SPEC}, live({"f:metadata": {"f:labels": {"f:a": {}}}, "f:status": {"f:a": {}}})
    )
    assert not gives_up({"spec": SPEC}, None)
    assert not gives_up({"spec": SPEC}, {"metadata": {}})


def test_an_entry_that_states_its_keys_is_meant_before_one_that_leaves_a_default_out() -> None:
    ports = {"ports": [{"port": 53}, {"port": 53, "protocol": "UDP", "name": "udp"}]}
    assert states_path(ports, ("f:ports", 'k:{"port":53,"protocol":"UDP"}', "f:name"))
    assert not states_path(ports, ("f:ports", 'k:{"port":53,"protocol":"TCP"}', "f:name"))


def test_a_value_of_another_shape_is_left_to_the_api_server() -> None:
    assert list(leaves({"f:a": {".": {}, "f:b": {}}, "f:c": {}})) == [("f:a", "f:b"), ("f:c",)]
    assert states_path({"a": "1"}, ("f:a", 'k:{"b":1}'))
    assert not states_path({"a": "1"}, ("f:a", "f:b"))
