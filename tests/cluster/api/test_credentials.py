from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.credentials import describe_credentials

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def kubeconfig(folder: Path, user: dict[str, Any]) -> Path:
    path = folder / "config"
    data = {
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": "https://127.0.0.1:6443"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "jane"}}],
        "users": [{"name": "jane", "user": user}],
    }
    path.write_text(json.dumps(data))
    return path


def token(expires: datetime) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires.timestamp()}).encode()).decode()
    return f"head.{claims.rstrip('=')}.signature"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"token": token(datetime(2026, 11, 26, 11, tzinfo=UTC))}, "a token that expired at 2026-11-26T11"),
        ({"token": token(datetime(2026, 11, 27, tzinfo=UTC))}, "a token that is valid until 2026-11-27T00"),
        ({"token": "opaque"}, "by a token"),
        ({"exec": {"command": "aws"}}, "the credential plugin 'aws'"),
        ({"username": "jane", "password": "pw"}, "the password of 'jane'"),
        ({}, "no credentials"),
    ],
)
def test_an_identity_is_described_without_its_secret(
    tmp_path: Path, user: dict[str, Any], words: str
) -> None:
    text = describe_credentials(kubeconfig(tmp_path, user), now=NOW)
    assert words in text
    assert not any(secret in text for secret in ("opaque", "pw", "signature"))


def test_a_kubeconfig_that_cannot_be_read_is_named_and_raises_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert describe_credentials(missing) == f"the identity of {missing}"
