"""Every reader, with a valid input that passes.

`test_readers.py` compares this table with `files.kinds.KINDS`, so that a new kind of input without hostile
cases fails a test.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.pki import Leaf, authority, issue
from sovereign_ai.operate.grants import make_grant
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import load
from tests.hostile import reading
from tests.hostile.case import ANY, REFUSED, Prepared
from tests.hostile.kept import PLACES, kept
from tests.hostile.kit import kit
from tests.operate.test_neighbour_forms import FORMS
from tests.operate.test_neighbour_records import TEXTS
from tests.operate.test_printed_tables import ADDRESSES as PRINTED_ADDRESSES
from tests.operate.test_printed_tables import STATES as PRINTED_STATES
from tests.operate.test_table_forms import STATES as STATES_IN_JSON
from tests.support.approvals import approved_grant, signed_text

ROOT = Path(__file__).resolve().parents[2]
SMALL = (ROOT / "tests" / "hostile" / "small.yaml").read_text(encoding="utf-8")
LAB = (ROOT / "stacks" / "lab" / "factory.yaml").read_text(encoding="utf-8")
_CODES = frozenset
TEXTS_HEARD = {f"{name}-text": write for name, write in TEXTS.items()}
"""What switches print of their LLDP neighbours for a person to read."""
HEARD = FORMS | TEXTS_HEARD
TABLES = {f"mac-{name}": text.format(port="1") for name, text in PRINTED_ADDRESSES.items()}
TABLES |= {f"ports-{name}": text for name, text in PRINTED_STATES.items()}
TABLES |= {f"json-{name}": json.dumps(data) for name, data in STATES_IN_JSON.items()}
"""MAC tables and states of ports, as switches print them and in their JSON."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Attributes:
        name: what the table calls it.
        kinds: the names of the kinds of `files.kinds` that it reads.
        form: what its input is written in: yaml, json, csv, numbers, pem, python, line or opaque.
        prepare: writes a valid input into a folder.
        control: exit codes of the valid input.
        refused: exit codes of content that it cannot take.
        absent: exit codes where no file can be read at the path.
        fields: exit codes of a document with one wrong field.
        limit: the most bytes that it takes; None where the kind's own limit is too large to try.
        is_file: whether its input is a file.
    """

    name: str
    kinds: tuple[str, ...]
    form: str
    prepare: Callable[[Path], Prepared]
    control: frozenset[int] = _CODES({0})
    refused: frozenset[int] = REFUSED
    absent: frozenset[int] = REFUSED
    fields: frozenset[int] = ANY
    limit: int | None = 1 << 20
    is_file: bool = True


def _small(folder: Path, text: str = SMALL) -> str:
    """Write a small stack and return its folder."""
    stack = folder / "stack"
    stack.mkdir()
    (stack / "factory.yaml").write_text(text, encoding="utf-8")
    return str(stack)


def _file(folder: Path, name: str, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def _beside(folder: Path, name: str, content: str | bytes, *command: str) -> Prepared:
    """Write a small stack and a file, and name both in a command: `{stack}` and `{file}`."""
    stack, file = _small(folder), _file(folder, name, content)
    return Prepared(file, tuple(part.format(stack=stack, file=file, folder=folder) for part in command))


def _description(folder: Path, name: str, text: str, *command: str) -> Prepared:
    file = _file(folder, f"stack/{name}", text)
    return Prepared(file, (*command, str(file.parent)))


def _called(folder: Path, name: str, content: str | bytes, function: Callable[[Path], object]) -> Prepared:
    """Write a file and read it by a function."""
    file = _file(folder, name, content)
    return Prepared(file, partial(reading.spoken, partial(function, file)))


def _placed(
    folder: Path, place: Path, content: str | bytes, function: Callable[[Path], object], **environment: str
) -> Prepared:
    """Write a file into the state folder below the case's own, and read it by a function."""
    file = _file(folder, str(place), content)
    state = {"XDG_STATE_HOME": str(folder / "state"), **environment}
    for path in (folder / "state", *file.parents):
        if path.is_relative_to(folder / "state"):
            path.chmod(0o700)
    return Prepared(file, partial(reading.spoken, partial(function, file)), state)


# -- what the valid inputs hold

FIGURES = "electricity.DE: {value: 0.2, low: 0.1, high: 0.3, source: an offer}\nother.cost: 90\n"
WORK = """apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: chat, namespace: research}
- apiVersion: trainer.kubeflow.org/v1alpha1
  kind: TrainJob
  metadata: {name: tune, namespace: research, labels: {kueue.x-k8s.io/queue-name: train}}
  spec:
    runtimeRef: {name: torch-distributed}
    trainer: {numNodes: 2, resourcesPerNode: {limits: {nvidia.com/gpu: 8}}}
    runtimePatches:
    - trainingRuntimeSpec:
        template:
          spec:
            replicatedJobs:
            - name: node
              template: {spec: {template: {spec: {nodeSelector: {pool: train}}}}}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: research}
  spec: {replicas: 2, template: {spec: {containers: [{name: main, resources: {limits: {cpu: 1}}}]}}}
"""
WORKLOAD = """kind: TrainingJob
name: pretrain
tenant: research
pool: train
nodes: 4
model: {parameters: 7000000000, layers: 32, hidden: 4096, heads: 32, kv_heads: 8, feed_forward: 14336,
  gated: true, vocabulary: 128256, sequence: 8192, precision: bf16}
parallel: {data: 32}
optimizer: {kind: adam, gradients: fp32, sharding: gradients}
attention: fused
recompute: full
micro_batch: 1
checkpoint: {tier: scratch, interval: 30 min}
"""
MANIFESTS = """apiVersion: queues.example.com/v1
kind: Settings
metadata: {name: settings, namespace: kueue-system}
spec:
  driver: {repository: registry.example.com, image: driver}
  env: [{name: ENDPOINT, value: 0.0.0.0:8443}]
"""
HARDWARE = """rows:
  - kind: switch
    name: our-switch
    vendor: nvidia
    figures:
      kind: {value: ethernet, source: a data sheet, read: 2026-11-26, grade: datasheet}
      ports: {value: 64, source: a data sheet, read: 2026-11-26, grade: datasheet}
      rate: {value: 800, unit: Gbps, source: a data sheet, read: 2026-11-26, grade: datasheet}
      power: {value: 900, unit: W, source: a data sheet, read: 2026-11-26, grade: estimate, low: 800, high: 1000}
  - kind: nic
    name: our-nic
    vendor: nvidia
    figures:
      rate: {value: 400, unit: Gbps, source: a data sheet, read: 2026-11-26, grade: datasheet}
"""  # noqa: E501 - one literal text
ANSWERS = """answers:
  - criterion: SOV-7.7
    answer: 5
    grade: contractual
    source: audit clause of the service contract
    dated: 2026-06-01
    expires: 2027-06-01
"""
POLICIES = """groups:
  - {name: first, nodes: ["train-001"], conditions: [FrequentKubeletRestart], unavailable: 0.25}
  - {name: rest, repair: false}
"""
GIVEN = """account: sovereign
admin_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP ops-team]
admin_from: [10.128.0.0/24]
time_servers: [ntp.example.com]
log_server: "logs.example.com:6514"
control_planes: {small-1: "10.64.0.9:6443"}
sandbox_image: "pause:3.10.1"
reach:
  train-001: {connection: ssh, address: 10.64.0.7, port: 2222}
  train-002: {connection: nsenter, leader: 4711}
  train-003: {connection: netns, namespace: train-003}
"""
ENDPOINTS = """username: inventory
password_file: bmc.password
endpoints:
  - {address: "https://10.1.0.7", machine: train-001}
  - {address: "https://10.1.0.8", machine: train-002}
models: {dgx-h100: [DGXH100]}
firmware: {dgx-h100: {BMC: 24.09.17}}
"""
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "a",
    "clusters": [
        {
            "name": "c",
            "cluster": {"server": "https://127.0.0.1:9", "certificate-authority-data": "{authority}"},
        }
    ],
    "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
    "users": [{"name": "u", "user": {"token": "opaque-token"}}],
}
OBSERVATION = {
    "ok": False,
    "command": "verify",
    "factory": "small",
    "cluster": "small-1",
    "findings": [
        {
            "kind": "missing",
            "resource": "v1/Namespace/a",
            "field": "",
            "message": "it is not there",
            "hint": "run up",
        }
    ],
    "counts": {"missing": 1},
    "probes": [{"name": "dns", "expected": "runs", "status": "passed", "detail": ""}],
}
USAGE = {
    "ok": True,
    "command": "jobs usage",
    "factory": "small",
    "cluster": "small-1",
    "price": {"euro": 1.7, "is_lower_bound": True},
    "tenants": [{"tenant": "research", "works": 1, "gpu_hours": 64.0, "kwh": 81.6}],
    "teams": [{"tenant": "research", "team": "vision", "works": 1, "gpu_hours": 64.0, "kwh": 81.6}],
    "works": [
        {
            "tenant": "research",
            "team": "vision",
            "namespace": "research",
            "name": "pretrain",
            "gpu_hours": 64.0,
            "kwh": 81.6,
        }
    ],
}
SUBNET = 'Ca\t1 "H-1"\t# "train-001-compute0"\n[1](2c9)\t"S-1"[1]\t# lid 1\nSwitch\t2 "S-1"\t# "leaf"\n[1]\t"H-1"[1]\t# lid 1\n'  # noqa: E501 - one literal text
NEIGHBOURS = {
    "lldp": [
        {
            "interface": [
                {
                    "name": "compute0",
                    "via": "LLDP",
                    "chassis": [
                        {"id": [{"type": "mac", "value": "0a:ea:d3:ee:fc:45"}], "name": [{"value": "leaf-1"}]}
                    ],
                    "port": [{"id": [{"type": "ifname", "value": "swp1"}], "descr": [{"value": "swp1"}]}],
                }
            ]
        }
    ]
}
DEVICES = "name,device_type,site,rack,role\ntrain-001,dgx-h100,fra1,r1,server\nleaf-1,sn5600,fra1,r2,switch\n"
INTERFACES = "device,name,type\ntrain-001,compute0,400gbase-x-osfp\nleaf-1,swp1,400gbase-x-osfp\n"
CABLES = "side_a_device,side_a_name,side_b_device,side_b_name\ntrain-001,compute0,leaf-1,swp1\n"
OUTSIDE_PORTS = "device,name,type,enabled,description\nleaf-1,swp64,100gbase-x-qsfp28,false,to others\n"
RACKS = "site,name,width\nfra1,r1,19\nfra1,r2,19\n"
MACS = "machine,mac\ntrain-001,b8:3f:d2:00:00:01\ntrain-002,b8:3f:d2:00:00:02\n"
SUBNET = (ROOT / "tests" / "assess" / "observed" / "subnet.txt").read_text(encoding="utf-8")
LINKS = (ROOT / "tests" / "assess" / "observed" / "links.txt").read_text(encoding="utf-8")
ADOPTED = (
    ("slurm-tree", "topology.conf", "topology", "line", "SwitchName=leaf-1 Nodes=train-[001-002]\n"),
    ("slurm-nodes", "nodes.conf", "topology", "line", "NodeName=train-[001-002] Gres=gpu:h100:8\n"),
    ("slurm-gpus", "gres.conf", "topology", "line", "NodeName=train-001 Name=gpu File=/dev/nvidia[0-7]\n"),
    (
        "slurm-yaml",
        "topology.yaml",
        "topology",
        "yaml",
        (
            '- topology: a\n  tree:\n    switches:\n    - {switch: leaf-1, nodes: "train-[001-002]"}\n'
            "- topology: b\n  block:\n    blocks:\n    - {block: nvl1, nodes: train-001}\n"
        ),
    ),
    (
        "topograph",
        "topograph.yaml",
        "topology",
        "yaml",
        (
            "switches: {spine: {switches: [leaf-1], labels: {region: a}}}\n"
            "blocks:\n- {switch: leaf-1, nodes: [train-001], annotations: {a: b}}\n"
        ),
    ),
    (
        "containerlab",
        "lab.clab.yml",
        "topology",
        "yaml",
        (
            "name: lab\ntopology:\n  nodes:\n    leaf-1: {kind: linux, group: leaf, labels: {a: b}}\n"
            '    train-001: {kind: linux}\n  links:\n  - endpoints: ["train-001:e0", "leaf-1:swp1"]\n'
        ),
    ),
    ("ibnetdiscover", "net.txt", "subnet", "line", SUBNET),
)
"""Name, file, kind, form and content of what `inventory adopt` reads besides NetBox's tables."""
HEAD = {"id": "0123456789abcdef", "entries": 1, "head": "0" * 64}
HOURS = "hour,load,grid\n" + "".join(f"{hour},100,120\n" for hour in range(24))
EVENTS = [
    {"event": "playbook_on_task_start", "event_data": {"name": "base : time"}},
    {
        "event": "runner_on_ok",
        "event_data": {
            "host": "train-001",
            "task": "time",
            "role": "base",
            "res": {
                "changed": True,
                "msg": "set",
                "diff": [{"before": "a\n", "after": "b\n", "before_header": "x", "after_header": "y"}],
            },
        },
    },
    {
        "event": "runner_on_failed",
        "event_data": {"host": "train-002", "task": "t", "role": "r", "res": {"msg": "no", "stderr": "x"}},
    },
    {
        "event": "runner_on_unreachable",
        "event_data": {"host": "train-003", "task": "t", "res": {"msg": "no route", "unreachable": True}},
    },
    {"event": "playbook_on_stats", "event_data": {"ok": {"train-001": 1}}},
]
ALERTS = {
    "status": "success",
    "data": {
        "alerts": [
            {
                "labels": {"alertname": "GpuFault", "severity": "critical", "node": "train-001"},
                "annotations": {"summary": "a GPU of train-001 is gone"},
                "state": "firing",
                "activeAt": "2026-11-24T12:00:00Z",
                "value": "1",
            }
        ]
    },
}
REVIEW = {
    "apiVersion": "authorization.k8s.io/v1",
    "kind": "SubjectAccessReview",
    "spec": {
        "user": "system:apiserver",
        "resourceAttributes": {"group": "x", "verb": "honour", "resource": "waivers", "name": "[]"},
    },
}
SYSTEM = {
    "@odata.id": "/redfish/v1/Systems/1",
    "Id": "1",
    "Name": "system",
    "HostName": "train-001",
    "Model": "DGXH100",
    "SerialNumber": "1",
    "BiosVersion": "1.0",
    "PowerState": "On",
}
NETBOX_TOKEN = "0123456789abcdef"  # noqa: S105 - of nothing
NETBOX_DEVICES = {
    "count": 2,
    "results": [
        {
            "id": 7,
            "name": "train-001",
            "site": {"id": 1},
            "rack": {"id": 2, "name": "r1"},
            "role": {"id": 3},
            "device_type": {"id": 4},
            "position": 1.0,
            "face": {"value": "front", "label": "Front"},
            "interface_count": 3,
            "custom_fields": {"sovereign_ai_factory": "small"},
        },
        {"id": 8, "name": None, "site": None, "position": None, "face": None, "custom_fields": {}},
    ],
}
SETTINGS = "config:\n  sovereign:kubeconfig: /nowhere/config\nencryptionsalt: v1:abc:def\n"
PROJECT = "name: small\nruntime: {name: python, options: {virtualenv: venv}}\ndescription: a stack\n"
DEFINITIONS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.example.com"},
    "spec": {
        "group": "example.com",
        "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}],
    },
}
GRANT_STATE = {"digest": "abc", "done": ["train-001"]}


def _json(data: Any) -> str:
    return json.dumps(data, indent=1)


def _kubeconfig() -> str:
    return _json(KUBECONFIG).replace("{authority}", kit().authority_base64)


def _netbox(folder: Path, target: str) -> Prepared:
    for name, text in (
        ("devices", DEVICES),
        ("interfaces", INTERFACES),
        ("cables", CABLES),
        ("racks", RACKS),
        ("outside-ports", OUTSIDE_PORTS),
    ):
        _file(folder, f"netbox/{name}.csv", text)
    return Prepared(folder / "netbox" / f"{target}.csv", ("inventory", "adopt", str(folder / "netbox")))


def _adopted(folder: Path, name: str, content: str) -> Prepared:
    """Write a file that `inventory adopt` recognises by its name."""
    file = _file(folder, name, content)
    return Prepared(file, ("inventory", "adopt", str(file)))


def _heard(folder: Path, form: str) -> Prepared:
    """Write what a switch prints of its LLDP neighbours, in one maker's form."""
    is_text = form.endswith("-table") or form in TEXTS_HEARD
    name = "seen/leaf-1.txt" if is_text else "seen/leaf-1.json"
    text = HEARD[form]([("1", "train-001", "compute0")])
    return _beside(folder, name, text, "fabric", "observe", "{stack}", "--from", "{folder}/seen")


def _tabled(folder: Path, form: str) -> Prepared:
    """Write a MAC table or the states of ports as a switch prints them, in one form."""
    suffix = "json" if form.startswith("json-") else "txt"
    return _beside(
        folder,
        f"seen/leaf-1.{suffix}",
        TABLES[form],
        "fabric",
        "observe",
        "{stack}",
        "--from",
        "{folder}/seen",
    )


def _endpoints(folder: Path, target: str) -> Prepared:
    """Write an endpoints file and those it names; the controllers themselves answer from memory."""
    stack = _small(folder)
    text = ENDPOINTS.replace("username:", "ca: bmc.pem\nusername:") if target == "bmc.pem" else ENDPOINTS
    file = _file(folder, "endpoints.yaml", text)
    _file(folder, "bmc.password", "let me look\n")
    _file(folder, "bmc.pem", kit().authority)
    command = ("inventory", "check", stack, "--redfish", str(file))
    return Prepared(folder / target, partial(reading.with_controllers, command, None))


def _controllers(folder: Path) -> Prepared:
    stack = _small(folder)
    file = _file(folder, "endpoints.yaml", ENDPOINTS)
    _file(folder, "bmc.password", "let me look\n")
    answer = _file(folder, "answer.json", _json(SYSTEM))
    return Prepared(
        answer,
        partial(reading.with_controllers, ("inventory", "check", stack, "--redfish", str(file)), answer),
    )


def _netbox_answers(folder: Path) -> Prepared:
    """Write a page of devices, as NetBox lists them to `inventory push`."""
    stack = _small(folder)
    token = _file(folder, "token", f"{NETBOX_TOKEN}\n")
    answer = _file(folder, "devices.json", _json(NETBOX_DEVICES))
    command = ("inventory", "push", stack, "--url", "https://netbox.example", "--token-file", str(token))
    return Prepared(answer, partial(reading.with_netbox, (*command, "--dry-run"), answer))


def _evidence(folder: Path, target: str, *command: str) -> Prepared:
    """Write signed evidence with its keys and log; `{…}` names them in a command."""
    stack = _small(folder)
    for name, content in kit().evidence.items():
        _file(folder, name, content)
    names = {"stack": stack, **{name.replace(".", "_"): str(folder / name) for name in kit().evidence}}
    return Prepared(folder / target, tuple(part.format(out=folder / "new.json", **names) for part in command))


def _torn(folder: Path) -> Prepared:
    """Write a log whose last line was cut off, and what an earlier run set aside."""
    prepared = _evidence(
        folder,
        "log.jsonl",
        "evidence",
        "verify",
        "{evidence_json}",
        "{stack}",
        "--key",
        "{public_pem}",
        "--log",
        "{log_jsonl}",
    )
    aside = kit().aside(folder / "log.jsonl")
    return Prepared(aside, prepared.run)


def _authority(folder: Path) -> Prepared:
    """Write signed evidence and the certificate of a time stamp authority."""
    file = _file(folder, "tsa.pem", (ROOT / "tests" / "attest" / "timestamps" / "root.pem").read_bytes())
    return Prepared(file, _evidence(folder, "log.jsonl", *_VERIFY, "--tsa-cert", str(file)).run)


def _head(folder: Path) -> Prepared:
    """Write a log and, in a second place, its head."""
    prepared = _evidence(folder, "log.jsonl", *_SIGN, "--witness", str(folder / "heads"))
    lines = (folder / "log.jsonl").read_bytes().splitlines()
    head = {"id": "0123456789abcdef", "entries": len(lines), "head": json.loads(lines[-1])["hash"]}
    return Prepared(_file(folder, "heads/log.jsonl.head", _json(head)), prepared.run)


def _approval(folder: Path) -> Prepared:
    """Write an approval of break-glass access that counts now, by an approver whom the description lists."""
    prepared = _evidence(
        folder,
        "key.pem",
        "access",
        "grant",
        "{stack}",
        "--approval",
        str(folder / "approval.json"),
        "--key",
        "{key_pem}",
        "--dry-run",
    )
    description = folder / "stack" / "factory.yaml"
    description.write_text(signed_text(description.read_text(encoding="utf-8"), "lead"), encoding="utf-8")
    factory = load(description)
    [cluster] = plan(factory).clusters
    wish = {
        "person": "on-call",
        "approver": "lead",
        "reason": "a job hangs",
        "seat": "DE",
        "namespace": "research",
        "kind": "look",
    }
    zones = {space.name: space.zone for space in cluster.namespaces}
    grant = make_grant(factory, zones, lasting=timedelta(hours=1), now=datetime.now(UTC), **wish)
    agreed = approved_grant(replace(grant, cluster=cluster.name))
    approval = {"access": agreed.agreed, "signature": agreed.signature}
    return Prepared(_file(folder, "approval.json", _json(approval)), prepared.run)


def _results(folder: Path, name: str, content: str) -> Prepared:
    stack = _small(folder)
    file = _file(folder, f"results/{name}", content)
    return Prepared(file, ("acceptance", "judge", stack, str(file.parent)))


def _listing(folder: Path) -> Prepared:
    stack = _small(folder)
    out = folder / "objects"
    return Prepared(
        _file(folder, "objects/kustomization.yaml", kit().listing), ("render", stack, "--output", str(out))
    )


def _folder_listing(folder: Path) -> Prepared:
    stack = _small(folder)
    out = folder / "fabric"
    return Prepared(
        _file(folder, f"fabric/{kit().folder_list}", kit().folder_listing),
        ("fabric", "render", stack, "--output", str(out)),
    )


_VERIFY = (
    "evidence",
    "verify",
    "{evidence_json}",
    "{stack}",
    "--key",
    "{public_pem}",
    "--log",
    "{log_jsonl}",
)
_SIGN = ("evidence", "sign", "{stack}", "--key", "{key_pem}", "--log", "{log_jsonl}", "--output", "{out}")
_STATE_CODES = _CODES({0, 3})
_ENVIRONMENT = _CODES({2, 3})

_PYTHON = f"import sovereign_ai as sai\nimport yaml\nfactory = sai.AIFactory.model_validate(yaml.safe_load({SMALL!r}))\n"  # noqa: E501 - one literal text


def _as_json(text: str) -> str:
    import yaml

    return json.dumps(yaml.safe_load(text), default=str)


def _evidence_with(folder: Path, name: str) -> Prepared:
    prepared = _evidence(folder, name, *_SIGN, "--report", str(folder / name))
    return Prepared(_file(folder, name, "<p>a report</p>"), prepared.run)


def _certificate(folder: Path) -> Prepared:
    data = json.loads(_kubeconfig())
    cluster = data["clusters"][0]["cluster"]
    del cluster["certificate-authority-data"]
    cluster["certificate-authority"] = "ca.crt"
    config = _file(folder, "config", _json(data))
    return Prepared(
        _file(folder, "ca.crt", kit().authority), partial(reading.spoken, partial(reading.kubeconfig, config))
    )


def _state_key(folder: Path) -> Prepared:
    file = _file(folder, "state.key", "a-key-of-the-state\n")
    environment = {"SOVEREIGN_AI_KEY_FILE": str(file)}
    return Prepared(file, partial(reading.spoken, reading.state_key), environment)


def _controller(folder: Path) -> Prepared:
    """Write a stack with a controller whose objects are in the reader's file."""
    details = "[{name: kueue, manifests: [kueue.yaml]}]"
    text = f"{SMALL}\nplatform: {{queueing: kueue, controllers: {details}}}\n"
    stack = _file(folder, "stack/factory.yaml", text).parent
    return Prepared(_file(folder, "stack/kueue.yaml", MANIFESTS), ("validate", str(stack)))


def _image_signature(folder: Path, name: str) -> Prepared:
    """Write a stack with a signer and two signatures of an image; one of the files is the reader's."""
    images = "{registries: [registry.example.com], signers: [{name: release, key: cosign.pub}], signatures: [one.json, two.payload]}"  # noqa: E501 - one literal text
    stack = _small(folder, SMALL.replace("{registries: [registry.example.com]}", images))
    files = {other: _file(folder, f"stack/{other}", text) for other, text in kit().image_signature.items()}
    return Prepared(files[name], ("images", "verify", stack))


def _grant(folder: Path) -> Prepared:
    return _called(folder, "plane/access/1f2e3d4c.json", _json(kit().grant), reading.grants)


def _kept(folder: Path, name: str) -> Prepared:
    return kept(folder, name, "state", "check")


@cache
def _plane_files() -> dict[str, bytes]:
    """Return the files of a local control plane's folder of keys."""
    with tempfile.TemporaryDirectory(prefix="hostile-pki-") as name:
        pki = Path(name)
        issue(authority(pki, "cluster-ca"), pki, Leaf("admin", "admin", client=True))
        return {path.name: path.read_bytes() for path in pki.iterdir()}


def _plane_file(folder: Path, name: str, read: Callable[[Path], object]) -> Prepared:
    """Write the keys of a control plane, and read them; `name` is the file that a case replaces."""
    for one, content in _plane_files().items():
        _file(folder, f"plane/pki/{one}", content)
    return _called(folder, f"plane/pki/{name}", _plane_files()[name], read)


def _guard_file(folder: Path, name: str) -> Prepared:
    """Write the guard of a control plane and its record; `name` is the file that a case replaces."""
    content = '{"items": []}'
    record = {"content": content, "sha256": sha256(content.encode()).hexdigest(), "pid": 0, "started": 0}
    texts = {"admission/guard.json": content, "guard-record.json": _json(record)}
    for one, text in texts.items():
        _file(folder, f"plane/{one}", text)
    return _called(folder, f"plane/{name}", texts[name], reading.guard_record)


def _tool(folder: Path) -> Prepared:
    content = b"a tool"
    status = _file(folder, "tools/tool", content).stat()
    state = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    record = {"sha256": sha256(content).hexdigest(), "state": state}
    _file(folder, "tools/record.json", _json(record))
    return Prepared(
        folder / "tools/tool", partial(reading.spoken, partial(reading.tool_digest, folder / "tools/tool"))
    )


def _custody(folder: Path) -> Prepared:
    custody = {
        "module": {
            "library": "/usr/lib/module.so",
            "token": "plane",
            "pin_file": "/nowhere/pin",
            "environment": {},
        },
        "owner": "lab-1",
        "levels": {"research": "high"},
        "former": [],
    }
    return _called(folder, "plane/config/keys.json", _json(custody), reading.custody)


def _inventory(folder: Path) -> Prepared:
    content, digest = kit().inventory
    place = Path("state", "sovereign-ai", "hosts", "inventories", f"{digest}.json")
    return _placed(folder, place, content, lambda _file: reading.inventory(digest))


READERS: tuple[Reader, ...] = (
    Reader(
        "description",
        ("description",),
        "yaml",
        lambda folder: _description(folder, "factory.yaml", SMALL, "validate"),
    ),
    Reader(
        "description-json",
        ("description",),
        "json",
        lambda folder: _description(folder, "factory.json", _as_json(SMALL), "validate"),
    ),
    Reader(
        "description-python",
        ("description",),
        "python",
        lambda folder: _description(folder, "factory.py", _PYTHON, "validate"),
    ),
    Reader(
        "lab",
        ("description",),
        "yaml",
        lambda folder: _description(folder, "factory.yaml", LAB, "validate"),
        limit=None,
    ),
    Reader(
        "check",
        ("description",),
        "yaml",
        lambda folder: _description(folder, "factory.yaml", SMALL, "check"),
        control=_CODES({0, 1}),
        limit=None,
    ),
    Reader(
        "figures",
        ("figures",),
        "yaml",
        lambda folder: _beside(
            folder, "figures.yaml", FIGURES, "assess", "cost", "{stack}", "--figures", "{file}"
        ),
    ),
    Reader(
        "figures-json",
        ("figures",),
        "json",
        lambda folder: _beside(
            folder, "figures.json", _as_json(FIGURES), "assess", "cost", "{stack}", "--figures", "{file}"
        ),
    ),
    Reader(
        "workload",
        ("workload",),
        "yaml",
        lambda folder: _beside(folder, "job.yaml", WORKLOAD, "assess", "job", "{stack}", "{file}"),
    ),
    # Whatever is read without a problem then finds no cluster to ask.
    Reader(
        "work",
        ("workload",),
        "yaml",
        lambda folder: _beside(folder, "work.yaml", WORK, "why", "{stack}", "--before", "{file}"),
        control=_CODES({3}),
        fields=_CODES({2, 3}),
    ),
    Reader(
        "manifests",
        ("manifests",),
        "yaml",
        lambda folder: _beside(folder, "queues.yaml", MANIFESTS, "platform", "check", "{stack}", "{file}"),
        limit=4 << 20,
    ),
    # Beside a description, which names it.
    Reader(
        "controller-manifests",
        ("manifests",),
        "yaml",
        _controller,
        limit=4 << 20,
    ),
    Reader(
        "catalog",
        ("catalog",),
        "yaml",
        lambda folder: _beside(folder, "hardware.yaml", HARDWARE, "catalog", "check", "{file}"),
    ),
    Reader(
        "catalog-json",
        ("catalog",),
        "json",
        lambda folder: _beside(folder, "hardware.json", _as_json(HARDWARE), "catalog", "check", "{file}"),
    ),
    Reader(
        "answers",
        ("answers",),
        "yaml",
        lambda folder: _beside(
            folder, "stack/evidence.yaml", ANSWERS, "assess", "sovereignty", "{stack}", "--on", "2026-12-31"
        ),
    ),
    Reader(
        "wet-bulb",
        ("series",),
        "numbers",
        lambda folder: _beside(
            folder, "wet.txt", "12.5\n" * 24, "assess", "energy", "{stack}", "--wet-bulb", "fra1={file}"
        ),
    ),
    Reader(
        "hourly",
        ("series",),
        "csv",
        lambda folder: _beside(
            folder, "hours.csv", HOURS, "assess", "energy", "{stack}", "--hourly", "fra1={file}"
        ),
    ),
    Reader("given", ("given",), "yaml", lambda folder: _called(folder, "hosts.yaml", GIVEN, reading.given)),
    Reader(
        "endpoints",
        ("endpoints",),
        "yaml",
        lambda folder: _endpoints(folder, "endpoints.yaml"),
        control=_CODES({1}),
    ),
    Reader(
        "password",
        ("password",),
        "line",
        lambda folder: _endpoints(folder, "bmc.password"),
        control=_CODES({1}),
        limit=4 << 10,
    ),
    Reader(
        "authorities",
        ("authorities",),
        "pem",
        lambda folder: _endpoints(folder, "bmc.pem"),
        control=_CODES({1}),
        limit=4 << 20,
    ),
    Reader(
        "controllers",
        ("redfish",),
        "json",
        _controllers,
        control=_CODES({1}),
        refused=_CODES({1}),
        limit=4 << 20,
        is_file=False,
    ),
    Reader("netbox-devices", ("netbox",), "csv", lambda folder: _netbox(folder, "devices"), limit=None),
    Reader("netbox-interfaces", ("netbox",), "csv", lambda folder: _netbox(folder, "interfaces"), limit=None),
    Reader("netbox-cables", ("netbox",), "csv", lambda folder: _netbox(folder, "cables"), limit=32 << 20),
    Reader(
        "netbox-outside-ports",
        ("netbox",),
        "csv",
        lambda folder: _netbox(folder, "outside-ports"),
        absent=ANY,
        limit=None,
    ),
    Reader(
        "netbox-racks", ("netbox",), "csv", lambda folder: _netbox(folder, "racks"), absent=ANY, limit=None
    ),
    *(
        Reader(
            f"adopt-{name}",
            (kind,),
            form,
            partial(_adopted, name=file, content=content),
            fields=_CODES({0, 2}),
            limit=None,
        )
        for name, file, kind, form, content in ADOPTED
    ),
    Reader(
        "neighbours",
        ("neighbours",),
        "json",
        lambda folder: _beside(
            folder,
            "lldp/train-001.json",
            _json(NEIGHBOURS),
            "inventory",
            "label",
            "{stack}",
            "--lldp",
            "{folder}/lldp",
        ),
        control=_CODES({1}),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
    ),
    *(
        Reader(
            f"heard-{name}",
            ("neighbours",),
            "line" if name.endswith("-table") or name in TEXTS_HEARD else "json",
            partial(_heard, form=name),
            control=_CODES({1}),
            refused=_CODES({1, 2}),
            absent=_CODES({1, 2}),
        )
        for name in HEARD
    ),
    *(
        Reader(
            f"table-{name}",
            ("neighbours",) if name.startswith("json-") else ("subnet",),
            "json" if name.startswith("json-") else "line",
            partial(_tabled, form=name),
            control=_CODES({1}),
            refused=_CODES({1, 2}),
            absent=_CODES({1, 2}),
            limit=None,
        )
        for name in TABLES
    ),
    Reader(
        "delivered",
        ("delivered",),
        "csv",
        lambda folder: _beside(
            folder,
            "macs.csv",
            "machine,mac\ntrain-001,b8:3f:d2:00:00:01\n",
            "fabric",
            "render",
            "{stack}",
            "-o",
            "{folder}/out",
            "--macs",
            "{folder}/macs.csv",
        ),
        limit=None,
    ),
    Reader(
        "subnet",
        ("subnet",),
        "line",
        lambda folder: _beside(
            folder, "seen/net.txt", SUBNET, "fabric", "observe", "{stack}", "--from", "{folder}/seen"
        ),
        control=_CODES({1}),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
        limit=None,
    ),
    Reader(
        "subnet-ports",
        ("subnet",),
        "line",
        lambda folder: _beside(
            folder, "seen/net.txt", LINKS, "fabric", "observe", "{stack}", "--from", "{folder}/seen"
        ),
        control=_CODES({1}),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
        limit=None,
    ),
    Reader(
        "results-links",
        ("results",),
        "line",
        lambda folder: _results(folder, "train-001.links.txt", "x\n"),
        control=_CODES({1, 2}),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
        limit=8 << 20,
    ),
    Reader(
        "results-storage",
        ("results",),
        "json",
        lambda folder: _results(folder, "train-001.storage-scratch.json", kit().fio),
        control=_CODES({1, 2}),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
        limit=8 << 20,
    ),
    Reader(
        "results-gpus",
        ("results",),
        "json",
        lambda folder: _results(folder, "train-001.diagnostics.json", kit().dcgm),
        control=_CODES({1, 2}),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
        limit=8 << 20,
    ),
    Reader(
        "observation",
        ("observation",),
        "json",
        lambda folder: _beside(
            folder,
            "verdict.json",
            _json(OBSERVATION),
            "report",
            "{stack}",
            "--output",
            "{folder}/report.csv",
            "--observation",
            "{file}",
        ),
        limit=16 << 20,
    ),
    Reader(
        "usage",
        ("usage",),
        "json",
        lambda folder: _beside(
            folder,
            "usage.json",
            _json(USAGE),
            "report",
            "{stack}",
            "--output",
            "{folder}/report.csv",
            "--usage",
            "{file}",
        ),
        limit=16 << 20,
    ),
    Reader(
        "covered",
        ("covered",),
        "opaque",
        lambda folder: _evidence_with(folder, "report.html"),
        limit=64 << 20,
    ),
    Reader(
        "envelope",
        ("envelope",),
        "json",
        lambda folder: _evidence(folder, "evidence.json", *_VERIFY),
        refused=_CODES({1, 2}),
        limit=16 << 20,
    ),
    Reader(
        "chain",
        ("chain",),
        "json",
        lambda folder: _evidence(folder, "log.jsonl", *_VERIFY),
        refused=_CODES({1, 2}),
        absent=_CODES({1, 2}),
        limit=None,
    ),
    Reader(
        "chain-signed",
        ("chain",),
        "json",
        lambda folder: _evidence(folder, "log.jsonl", *_SIGN),
        refused=_CODES({0, 2}),
        absent=_CODES({0, 2, 3}),
        limit=None,
    ),
    Reader(
        "head",
        ("head",),
        "json",
        _head,
        refused=_CODES({0, 2}),
        absent=_CODES({0, 2, 3}),
        fields=_CODES({0, 2}),
        limit=4 << 10,
    ),
    Reader(
        "head-of-a-program",
        ("head",),
        "json",
        lambda folder: _called(folder, "told.json", _json(HEAD), reading.told_head),
        refused=_CODES({0, 2, 3}),
        absent=_CODES({0, 2, 3}),
        fields=_CODES({0, 2}),
        limit=4 << 10,
        is_file=False,
    ),
    Reader("approval", ("approval",), "json", _approval, fields=_CODES({2}), limit=64 << 10),
    Reader(
        "torn",
        ("torn",),
        "opaque",
        _torn,
        control=_CODES({0, 1}),
        refused=_CODES({0, 1, 2}),
        absent=_CODES({0, 1, 2}),
        limit=16 << 20,
    ),
    # What can be read and is no signature by the key is a finding, exit code 1.
    Reader(
        "image-signature",
        ("signature",),
        "json",
        lambda folder: _image_signature(folder, "one.json"),
        refused=_CODES({1, 2}),
        limit=256 << 10,
    ),
    Reader(
        "image-payload",
        ("signature",),
        "json",
        lambda folder: _image_signature(folder, "two.payload"),
        refused=_CODES({1, 2}),
        limit=256 << 10,
    ),
    Reader(
        "image-payload-signature",
        ("signature",),
        "line",
        lambda folder: _image_signature(folder, "two.sig"),
        refused=_CODES({0, 1, 2}),
        limit=256 << 10,
    ),
    Reader(
        "signer-key",
        ("public-key",),
        "pem",
        lambda folder: _image_signature(folder, "cosign.pub"),
        limit=16 << 10,
    ),
    Reader(
        "private-key",
        ("private-key",),
        "pem",
        lambda folder: _evidence(folder, "key.pem", *_SIGN),
        absent=_ENVIRONMENT,
        limit=16 << 10,
    ),
    Reader(
        "public-key",
        ("public-key",),
        "pem",
        lambda folder: _evidence(folder, "public.pem", *_VERIFY),
        limit=16 << 10,
    ),
    Reader(
        "authority",
        ("authority",),
        "pem",
        _authority,
        # The evidence has no time stamp, which is a finding; the certificates are read all the same.
        control=_CODES({1}),
        limit=1 << 20,
    ),
    Reader(
        "kubeconfig",
        ("kubeconfig",),
        "yaml",
        lambda folder: _called(folder, "config", _kubeconfig(), reading.kubeconfig),
        absent=_ENVIRONMENT,
        fields=_CODES({0, 2, 3}),
        limit=4 << 20,
    ),
    Reader(
        "credentials",
        ("kubeconfig",),
        "yaml",
        lambda folder: _called(folder, "config", _kubeconfig(), reading.credentials),
        refused=_CODES({0}),
        absent=_CODES({0}),
        fields=_CODES({0}),
        limit=4 << 20,
    ),
    Reader("certificate", ("certificate",), "pem", _certificate, refused=_ENVIRONMENT, absent=_ENVIRONMENT),
    Reader(
        "definitions",
        ("definitions",),
        "yaml",
        lambda folder: _called(folder, "crd/things.yaml", _json(DEFINITIONS), reading.definitions),
        fields=_CODES({0, 2, 3}),
        absent=_ENVIRONMENT,
        limit=4 << 20,
    ),
    Reader(
        "settings",
        ("settings",),
        "yaml",
        lambda folder: _called(folder, "Pulumi.small.yaml", SETTINGS, reading.settings),
        refused=_CODES({0, 2}),
        absent=_CODES({0, 2}),
    ),
    Reader(
        "project",
        ("project",),
        "yaml",
        lambda folder: _called(folder, "Pulumi.yaml", PROJECT, reading.project),
    ),
    # What is no stack's program of `sovereign-ai init` is one of the user's own.
    Reader(
        "program",
        ("program",),
        "line",
        lambda folder: _called(folder, "__main__.py", reading.stock_program(), reading.program),
        refused=_CODES({0, 2}),
        absent=_CODES({0, 2}),
    ),
    Reader(
        "pin",
        ("pin",),
        "line",
        lambda folder: _called(folder, "pin", "1234\n", reading.pin),
        refused=_CODES({0, 2, 3}),
        absent=_ENVIRONMENT,
        limit=4 << 10,
    ),
    Reader(
        "state-key",
        ("state-key",),
        "line",
        _state_key,
        refused=_CODES({0, 3}),
        absent=_CODES({2, 3}),
        limit=64 << 10,
    ),
    Reader(
        "bmc-account",
        ("bmc-account",),
        "line",
        lambda folder: _called(folder, "bmc", "admin:let me in\n", reading.bmc_account),
        limit=4 << 10,
    ),
    Reader(
        "policies",
        ("policies",),
        "yaml",
        lambda folder: _called(folder, "policies.yaml", POLICIES, reading.policies),
    ),
    Reader(
        "faults",
        ("faults",),
        "csv",
        lambda folder: _called(folder, "faults.csv", reading.drawn_faults(), reading.faults),
        limit=16 << 20,
    ),
    Reader(
        "netbox-token",
        ("netbox-token",),
        "line",
        lambda folder: _called(folder, "token", f"{NETBOX_TOKEN}\n", reading.netbox_token),
        limit=4 << 10,
    ),
    Reader(
        "netbox-answers",
        ("netbox-answer",),
        "json",
        _netbox_answers,
        refused=_CODES({0, 3}),
        limit=32 << 20,
        is_file=False,
    ),
    *(
        Reader(
            f"cluster-{what}-{name.replace('.', '-')}",
            ("cluster",),
            "pem",
            partial(_plane_file, name=name, read=read),
            refused=codes,
            absent=_CODES({0, 3}),
            limit=16 << 20,
        )
        for what, name, read, codes in (
            ("authority", "cluster-ca.crt", reading.cluster_authority, _STATE_CODES),
            ("authority", "cluster-ca.key", reading.cluster_authority, _STATE_CODES),
            ("identity", "cluster-ca.crt", reading.cluster_identity, _STATE_CODES),
            ("identity", "admin.crt", reading.cluster_identity, _STATE_CODES),
            ("identity", "admin.key", reading.cluster_identity, _STATE_CODES),
            ("issue", "admin.crt", reading.cluster_issue, _STATE_CODES),
            ("issue", "admin.key", reading.cluster_issue, _STATE_CODES),
            ("probe", "cluster-ca.crt", reading.cluster_probe, _CODES({0})),
            ("probe", "admin.crt", reading.cluster_probe, _CODES({0})),
            ("probe", "admin.key", reading.cluster_probe, _CODES({0})),
        )
    ),
    *(
        Reader(
            f"cluster-{name.partition('.')[0].rpartition('/')[2]}",
            ("cluster",),
            "json",
            partial(_guard_file, name=name),
            refused=_CODES({0}),
            absent=_CODES({0}),
            fields=_CODES({0}),
            limit=16 << 20,
        )
        for name in ("guard-record.json", "admission/guard.json")
    ),
    *(
        Reader(
            f"cluster-{name.replace('.', '-')}",
            ("cluster",),
            form,
            lambda folder, name=name, read=read, content=content: _called(  # type: ignore[misc]
                folder, f"plane/{name}", content, read
            ),
            refused=_CODES({0}),
            absent=_CODES({0}),
            limit=16 << 20,
        )
        for name, form, read, content in (
            ("supervisor.lock", "line", reading.supervisor, "4194305 1\n"),
            ("etcd.log", "opaque", reading.cluster_log, "a line\nbind: address already in use\n"),
            ("removed", "line", reading.removed_clusters, f"{'a' * 64}\n"),
        )
    ),
    *(
        Reader(
            name,
            (kind,),
            "json",
            lambda folder, file=file, read=read, content=content: _called(  # type: ignore[misc]
                folder, f"notes/{file}", _json(content), read
            ),
            refused=codes,
            absent=_STATE_CODES,
            fields=_CODES({0, 2, 3}),
            limit=None,
        )
        for name, kind, file, read, content, codes in (
            ("definitions-cache", "cached", "a.json", reading.cached_definitions, [{"a": 1}], _CODES({0})),
            (
                "sdk-package",
                "cached",
                "pulumi-plugin.json",
                reading.sdk_package,
                {"resource": True, "name": "a", "version": "v1"},
                _CODES({0}),
            ),
            (
                "note-refusal",
                "run",
                "refusal.json",
                reading.refusal,
                {"exit_code": 2, "problems": []},
                _CODES({0}),
            ),
            (
                "note-judged",
                "run",
                "judged.json",
                reading.judged,
                {"factory": "lab", "cluster": "lab", "description": "abc"},
                _CODES({0, 3}),
            ),
            (
                "note-partial",
                "run",
                "partial.json",
                reading.partial_run,
                {"bundle": "abc", "objects": ["a"], "parts": ["b"]},
                _CODES({3}),
            ),
        )
    ),
    Reader(
        "twin-pid",
        ("run",),
        "line",
        lambda folder: _called(folder, "twin/leaf/bgpd.pid", "4194305\n", reading.twin_pid),
        refused=_CODES({0}),
        absent=_CODES({0}),
        limit=None,
    ),
    Reader("tool", ("tool",), "opaque", _tool, refused=_CODES({3}), absent=_CODES({3}), limit=None),
    Reader(
        "tool-built-of",
        ("tool",),
        "opaque",
        lambda folder: _called(folder, "tools/tool", "no tool", reading.go_binary),
        control=_CODES({3}),
        refused=_CODES({3}),
        absent=_CODES({3}),
        limit=None,
    ),
    Reader(
        "cluster-record",
        ("cluster",),
        "json",
        lambda folder: _called(folder, "record.json", _json({"ports": {"etcd": 1}}), reading.cluster_record),
        refused=_CODES({0, 3}),
        absent=_CODES({0, 3}),
        fields=_STATE_CODES,
        limit=16 << 20,
    ),
    Reader(
        "host-journal",
        ("state",),
        "json",
        lambda folder: _called(folder, "journal.json", _json(GRANT_STATE), reading.journal),
        refused=_CODES({0, 3}),
        absent=_CODES({0, 3}),
        fields=_STATE_CODES,
        limit=16 << 20,
    ),
    Reader(
        "grant",
        ("state",),
        "json",
        _grant,
        refused=_CODES({0}),
        absent=_CODES({0}),
        fields=_STATE_CODES,
        limit=16 << 20,
    ),
    *(
        Reader(
            f"kept-{name}",
            ("checkpoint",) if name in ("checkpoint", "copy") else ("state",),
            "json",
            partial(_kept, name=name),
            control=_CODES({0, 1}),
            refused=_CODES({0, 1, 3}),
            absent=_CODES({0, 1, 3}),
            fields=_CODES({0, 1, 3}),
            limit=None if name in ("checkpoint", "copy") else 16 << 20,
        )
        for name in PLACES
    ),
    Reader(
        "custody",
        ("state",),
        "json",
        _custody,
        refused=_CODES({3}),
        absent=_CODES({3}),
        fields=_STATE_CODES,
        limit=16 << 20,
    ),
    Reader(
        "inventory",
        ("inventory",),
        "json",
        _inventory,
        refused=_CODES({4}),
        absent=_CODES({4}),
        fields=_CODES({0, 4}),
        limit=None,
    ),
    Reader(
        "objects-listing",
        ("listing",),
        "opaque",
        _listing,
        refused=REFUSED,
        absent=_CODES({0, 2}),
        limit=None,
    ),
    Reader(
        "folder-listing",
        ("listing",),
        "opaque",
        _folder_listing,
        refused=_CODES({0, 2}),
        absent=_CODES({0, 2}),
        limit=None,
    ),
    Reader(
        "host-events",
        ("host-events",),
        "json",
        lambda folder: _called(folder, "events.json", _json(EVENTS), reading.host_events),
        refused=_CODES({0, 1}),
        fields=_CODES({0, 1}),
        limit=None,
        is_file=False,
    ),
    Reader(
        "prometheus-answer",
        ("prometheus-answer",),
        "json",
        lambda folder: _called(folder, "alerts.json", _json(ALERTS), partial(reading.alerts, folder)),
        refused=_CODES({3}),
        fields=_CODES({0, 3}),
        is_file=False,
    ),
    Reader(
        "review",
        ("review",),
        "json",
        lambda folder: _called(folder, "review.json", _json(REVIEW), partial(reading.review, folder)),
        limit=1 << 20,
        is_file=False,
    ),
)
"""The whole table."""


def document_of(reader: Reader, text: bytes) -> Any:
    """Return the valid document of a reader as plain data; None where it is none."""
    import yaml

    if reader.form == "yaml":
        return json.loads(json.dumps(yaml.safe_load(text), default=str))
    if reader.form == "json":
        return json.loads(text.splitlines()[-1]) if reader.name.startswith("chain") else json.loads(text)
    return None
