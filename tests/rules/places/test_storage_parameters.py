from __future__ import annotations

from sovereign_ai.rules.places.storage_parameters import encryption, mount_options, parameters
from tests.rules.deciding import evaluated


def test_a_count_of_replicas_is_no_place_and_their_region_is_one() -> None:
    assert evaluated(parameters("object.a"), {"replicas": "3"})
    assert not evaluated(parameters("object.a"), {"replicaRegion": "us-east-1"})


def test_encryption_is_kept_on_and_under_the_declared_key() -> None:
    condition = encryption("object.a", '"hsm"')
    assert evaluated(condition, {"encrypted": "true", "kmsKeyId": "hsm"})
    assert not evaluated(condition, {"encrypted": "no"})
    assert not evaluated(condition, {"disableEncryption": "true"})
    assert not evaluated(condition, {"kmsKeyId": "another"})


def test_an_option_of_a_mount_names_no_server() -> None:
    assert evaluated(mount_options("object.a"), ["nfsvers=4.2", "hard"])
    assert not evaluated(mount_options("object.a"), ["addr=198.51.100.7"])
