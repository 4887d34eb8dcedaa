"""Protobuf messages that are spoken here, declared at run time: only the fields that somebody reads or writes.

What is not declared is kept as it came, so a message that passes through loses nothing. Field
numbers: k8s.io/kms v0.37.2 apis/v2/api.proto; k8s.io/apiserver v0.37.2 kmsv2/v2/api.proto;
k8s.io/apimachinery and k8s.io/api v0.37.2 generated.proto; go.etcd.io/etcd/api v3.7.0 rpc.proto and kv.proto.

    >>> Pair = declare("example", {"Pair": {"key": (1, "bytes"), "value": (2, "bytes")}})["Pair"]
    >>> Pair.FromString(Pair(key=b"a", value=b"b").SerializeToString()).value
    b'b'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

_SCALARS = {
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
}
Fields = Mapping[str, tuple[int, str]]
"""Field name to number and type; `*` in front means repeated, `map:` a map from text to what follows."""


def declare(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Make message classes of one package, by name."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(package, message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _add(package: str, message: Any, name: str, number: int, kind: str) -> None:
    """Add one field to a message."""
    kinds = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL)
    if kind.startswith("map:"):
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add(package, entry, "key", 1, "string")
        _add(package, entry, "value", 2, kind.removeprefix("map:"))
        field.label, field.type, field.type_name = kinds.LABEL_REPEATED, kinds.TYPE_MESSAGE, f".{package}.{message.name}.{entry.name}"
        return
    if kind.startswith("*"):
        field.label, kind = kinds.LABEL_REPEATED, kind[1:]
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"


KMS = declare(
    "v2",
    {
        "StatusRequest": {},
        "StatusResponse": {"version": (1, "string"), "healthz": (2, "string"), "key_id": (3, "string")},
        "DecryptRequest": {"ciphertext": (1, "bytes"), "uid": (2, "string"), "key_id": (3, "string"), "annotations": (4, "map:bytes")},
        "DecryptResponse": {"plaintext": (1, "bytes")},
        "EncryptRequest": {"plaintext": (1, "bytes"), "uid": (2, "string")},
        "EncryptResponse": {"ciphertext": (1, "bytes"), "key_id": (2, "string"), "annotations": (3, "map:bytes")},
    },
)
KMS_SERVICE = "v2.KeyManagementService"
STORED = declare(
    "stored",
    {
        "EncryptedObject": {"data": (1, "bytes"), "key_id": (2, "string"), "seed": (3, "bytes"), "seed_type": (5, "int64")},
        "Sealed": {"whole": (1, "EncryptedObject"), "stub": (2, "bytes")},
        "Unknown": {"raw": (2, "bytes")},
        "Secret": {"metadata": (1, "ObjectMeta"), "type": (3, "string"), "immutable": (5, "bool")},
        "ObjectMeta": {
            "name": (1, "string"),
            "namespace": (3, "string"),
            "uid": (5, "string"),
            "generation": (7, "int64"),
            "creation_timestamp": (8, "bytes"),
            "deletion_timestamp": (9, "bytes"),
            "deletion_grace_period_seconds": (10, "int64"),
            "labels": (11, "map:string"),
            "annotations": (12, "map:string"),
            "owner_references": (13, "*bytes"),
            "finalizers": (14, "*string"),
        },
    },
)
ETCD = declare(
    "etcdserverpb",
    {
        "ResponseHeader": {"revision": (3, "int64")},
        "KeyValue": {"key": (1, "bytes"), "mod_revision": (3, "int64"), "value": (5, "bytes")},
        "RangeRequest": {"key": (1, "bytes"), "range_end": (2, "bytes")},
        "RangeResponse": {"header": (1, "ResponseHeader"), "kvs": (2, "*KeyValue")},
        "PutRequest": {"key": (1, "bytes"), "value": (2, "bytes"), "lease": (3, "int64")},
        "PutResponse": {"prev_kv": (2, "KeyValue")},
        "DeleteRangeResponse": {"prev_kvs": (3, "*KeyValue")},
        "Compare": {"target": (2, "int64"), "key": (3, "bytes"), "mod_revision": (6, "int64")},
        "RequestOp": {"request_put": (2, "PutRequest"), "request_txn": (4, "TxnRequest")},
        "ResponseOp": {
            "response_range": (1, "RangeResponse"),
            "response_put": (2, "PutResponse"),
            "response_delete_range": (3, "DeleteRangeResponse"),
            "response_txn": (4, "TxnResponse"),
        },
        "TxnRequest": {"compare": (1, "*Compare"), "success": (2, "*RequestOp"), "failure": (3, "*RequestOp")},
        "TxnResponse": {"header": (1, "ResponseHeader"), "succeeded": (2, "bool"), "responses": (3, "*ResponseOp")},
        "CompactionRequest": {"revision": (1, "int64"), "physical": (2, "bool")},
        "DefragmentRequest": {},
        "WatchCancelRequest": {"watch_id": (1, "int64")},
        "WatchRequest": {"cancel_request": (2, "WatchCancelRequest")},
        "Event": {"kv": (2, "KeyValue"), "prev_kv": (3, "KeyValue")},
        "WatchResponse": {
            "header": (1, "ResponseHeader"),
            "watch_id": (2, "int64"),
            "created": (3, "bool"),
            "canceled": (4, "bool"),
            "compact_revision": (5, "int64"),
            "cancel_reason": (6, "string"),
            "events": (11, "*Event"),
        },
    },
)
MOD_REVISION = 2
"""`Compare.CompareTarget.MOD`; the result compared for is EQUAL, which is 0 and so not written."""
