"""The protobuf messages of key service and secret gate: KMS v2, what the API server stores, and etcd.

Only the fields that this package reads or writes are declared; protobuf keeps the others as they are.

Field numbers: k8s.io/kms v0.37.2 apis/v2/api.proto; k8s.io/apiserver v0.37.2 kmsv2/v2/api.proto;
k8s.io/apimachinery and k8s.io/api v0.37.2 generated.proto; go.etcd.io/etcd/api v3.7.0 rpc.proto and kv.proto.
"""

from __future__ import annotations

from sovereign_ai.cluster.api.protobuf import declare

KMS = declare(
    "v2",
    """
    message StatusRequest {}
    message StatusResponse { string version = 1; string healthz = 2; string key_id = 3; }
    message DecryptRequest {
      bytes ciphertext = 1;
      string uid = 2;
      string key_id = 3;
      map<string, bytes> annotations = 4;
    }
    message DecryptResponse { bytes plaintext = 1; }
    message EncryptRequest { bytes plaintext = 1; string uid = 2; }
    message EncryptResponse {
      bytes ciphertext = 1;
      string key_id = 2;
      map<string, bytes> annotations = 3;
    }
    """,
)
KMS_SERVICE = "v2.KeyManagementService"
STORED = declare(
    "stored",
    """
    message EncryptedObject {
      bytes data = 1;
      string key_id = 2;
      bytes seed = 3;
      int64 seed_type = 5;
    }
    message Sealed { EncryptedObject whole = 1; bytes stub = 2; }
    message Unknown { bytes raw = 2; }
    message Secret { ObjectMeta metadata = 1; string type = 3; bool immutable = 5; }
    message ObjectMeta {
      string name = 1;
      string namespace = 3;
      string uid = 5;
      int64 generation = 7;
      bytes creation_timestamp = 8;
      bytes deletion_timestamp = 9;
      int64 deletion_grace_period_seconds = 10;
      map<string, string> labels = 11;
      map<string, string> annotations = 12;
      repeated bytes owner_references = 13;
      repeated string finalizers = 14;
    }
    """,
)
ETCD = declare(
    "etcdserverpb",
    """
    message ResponseHeader { int64 revision = 3; }
    message KeyValue { bytes key = 1; int64 mod_revision = 3; bytes value = 5; }
    message RangeRequest { bytes key = 1; bytes range_end = 2; }
    message RangeResponse { ResponseHeader header = 1; repeated KeyValue kvs = 2; }
    message PutRequest { bytes key = 1; bytes value = 2; int64 lease = 3; }
    message PutResponse { ResponseHeader header = 1; KeyValue prev_kv = 2; }
    message DeleteRangeResponse { repeated KeyValue prev_kvs = 3; }
    message Compare { int64 target = 2; bytes key = 3; int64 mod_revision = 6; }
    message RequestOp { PutRequest request_put = 2; TxnRequest request_txn = 4; }
    message ResponseOp {
      RangeResponse response_range = 1;
      PutResponse response_put = 2;
      DeleteRangeResponse response_delete_range = 3;
      TxnResponse response_txn = 4;
    }
    message TxnRequest {
      repeated Compare compare = 1;
      repeated RequestOp success = 2;
      repeated RequestOp failure = 3;
    }
    message TxnResponse {
      ResponseHeader header = 1;
      bool succeeded = 2;
      repeated ResponseOp responses = 3;
    }
    message CompactionRequest { int64 revision = 1; bool physical = 2; }
    message DefragmentRequest {}
    message WatchCreateRequest { int64 start_revision = 3; }
    message WatchCancelRequest { int64 watch_id = 1; }
    message WatchRequest {
      WatchCreateRequest create_request = 1;
      WatchCancelRequest cancel_request = 2;
    }
    message Event { KeyValue kv = 2; KeyValue prev_kv = 3; }
    message WatchResponse {
      ResponseHeader header = 1;
      int64 watch_id = 2;
      bool created = 3;
      bool canceled = 4;
      int64 compact_revision = 5;
      string cancel_reason = 6;
      repeated Event events = 11;
    }
    """,
)
MOD_REVISION = 2
"""`Compare.CompareTarget.MOD`; the result compared for is EQUAL, which is 0 and so not written."""
