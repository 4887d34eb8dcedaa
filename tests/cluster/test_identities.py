from __future__ import annotations

import json
from pathlib import Path

from sovereign_ai.cluster.identities import (
    ADMIN,
    AUTHORIZATION,
    kubeconfig,
    make_operator_identities,
    server_url,
)
from sovereign_ai.cluster.pki import KeyPair
from sovereign_ai.cluster.state import ClusterDir


def test_a_kubeconfig_holds_its_certificates_and_needs_no_other_file(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    make_operator_identities(place)
    config = json.loads(kubeconfig(place, AUTHORIZATION, server_url(20001)))
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:20001"
    assert config["contexts"][0]["name"] == config["current-context"] == "sovereign-ai-lab"
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


def test_the_operator_gets_its_own_certificates_and_no_administrator(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    make_operator_identities(place)
    names = {path.stem for path in place.pki.glob("*.crt")}
    assert names == {"cluster-ca", "operator-server", "operator", AUTHORIZATION}


def test_a_given_pair_is_used_in_place_of_files(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    make_operator_identities(place)
    config = json.loads(kubeconfig(place, ADMIN, "https://a", KeyPair(b"certificate", b"key")))
    assert config["users"][0]["user"]["client-key-data"] == "a2V5"
