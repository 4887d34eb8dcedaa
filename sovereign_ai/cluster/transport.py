"""From a kubeconfig to a verified connection that speaks bytes and plain mappings.

The kubernetes package reads the kubeconfig, so that exec plugins, tokens and proxies work as they
do for kubectl; the connections are its own urllib3 pool. Answers are decoded by orjson, without
its models. A kubeconfig that switches verification off is refused, not obeyed.
"""

from __future__ import annotations

import base64
import importlib
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import yaml

from sovereign_ai.cluster.api_errors import refusal, silence
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

_POOL = 64
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 120.0
_RETRIES = 3
_BUSY_TRIES, _BUSY_MOST_SECONDS = 8, 10.0
_FILE_KEYS = ("ca_certs", "cert_file", "key_file", "ca_cert_data", "ca_cert_dir")
JSON = "application/json"
_LOADING = threading.Lock()
"""The kubernetes package remembers temporary files in one place for all threads."""


class Transport:
    """Connections to one API server.

    Attributes:
        server: the server's URL, as the kubeconfig has it.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pool = client.rest_client.pool_manager
        self.server = str(client.configuration.host).rstrip("/")

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> dict[str, Any]:
        """Send one request and give the decoded answer; an answer without JSON is `{"text": ...}`.

        A server that says it is busy (429) is asked again, as often as is polite. A request that
        was sent but not answered is repeated only where repeating it changes nothing.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else orjson.dumps(body)
        headers = {"Accept": accept} | ({"Content-Type": content_type} if data is not None else {})
        for attempt in range(_BUSY_TRIES):
            answer = self._once(method, url, data, headers)
            if answer.status != 429 or attempt == _BUSY_TRIES - 1:
                break
            time.sleep(_polite_seconds(answer.headers.get("Retry-After"), attempt))
        return _decoded(method, path, answer.status, answer.data)

    def _once(self, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> Any:
        """Send one request; connection errors become `UnreachableError`."""
        import urllib3  # noqa: PLC0415 - start-up time

        headers = dict(headers)
        self._client.update_params_for_auth(headers, [], ["BearerToken"], url, method, data)
        again = 0 if method == "POST" else _RETRIES
        retries = urllib3.Retry(
            total=_RETRIES, connect=_RETRIES, read=again, redirect=0, status=0, other=0, backoff_factor=0.2, allowed_methods=None
        )
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        try:
            return self._pool.request(method, url, body=data, headers=headers, retries=retries, timeout=timeout, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            # A connection that breaks off in the handshake, as with a server that is overloaded, says nothing about trust.
            distrust = isinstance(cause, urllib3.exceptions.SSLError) and isinstance(cause.args[0], ssl.CertificateError)
            raise silence(self.server, str(cause), untrusted=distrust) from error

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()


def connect(kubeconfig: Path, context: str | None = None) -> Transport:
    """Read a kubeconfig and prepare connections to its server; nothing is sent yet.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable, lacks the context, names a server
            without TLS, or switches verification off.
    """
    loading: Any = importlib.import_module("kubernetes.config.kube_config")
    client_module: Any = importlib.import_module("kubernetes.client")

    data = _read(kubeconfig)
    _refuse_unverified(kubeconfig, data, context)
    configuration = client_module.Configuration()
    configuration.connection_pool_maxsize = _POOL
    with _LOADING, tempfile.TemporaryDirectory(prefix="sovereign-ai-") as scratch:
        try:
            loader = loading.KubeConfigLoader(
                config_dict=data, active_context=context, config_base_path=str(kubeconfig.parent.absolute()), temp_file_path=scratch
            )
            loader.load_and_set(configuration)
            if urlsplit(configuration.host).hostname in {"127.0.0.1", "localhost", "::1"}:
                configuration.proxy = None
            client = client_module.ApiClient(configuration=configuration)
            _hold_certificates(client.rest_client.pool_manager, configuration)
        except (loading.ConfigException, OSError, ValueError, KeyError, TypeError) as error:
            hint = "give a kubeconfig that kubectl accepts, or another --context"
            raise EnvironmentLacksError(
                Problem("kubeconfig-invalid", f"cannot use the kubeconfig: {error}", Where(file=str(kubeconfig)), hint)
            ) from error
        finally:
            _forget(loading, scratch)
    return Transport(client)


def named_server(kubeconfig: Path, context: str | None = None) -> tuple[str, bytes]:
    """Give the server that a kubeconfig's context names, and the certificates of the authority that it is trusted by.

    Args:
        kubeconfig: the file.
        context: one of its contexts; left out, the current one.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable, or its context names no cluster.
    """
    data = _read(kubeconfig)
    try:
        named = {kind: {one.get("name"): one for one in data.get(kind) or [] if isinstance(one, dict)} for kind in ("clusters", "contexts")}
        wanted = named["contexts"][context or data.get("current-context")]["context"]["cluster"]
        cluster = named["clusters"][wanted]["cluster"]
        inline, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
        authority = base64.b64decode(inline) if inline else (kubeconfig.parent / file).read_bytes() if file else b""
        return str(cluster["server"]), authority
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        called = f"its context {context!r}" if context else "its current context"
        hint = "give a kubeconfig that kubectl accepts"
        raise EnvironmentLacksError(Problem("kubeconfig-invalid", f"{called} names no cluster", Where(str(kubeconfig)), hint)) from error


def current_context(kubeconfig: Path) -> str | None:
    """Give the name of a kubeconfig's current context; None where it has none.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable.
    """
    found = _read(kubeconfig).get("current-context")
    return found if isinstance(found, str) and found else None


def _forget(loading: Any, scratch: str) -> None:
    """Take our temporary files out of the package's memory, which would hand their names out again."""
    remembered: dict[Any, str] = loading._temp_files  # noqa: SLF001 - it has no other way
    for content in [content for content, path in remembered.items() if path.startswith(scratch)]:
        del remembered[content]


def _hold_certificates(pool: Any, configuration: Any) -> None:
    """Load certificates and key once into one TLS context, so that the temporary files can go at once."""
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    settings = pool.connection_pool_kw
    for key in _FILE_KEYS:
        settings.pop(key, None)
    settings["ssl_context"] = tls


def _read(kubeconfig: Path) -> dict[str, Any]:
    """Read the file as one YAML mapping."""
    where = Where(file=str(kubeconfig))
    try:
        data = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "start a cluster with `sovereign-ai cluster up`, or give another kubeconfig"
        raise EnvironmentLacksError(
            Problem("kubeconfig-missing", f"cannot read it: {os.strerror(error.errno or 0)}", where, hint)
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EnvironmentLacksError(
            Problem("kubeconfig-invalid", "it is not YAML", where, "give a kubeconfig that kubectl accepts")
        ) from error
    if not isinstance(data, dict) or not data.get("clusters"):
        raise EnvironmentLacksError(Problem("kubeconfig-invalid", "it names no cluster", where, "give a kubeconfig that kubectl accepts"))
    return data


def _refuse_unverified(kubeconfig: Path, data: dict[str, Any], context: str | None) -> None:
    """Refuse a cluster entry without verified TLS.

    Every entry is looked at, not only the chosen one, when the context cannot be resolved here.
    """
    chosen = context or data.get("current-context")
    wanted = {
        entry["context"].get("cluster")
        for entry in data.get("contexts") or []
        if isinstance(entry, dict) and entry.get("name") == chosen and isinstance(entry.get("context"), dict)
    }
    problems = []
    for entry in data["clusters"]:
        if not isinstance(entry, dict) or (wanted and entry.get("name") not in wanted):
            continue
        cluster = entry.get("cluster") or {}
        where = Where(file=str(kubeconfig), field=f"clusters[{entry.get('name')}]")
        if cluster.get("insecure-skip-tls-verify"):
            hint = "put the server's authority into certificate-authority-data and remove insecure-skip-tls-verify"
            problems.append(Problem("kubeconfig-insecure", "it switches TLS verification off, which is never done here", where, hint))
        if not str(cluster.get("server", "")).startswith("https://"):
            problems.append(
                Problem("kubeconfig-insecure", "its server is not reached by https", where, "use the server's https:// address")
            )
    if problems:
        raise EnvironmentLacksError(problems)


def _polite_seconds(said: str | None, attempt: int) -> float:
    """How long to wait for a busy server: what it asked for, or a doubling wait, within a limit."""
    wished = float(said) if said and said.isdecimal() else 0.1 * 2.0**attempt
    return min(wished, _BUSY_MOST_SECONDS)


def _decoded(method: str, path: str, status: int, data: bytes) -> dict[str, Any]:
    """Decode an answer; an error status becomes an error."""
    try:
        body = orjson.loads(data) if data else {}
    except orjson.JSONDecodeError:
        body = {"text": data.decode("utf-8", errors="replace")}
    if not isinstance(body, dict):
        body = {"text": data.decode("utf-8", errors="replace")}
    if not 200 <= status < 300:
        raise refusal(method, path, status, body)
    return body
