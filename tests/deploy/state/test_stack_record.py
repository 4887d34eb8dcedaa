"""What is recorded of a stack beside its state."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.stack_record import (
    ClusterIdentity,
    StackRecord,
    backend_folder,
    current_backend,
    record_of_backend,
    record_path,
)
from sovereign_ai.errors import EnvironmentLacksError

HERE = ClusterIdentity("uid-1", "digest", "https://127.0.0.1:1")


def record(tmp_path: Path) -> StackRecord:
    return StackRecord(record_path(tmp_path, "lab", "lab"))


def test_a_uuid_is_made_once_and_outlives_every_cluster(tmp_path: Path) -> None:
    first = record(tmp_path).identity()
    assert uuid.UUID(first).version == 4
    record(tmp_path).put_cluster("lab", HERE)
    assert record(tmp_path).cluster("lab") == HERE
    record(tmp_path).drop_clusters()
    assert record(tmp_path).cluster("lab") is None
    assert record(tmp_path).identity("another") == first


def test_what_is_noted_of_the_deployments_of_one_program_is_kept_apart(tmp_path: Path) -> None:
    record(tmp_path).put_cluster("lab", HERE)
    assert (record(tmp_path).begun("lab"), record(tmp_path).has_rare_kinds("lab")) == ("", False)
    record(tmp_path).put_begun("lab", "digest-1")
    record(tmp_path).put_rare_kinds("lab", has_any=True)
    record(tmp_path).put_rare_kinds("two", has_any=False)
    assert (record(tmp_path).begun("lab"), record(tmp_path).has_rare_kinds("lab")) == ("digest-1", True)
    assert (record(tmp_path).begun("two"), record(tmp_path).has_rare_kinds("two")) == ("", False)
    assert record(tmp_path).cluster("lab") == HERE


def test_where_the_record_is_lost_the_uuid_of_the_state_counts(tmp_path: Path) -> None:
    assert record(tmp_path).identity("of-the-state") == "of-the-state"
    assert record(tmp_path).identity() == "of-the-state"


def test_stacks_of_one_folder_are_told_apart_and_nothing_is_written_to_look(tmp_path: Path) -> None:
    assert record(tmp_path).cluster("lab") is None
    record(tmp_path).drop_clusters()
    assert list(tmp_path.iterdir()) == []
    one, two = (StackRecord(record_path(tmp_path, "lab", name)).identity() for name in ("a", "b"))
    assert one != two


def test_of_two_commands_that_make_it_at_once_both_get_the_same_uuid(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(record(tmp_path).identity())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_the_record_is_nobody_elses_to_read(tmp_path: Path) -> None:
    record(tmp_path).identity()
    path = record_path(tmp_path, "lab", "lab")
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, path.parent.parent)} == {0o700}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"stack": 7}',
        '{"stack": "s", "clusters": []}',
        '{"stack": "s", "clusters": {"lab": {}}}',
    ],
)
def test_a_damaged_record_is_named_and_nothing_is_guessed(tmp_path: Path, text: str) -> None:
    path = record_path(tmp_path, "lab", "lab")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for ask in (
        record(tmp_path).identity,
        lambda: record(tmp_path).cluster("lab"),
        lambda: record(tmp_path).put_cluster("lab", HERE),
    ):
        with pytest.raises(EnvironmentLacksError) as refused:
            ask()
        assert (refused.value.problems[0].code, refused.value.problems[0].where.file) == (
            "stack-record-damaged",
            str(path),
        )
    assert path.read_text() == text


def test_a_state_elsewhere_is_called_by_its_address_on_every_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    for machine in ("one", "two"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / machine))
        names.append(record_of_backend("s3://bucket/", "organization", "lab", "lab").identity())
    assert names[0] == names[1]
    others = {
        record_of_backend(url, org, "lab", "lab").identity()
        for url, org in (("s3://other", "organization"), ("", "one"), ("", "two"))
    }
    assert len(others | set(names)) == 4
    mine = record_of_backend("s3://bucket", "organization", "lab", "lab")
    mine.put_cluster("lab", HERE)
    assert (mine.cluster("lab"), mine.identity()) == (HERE, names[0])


def test_a_folder_of_the_users_own_has_the_record_in_it(tmp_path: Path) -> None:
    found = record_of_backend(f"file://{tmp_path}?metadata=skip", "organization", "lab", "lab")
    found.identity()
    assert record_path(tmp_path, "lab", "lab").is_file()
    assert backend_folder("https://api.pulumi.com") is None


def test_the_backend_is_the_environments_or_the_one_that_was_logged_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    assert current_backend() == ""
    for text, url in (('{"current": "s3://b"}', "s3://b"), ("{", ""), ("[]", ""), ('{"current": 7}', "")):
        (tmp_path / "credentials.json").write_text(text)
        assert current_backend() == url
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///state")
    assert current_backend() == "file:///state"


def test_the_record_of_a_newer_version_is_never_called_damaged_nor_is_its_removal_advised(
    tmp_path: Path,
) -> None:
    path = tmp_path / "record.json"
    path.write_text('{"layout": 2, "stack": {"uuid": "a"}}')
    with pytest.raises(EnvironmentLacksError, match="a newer version") as refused:
        StackRecord(path).identity()
    [problem] = refused.value.problems
    assert (problem.code, problem.hint) == ("state-newer", "use that version, or a later one")
