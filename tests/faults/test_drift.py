"""What somebody changed on a cluster: named by `drift` and `verify --watch`, left or put back by `up`.

On a real control plane.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from sovereign_ai.deploy.objects import object_name
from sovereign_ai.deploy.state.pulumi_environment import engine_variables
from tests.deploy.projects import ROOT, Project
from tests.life import Lab

pytestmark = pytest.mark.cluster
QUOTA = ("v1", "ResourceQuota", "tenant", "research")
DENY = ("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "research")
CHANGED = {
    "ResourceQuota/research/tenant",
    "ConfigMap/sovereign-system/factory",
    "PriorityClass/sovereign-training",
}
MISSING = {"NetworkPolicy/research/default-deny"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab with a description that says `drift: report`."""
    made = Lab(tmp_path_factory.mktemp("drift"))
    with (made.stack / "factory.yaml").open("a") as file:
        file.write("\ndrift: report\n")
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def change(lab: Lab, kind: tuple[str, str, str, str], fields: dict[str, Any]) -> None:
    """Change fields of an object under another manager's name."""
    version, _, name, namespace = kind
    plural = {
        "ResourceQuota": "resourcequotas",
        "ConfigMap": "configmaps",
        "PriorityClass": "priorityclasses",
    }[kind[1]]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    path = f"{root}/namespaces/{namespace}/{plural}/{name}" if namespace else f"{root}/{plural}/{name}"
    lab.api.request("PATCH", path, fields, {"fieldManager": "eve"}, "application/merge-patch+json")


def drift(lab: Lab) -> None:
    """Change an object of three kinds, and delete one of another."""
    change(lab, QUOTA, {"spec": {"hard": {"pods": "9999"}}})
    factory = lab.api.get("v1", "ConfigMap", "factory", "sovereign-system")
    assert factory is not None
    change(
        lab,
        ("v1", "ConfigMap", "factory", "sovereign-system"),
        {"data": dict.fromkeys(factory["data"], "changed")},
    )
    change(
        lab, ("scheduling.k8s.io/v1", "PriorityClass", "sovereign-training", ""), {"description": "changed"}
    )
    lab.api.delete(*DENY)


def test_what_somebody_changed_is_named_and_left_until_it_is_asked_for_and_refresh_agrees(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", lab.env["XDG_STATE_HOME"])
    project = Project(
        lab.stack, lab.env | engine_variables("lab", lab.kubeconfig) | {"PYTHONPATH": str(ROOT)}
    )
    assert refreshed(project) == {}
    drift(lab)
    found = lab.on_plane("drift", code=1)
    assert found["policy"] == "report"
    assert {item["resource"] for item in found["drift"] if item["kind"] == "changed"} == CHANGED
    assert {item["manager"] for item in found["drift"] if item["kind"] == "changed"} == {"eve"}
    assert {item["resource"] for item in found["drift"] if item["kind"] == "missing"} == MISSING
    assert refreshed(project) == dict.fromkeys(CHANGED, "update") | dict.fromkeys(MISSING, "delete")
    seen = lab.on_plane("preview")
    assert (set(seen["left_as_it_is"]), seen["restored"], seen["changes"]) == (CHANGED | MISSING, [], {})
    left = lab.on_plane("up", code=1)
    assert (left["drift"], left["restored"], left["changes"]) == (found["drift"], [], {})
    assert lab.api.get(*DENY) is None
    done = lab.on_plane("up", "--restore")
    assert {*done["restored"], *(step["resource"] for step in done["steps"])} == CHANGED | MISSING
    assert lab.on_plane("drift")["drift"] == []
    assert refreshed(project) == {}


def refreshed(project: Project) -> dict[str, str]:
    """Return what a refresh would change in the state, by object."""
    text = project.pulumi("refresh", "--preview-only", "--json").stdout
    steps = orjson.loads(text)["steps"]
    return {
        object_name(step["urn"].rpartition("::")[2]): step["op"]
        for step in steps
        if step["op"] in {"update", "delete"}
    }


def test_a_change_is_deployed_by_a_program_of_ones_own_and_drift_beside_it_is_left(lab: Lab) -> None:
    file, program = lab.stack / "factory.yaml", lab.stack / "__main__.py"
    texts = {path: path.read_text() for path in (file, program)}
    registry = "registry.example.com/ai"
    drift(lab)
    file.write_text(texts[file].replace(registry, f"{registry}, registry.example.com/second"))
    program.write_text(f"{texts[program]}\nprint('a line of the user')\n")
    done = lab.on_plane("up", code=1)
    assert "ValidatingAdmissionPolicy/sovereign-pods" in {step["resource"] for step in done["steps"]}
    # The ConfigMap holds the description: what the description changes is stated whole.
    assert {item["resource"] for item in done["drift"]} == (CHANGED | MISSING) - {
        "ConfigMap/sovereign-system/factory"
    }
    for path, text in texts.items():
        path.write_text(text)
    lab.on_plane("up", "--restore")


def test_an_admission_policy_is_put_back_under_every_policy(lab: Lab) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/sovereign-pods"
    labels = {"metadata": {"labels": {"sovereign-ai.internal/component": "other"}}}
    lab.api.request("PATCH", path, labels, {"fieldManager": "eve"}, "application/merge-patch+json")
    done = lab.on_plane("up")
    assert (done["restored"], done["drift"]) == (["ValidatingAdmissionPolicy/sovereign-pods"], [])


def test_a_watch_prints_who_changed_what_as_it_comes_and_goes_and_ends_with_an_interruption(lab: Lab) -> None:
    command = [
        sys.executable,
        "-m",
        "sovereign_ai.cli",
        "verify",
        str(lab.stack),
        "--watch",
        "--interval",
        "1",
        "--json",
    ]
    with subprocess.Popen(
        command, env=lab.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as watch:
        try:
            assert watch.stdout is not None
            assert orjson.loads(watch.stdout.readline())["ok"]
            change(lab, QUOTA, {"spec": {"hard": {"pods": "9999"}}})
            came = orjson.loads(watch.stdout.readline())
            assert [
                (item["resource"], item["field"], item["new"], item["manager"]) for item in came["drift"]
            ] == [("ResourceQuota/research/tenant", "spec.hard.pods", "9999", "eve")]
            assert came["drift"][0]["time"]
            lab.on_plane("up", "--restore")
            went = orjson.loads(watch.stdout.readline())
            assert (went["ok"], went["went"], went["drift"]) == (True, came["came"], [])
            watch.send_signal(signal.SIGINT)
            # A machine that is not ready for a moment is a finding too: the exit code is that of the last
            # look.
            looks = [went, *map(orjson.loads, watch.stdout.read().splitlines())]
            assert watch.wait(60) == (0 if looks[-1]["ok"] else 1), looks[1:]
        finally:
            watch.kill()
