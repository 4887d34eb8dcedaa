from __future__ import annotations

from types import SimpleNamespace

import pytest

from sovereign_ai.cluster.keys import store
from sovereign_ai.cluster.keys.messages import STORED
from sovereign_ai.cluster.keys.seal import PLANE_VALUE, SEALED
from sovereign_ai.cluster.keys.store import Stored
from sovereign_ai.errors import EnvironmentLacksError


def value(key_id: str) -> bytes:
    return PLANE_VALUE + bytes(STORED["EncryptedObject"](key_id=key_id).SerializeToString())


def stored(content: bytes) -> Stored:
    return store._stored(SimpleNamespace(key=b"/registry/secrets/a/b", mod_revision=7, value=content))


def test_a_sealed_value_names_both_of_its_keys() -> None:
    whole = STORED["EncryptedObject"](key_id="lab-1/high/2")
    sealed = STORED["Sealed"](whole=whole, stub=value("lab-1/plane/1"))
    found = stored(SEALED + b"high:" + bytes(sealed.SerializeToString()))
    assert (found.level, found.level_key, found.plane_key) == ("high", "lab-1/high/2", "lab-1/plane/1")


def test_a_value_that_another_provider_encrypted_names_no_key() -> None:
    assert stored(value("lab-1/plane/1")).plane_key == "lab-1/plane/1"
    assert stored(b"k8s:enc:secretbox:v1:first:x").plane_key == ""


@pytest.mark.parametrize("content", [SEALED + b"high:\xff", PLANE_VALUE + b"\xff"])
def test_a_damaged_value_is_named_by_its_place(content: bytes) -> None:
    with pytest.raises(
        EnvironmentLacksError, match=r"/registry/secrets/a/b in etcd is damaged \[value-damaged\]"
    ):
        stored(content)


def test_a_key_in_etcd_gives_kind_namespace_and_name() -> None:
    found = stored(b"")
    assert (found.kind, found.namespace, found.name) == ("secret", "a", "b")


def test_the_end_of_a_range_follows_every_key_below_its_prefix() -> None:
    assert store._end(b"/registry/secrets/") == b"/registry/secrets0"
