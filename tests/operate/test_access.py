"""Giving and ending access: a certificate that ends with it, and nothing left where it could not be
opened.
"""

from __future__ import annotations

import base64
import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from sovereign_ai.cluster.api.errors import refusal
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.state import ClusterDir, record
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, UsageError
from sovereign_ai.operate import access
from sovereign_ai.operate.access import end_access, grant_access, require_operator, require_unused
from sovereign_ai.operate.grant_controller import Keeper
from sovereign_ai.operate.grants import AccessGrant
from sovereign_ai.operate.records import (
    folder_of,
    is_known,
    kept_since,
    kubeconfig_of,
    note_since,
    read_records,
    write_grant,
)
from tests.operate.given import grant, plane
from tests.verify.in_memory import InMemoryApi


def now() -> datetime:
    return datetime.now(UTC)


def short() -> AccessGrant:
    begins = now().replace(microsecond=0)
    return grant(begins=begins, ends=begins + timedelta(minutes=5))


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    place = plane(tmp_path)
    record(place, {"kube-apiserver": 20001}, {})
    make_identities(place, 20001)
    return place


@pytest.fixture
def api(where: ClusterDir) -> Iterator[InMemoryApi]:
    """A cluster in memory, with a keeper at work on it."""
    memory, stop = InMemoryApi(), threading.Event()
    keeper = Keeper(where, lambda: memory, lambda _line: None)

    def work() -> None:
        while not stop.wait(0.02):
            keeper.round(now())

    thread = threading.Thread(target=work)
    thread.start()
    yield memory
    stop.set()
    thread.join()


def test_an_approval_serves_once_also_where_its_plane_was_made_anew_since(tmp_path: Path) -> None:
    agreed = short()
    where = plane(tmp_path)
    note_since(where, agreed.agreed_at)
    require_unused(where, agreed)
    write_grant(where, agreed)
    assert is_known(where, agreed.id)
    shutil.rmtree(where.folder)
    anew = plane(tmp_path)
    assert not is_known(anew, agreed.id)
    with pytest.raises(EnvironmentLacksError, match="no-since"):
        require_unused(anew, agreed)
    Keeper(anew, InMemoryApi, lambda _line: None).round(now() + timedelta(seconds=1))
    with pytest.raises(UsageError, match="access-used"):
        require_unused(anew, agreed)
    later = now().replace(microsecond=0) + timedelta(seconds=2)
    require_unused(anew, grant(begins=later, ends=later + timedelta(minutes=5)))


def test_the_operator_notes_since_when_it_keeps_grants_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    where = plane(tmp_path)
    for minutes in (0, 30):
        Keeper(where, InMemoryApi, lambda _line: None).round(now() + timedelta(minutes=minutes))
    since = kept_since(where)
    assert since is not None
    assert abs(since - now()) < timedelta(minutes=5)


def test_the_kubeconfigs_certificate_is_for_that_user_alone_and_ends_with_the_access(
    where: ClusterDir, api: InMemoryApi
) -> None:
    one = short()
    found, path = grant_access(where, one, now)
    assert found.opened
    assert path.stat().st_mode & 0o777 == 0o600
    config = orjson.loads(path.read_bytes())
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:20001"
    certificate = x509.load_pem_x509_certificate(
        base64.b64decode(config["users"][0]["user"]["client-certificate-data"])
    )
    assert [part.value for part in certificate.subject] == [one.user]
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) == []
    assert abs(certificate.not_valid_after_utc - one.ends) <= timedelta(seconds=1)


def test_access_is_ended_once(where: ClusterDir, api: InMemoryApi) -> None:
    one = short()
    grant_access(where, one, now)
    with pytest.raises(UsageError, match="needs a reason"):
        end_access(where, one.id, " ", now)
    assert end_access(where, one.id, "no need", now).why == "revoked"
    assert not kubeconfig_of(where, one.id).exists()
    with pytest.raises(UsageError, match="access-closed"):
        end_access(where, one.id, "again", now)
    with pytest.raises(UsageError, match="no-access"):
        end_access(where, "00000000", "none", now)


def test_what_the_api_server_refuses_is_told_and_leaves_nothing(where: ClusterDir, api: InMemoryApi) -> None:
    def refuse(_obj: object) -> None:
        raise refusal("POST", "/rolebindings", 403, {"message": "RBC-009: no", "reason": "Forbidden"})

    api.admit = refuse
    one = short()
    with pytest.raises(DeploymentError, match="RBC-009"):
        grant_access(where, one, now)
    assert not kubeconfig_of(where, one.id).exists()


def test_what_is_refused_at_once_leaves_no_kubeconfig_however_slowly_one_is_made(
    where: ClusterDir, api: InMemoryApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_obj: object) -> None:
        raise refusal("POST", "/rolebindings", 403, {"message": "RBC-009: no", "reason": "Forbidden"})

    def slow(*words: Any) -> Any:
        time.sleep(0.3)
        return sign(*words)

    sign = access.sign
    api.admit = refuse
    monkeypatch.setattr(access, "sign", slow)
    one = short()
    with pytest.raises(DeploymentError, match="RBC-009"):
        grant_access(where, one, now)
    assert not kubeconfig_of(where, one.id).exists()


def test_a_grant_that_cannot_be_written_leaves_no_kubeconfig(
    where: ClusterDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(access, "write_grant", full)
    with pytest.raises(OSError, match="No space"):
        grant_access(where, short(), now)
    assert list(folder_of(where).iterdir()) == []


def test_a_kubeconfig_that_a_crash_left_without_a_grant_is_gone_once_its_certificate_has_ended(
    where: ClusterDir, api: InMemoryApi
) -> None:
    folder_of(where).mkdir(mode=0o700)
    for name, hours in (
        ("aaaaaaaa.kubeconfig", 4.1),
        (".aaaaaaaa.kubeconfig.x1y2", 4.1),
        ("bbbbbbbb.kubeconfig", 3.8),
    ):
        stray = folder_of(where) / name
        stray.write_bytes(b"secret")
        then = (now() - timedelta(hours=hours)).timestamp()
        os.utime(stray, (then, then))
    _, path = grant_access(where, short(), now)
    keeper = Keeper(where, lambda: api, lambda _line: None)
    for minutes in (0, 2):
        keeper.round(now() + timedelta(minutes=minutes))
    assert sorted(folder_of(where).glob("*.kubeconfig*")) == sorted([path, kubeconfig_of(where, "bbbbbbbb")])


@pytest.mark.parametrize("text", ["", "{", "{}", '{"why": ""}', "\0\0"])
def test_a_word_of_its_end_that_was_written_by_half_ends_access(
    where: ClusterDir, api: InMemoryApi, text: str
) -> None:
    one = short()
    _, path = grant_access(where, one, now)
    (folder_of(where) / f"{one.id}.revoked").write_text(text)
    for _ in range(200):
        if read_records(where)[0] and read_records(where)[0][0].closed:
            break
        time.sleep(0.02)
    [found], broken = read_records(where)
    assert (found.why, broken) == ("revoked", [])
    assert not path.exists()


def test_where_nobody_opens_it_the_grant_is_ended(where: ClusterDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_PATIENCE_SECONDS", 0.3)
    one = short()
    with pytest.raises(EnvironmentLacksError, match="not-opened"):
        grant_access(where, one, now)
    assert not kubeconfig_of(where, one.id).exists()
    assert not read_records(where)[0][0].is_active(now())


def test_whoever_stops_waiting_for_access_has_none(
    where: ClusterDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", ends)
    one = short()
    with pytest.raises(KeyboardInterrupt):
        grant_access(where, one, now)
    monkeypatch.undo()
    [found], _ = read_records(where)
    assert (found.revoked, found.is_active(now())) == ("giving it was interrupted", False)
    assert not kubeconfig_of(where, one.id).exists()
    memory = InMemoryApi()
    Keeper(where, lambda: memory, lambda _line: None).round(now())
    assert memory.list("rbac.authorization.k8s.io/v1", "RoleBinding") == []
    assert read_records(where)[0][0].closed


def test_a_plane_that_is_not_ours_or_does_not_run_gives_none(where: ClusterDir, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="no-cluster"):
        require_operator(ClusterDir("none", tmp_path / "none"))
    with pytest.raises(EnvironmentLacksError, match="no-operator") as caught:
        require_operator(where, "make it anew")
    assert caught.value.problems[0].hint == "make it anew", "no log is named that is not there"
