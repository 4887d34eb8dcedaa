"""What a person or a process does in between: keys on a running plane, with SoftHSM, where something else
happens at the same time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.embedded.lifecycle import status
from sovereign_ai.cluster.keys.control import record_levels, restore, rotate, withdraw
from sovereign_ai.cluster.keys.custody import PLANE, custody_file, read_custody
from sovereign_ai.cluster.keys.pkcs11 import Pkcs11Module
from sovereign_ai.cluster.keys.reencrypt import reencrypt_objects
from sovereign_ai.cluster.keys.seal import SECRETS, WITHDRAWN_KEY
from sovereign_ai.cluster.keys.store import Stored, opened_store
from sovereign_ai.cluster.state import read_json
from sovereign_ai.errors import EnvironmentLacksError
from tests.cluster.keys.conftest import LEVELS, Plane
from tests.cluster.keys.test_control import in_etcd, quiet, secret, until, until_served, word

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def first(plane: Plane) -> Iterator[None]:
    """A secret of the high level, whose key can be used before and after each test."""
    if plane.api.get("v1", "Secret", "first", "research") is None:
        plane.api.create(secret("first", "research", "First"))
    until_served(lambda: word(plane, "first", "research") == "First")
    yield
    record_levels(plane.where, LEVELS)
    restore(plane.where, "high", quiet)


@contextmanager
def opened_module(plane: Plane) -> Iterator[tuple[Pkcs11Module, str]]:
    """Log in as a custodian does; give the module and the label of the high level's key."""
    custody = read_custody(plane.where)
    module = Pkcs11Module(custody.module)
    try:
        yield module, custody.label("high")
    finally:
        module.close()


def process(plane: Plane, name: str) -> dict[str, Any]:
    """What the supervisor says of a process."""
    found = read_json(plane.where.status)
    assert found is not None
    return next(one for one in found["processes"] if one["name"] == name)


def until_healthy(plane: Plane) -> None:
    until(lambda: status("keyed", root=plane.where.folder.parent).healthy)


def cached(plane: Plane, namespace: str, name: str) -> dict[str, Any]:
    """Read a secret as the API server's cache has it."""
    return plane.api.request(
        "GET", f"/api/v1/namespaces/{namespace}/secrets/{name}", query={"resourceVersion": "0"}
    )


def places(values: tuple[Stored, ...]) -> set[str]:
    return {f"{one.namespace}/{one.name}" for one in values}


def test_a_key_that_is_withdrawn_while_no_gate_runs_is_cut_off_in_the_api_server_s_cache_too(plane: Plane):
    assert "data" in until_served(lambda: cached(plane, "research", "first"))
    gate = process(plane, "secret-gate")["pid"]
    os.kill(gate, signal.SIGSTOP)
    with opened_module(plane) as (module, label):
        module.allow(label, allowed=False)
        try:
            time.sleep(2)  # the key service knows, and the gate that is about to start hears it first
            os.kill(gate, signal.SIGKILL)
            until_served(lambda: "data" not in cached(plane, "research", "first"))
        finally:
            module.allow(label, allowed=True)
    until_served(lambda: "data" in cached(plane, "research", "first"))


def test_a_gate_whose_own_task_failed_ends_with_1_and_is_started_again(plane: Plane):
    before, good = process(plane, "secret-gate"), custody_file(plane.where).read_bytes()
    custody_file(plane.where).write_bytes(b"{")
    try:
        after = until(lambda: (now := process(plane, "secret-gate"))["restarts"] > before["restarts"] and now)
    finally:
        custody_file(plane.where).write_bytes(good)
    assert after["last_exit"] == 1
    until_healthy(plane)
    assert until_served(lambda: word(plane, "first", "research")) == "First"


def test_a_secret_that_was_deleted_in_the_meantime_is_not_waited_for(plane: Plane):
    plane.api.create(secret("gone", "research", "Gone"))

    async def ask() -> bool | None:
        async with opened_store(plane.where) as store:
            one = next(one for one in await store.all(SECRETS) if one.name == "gone")
            assert await store.is_open(one)
            plane.api.delete("v1", "Secret", "gone", "research")
            return await store.is_open(one)

    assert asyncio.run(ask()) is None


def test_a_withdrawn_secret_of_a_namespace_that_left_its_level_is_neither_changed_nor_replaced(plane: Plane):
    before = in_etcd(plane, "/registry/secrets/research/first")
    withdraw(plane.where, "high", quiet)
    for level in ({}, {"research": "low"}):
        record_levels(plane.where, {"startups": "low"} | level)
        stub = plane.api.get("v1", "Secret", "first", "research")
        assert stub is not None
        plain = secret("first", "research", "Other")
        version = {"resourceVersion": stub["metadata"]["resourceVersion"]}
        for change in (
            stub,
            {**plain, "metadata": {**plain["metadata"], **version}},
            {**stub, "metadata": plain["metadata"] | version},
        ):
            with pytest.raises(ApiError, match="withdrawn"):
                plane.api.replace(change | {"metadata": change["metadata"] | {"labels": {"app": "changed"}}})
    assert in_etcd(plane, "/registry/secrets/research/first") == before
    record_levels(plane.where, LEVELS)
    restore(plane.where, "high", quiet)
    assert word(plane, "first", "research") == "First"


def test_reencryption_passes_over_a_level_withdrawn_before_a_secret_of_it_was_sealed(
    plane: Plane,
):
    plane.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later"}})
    plane.api.create(secret("open", "later", "Open"))
    with opened_module(plane) as (module, label):
        module.allow(label, allowed=False)
    record_levels(plane.where, LEVELS | {"later": "high"})
    with pytest.raises(EnvironmentLacksError, match="secrets-unsealed") as caught:
        withdraw(plane.where, "high", quiet)
    assert "later/open" in caught.value.problems[0].message
    assert word(plane, "open", "later") == "Open", "it says what is so"
    rotate(plane.where, PLANE, quiet)
    written = reencrypt_objects(plane.where, quiet)
    assert written.count > 0
    assert places(written.left) == {"later/open", "research/first"}
    restore(plane.where, "high", quiet)
    assert reencrypt_objects(plane.where, quiet).left == ()
    assert withdraw(plane.where, "high", quiet) == 2
    found = plane.api.get("v1", "Secret", "open", "later")
    assert found is not None
    assert WITHDRAWN_KEY in found["metadata"]["annotations"]
