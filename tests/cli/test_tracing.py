"""Traces of commands: what OpenTelemetry's own definitions take, and nothing that a description says."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sovereign_ai.cli.main import call

LAB = Path(__file__).parents[2] / "stacks" / "lab"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

NOBODY_ANSWERS = """apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""
ERROR = 2
PHASES = {
    "up": {"render", "judge", "start cluster", "reach cluster"},
    "preview": {"render", "judge", "open cluster", "reach cluster"},
    "verify": {"observe and judge", "render", "open cluster"},
}
FAILED_PHASE = {"up": "reach cluster", "preview": "reach cluster", "verify": "observe and judge"}


@pytest.fixture
def trace_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "trace.jsonl"
    monkeypatch.setenv("SOVEREIGN_AI_TRACE", str(file))
    monkeypatch.delenv("TRACEPARENT", raising=False)
    return file


def request_of(line: str) -> Any:
    """Parse a request by OpenTelemetry's definitions; OTLP/JSON has identifiers as hexadecimal digits."""
    data = json.loads(line)
    for resource in data["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    return Parse(json.dumps(data), ExportTraceServiceRequest())


def spans_of(line: str) -> list[Any]:
    (resource,) = request_of(line).resource_spans
    (scope,) = resource.scope_spans
    return list(scope.spans)


def test_a_command_leaves_one_line_that_opentelemetry_takes(trace_file: Path):
    assert call(["check", str(LAB)]) == 0
    assert call(["validate", str(LAB)]) == 0
    lines = trace_file.read_text().splitlines()
    assert len(lines) == 2
    whole, *phases = spans_of(lines[0])
    assert whole.name == "sovereign-ai check"
    assert {phase.name for phase in phases} >= {"read and plan", "render"}
    assert len(whole.trace_id) == 16
    assert whole.parent_span_id == b""
    for phase in phases:
        assert phase.trace_id == whole.trace_id
        assert phase.parent_span_id == whole.span_id
        assert whole.start_time_unix_nano <= phase.start_time_unix_nano <= phase.end_time_unix_nano
        assert phase.end_time_unix_nano <= whole.end_time_unix_nano
    identifiers = {span.span_id for span in (whole, *phases)}
    assert len(identifiers) == 1 + len(phases)
    (resource,) = request_of(lines[0]).resource_spans
    service = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert service["service.name"] == "sovereign-ai"
    assert trace_file.stat().st_mode & 0o777 == 0o600


def test_a_failed_command_has_its_exit_code_and_the_class_of_its_error(trace_file: Path, tmp_path: Path):
    stack = tmp_path / "secret-stack-name"
    shutil.copytree(LAB, stack)
    description = stack / "factory.yaml"
    description.write_text(description.read_text().replace("system:", "sistem-hunter2:", 1))
    assert call(["check", str(stack)]) == 2
    whole, reading = spans_of(trace_file.read_text())
    codes = {pair.key: pair.value.int_value for pair in whole.attributes}
    assert codes == {"process.exit.code": 2}
    assert (whole.status.code, reading.status.code) == (2, 2)
    assert {pair.key: pair.value.string_value for pair in reading.attributes} == {"error.type": "SpecError"}
    # No name, path or value of what was read.
    for text in ("hunter2", "secret-stack-name", "sistem", str(tmp_path)):
        assert text not in trace_file.read_text()


# `up` looks for its tools before it asks the cluster.
@pytest.mark.parametrize("command", [pytest.param("up", marks=pytest.mark.cluster), "preview", "verify"])
def test_a_deployment_is_traced_to_the_phase_that_failed(
    command: str, trace_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SOVEREIGN_AI_API_SECONDS", "1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    stack = tmp_path / "stack"
    shutil.copytree(LAB, stack)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOBODY_ANSWERS)
    options = ["--cluster", "kubeconfig", "--kubeconfig", str(kubeconfig)]
    assert call([command, str(stack), *options]) == 3
    spans = spans_of(trace_file.read_text())
    names = [span.name for span in spans]
    assert names[:2] == [f"sovereign-ai {command}", "read and plan"]
    assert set(names[2:]) == PHASES[command]
    failed = {span.name for span in spans if span.status.code == ERROR}
    assert failed == {names[0], FAILED_PHASE[command]}


def test_the_callers_trace_is_continued(trace_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACEPARENT", PARENT)
    assert call(["validate", str(LAB)]) == 0
    whole = spans_of(trace_file.read_text())[0]
    assert whole.trace_id.hex() == PARENT[3:35]
    assert whole.parent_span_id.hex() == PARENT[36:52]


class Receiver(BaseHTTPRequestHandler):
    """Answers like a receiver of OTLP over HTTP, and keeps what it got."""

    requests: list[tuple[str, str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append((self.path, self.headers["Content-Type"], body.decode()))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_a_receiver_on_this_machine_gets_the_same_request(path: str, monkeypatch: pytest.MonkeyPatch):
    handler: type[Receiver] = type("OneReceiver", (Receiver,), {"requests": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        monkeypatch.setenv("SOVEREIGN_AI_TRACE", f"http://localhost:{server.server_port}{path}")
        # A proxy of the environment would get what is meant for this machine alone.
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert call(["validate", str(LAB)]) == 0
        thread.join()
    ((where, content_type, body),) = handler.requests
    assert (where, content_type) == ("/v1/traces", "application/json")
    assert spans_of(body)[0].name == "sovereign-ai validate"


@pytest.mark.parametrize(
    "address",
    [
        "http://collector.example.org:4318",
        "https://127.0.0.1:4318",
        "http://127.0.0.1.example.org",
        "http://user:word@127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:70000",
        "http://localhost@192.0.2.1/",
        "http://0.0.0.0:4318",
    ],
)
def test_nothing_is_sent_to_another_machine(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SOVEREIGN_AI_TRACE", address)
    assert call(["validate", str(LAB)]) == 2
    said = capsys.readouterr()
    assert "[bad-trace]" in said.err
    assert "word" not in said.err
    assert said.out == ""


def test_a_file_that_cannot_be_written_is_refused_before_the_command_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for place in (tmp_path, tmp_path / "missing" / "trace.jsonl"):
        monkeypatch.setenv("SOVEREIGN_AI_TRACE", str(place))
        assert call(["validate", str(LAB)]) == 2
        assert "[bad-trace]" in capsys.readouterr().err


def test_a_receiver_that_is_away_changes_no_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SOVEREIGN_AI_TRACE", "http://127.0.0.1:1")
    assert call(["validate", str(LAB)]) == 0
    assert "SOVEREIGN_AI_TRACE: the trace is lost: Connection refused" in capsys.readouterr().err


def test_help_loads_no_module_of_tracing_beyond_its_own():
    script = (
        "import sys; from sovereign_ai.cli.main import call; call(['--help']); print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rsplit("\n", 2)[1].split())
    assert "sovereign_ai.cli.tracing" in loaded
    assert loaded.isdisjoint({"http.client", "opentelemetry", "google.protobuf"})


def test_without_the_variable_a_phase_is_only_called():
    script = """
from sovereign_ai.cli import tracing
tracing._CommandTrace = None
from sovereign_ai.cli.main import call
raise SystemExit(call(["validate", sys.argv[1]]))
"""
    done = subprocess.run([sys.executable, "-c", "import sys" + script, str(LAB)], check=False)
    assert done.returncode == 0
