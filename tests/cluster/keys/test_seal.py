"""Sealing by itself: keys that answer from memory, no module and no etcd."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.cluster.api.protobuf import declare
from sovereign_ai.cluster.keys.envelope import DamagedError, Seed, opened
from sovereign_ai.cluster.keys.key_client import KeyHandle, KeyRefusedError, SilentError
from sovereign_ai.cluster.keys.messages import STORED
from sovereign_ai.cluster.keys.seal import (
    PLANE_VALUE,
    SEALED,
    WITHDRAWN_KEY,
    Sealer,
    UnsealableError,
    sealed_under,
    stub_of,
    without_data,
)

PLACE = b"/registry/secrets/research/login"
FULL = declare(
    "whole",
    """
    message Secret {
      Meta metadata = 1;
      map<string, bytes> data = 2;
      string type = 3;
      map<string, string> texts = 4;
    }
    message Meta {
      string name = 1;
      string namespace = 3;
      string uid = 5;
      map<string, string> labels = 11;
      map<string, string> annotations = 12;
      repeated bytes managed = 17;
    }
    """,
)


class FakeKey(KeyHandle):
    """A key that answers at once, and can be withdrawn or fall silent."""

    def __init__(self, name: str) -> None:
        self.name, self.withdrawn, self.key_id, self.silent = name, False, f"plane/{name}/1", False
        self._made: dict[bytes, bytes] = {}

    async def seed(self, key_id: str, encrypted: bytes) -> bytes:  # noqa: ARG002 - as the real one is called
        self._require()
        return self._made[encrypted]

    async def writing_seed(self) -> Seed:
        self._require()
        encrypted = f"{self.name}{len(self._made)}".encode()
        self._made[encrypted] = encrypted.rjust(32, b"0")
        return Seed(self._made[encrypted], self.key_id, encrypted)

    def _require(self) -> None:
        if self.silent:
            raise SilentError
        if self.withdrawn:
            raise KeyRefusedError


def sealer() -> tuple[Sealer, Mapping[str, FakeKey]]:
    keys = {name: FakeKey(name) for name in ("plane", "high", "low")}
    return Sealer(keys, {"research": "high", "startups": "low"}), keys


def secret(value: bytes = b"hidden") -> bytes:
    annotations = {"note": "copy of hidden", "kubernetes.io/service-account.name": "builder"}
    meta = FULL["Meta"](
        name="login",
        namespace="research",
        uid="u-1",
        labels={"app": "a"},
        annotations=annotations,
        managed=[b"hidden"],
    )
    whole = FULL["Secret"](metadata=meta, data={"word": value}, type="Opaque", texts={"other": "hidden"})
    return b"k8s\x00" + bytes(STORED["Unknown"](raw=whole.SerializeToString()).SerializeToString())


def from_api_server(keys: Mapping[str, FakeKey], plain: bytes, place: bytes = PLACE) -> bytes:
    """Encrypt as the API server does."""
    return PLANE_VALUE + bytes(
        asyncio.run(keys["plane"].writing_seed()).close(plain, place).SerializeToString()
    )


def shown(keys: Mapping[str, FakeKey], value: bytes, place: bytes = PLACE) -> bytes:
    """Decrypt as the API server does."""
    stored = STORED["EncryptedObject"].FromString(value.removeprefix(PLANE_VALUE))
    return opened(asyncio.run(keys["plane"].seed(stored.key_id, stored.seed)), stored, place)


@given(st.binary(max_size=2000))
def test_what_is_sealed_comes_back_byte_for_byte_and_hides_what_it_holds(value: bytes):
    gate, keys = sealer()
    sent = from_api_server(keys, secret(value))
    sealed = asyncio.run(gate.seal(PLACE, sent))
    assert asyncio.run(gate.open(PLACE, sealed)) == sent
    assert sent not in sealed
    assert sealed_under(sealed) == ("high", "plane/high/1")


def test_a_withdrawn_key_leaves_a_secret_s_name_and_owner_and_nothing_that_could_hold_its_data():
    gate, keys = sealer()
    sealed = asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    keys["high"].withdrawn = True
    plain = shown(keys, asyncio.run(gate.open(PLACE, sealed)))
    assert b"hidden" not in plain
    found = FULL["Secret"].FromString(STORED["Unknown"].FromString(plain.removeprefix(b"k8s\x00")).raw)
    assert (found.metadata.name, found.metadata.namespace, found.metadata.uid, found.type) == (
        "login",
        "research",
        "u-1",
        "Opaque",
    )
    assert dict(found.metadata.labels) == {"app": "a"}
    assert dict(found.metadata.annotations) == {
        "kubernetes.io/service-account.name": "builder",
        WITHDRAWN_KEY: "high",
    }
    keys["high"].withdrawn = False
    assert b"hidden" in shown(keys, asyncio.run(gate.open(PLACE, sealed)))


def test_the_stub_of_a_withdrawn_secret_is_not_sealed_under_another_level_in_its_place():
    gate, keys = sealer()
    sealed = asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    keys["high"].withdrawn = True
    stub = asyncio.run(gate.open(PLACE, sealed))
    gate.levels = {**gate.levels, "research": "low"}
    with pytest.raises(KeyRefusedError):
        asyncio.run(gate.seal(PLACE, stub))


@pytest.mark.parametrize("level", ["low", None])
def test_nothing_is_written_over_a_withdrawn_secret_whatever_became_of_its_namespace_s_level(
    level: str | None,
):
    gate, keys = sealer()
    sealed = asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    keys["high"].withdrawn = True
    gate.levels = {"research": level} if level else {}
    with pytest.raises(KeyRefusedError):
        asyncio.run(gate.seal(PLACE, asyncio.run(gate.open(PLACE, sealed)), sealed))
    with pytest.raises(KeyRefusedError):
        asyncio.run(gate.seal(PLACE, from_api_server(keys, secret(b"other")), sealed))


def test_a_stub_read_early_is_not_written_over_a_secret_whose_namespace_left_its_level():
    gate, keys = sealer()
    sealed = asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    keys["high"].withdrawn = True
    stub = asyncio.run(gate.open(PLACE, sealed))
    keys["high"].withdrawn = False
    gate.levels = {}
    with pytest.raises(KeyRefusedError):
        asyncio.run(gate.seal(PLACE, stub, sealed))
    sent = from_api_server(keys, secret(b"other"))
    assert asyncio.run(gate.seal(PLACE, sent, sealed)) == sent


def test_under_a_withdrawn_key_nothing_is_sealed_and_another_level_does_not_care():
    gate, keys = sealer()
    keys["high"].withdrawn = True
    with pytest.raises(KeyRefusedError):
        asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    other = b"/registry/secrets/startups/login"
    sent = from_api_server(keys, secret(), other)
    assert asyncio.run(gate.open(other, asyncio.run(gate.seal(other, sent)))) == sent


def test_silence_is_an_error_and_no_withdrawal():
    gate, keys = sealer()
    sealed = asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    keys["high"].silent = True
    with pytest.raises(SilentError):
        asyncio.run(gate.open(PLACE, sealed))


@pytest.mark.parametrize(
    "place",
    [
        b"/registry/secrets/elsewhere/login",
        b"/registry/configmaps/research/login",
        b"/registry/secretsx/research/a",
    ],
)
def test_what_is_no_secret_of_a_zone_passes_as_it_is(place: bytes):
    gate, keys = sealer()
    sent = from_api_server(keys, secret(), place)
    assert asyncio.run(gate.seal(place, sent)) == sent
    assert asyncio.run(gate.open(place, sent)) == sent


def test_a_sealed_value_opens_only_where_it_was_written():
    gate, keys = sealer()
    sealed = asyncio.run(gate.seal(PLACE, from_api_server(keys, secret())))
    with pytest.raises(DamagedError):
        asyncio.run(gate.open(b"/registry/secrets/research/other", sealed))
    with pytest.raises(DamagedError):
        asyncio.run(gate.open(PLACE, sealed.replace(b":high:", b":none:", 1)))


@pytest.mark.parametrize("value", [b'{"kind":"Secret"}', b"k8s:enc:secretbox:v1:first:abc"])
def test_what_the_api_server_did_not_encrypt_under_the_plane_s_key_is_not_sealed(value: bytes):
    gate, _ = sealer()
    with pytest.raises(UnsealableError):
        asyncio.run(gate.seal(PLACE, value))


def test_what_is_no_protobuf_is_not_made_a_stub_of():
    with pytest.raises(UnsealableError):
        without_data(b'{"kind":"Secret"}', "high")


@pytest.mark.parametrize("rest", [b"high:\xff", b"high:\x0a\x05ab", b":\xff", b"high:\x0a\x02\x12\xff"])
def test_a_sealed_value_that_is_no_message_is_damaged_and_breaks_no_list(rest: bytes):
    value = SEALED + rest
    for read in (sealed_under, stub_of):
        with pytest.raises(DamagedError):
            read(value)
    gate, _ = sealer()
    with pytest.raises(DamagedError):
        asyncio.run(gate.open(PLACE, value))


def test_an_encrypted_value_that_is_no_message_is_damaged_and_such_a_secret_is_not_sealed():
    gate, _ = sealer()
    with pytest.raises(DamagedError):
        asyncio.run(gate.seal(PLACE, PLANE_VALUE + b"\xff"))
    for plain in (b"k8s\x00\xff", b"k8s\x00" + STORED["Unknown"](raw=b"\xff").SerializeToString()):
        with pytest.raises(UnsealableError):
            without_data(plain, "high")


def test_a_seed_does_not_show_itself():
    assert "s3cret" not in repr(Seed(b"s3cret".ljust(32), "plane/1", b"e"))


def test_keys_are_asked_over_a_socket_and_one_that_is_not_there_is_silent(tmp_path: Path):
    async def ask() -> None:
        key = KeyHandle("high", tmp_path / "none.sock")
        await key.refresh()
        assert not key.withdrawn
        with pytest.raises(SilentError):
            await key.writing_seed()
        await key.close()

    asyncio.run(ask())
