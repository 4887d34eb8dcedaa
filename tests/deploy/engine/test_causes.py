"""What is left of the engine's and the provider's words where the way to the cluster, or this machine, is at
fault.

The texts are real: those of pulumi 3.259, pulumi-kubernetes 4.25 (provider.go), client-go, Go's net, tls and
runtime, etcd, k3s.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from sovereign_ai.deploy.engine import causes as engine_causes
from sovereign_ai.deploy.engine.causes import cause_of
from sovereign_ai.deploy.engine.events import EngineEvents, failure
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.errors import ExitCode

READ = (
    "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource from "  # noqa: E501 - one literal text
    'Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'  # noqa: E501 - one literal text
)
DELETE = (
    "deleting urn:pulumi:lab::lab::kubernetes:core/v1:Namespace::Namespace/research: configured Kubernetes cluster is unreachable. "  # noqa: E501 - one literal text
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "  # noqa: E501 - one literal text
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
UNREACHABLE = (
    "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: "
)
CHECK = (
    'Kubernetes API server at "https://127.0.0.1:1/openapi/v2" is unreachable. It\'s possible that the URL or authentication '  # noqa: E501 - one literal text
    "information in your kubeconfig is incorrect: Get https://127.0.0.1:1/openapi/v2: dial tcp 127.0.0.1:1: connect: connection refused"  # noqa: E501 - one literal text
)
CREATE = 'resource "urn:pulumi:lab::lab::t::ConfigMap/a/b" was not successfully created by the Kubernetes API server: '  # noqa: E501 - one literal text
UPDATE = 'update of resource "urn:pulumi:lab::lab::t::ConfigMap/a/b" failed: '
ENDED = (
    "Detected that resource plugin kubernetes exited prematurely. \n"
    "       This is *always* a bug in the provider. Please report the issue to the provider author as appropriate.\n"  # noqa: E501 - one literal text
    "       To assist with debugging we have dumped the STDOUT and STDERR streams of the plugin:killed"
)
GET = 'Get "https://h:1/openapi/v2": '
SILENT = (
    "dial tcp 10.0.0.1:1: connect: no route to host",
    "dial tcp 10.0.0.1:1: connect: network is unreachable",
    "dial tcp 10.0.0.1:1: connect: host is down",
    "dial tcp: lookup h on 127.0.0.53:53: server misbehaving",
    "dial tcp: lookup h: Temporary failure in name resolution",
    "context deadline exceeded",
    "write tcp 10.0.0.2:2->10.0.0.1:1: write: broken pipe",
    "http: server closed idle connection",
    "read tcp 10.0.0.2:2->10.0.0.1:1: An existing connection was forcibly closed by the remote host.",
    "http2: client connection lost",
    "http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR",
    'net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"',
    "unexpected end of JSON input",
    "json: cannot unmarshal string into Go value of type map[string]interface {}",
)
CAUSES = {
    UNREACHABLE + "the server has asked for the client to provide credentials": "cluster-unauthorized",
    CREATE + "Unauthorized": "cluster-unauthorized",
    UNREACHABLE + "getting credentials: exec: executable aws not found": "cluster-unauthorized",
    CREATE
    + 'configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group ""': "cluster-forbidden",  # noqa: E501 - one literal text
    UNREACHABLE
    + 'Get "https://h:1/openapi/v2": tls: failed to verify certificate: x509: certificate signed by unknown authority': (  # noqa: E501 - one literal text
        "cluster-untrusted"
    ),
    UNREACHABLE
    + 'Get "https://h:1/openapi/v2": x509: certificate has expired or is not yet valid: current time 2026-11-26T12:00:00Z is after': (  # noqa: E501 - one literal text
        "cluster-untrusted"
    ),
    CREATE
    + "the server has received too many requests and has asked us to try again later (post configmaps)": "cluster-busy",  # noqa: E501 - one literal text
    UPDATE
    + 'an error on the server ("") has prevented the request from succeeding (patch configmaps b)': "cluster-unwell",  # noqa: E501 - one literal text
    CREATE + "Internal error occurred: etcdserver: request timed out": "cluster-slow",
    UPDATE
    + "Timeout: request did not complete within requested timeout - context deadline exceeded": "cluster-slow",  # noqa: E501 - one literal text
    "https://h:1 gave no answer: it answers other requests, and did not answer this one in time": "cluster-slow",  # noqa: E501 - one literal text
    "the API server does not enforce admission policy sovereign-pods 60 s after it was applied": (
        "policy-not-enforced"
    ),
    CREATE + "the server is currently unable to handle the request (get configmaps)": "cluster-unwell",
    CREATE
    + "the server was unable to return a response in the time allotted, but may still be processing the request": "cluster-slow",  # noqa: E501 - one literal text
    CREATE + 'configmaps "b" is forbidden: not yet ready to handle request': "cluster-starting",
    CREATE + "unable to create new content in namespace b because it is being terminated": "namespace-ending",
    CREATE + "the object has been modified; please apply your changes to the latest version": "api-conflict",
    CREATE + "etcdserver: mvcc: database space exceeded": "cluster-full",
    CREATE
    + 'Internal error occurred: failed calling webhook "w.example.com": Post "https://w": context deadline exceeded': (  # noqa: E501 - one literal text
        "webhook-silent"
    ),
    UNREACHABLE
    + 'Get "https://127.0.0.1:1/openapi/v2?timeout=60s": dial tcp 127.0.0.1:1: connect: connection refused': (
        "cluster-unreachable"
    ),
    CREATE
    + 'Patch "https://h:1/api": read tcp 127.0.0.1:2->127.0.0.1:1: read: connection reset by peer': "cluster-unreachable",  # noqa: E501 - one literal text
    CREATE
    + 'Patch "https://h:1/api": net/http: request canceled (Client.Timeout exceeded while awaiting headers)': "cluster-unreachable",  # noqa: E501 - one literal text
    CREATE + 'Patch "https://h:1/api": EOF': "cluster-unreachable",
    CREATE + 'Patch "https://h:1/api": net/http: TLS handshake timeout': "cluster-unreachable",
    CREATE + 'Patch "https://h:1/api": remote error: tls: internal error': "cluster-unreachable",
    CREATE + "unexpected EOF": "cluster-unreachable",
    UNREACHABLE
    + 'Get "https://no.such.host/openapi/v2": dial tcp: lookup no.such.host: no such host': "cluster-unreachable",  # noqa: E501 - one literal text
    UNREACHABLE + "invalid character '<' looking for beginning of value": "cluster-unreachable",
    READ: "cluster-unreachable",
    DELETE: "cluster-unreachable",
    CHECK: "cluster-unreachable",
    "Failed to fetch OpenAPI schema from the API server: Get https://h:1: dial tcp h:1: i/o timeout": "cluster-unreachable",  # noqa: E501 - one literal text
    "error: could not save the checkpoint: write /state/lab.json: no space left on device": "disk-full",
    "error: open /state/lab.json: read-only file system": "read-only",
    "error: write /state/lab.json: file too large": "file-limit",
    "SIGXFSZ: file size limit exceeded": "file-limit",
    "error: accept tcp 127.0.0.1:0: accept4: too many open files": "file-limit",
    "fatal error: runtime: cannot allocate memory": "memory-limit",
    "runtime: failed to create new OS thread (have 5 already; errno=11)": "memory-limit",
    "error: rpc error: code = Unavailable desc = error reading from server: EOF": "provider-ended",
    "error: rpc error: code = Unavailable desc = transport is closing": "provider-ended",
    ENDED: "provider-ended",
    "error: could not read plugin [/p/pulumi-resource-kubernetes]: EOF": "provider-ended",
    "error: could not save the checkpoint: write /state/lab.json: disk quota exceeded": "disk-full",
    "fatal error: runtime: out of memory": "memory-limit",
    "fatal error: failed to reserve page summary memory": "memory-limit",
    "runtime/cgo: pthread_create failed: Resource temporarily unavailable": "memory-limit",
    'Traceback (most recent call last):\n  File "p.py", line 1, in <module>\nMemoryError': "memory-limit",
    "RuntimeError: can't start new thread": "memory-limit",
    UNREACHABLE
    + 'exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"': "cluster-unauthorized",
    CREATE + "Internal error occurred: resource quota evaluation timed out": "cluster-unwell",
    CREATE + "etcdserver: leader changed": "cluster-unwell",
    CREATE + "etcdserver: no leader": "cluster-unwell",
    CREATE + "apiserver not ready": "cluster-unwell",
    CREATE + "The apiserver is shutting down, please try again later.": "cluster-unwell",
    "Error from server (ServiceUnavailable): no endpoints available": "cluster-unwell",
    "Error from server (InternalError): an error": "cluster-unwell",
    UNREACHABLE
    + 'forbidden: User "jane" cannot get path "/openapi/v2": RBAC: clusterrole.rbac.authorization.k8s.io "system:discovery" not found': "cluster-unwell",  # noqa: E501 - one literal text
    **{UNREACHABLE + GET + words: "cluster-unreachable" for words in SILENT},
}
"""Each text with the code of the problem that it becomes."""
FORBIDDEN = re.compile(
    "PULUMI_K8S|remove this resource|pulumi (refresh|cancel|state)|Traceback|goroutine|Make sure you have"
    "|always"
)
TOKEN_END = 1_764_158_400  # 2025-11-26T12:00:00Z


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    claims = base64.urlsafe_b64encode(orjson.dumps({"exp": TOKEN_END})).decode().rstrip("=")
    path = tmp_path / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "jane"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://h:1"}}],
                "users": [{"name": "jane", "user": {"token": f"header.{claims}.signature"}}],
            }
        )
    )
    return path


def heard(*events: object) -> EngineEvents:
    engine = Engine.__new__(Engine)
    engine.progress = lambda _line: None
    told = EngineEvents()
    for event in events:
        engine._take_event(event if isinstance(event, str) else json.dumps(event), told)
    return told


def diagnostic(message: str, name: str = "ConfigMap/a/b", severity: str = "error") -> dict[str, object]:
    return {
        "diagnosticEvent": {
            "severity": severity,
            "urn": f"urn:pulumi:lab::lab::kubernetes:core/v1:ConfigMap::{name}",
            "message": message,
        }
    }


@pytest.mark.parametrize("text", CAUSES, ids=lambda text: text[-40:])
def test_each_cause_is_named_once_without_the_engine_s_advice(text: str, kubeconfig: Path) -> None:
    error = failure(
        "up",
        heard(diagnostic(text), diagnostic(text, "ConfigMap/a/c"), diagnostic("update failed", "lab-lab")),
        Path("log"),
        kubeconfig,
    )
    assert [problem.code for problem in error.problems] == [CAUSES[text]]
    assert error.exit_code is ExitCode.DEPLOYMENT
    assert not FORBIDDEN.search(str(error))
    assert "unreachable cluster" not in str(error)
    assert "ConfigMap/a/b, ConfigMap/a/c" in error.problems[0].message
    assert error.problems[0].hint.endswith("The whole log: log")


def alternatives(pattern: str) -> Iterator[str]:
    """Yield the alternatives of a regular expression, those within a group together."""
    rest, depth = "", 0
    for part in re.findall(r"\\.|.", pattern):
        depth += (part == "(") - (part == ")")
        if part == "|" and not depth:
            yield rest
            rest = ""
        else:
            rest += part
    yield rest


@pytest.mark.parametrize("cause", engine_causes._CAUSES, ids=lambda cause: cause.code)
def test_every_pattern_of_a_cause_has_a_text_that_becomes_it(cause: engine_causes.Cause) -> None:
    texts = [text for text in CAUSES if cause_of(text) is cause]
    for pattern in alternatives(cause.pattern.pattern):
        assert any(re.search(pattern, text, re.IGNORECASE) for text in texts), pattern


@pytest.mark.parametrize(
    ("reason", "code"),
    [(text, code) for text, code in CAUSES.items() if text.startswith(UNREACHABLE)],
    ids=lambda word: word[-30:],
)
@pytest.mark.parametrize("after", [READ, DELETE])
def test_what_the_provider_calls_an_unreachable_cluster_is_told_by_the_reason_it_warns_of(
    reason: str, code: str, after: str, kubeconfig: Path
) -> None:
    told = heard(
        diagnostic(reason, severity="warning"), diagnostic(after), diagnostic("preview failed", "lab-lab")
    )
    error = failure("up", told, Path("log"), kubeconfig)
    assert code in [problem.code for problem in error.problems]
    if code != "cluster-unreachable":
        assert "gave no answer" not in str(error), "a server that answers is not called unreachable"
    assert not FORBIDDEN.search(str(error))


def test_a_token_that_has_expired_is_named_with_its_user_its_file_and_its_end(kubeconfig: Path) -> None:
    error = failure("up", heard(diagnostic(CREATE + "Unauthorized")), Path("log"), kubeconfig)
    assert f"user 'jane' of {kubeconfig}, by a token that expired at 2025-11-26T12:00:00+00:00" in str(error)
    assert "signature" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "configmaps \"b\" is forbidden: ValidatingAdmissionPolicy 'sovereign-pods' with binding 'b' denied request: POD-001",  # noqa: E501 - one literal text
        'Namespace "research" is invalid: metadata.labels: Invalid value',
        "Server-Side Apply field conflict detected. See https://www.pulumi.com/registry: conflict with kubectl: .data.a",  # noqa: E501 - one literal text
        "the field immutable cannot be changed",
    ],
)
def test_what_is_about_an_object_stays_in_the_server_s_words(text: str, kubeconfig: Path) -> None:
    error = failure("up", heard(diagnostic(text)), Path("log"), kubeconfig)
    assert [problem.code for problem in error.problems] == ["pulumi-failed"]
    assert text in str(error)
    assert cause_of(text) is None


def test_a_cause_does_not_hide_what_else_failed(kubeconfig: Path) -> None:
    told = heard(
        diagnostic(CREATE + "Unauthorized"),
        diagnostic('ConfigMap "c" is invalid: data: too long', "ConfigMap/a/c"),
    )
    assert [problem.code for problem in failure("up", told, Path("log"), kubeconfig).problems] == [
        "cluster-unauthorized",
        "pulumi-failed",
    ]


@pytest.mark.parametrize(("status", "shown"), [(9, "SIGKILL"), (15, "SIGTERM"), (11, "SIGSEGV")])
def test_an_engine_that_was_killed_is_told_as_killed_by_its_signal(
    status: int, shown: str, kubeconfig: Path
) -> None:
    told = EngineEvents(ended_by=status)
    told.changes["create"] = 7
    error = failure("up", told, Path("log"), kubeconfig)
    assert [problem.code for problem in error.problems] == ["engine-killed"]
    assert shown in str(error)
    assert "the 7 changes that were done stay" in str(error)
    assert "it gave no reason" not in str(error)


def test_a_crash_is_told_by_its_cause_and_not_by_its_stacks(kubeconfig: Path) -> None:
    lines = [
        "runtime: out of memory: cannot allocate 4194304-byte block",
        "fatal error: out of memory",
        "goroutine 1 [running]:",
        "main.main()",
    ]
    error = failure("up", heard(*(f"{line}\n" for line in lines)), Path("log"), kubeconfig)
    assert [problem.code for problem in error.problems] == ["memory-limit"]
    assert "goroutine" not in str(error)


def test_a_traceback_of_the_program_is_told_by_its_last_line(kubeconfig: Path) -> None:
    text = 'Program failed: Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    go()\nValueError: no rack fits\n'  # noqa: E501 - one literal text
    error = failure("up", heard(diagnostic(text)), Path("log"), kubeconfig)
    assert "ValueError: no rack fits" in str(error)
    assert not FORBIDDEN.search(str(error))


def test_without_a_cluster_no_text_is_about_one() -> None:
    error = failure("up", heard(diagnostic("db1 unreachable: connection refused", "hosts")), Path("log"))
    assert [problem.code for problem in error.problems] == ["pulumi-failed"]
