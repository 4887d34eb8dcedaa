from __future__ import annotations

from sovereign_ai.cluster.keys.messages import ETCD, KMS, STORED


def test_field_numbers_are_those_of_the_published_protocols() -> None:
    assert KMS["EncryptRequest"](plaintext=b"a", uid="b").SerializeToString() == b"\x0a\x01a\x12\x01b"
    assert STORED["EncryptedObject"](seed_type=1).SerializeToString() == b"\x28\x01"
    assert ETCD["PutRequest"](key=b"k", value=b"v").SerializeToString() == b"\x0a\x01k\x12\x01v"


def test_fields_that_are_not_declared_pass_through() -> None:
    # Field 4 of KeyValue, the version, is not declared here.
    pair = ETCD["KeyValue"].FromString(b"\x0a\x01k\x20\x07")
    assert pair.SerializeToString() == b"\x0a\x01k\x20\x07"
