"""An administrator's hand on a plane's etcd, by its JSON gateway: what `etcdctl` would do."""

from __future__ import annotations

import base64
import ssl
from http.client import HTTPSConnection
from typing import Any

import orjson

from sovereign_ai.cluster.identities import ETCD_APISERVER, ETCD_CA
from sovereign_ai.cluster.state import ClusterDir, recorded_ports


class Etcd:
    """Speaks to etcd in the API server's name."""

    def __init__(self, where: ClusterDir) -> None:
        self._port = recorded_ports(where)["etcd"]
        self._tls = ssl.create_default_context(cafile=str(where.pki / f"{ETCD_CA}.crt"))
        self._tls.load_cert_chain(where.pki / f"{ETCD_APISERVER}.crt", where.pki / f"{ETCD_APISERVER}.key")

    def call(self, path: str, **body: Any) -> dict[str, Any]:
        """Make one call."""
        connection = HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=60)
        try:
            connection.request("POST", path, orjson.dumps(body))
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status == 200, data
            found: dict[str, Any] = orjson.loads(data)
            return found
        finally:
            connection.close()

    def make_room(self, prefix: str) -> None:
        """Delete what lies under a prefix, compact, defragment, and disarm the alarm."""
        self.call("/v3/maintenance/alarm", action="DEACTIVATE", alarm="NOSPACE")
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        head = self.call("/v3/kv/deleterange", key=_encoded(prefix), range_end=_encoded(end))["header"]
        self.call("/v3/kv/compaction", revision=head["revision"], physical=True)
        self.call("/v3/maintenance/defragment")
        self.call("/v3/maintenance/alarm", action="DEACTIVATE", alarm="NOSPACE")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
