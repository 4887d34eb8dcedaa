"""Key cut-off on the real API server, with SoftHSM, judged by what the API gives and by the bytes in etcd."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.api.errors import UnreachableError
from sovereign_ai.cluster.embedded.lifecycle import status
from sovereign_ai.cluster.keys.control import KeyState, key_states, record_levels, restore, rotate, withdraw
from sovereign_ai.cluster.keys.custody import PLANE, read_custody
from sovereign_ai.cluster.keys.messages import ETCD
from sovereign_ai.cluster.keys.pkcs11 import Pkcs11Module, WithdrawnError
from sovereign_ai.cluster.keys.reencrypt import ReencryptedObjects, reencrypt_objects
from sovereign_ai.cluster.keys.seal import WITHDRAWN_KEY, sealed_under
from sovereign_ai.cluster.keys.secret_proxy import open_etcd
from sovereign_ai.cluster.state import recorded_ports
from sovereign_ai.errors import UsageError
from tests.cluster.keys.conftest import LEVELS, Plane

pytestmark = pytest.mark.cluster


def quiet(_line: str) -> None:
    """Say nothing."""


def secret(name: str, namespace: str, value: str) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": {"app": "a"},
        "annotations": {"note": f"copy of {value}"},
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"word": value}}


def word(plane: Plane, name: str, namespace: str) -> str | None:
    found = plane.api.get("v1", "Secret", name, namespace)
    assert found is not None
    return base64.b64decode(found["data"]["word"]).decode() if "data" in found else None


def in_etcd(plane: Plane, place: str) -> bytes:
    """Read a value as it lies in etcd, past the gate."""

    async def read() -> bytes:
        channel = open_etcd(plane.where, recorded_ports(plane.where)["etcd"])
        request = ETCD["RangeRequest"](key=place.encode())
        answer = await channel.unary_unary("/etcdserverpb.KV/Range")(request.SerializeToString())
        await channel.close()
        return bytes(ETCD["RangeResponse"].FromString(answer).kvs[0].value)

    return asyncio.run(read())


def state(plane: Plane, key: str) -> KeyState:
    return next(one for one in key_states(plane.where) if one.key == key)


def until(holds: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
    return value


def until_served(holds: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for something through times without an API server."""

    def attempt() -> Any:
        try:
            return holds()
        except Exception:  # noqa: BLE001 - not there yet, whatever the reason
            return None

    return until(attempt, seconds)


def everything_stored(plane: Plane) -> bytes:
    return b"".join(
        path.read_bytes() for path in (plane.cluster.folder / "etcd").rglob("*") if path.is_file()
    )


def test_a_secret_of_a_zone_is_sealed_under_its_level_s_key_and_reads_as_it_was_written(plane: Plane):
    for namespace in (*LEVELS, "elsewhere"):
        plane.api.create(secret("first", namespace, f"FirstOf-{namespace}"))
        assert word(plane, "first", namespace) == f"FirstOf-{namespace}"
    for namespace, level in LEVELS.items():
        sealed = sealed_under(in_etcd(plane, f"/registry/secrets/{namespace}/first"))
        assert sealed == (level, f"{read_custody(plane.where).owner}/{level}/1")
    assert in_etcd(plane, "/registry/secrets/elsewhere/first").startswith(b"k8s:enc:kms:v2:plane:")
    assert b"FirstOf-" not in everything_stored(plane)


def test_what_the_api_server_does_with_a_secret_works_through_the_gate(plane: Plane):
    plane.api.create(secret("worked", "research", "Before"))
    version = plane.api.apply(secret("worked", "research", "After"), force=True)["metadata"][
        "resourceVersion"
    ]
    again = plane.api.apply(secret("worked", "research", "After"), force=True)["metadata"]["resourceVersion"]
    assert again == version, "a change of nothing writes nothing: the gate gives the very bytes back"
    assert word(plane, "worked", "research") == "After"
    assert {one["metadata"]["name"] for one in plane.api.list("v1", "Secret", "research")} == {
        "first",
        "worked",
    }
    assert len(plane.api.list("v1", "Secret", label_selector="app=a")) == 4
    with pytest.raises(ApiError) as caught:
        plane.api.create(secret("worked", "research", "Twice"))
    assert caught.value.status == 409
    assert plane.api.delete("v1", "Secret", "worked", "research")
    assert plane.api.get("v1", "Secret", "worked", "research") is None


def test_a_sealed_value_carried_to_another_secret_stays_closed(plane: Plane):
    """Whoever writes to etcd itself must not open a secret by putting it where they can read."""

    async def carry() -> None:
        channel = open_etcd(plane.where, recorded_ports(plane.where)["etcd"])
        put = ETCD["PutRequest"](key=b"/registry/secrets/elsewhere/carried", value=in_research)
        await channel.unary_unary("/etcdserverpb.KV/Put")(put.SerializeToString())
        await channel.close()

    async def drop() -> None:
        channel = open_etcd(plane.where, recorded_ports(plane.where)["etcd"])
        gone = ETCD["RangeRequest"](key=b"/registry/secrets/elsewhere/carried")
        await channel.unary_unary("/etcdserverpb.KV/DeleteRange")(gone.SerializeToString())
        await channel.close()

    in_research = in_etcd(plane, "/registry/secrets/research/first")
    asyncio.run(carry())
    try:
        with pytest.raises(ApiError, match="no matching prefix found") as caught:
            plane.api.get("v1", "Secret", "carried", "elsewhere")
        assert "FirstOf" not in str(caught.value)
    finally:
        asyncio.run(drop())


def test_after_a_rotation_old_secrets_are_readable_and_new_ones_stand_under_the_new_version(plane: Plane):
    number = rotate(plane.where, "high", quiet)
    plane.api.create(secret("second", "research", "SecondOf-research"))
    owner = read_custody(plane.where).owner
    assert sealed_under(in_etcd(plane, "/registry/secrets/research/second")) == (
        "high",
        f"{owner}/high/{number}",
    )
    assert sealed_under(in_etcd(plane, "/registry/secrets/research/first")) == ("high", f"{owner}/high/1")
    assert word(plane, "first", "research") == "FirstOf-research"
    assert (state(plane, "high").behind, state(plane, "low").behind) == (1, 0)
    assert state(plane, "high").stored == {1: 1, number: 1}


def test_reencryption_writes_again_what_was_written_before_and_leaves_nothing_behind(plane: Plane):
    before = in_etcd(plane, "/registry/secrets/research/first")
    assert before in everything_stored(plane)
    assert reencrypt_objects(plane.where, quiet) == ReencryptedObjects(1, ())
    assert [one.behind for one in key_states(plane.where)] == [0, 0, 0]
    assert word(plane, "first", "research") == "FirstOf-research"
    after = in_etcd(plane, "/registry/secrets/research/first")
    assert sealed_under(after) == sealed_under(in_etcd(plane, "/registry/secrets/research/second"))
    assert before not in (plane.cluster.folder / "etcd" / "member" / "snap" / "db").read_bytes()
    assert reencrypt_objects(plane.where, quiet) == ReencryptedObjects(0, ())


def test_the_plane_s_own_key_rotates_and_everything_is_written_again_under_it(plane: Plane):
    number = rotate(plane.where, PLANE, quiet)
    assert state(plane, PLANE).behind > 3
    reencrypt_objects(plane.where, quiet)
    assert set(state(plane, PLANE).stored) == {number}
    for namespace in (*LEVELS, "elsewhere"):
        assert word(plane, "first", namespace) == f"FirstOf-{namespace}"


def test_withdrawing_one_key_makes_exactly_its_secrets_unreadable(plane: Plane):
    watched = plane.api.request("GET", "/api/v1/secrets", query={"resourceVersion": "0"})
    assert len(watched["items"]) >= 4
    assert withdraw(plane.where, "high", quiet) == 2
    found = plane.api.get("v1", "Secret", "first", "research")
    assert found is not None
    assert "data" not in found
    assert found["metadata"]["annotations"] == {WITHDRAWN_KEY: "high"}
    assert found["metadata"]["labels"] == {"app": "a"}
    assert word(plane, "first", "startups") == "FirstOf-startups"
    assert word(plane, "first", "elsewhere") == "FirstOf-elsewhere"
    for version in ({}, {"resourceVersion": "0"}):
        listed = plane.api.request("GET", "/api/v1/secrets", query=version)["items"]
        readable = {
            (one["metadata"]["namespace"], one["metadata"]["name"]) for one in listed if "data" in one
        }
        assert ("startups", "first") in readable
        assert not any(namespace == "research" for namespace, _ in readable)
        assert "FirstOf-research" not in str(listed)
        assert base64.b64encode(b"FirstOf-research").decode() not in str(listed)
    assert plane.api.request("GET", "/readyz")["text"] == "ok"
    assert [(one.key, one.usable) for one in key_states(plane.where)] == [
        ("plane", True),
        ("high", False),
        ("low", True),
    ]


def test_under_a_withdrawn_key_nothing_is_written_or_changed_but_may_be_deleted(plane: Plane):
    for call in (
        lambda: plane.api.create(secret("third", "research", "Third")),
        lambda: plane.api.apply({**secret("first", "research", "Changed")}, force=True),
    ):
        with pytest.raises(ApiError, match="withdrawn"):
            call()
    plane.api.create(secret("third", "startups", "Third"))
    plane.api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "free", "namespace": "research"},
            "data": {"a": "b"},
        }
    )
    assert plane.api.delete("v1", "Secret", "second", "research")


def test_a_restart_of_everything_does_not_open_a_withdrawn_key_and_the_api_server_is_ready(plane: Plane):
    for name in ("keys", "secret-gate", "kube-apiserver"):
        pid = next(
            one.pid for one in status("keyed", root=plane.where.folder.parent).components if one.name == name
        )
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    until(lambda: status("keyed", root=plane.where.folder.parent).healthy)
    assert until_served(lambda: plane.api.request("GET", "/readyz")["text"]) == "ok"
    assert word(plane, "first", "research") is None
    assert word(plane, "first", "startups") == "FirstOf-startups"


def test_the_module_itself_refuses_a_withdrawn_key(plane: Plane):
    custody = read_custody(plane.where)
    module = Pkcs11Module(custody.module)
    with pytest.raises(WithdrawnError):
        module.encrypt(custody.label("high"), b"x")
    module.encrypt(custody.label("low"), b"x")
    module.close()


def test_no_new_version_is_made_of_a_withdrawn_key(plane: Plane):
    with pytest.raises(UsageError, match="withdrawn") as caught:
        rotate(plane.where, "high", quiet)
    assert "keys restore" in caught.value.problems[0].hint


def test_a_withdrawn_secret_outlives_a_change_of_its_zone_s_level(plane: Plane):
    assert not record_levels(plane.where, {**LEVELS, "research": "low"})
    try:
        reencrypt_objects(plane.where, quiet)
        relabel = {"metadata": {"labels": {"app": "b"}}}
        with pytest.raises(ApiError, match="withdrawn"):
            plane.api.request(
                "PATCH",
                "/api/v1/namespaces/research/secrets/first",
                relabel,
                content_type="application/merge-patch+json",
            )
        assert sealed_under(in_etcd(plane, "/registry/secrets/research/first"))[0] == "high"  # type: ignore[index]  # it is sealed
    finally:
        record_levels(plane.where, LEVELS)


def test_recovery_brings_the_secrets_back_as_they_were(plane: Plane):
    assert restore(plane.where, "high", quiet) == 1
    found = plane.api.get("v1", "Secret", "first", "research")
    assert found is not None
    assert base64.b64decode(found["data"]["word"]) == b"FirstOf-research"
    assert found["metadata"]["annotations"] == {"note": "copy of FirstOf-research"}
    plane.api.create(secret("third", "research", "Third"))


def test_a_custodian_who_withdraws_with_the_module_s_own_means_is_noticed_within_seconds(plane: Plane):
    custody = read_custody(plane.where)
    module = Pkcs11Module(custody.module)
    module.allow(custody.label("low"), allowed=False)
    try:
        cached = {"resourceVersion": "0"}
        until(
            lambda: (
                "data"
                not in plane.api.request("GET", "/api/v1/namespaces/startups/secrets/first", query=cached)
            )
        )
        assert word(plane, "first", "research") == "FirstOf-research"
    finally:
        module.allow(custody.label("low"), allowed=True)
        module.close()
    until(lambda: word(plane, "first", "startups") == "FirstOf-startups")


def test_a_silent_key_service_is_an_error_and_never_a_withdrawal(plane: Plane):
    # A secret of its own, so that the test can be run again by itself.
    plane.api.apply(secret("silent", "research", "Silent-research"), force=True)

    def refused() -> bool:
        try:
            found = plane.api.get("v1", "Secret", "silent", "research")
        except ApiError as error:
            return error.status >= 500
        except UnreachableError:
            # A busy API server waits longer for its key service than a client waits for it.
            return True
        assert found is not None
        assert "data" in found, "silence is no withdrawal"
        return False

    service = next(
        one.pid for one in status("keyed", root=plane.where.folder.parent).components if one.name == "keys"
    )
    assert service is not None
    os.kill(service, signal.SIGSTOP)
    try:
        until(refused)
    finally:
        os.kill(service, signal.SIGCONT)
    until_served(lambda: word(plane, "silent", "research") == "Silent-research")
    assert plane.api.delete("v1", "Secret", "silent", "research")


async def followed(plane: Plane, levels: dict[str, str]) -> bool:
    """Follow a plan as a program does that Pulumi runs: inside its event loop."""
    return record_levels(plane.where, levels)


def test_a_newer_plan_s_level_gets_a_key_while_the_plane_runs_and_what_was_written_before_is_cut_off_too(
    plane: Plane,
):
    plane.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "added"}})
    plane.api.create(secret("before", "added", "Before"))
    assert asyncio.run(followed(plane, LEVELS | {"added": "medium"}))
    assert state(plane, "medium").behind == 1
    until_served(lambda: plane.api.apply(secret("after", "added", "After"), force=True))
    assert state(plane, "medium").behind == 1, (
        "what is written once the plan was followed stands under its level's key"
    )
    assert sealed_under(in_etcd(plane, "/registry/secrets/added/before")) is None
    assert withdraw(plane.where, "medium", quiet) == 2
    assert (word(plane, "before", "added"), word(plane, "after", "added")) == (None, None)
    assert reencrypt_objects(plane.where, quiet) == ReencryptedObjects(0, ()), (
        "a withdrawn level is left alone"
    )
    assert restore(plane.where, "medium", quiet) == 2
    assert (word(plane, "before", "added"), word(plane, "after", "added")) == ("Before", "After")


@pytest.mark.parametrize("key", ["plane", "hgih"])
def test_a_key_that_cannot_be_withdrawn_is_named(plane: Plane, key: str):
    with pytest.raises(UsageError) as caught:
        withdraw(plane.where, key, quiet)
    assert caught.value.problems[0].code == {"plane": "plane-key", "hgih": "unknown-key"}[key]
