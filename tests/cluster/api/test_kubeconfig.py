from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.kubeconfig import (
    authority_of,
    check_files,
    impersonation_in,
    read_kubeconfig,
)
from sovereign_ai.errors import BadFileError, SovereignError

SOUND: dict[str, Any] = {
    "current-context": "lab",
    "clusters": [{"name": "lab", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "jane"}}],
    "users": [{"name": "jane", "user": {"token": "hidden-token"}}],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "config"
    path.write_text(json.dumps(SOUND | changes))
    return path


def test_a_sound_kubeconfig_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_kubeconfig(written(tmp_path)) == SOUND


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"clusters": []}, "it names no cluster"),
        ({"current-context": 7}, "the current context is no text"),
        ({"users": [{"name": "a"}, {"name": "a"}]}, "an entry of this name is above it"),
        ({"users": [{"user": {}}]}, "expected an entry with a name"),
        ({"users": [{"name": "a", "user": {"token": ["hidden-token"]}}]}, "expected a text"),
        ({"users": [{"name": "a", "user": {"client-key-data": "?"}}]}, "expected base64"),
        ({"clusters": [{"name": "a", "cluster": {"server": "https://me:pw@a"}}]}, "without an account"),
        ({"users": [{"name": "a", "user": {"exec": "run"}}]}, "expected a mapping of fields"),
        ({"users": [{"name": "a", "user": {"as": "a\nX-Other: b"}}]}, "without control characters"),
        ({"users": [{"name": "a", "user": {"as": ["a"]}}]}, "expected a text"),
        ({"users": [{"name": "a", "user": {"as": "a", "as-groups": "b"}}]}, "expected a list of texts"),
        ({"users": [{"name": "a", "user": {"as": "a", "as-groups": ["b\n"]}}]}, "expected a list of texts"),
        ({"users": [{"name": "a", "user": {"as": "a", "as-user-extra": {"b": "c"}}}]}, "lists of texts"),
        ({"users": [{"name": "a", "user": {"as-groups": ["system:masters"]}}]}, "expected `as` beside it"),
    ],
)
def test_a_wrong_value_is_refused_and_never_quoted(tmp_path: Path, changes: Any, expected: str) -> None:
    with pytest.raises(BadFileError) as caught:
        read_kubeconfig(written(tmp_path, **changes))
    assert expected in str(caught.value)
    assert "hidden-token" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_file_that_the_context_names_must_be_readable(tmp_path: Path) -> None:
    data = SOUND | {"users": [{"name": "jane", "user": {"client-key": "missing.key"}}]}
    with pytest.raises(SovereignError):
        check_files(tmp_path / "config", data, None)
    inline = SOUND | {"users": [{"name": "jane", "user": {"client-key": "no", "client-key-data": "a2V5"}}]}
    check_files(tmp_path / "config", inline, None)


def test_a_context_without_settings_names_no_file(tmp_path: Path) -> None:
    path = written(tmp_path, contexts=[{"name": "lab"}])
    check_files(path, read_kubeconfig(path), None)


def test_an_authority_is_read_inline_before_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"from a file")
    by_file = {"certificate-authority": "ca.crt"}
    assert authority_of(tmp_path / "config", by_file) == b"from a file"
    assert authority_of(tmp_path / "config", by_file | {"certificate-authority-data": "aW4="}) == b"in"
    assert authority_of(tmp_path / "config", {}) == b""


def test_the_role_that_a_user_takes_is_sent_as_kubectl_sends_it_and_of_the_chosen_context_alone() -> None:
    """What kubectl and the engine may not do for a user, this client must not do either."""
    role = {"as": "jürgen", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"x.y/z": ["1", "2"]}}
    other = {"name": "plain", "context": {"cluster": "lab", "user": "plain"}}
    data = SOUND | {
        "contexts": [*SOUND["contexts"], other],
        "users": [{"name": "jane", "user": {"token": "t", **role}}, {"name": "plain", "user": {}}],
    }
    assert impersonation_in(data, None) == (
        ("Impersonate-User", "j\u00c3\u00bcrgen"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-x.y%2Fz", "1"),
        ("Impersonate-Extra-x.y%2Fz", "2"),
    )
    assert impersonation_in(data, "plain") == ()
    assert impersonation_in(SOUND, "missing") == ()
