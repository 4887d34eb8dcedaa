"""What a site's operator knows: wrong values are refused, missing ones reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from sovereign_ai.errors import SpecError
from sovereign_ai.render.hosts.site_facts import Reach, SiteFacts, read_site_facts
from tests.render.hosts.test_hosts import FULL, of


def test_what_is_not_given_is_left_out_and_said() -> None:
    assert next(one for one in of("lab").hosts if one.name == "train-001").variables["join"] == ""
    assert [line.partition(":")[0] for line in SiteFacts().lacking()] == [
        "admin_keys",
        "time_servers",
        "log_server",
        "package_sources",
        "control_planes",
    ]
    assert [line.partition(":")[0] for line in FULL.lacking()] == ["package_sources"]


def test_how_a_host_is_reached_can_be_said() -> None:
    given = SiteFacts(
        reach={
            "train-001": Reach(connection="nsenter", leader=42),
            "train-002": Reach(address="192.0.2.9", port=2222),
        }
    )
    own = {one.name: one.variables for one in of("lab", given).hosts}
    assert (own["train-001"]["ansible_connection"], own["train-001"]["nsenter_leader"]) == ("nsenter", 42)
    assert (own["train-002"]["ansible_host"], own["train-002"]["ansible_port"]) == ("192.0.2.9", 2222)
    assert "ansible_connection" not in own["train-003"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"admin_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]},
        {"admin_from": ["10.0.0.1/8"]},
        {"account": "root user"},
        {"x": 1},
    ],
)
def test_what_is_given_wrongly_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SiteFacts.model_validate(wrong)


def test_an_empty_file_is_refused_and_one_of_comments_alone_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text("")
    with pytest.raises(SpecError, match="empty-file"):
        read_site_facts(file)
    file.write_text("# admin_keys: []\n")
    assert read_site_facts(file) == SiteFacts()
