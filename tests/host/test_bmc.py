"""Controllers' settings over Redfish: only what differs is written, nothing in a check, and to nobody whose
certificate is not known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.pki import authority
from sovereign_ai.deploy.hosts.events import HostResult
from sovereign_ai.deploy.hosts.runner import RunRequest, run
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.site_facts import SiteFacts
from tests.host.bmc import WORD, controller, tree
from tests.render.lab import stack

pytestmark = pytest.mark.host
MANAGER, SYSTEM = "/redfish/v1/Managers/BMC/NetworkProtocol", "/redfish/v1/Systems/1"


def set_up(
    folder: Path, address: str, *, check: bool = False, ca: str = "ca.crt", mode: int = 0o600
) -> HostResult:
    credentials = folder / "word"
    credentials.write_text(WORD + "\n", encoding="utf-8")
    credentials.chmod(mode)
    hosts = (
        inventory(*stack("lab"), SiteFacts())
        .of({"train-001"})
        .with_variables({"train-001": {"bmc_address": address}})
    )
    files = {"bmc_credentials": str(credentials), "bmc_authority": str(folder / ca)}
    outcome = run(hosts, RunRequest("bmc.yml", check=check, variables=files), progress=lambda _line: None)
    assert WORD not in str(outcome.to_data())
    return outcome.results[0]


def test_a_controller_is_brought_to_the_wanted_settings_once(tmp_path: Path) -> None:
    resources, writes = tree(), list[tuple[str, dict[str, Any]]]()
    with controller(tmp_path, resources, writes) as address:
        seen = set_up(tmp_path, address, check=True)
        assert (seen.state, writes) == ("drift", [])
        assert "- IPMI.ProtocolEnabled: true\n+ IPMI.ProtocolEnabled: false\n" in seen.changes[0].diff
        done = set_up(tmp_path, address)
        assert (done.state, done.failure) == ("changed", "")
        assert done.notes == (f"{MANAGER} has no Telnet",)
        assert writes == [
            (MANAGER, {"HTTP": {"ProtocolEnabled": False}, "IPMI": {"ProtocolEnabled": False}}),
            (f"{SYSTEM}/SecureBoot", {"SecureBootEnable": True}),
            (SYSTEM, {"Boot": {"BootOrder": ["Boot0002", "Boot0001", "Boot0003"]}}),
        ]
        assert resources[MANAGER]["IPMI"] == {"ProtocolEnabled": False, "Port": 623}
        assert set_up(tmp_path, address).state == "ok"
        assert len(writes) == 3


def test_who_cannot_prove_who_he_is_or_whose_password_lies_open_is_not_spoken_to(tmp_path: Path) -> None:
    resources, writes = tree(), list[tuple[str, dict[str, Any]]]()
    authority(tmp_path, "stranger")
    with controller(tmp_path, resources, writes) as address:
        refused = set_up(tmp_path, address, ca="stranger.crt")
        assert (refused.state, writes) == ("failed", [])
        assert "CERTIFICATE_VERIFY_FAILED" in refused.failure
        opened = set_up(tmp_path, address, mode=0o644)
        assert (opened.state, writes) == ("failed", [])
        assert "chmod 600" in opened.failure
