"""The protobuf messages of key service and secret gate: KMS v2, what the API server stores, and etcd.

Only the fields that this package reads or writes are declared; protobuf keeps the others as they are.

Field numbers: k8s.io/kms v0.37.2 apis/v2/api.proto; k8s.io/apiserver v0.37.2 kmsv2/v2/api.proto;
k8s.io/apimachinery and k8s.io/api v0.37.2 generated.proto; go.etcd.io/etcd/api v3.7.0 rpc.proto and kv.proto.
"""

from __future__ import annotations

from sovereign_ai.cluster.api.protobuf import declare

KMS = declare(
    "v2",
    {
        "StatusRequest": {},
        "StatusResponse": {"version": (1, "string"), "healthz": (2, "string"), "key_id": (3, "string")},
        "DecryptRequest": {
            "ciphertext": (1, "bytes"),
            "uid": (2, "string"),
            "key_id": (3, "string"),
            "annotations": (4, "map:bytes"),
        },
        "DecryptResponse": {"plaintext": (1, "bytes")},
        "EncryptRequest": {"plaintext": (1, "bytes"), "uid": (2, "string")},
        "EncryptResponse": {
            "ciphertext": (1, "bytes"),
            "key_id": (2, "string"),
            "annotations": (3, "map:bytes"),
        },
    },
)
KMS_SERVICE = "v2.KeyManagementService"
STORED = declare(
    "stored",
    {
        "EncryptedObject": {
            "data": (1, "bytes"),
            "key_id": (2, "string"),
            "seed": (3, "bytes"),
            "seed_type": (5, "int64"),
        },
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
        "PutResponse": {"header": (1, "ResponseHeader"), "prev_kv": (2, "KeyValue")},
        "DeleteRangeResponse": {"prev_kvs": (3, "*KeyValue")},
        "Compare": {"target": (2, "int64"), "key": (3, "bytes"), "mod_revision": (6, "int64")},
        "RequestOp": {"request_put": (2, "PutRequest"), "request_txn": (4, "TxnRequest")},
        "ResponseOp": {
            "response_range": (1, "RangeResponse"),
            "response_put": (2, "PutResponse"),
            "response_delete_range": (3, "DeleteRangeResponse"),
            "response_txn": (4, "TxnResponse"),
        },
        "TxnRequest": {
            "compare": (1, "*Compare"),
            "success": (2, "*RequestOp"),
            "failure": (3, "*RequestOp"),
        },
        "TxnResponse": {
            "header": (1, "ResponseHeader"),
            "succeeded": (2, "bool"),
            "responses": (3, "*ResponseOp"),
        },
        "CompactionRequest": {"revision": (1, "int64"), "physical": (2, "bool")},
        "DefragmentRequest": {},
        "WatchCreateRequest": {"start_revision": (3, "int64")},
        "WatchCancelRequest": {"watch_id": (1, "int64")},
        "WatchRequest": {
            "create_request": (1, "WatchCreateRequest"),
            "cancel_request": (2, "WatchCancelRequest"),
        },
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
