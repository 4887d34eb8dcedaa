"""The key service: KMS v2 (k8s.io/kms, service `v2.KeyManagementService`) on a PKCS#11 module.

    python -m sovereign_ai.cluster.keys.plugin FOLDER

Each key of the control plane has a Unix socket of mode 0600 of its own, since a KMS v2 request does not name
a key. `Status` uses the key both ways, at most once a second. A withdrawn key is answered with
FAILED_PRECONDITION, a module that gives no answer with UNAVAILABLE: callers must distinguish the two. The log
names keys and outcomes, never what was encrypted.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.keys.custody import Custody, read_custody, socket_of
from sovereign_ai.cluster.keys.messages import KMS, KMS_SERVICE
from sovereign_ai.cluster.keys.pkcs11 import ModuleError, Pkcs11Module, WithdrawnError
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import SovereignError

T = TypeVar("T")
WITHDRAWN = "withdrawn"
"""What `Status` reports in `healthz` for a key that the module refuses to use."""
_API = "v2"
_LARGEST = 4096
"""Bytes of one call; what is encrypted here is a seed of 32."""
_PROBE_SECONDS = 1.0
_MOST_FAILURES = 5
"""Failures in sequence after which the process ends; its supervisor restarts it, and it logs in anew."""


class KeyService:
    """One key, behind the three calls of KMS v2."""

    def __init__(self, module: Pkcs11Module, custody: Custody, key: str, give_up: Callable[[], None]) -> None:
        self._module, self._key = module, key
        self._label, self._prefix = custody.label(key), f"{custody.owner}/{key}/"
        self._give_up, self._lock = give_up, Lock()
        self._seen, self._asked, self._failures = ("unavailable", f"{self._prefix}0"), 0.0, 0

    def status(self, _request: Any, _context: Any) -> Any:
        """Report whether the key can be used, and under which version new values are encrypted."""
        # Many callers, one probe a second: each probe uses the module twice.
        with self._lock:
            if time.monotonic() - self._asked > _PROBE_SECONDS:
                self._seen, self._asked = self._probe(), time.monotonic()
            healthz, key_id = self._seen
        return KMS["StatusResponse"](version=_API, healthz=healthz, key_id=key_id)

    def encrypt(self, request: Any, context: Any) -> Any:
        """Encrypt a seed under the newest version."""
        if len(request.plaintext) > _LARGEST:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "too much for one call")
        number, data = self._ask(
            context, partial(self._module.encrypt, self._label, request.plaintext, self._prefix.encode())
        )
        return KMS["EncryptResponse"](ciphertext=data, key_id=f"{self._prefix}{number}")

    def decrypt(self, request: Any, context: Any) -> Any:
        """Decrypt a seed under the version that its key id names."""
        number = request.key_id.removeprefix(self._prefix)
        if request.key_id == number or not number.isdecimal():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the key id is none of this key")
        call = partial(
            self._module.decrypt, self._label, int(number), request.ciphertext, self._prefix.encode()
        )
        return KMS["DecryptResponse"](plaintext=self._ask(context, call))

    def _ask(self, context: Any, call: Callable[[], T]) -> T:
        """Call the module, and answer with a gRPC status where it fails."""
        try:
            return call()
        except WithdrawnError:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the key {self._key!r} is withdrawn")
        except ModuleError as error:
            _log(f"{self._key}: {error.problems[0].message}")
            context.abort(grpc.StatusCode.UNAVAILABLE, "the module gave no answer")
        raise AssertionError  # abort raises

    def _probe(self) -> tuple[str, str]:
        """Return the key's health and newest version; end the process where the module keeps failing."""
        try:
            number = self._module.probe(self._label)
        except WithdrawnError:
            seen = (WITHDRAWN, self._seen[1])
        except ModuleError:
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                self._give_up()
            return ("the module gives no answer", self._seen[1])
        else:
            seen = ("ok", f"{self._prefix}{number}")
        self._failures = 0
        if seen != self._seen:
            _log(f"{self._key}: {seen[0]}, {seen[1]}")
        return seen


def serve(
    cluster_dir: ClusterDir, custody: Custody, module: Pkcs11Module, give_up: Callable[[], None]
) -> list[Any]:
    """Serve each key on its socket; return the servers."""
    folder = socket_of(cluster_dir, "").parent
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    servers = []
    for key in custody.keys:
        service = KeyService(module, custody, key, give_up)
        server = grpc.server(
            ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 2 * _LARGEST)]
        )
        server.add_generic_rpc_handlers([_handlers(service)])
        socket = socket_of(cluster_dir, key)
        socket.unlink(missing_ok=True)  # a process that was killed left its socket
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        servers.append(server)
    return servers


def _handlers(service: KeyService) -> Any:
    """Return the handlers of the three calls, with their messages."""
    calls = {"Status": service.status, "Encrypt": service.encrypt, "Decrypt": service.decrypt}
    handlers = {}
    for name, call in calls.items():
        handlers[name] = grpc.unary_unary_rpc_method_handler(
            call, KMS[f"{name}Request"].FromString, lambda answer: bytes(answer.SerializeToString())
        )
    return grpc.method_handlers_generic_handler(KMS_SERVICE, handlers)


def _log(line: str) -> None:
    """Return one line to the log."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(folder: Path) -> int:
    """Serve the keys of the control plane in a folder until a signal comes; return 1 if the module failed."""
    os.umask(0o177)  # sockets of mode 0600
    cluster_dir = ClusterDir(folder.name, folder)
    ended, failed = Event(), Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def give_up() -> None:
        failed.set()
        ended.set()

    try:
        custody = read_custody(cluster_dir)
        module = Pkcs11Module(custody.module)
    except SovereignError as error:
        _log(str(error))
        return 1
    servers = serve(cluster_dir, custody, module, give_up)
    ended.wait()
    for server in servers:
        server.stop(0.5).wait()
    module.close()
    return 1 if failed.is_set() else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
