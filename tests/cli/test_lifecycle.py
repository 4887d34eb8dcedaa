"""A stack's whole life through the command line alone: the same on either local plane.

The embedded plane is this file's own. The kind cluster is the one that all kind tests share; they go on with
it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.guard import open_guard
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.toolchain.container_engine.docker import Docker
from tests.life import Lab, within

REGISTRY = "registry.example.com/ai"
RBAC = "rbac.authorization.k8s.io/v1"
PLANES = [pytest.param("embedded", marks=pytest.mark.cluster), pytest.param("kind", marks=pytest.mark.kind)]


@pytest.fixture(scope="module", params=PLANES)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if request.param == "kind":
        yield request.getfixturevalue("kind_lab")
        return
    made = Lab(tmp_path_factory.mktemp("life"), request.param)
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def test_a_fresh_deployment_verifies_and_a_second_one_changes_nothing(lab: Lab) -> None:
    assert lab.verify() == []
    again = lab.on_plane("up")
    assert again["changes"] == {}
    assert again["restored"] == []


def test_verify_names_exactly_what_somebody_did_and_up_restores_what_is_ours(lab: Lab) -> None:
    api = lab.api
    node = "train-012"  # simulated on either plane: a kubelet that runs would register its node anew
    api.delete("v1", "Node", node)
    changed = widen(lab, api)
    api.create(
        {
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": {"name": "foreign", "namespace": "research"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": "somebody", "apiGroup": "rbac.authorization.k8s.io"}],
        }
    )
    assert lab.verify(code=1) == sorted([f"Node/{node}", changed, "RoleBinding/research/foreign"])
    again = lab.on_plane("up")
    assert [*again["restored"], *(step["resource"] for step in again["steps"])] == [changed]
    assert lab.verify(code=1) == ["RoleBinding/research/foreign"]
    api.delete(RBAC, "RoleBinding", "foreign", "research")
    assert lab.verify() == []


def widen(lab: Lab, api: Api) -> str:
    """Open a NetworkPolicy as only an administrator who first unbinds our admission policy can.

    With it bound, that is refused.

    The binding is guarded, and only who owns the machine can open the guard.
    """
    name = "sovereign-network-policies"
    binding = api.get("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", name)
    policy = api.get("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "research")
    assert binding is not None
    assert policy is not None
    wide = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny", "namespace": "research"},
        "spec": {**policy["spec"], "ingress": [{}]},
    }
    with pytest.raises(ApiError, match="FLW-001"):
        api.apply(wide, field_manager="somebody", force=True)
    with pytest.raises(ApiError, match="is guarded"):
        api.delete(binding["apiVersion"], binding["kind"], name)
    assert open_guard(ClusterDir("lab", lab.kubeconfig.parent), api)
    api.delete(binding["apiVersion"], binding["kind"], name)
    for attempt in range(100):
        try:
            api.apply(wide, field_manager="somebody", force=True)
            break
        except ApiError:
            assert attempt < 99, "the unbound policy still refuses"
            time.sleep(0.1)
    meta = {
        key: binding["metadata"][key]
        for key in ("name", "labels", "annotations")
        if key in binding["metadata"]
    }
    api.apply({**{key: binding[key] for key in ("apiVersion", "kind", "spec")}, "metadata": meta}, force=True)
    return "NetworkPolicy/research/default-deny"


def plain_pulumi_up(lab: Lab, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Pulumi itself on a stack's folder, in the environment that `env` gives."""
    return subprocess.run(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", *options],
        cwd=folder,
        env=lab.env | lab.on_plane("env")["environment"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plain_pulumi_up_in_our_environment_finds_nothing_to_do(lab: Lab) -> None:
    done = plain_pulumi_up(lab, lab.stack, "--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_plain_pulumi_up_changes_a_policy_that_the_description_changes(lab: Lab, tmp_path: Path) -> None:
    other = tmp_path / "lab"
    shutil.copytree(lab.stack, other)
    text = (other / "factory.yaml").read_text()
    assert REGISTRY in text
    for wanted, change in (
        (text.replace(REGISTRY, f"{REGISTRY}, registry.example.com/second"), True),
        (text, False),
    ):
        (other / "factory.yaml").write_text(wanted)
        done = plain_pulumi_up(lab, other)
        assert done.returncode == 0, done.stdout + done.stderr
        policy = lab.api.get("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "sovereign-pods")
        assert policy is not None
        assert ("registry.example.com/second" in str(policy["spec"])) is change


def test_a_violation_stops_a_plain_pulumi_up_before_anything_is_written(lab: Lab, tmp_path: Path) -> None:
    bad = tmp_path / "lab"
    shutil.copytree(lab.stack, bad)
    text = (bad / "factory.yaml").read_text()
    (bad / "factory.yaml").write_text(text.replace("jurisdiction: DE}", "jurisdiction: US}"))
    assert lab.call("check", str(bad), code=1)["ok"] is False
    env = lab.env | lab.on_plane("env")["environment"]
    done = subprocess.run(
        ["pulumi", "preview", "--non-interactive"],
        cwd=bad,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "factory.yaml" in done.stdout + done.stderr


def test_a_dead_control_plane_is_a_finding_that_names_it_and_nothing_else_counts_as_gone_or_fine(
    lab: Lab,
) -> None:
    api, dead = lab.api, kill_control_plane(lab)
    seen = lab.on_plane("verify", code=1)
    named = {finding["resource"]: finding for finding in seen["findings"]}
    assert dead in named
    assert {name.partition("/")[0] for name in named} == {dead.partition("/")[0]}, (
        "only what died is spoken of"
    )
    assert all("cluster up lab" in one["hint"] or "docker start" in one["hint"] for one in named.values())
    assert (seen["ok"], seen["complete"], seen["probes"]) == (False, False, [])
    assert seen["unknown"] == ["devices", "nodes", "objects", "probes"]
    foreign = lab.call(
        "verify", str(lab.stack), "--cluster", "kubeconfig", "--kubeconfig", str(lab.kubeconfig), code=3
    )
    assert {one["code"] for one in foreign["problems"]} == {"cluster-unreachable"}, (
        "a cluster of the user's is only silent"
    )
    lab.call("cluster", "up", str(lab.stack) if lab.backend == "kind" else "lab", "--cluster", lab.backend)
    assert lab.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert within(180, lab.is_fine), "a finding stays"
    assert lab.verify() == []
    assert api.get("v1", "Namespace", "research") is not None


def kill_control_plane(lab: Lab) -> str:
    """Kill what the control plane hangs on; how `verify` calls it."""
    if lab.backend == "kind":
        Docker().text("kill", "lab-control-plane")
        assert lab.cluster("status", code=3)["phase"] == "degraded"
        return "Container/lab-control-plane"
    os.kill(lab.cluster("status")["supervisor"], signal.SIGKILL)
    assert within(20, lambda: not any(one["alive"] for one in lab.cluster("status", code=3)["components"]))
    return "Process/supervisor"


def test_an_up_that_is_interrupted_says_so_and_the_next_one_goes_on(lab: Lab) -> None:
    description = lab.stack / "factory.yaml"
    before = description.read_text(encoding="utf-8")
    description.write_text(
        before.replace("ports: [8443]", "ports: [8443, 9443]"), encoding="utf-8"
    )  # the engine has something to do
    command = [sys.executable, "-m", "sovereign_ai.cli", "up", str(lab.stack), "--cluster", lab.backend]
    with subprocess.Popen(
        command, env=lab.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        told = [line for line in running.stderr if not begun(line, running)]
    assert running.returncode == 130, "".join(told)
    assert "`pulumi up` was interrupted" in "".join(told)
    assert lab.on_plane("up")["ok"] is True, "no lock is left"
    assert lab.verify() == []
    description.write_text(before, encoding="utf-8")
    assert lab.on_plane("up")["ok"] is True


def begun(line: str, running: subprocess.Popen[str]) -> bool:
    """Ask an `up` to end once the engine has begun to compare."""
    if (found := "comparing what is described" in line) and running.poll() is None:
        time.sleep(1)
        running.send_signal(signal.SIGINT)
    return found


def test_a_change_of_one_tenant_is_all_that_the_engine_sees_and_its_state_is_that_of_a_whole_run(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", lab.env["XDG_STATE_HOME"])
    engine = Engine(
        lab.stack, "lab", lab.kubeconfig, lambda _line: None, "kind" if lab.backend == "kind" else ""
    )
    description = lab.stack / "factory.yaml"
    text = description.read_text(encoding="utf-8")
    changed = ["ConfigMap/sovereign-system/factory", "ResourceQuota/research/tenant"]
    for content in (text.replace("gpus: 96", "gpus: 88"), text):
        before = {item["urn"]: item for item in engine.checkpoint().resources}
        description.write_text(content, encoding="utf-8")
        assert sorted(step["resource"] for step in lab.on_plane("preview")["steps"]) == changed
        done = lab.on_plane("up")
        assert sorted(step["resource"] for step in done["steps"]) == changed
        assert done["same"] == len(engine.held()) - len(changed)
        # The engine carries over at the end what was not registered; before that it was asked about few.
        events = [orjson.loads(line) for line in Path(done["log"]).read_text(encoding="utf-8").splitlines()]
        last = max(number for number, event in enumerate(events) if step_in(event)[1] == "update")
        assert 0 < len({step_in(event)[0] for event in events[:last]}) < len(before) / 2
        after = {item["urn"]: item for item in engine.checkpoint().resources}
        assert after.keys() == before.keys()
        names = {urn.rpartition("::")[2] for urn in after if after[urn] != before[urn]}
        assert names == {"lab-lab", "lab", *(f"lab/{name}" for name in changed)}
        assert (lab.on_plane("up")["changes"], lab.verify()) == ({}, [])
        # The engine itself, asked about everything with a look at what is there, finds nothing to do.
        assert engine.preview(refresh=True).changes == {}


def ours(api: Api) -> dict[str, str]:
    """Return every object that carries this tool's label, by name, with its UID."""
    labelled = {}
    for kind in api.kinds():
        if "list" in kind.verbs:
            for obj in api.list(kind.api_version, kind.kind, label_selector="sovereign-ai.internal/owner"):
                meta = obj["metadata"]
                labelled[f"{kind.kind}/{meta.get('namespace', '')}/{meta['name']}"] = meta["uid"]
    return labelled


def is_kept(api: Api, kind: tuple[str, str], name: str, namespace: str | None) -> bool:
    """Return whether the administrator's policy is in force."""
    try:
        api.delete(*kind, name, namespace, dry_run=True)
    except ApiError as error:
        return "the administrator keeps it" in str(error)
    return False


def keeper(lab: Lab, resource: str, name: str) -> list[dict[str, Any]]:
    """Keep an object with a policy of the cluster's administrator; return that policy and its binding."""
    version, _, plural = resource.rpartition("/")
    group = version.rpartition("/")[0]
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["DELETE"], "resources": [plural]}
    kept = {"expression": f"oldObject.metadata.name != '{name}'", "message": "the administrator keeps it"}
    specs = {
        "ValidatingAdmissionPolicy": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [kept],
        },
        "ValidatingAdmissionPolicyBinding": {"policyName": "keeper", "validationActions": ["Deny"]},
    }
    made = []
    for kind, spec in specs.items():
        head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "keeper"}}
        made.append(lab.api.create({**head, "spec": spec}))
    return made


@pytest.mark.parametrize(
    ("resource", "kind", "name", "namespace"),
    [
        (f"{RBAC}/rolebindings", (RBAC, "RoleBinding"), "tenant-admin", "startups"),
        ("v1/resourcequotas", ("v1", "ResourceQuota"), "tenant", "startups"),
        ("v1/namespaces", ("v1", "Namespace"), "startups", None),
    ],
)
def test_what_an_administrators_policy_keeps_is_told_by_preview_up_down_and_pulumi_before_anything_is_deleted(
    lab: Lab, resource: str, kind: tuple[str, str], name: str, namespace: str | None
) -> None:
    description = lab.stack / "factory.yaml"
    text = description.read_text(encoding="utf-8")
    before = ours(lab.api)
    made = keeper(lab, resource, name)
    try:
        assert within(30, lambda: is_kept(lab.api, kind, name, namespace))
        lines = [line for line in text.splitlines(keepends=True) if "startups" not in line]
        description.write_text("".join(lines), encoding="utf-8")
        for verb, more in (("preview", ()), ("up", ()), ("down", ("--keep-cluster",))):
            problems = lab.on_plane(verb, *more, code=3)["problems"]
            assert {problem["code"] for problem in problems} == {"api-forbids"}, verb
            assert all("the administrator keeps it" in problem["message"] for problem in problems), verb
            assert name in problems[0]["field"], verb
            assert ours(lab.api) == before, verb
        plain = plain_pulumi_up(lab, lab.stack)
        assert plain.returncode != 0
        assert "the administrator keeps it" in plain.stdout + plain.stderr
        assert "Traceback" not in plain.stdout + plain.stderr
        assert ours(lab.api) == before
    finally:
        description.write_text(text, encoding="utf-8")
        for policy in reversed(made):
            lab.api.delete(policy["apiVersion"], policy["kind"], "keeper")
    assert within(30, lambda: not is_kept(lab.api, kind, name, namespace))
    assert (lab.on_plane("up")["changes"], lab.verify()) == ({}, [])


def step_in(event: dict[str, Any]) -> tuple[str, str]:
    """Return the resource that an event of the engine is about, and what becomes of it.

    Both empty where it is about none.
    """
    found = event.get("resourcePreEvent") or event.get("resOutputsEvent")
    return (found["metadata"]["urn"], found["metadata"]["op"]) if found else ("", "")


def test_last_of_all_down_leaves_no_object_of_ours_and_then_no_process(lab: Lab) -> None:
    api = lab.api
    lab.on_plane("down", "--keep-cluster")
    assert ours(api) == {}
    if lab.backend == "kind":
        return  # tests/kind ends the cluster that all share, and looks for what is left
    lab.cluster("down")
    assert lab.cluster("status", code=3)["phase"] == "absent"
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(lab.env["XDG_STATE_HOME"]) not in running
