"""Objects of others under planned names: refused before the first write, never deleted.

On a real control plane.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.toolchain.install import module_files
from tests.faults.stand import LAB_OBJECTS
from tests.life import Lab
from tests.support.snapshot import versions

pytestmark = pytest.mark.cluster
PRIORITY = ("scheduling.k8s.io/v1", "PriorityClass", "sovereign-training")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("owners"))
    try:
        made.cluster("up")
        yield made
    finally:
        made.end()


def labels(owner: str | None = OWNER, **more: str) -> dict[str, str]:
    return ({KEYS.owner: owner} if owner else {}) | more


def namespace(name: str, with_labels: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": with_labels}}


def codes(document: dict[str, Any]) -> dict[str, str]:
    """Return the code of each problem by the object that it is about."""
    return {problem["field"]: problem["code"] for problem in document["problems"]}


def pulumi(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = lab.env | lab.on_plane("env")["environment"]
    command = ["pulumi", *arguments, "--yes", "--skip-preview", "--non-interactive"]
    return subprocess.run(command, cwd=lab.stack, env=env, capture_output=True, text=True, check=False)


def test_everything_of_others_under_planned_names_is_named_at_once_and_nothing_is_written(lab: Lab) -> None:
    api = lab.api
    api.create(namespace("research", labels("team-x")))
    api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "work", "namespace": "research"},
            "data": {"a": "b"},
        }
    )
    api.create(namespace("startups", {}))
    api.create(
        {"apiVersion": PRIORITY[0], "kind": PRIORITY[1], "metadata": {"name": PRIORITY[2]}, "value": 7}
    )
    before = versions(api)
    taken = ("Namespace/research", "Namespace/startups", f"{PRIORITY[1]}/{PRIORITY[2]}")
    expected = dict.fromkeys(taken, "object-not-ours")
    for verb in ("up", "preview"):
        assert codes(lab.on_plane(verb, code=3)) == expected
    assert codes(lab.on_plane("up", "--adopt", code=3)) == expected, (
        "what is nobody's is not taken over either"
    )
    assert versions(api) == before
    # A program tries its objects before it asks whose they are, and needs the definitions for it, as on a
    # cluster of a user's.
    install_crds(api, module_files("kueue", "config/components/crd/bases"))
    done = pulumi(lab, "up")
    assert done.returncode != 0
    for name in expected:
        assert f"{name}: " in done.stdout + done.stderr
    assert {
        key: version for key, version in versions(api).items() if "/CustomResourceDefinition/" not in key
    } == before
    work = api.get("v1", "ConfigMap", "work", "research")
    assert work is not None


def test_once_they_are_gone_the_deployment_goes_on_and_marks_what_is_its_own(lab: Lab) -> None:
    api = lab.api
    for name in ("research", "startups"):
        api.delete("v1", "Namespace", name)
    api.delete(*PRIORITY)
    from tests.life import within

    assert within(
        60,
        lambda: (
            not {"research", "startups"} & {one["metadata"]["name"] for one in api.list("v1", "Namespace")}
        ),
    )
    lab.on_plane("up")
    assert lab.verify() == []
    mine = api.get("v1", "Namespace", "research")
    assert mine is not None
    assert mine["metadata"]["labels"][KEYS.stack]
    again = lab.on_plane("up")
    assert (again["changes"], again["restored"], again["conflicts"]) == ({}, [], [])


def test_another_state_of_the_same_factory_takes_nothing_over_and_removes_nothing(
    lab: Lab, tmp_path: Path
) -> None:
    rival = Rival(lab, tmp_path)
    before = versions(lab.api)
    found = codes(rival.call("up", code=3))
    assert len(found) == LAB_OBJECTS
    assert set(found.values()) == {"object-of-other-stack"}
    assert rival.call("down")["left"] == []
    assert versions(lab.api) == before


def test_another_factory_on_the_same_cluster_is_told_which_objects_the_first_one_has(
    lab: Lab, tmp_path: Path
) -> None:
    rival = Rival(lab, tmp_path)
    text = (rival.stack / "factory.yaml").read_text()
    (rival.stack / "factory.yaml").write_text(text.replace("name: lab\n", "name: two\n", 1))
    before = versions(lab.api)
    found = codes(rival.call("up", "--stack", "two", code=3))
    assert found["Namespace/sovereign-system"] == "object-of-other-factory"
    assert set(found.values()) == {"object-of-other-factory"}
    assert versions(lab.api) == before


class Rival:
    """The same description, deployed to the same cluster from another state."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.env = lab, lab.env | {"XDG_STATE_HOME": str(folder / "state")}
        self.stack = folder / "rival"
        shutil.copytree(lab.stack, self.stack, ignore=shutil.ignore_patterns("Pulumi.*.yaml"))

    def call(self, verb: str, *more: str, code: int = 0) -> dict[str, Any]:
        own = self.lab.env
        self.lab.env = self.env
        try:
            where = ("--cluster", "kubeconfig", "--kubeconfig", str(self.lab.kubeconfig), "--yes")
            return self.lab.call(verb, str(self.stack), *where, *more, code=code)
        finally:
            self.lab.env = own


def test_a_name_in_the_state_stays_the_stacks_without_labels_and_after_a_recreation(
    lab: Lab,
) -> None:
    api = lab.api
    bare = {"metadata": {"labels": {KEYS.owner: None, KEYS.factory: None, KEYS.stack: None}}}
    quota = api.get("v1", "ResourceQuota", "tenant", "research")
    assert quota is not None
    api.request(
        "PATCH",
        "/api/v1/namespaces/research/resourcequotas/tenant",
        bare,
        content_type="application/merge-patch+json",
    )
    api.delete("v1", "LimitRange", "defaults", "research")
    again = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "defaults", "namespace": "research"},
    }
    api.create(again | {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}})
    lab.on_plane("up")
    assert lab.verify() == []
    restored = api.get("v1", "ResourceQuota", "tenant", "research")
    assert restored is not None
    assert restored["metadata"]["labels"] == quota["metadata"]["labels"]


def test_who_changed_which_field_is_told_before_it_is_put_back(lab: Lab) -> None:
    change = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tenant", "namespace": "research"},
        "spec": {"hard": {"services.nodeports": "7"}},
    }
    lab.api.apply(change, field_manager="somebody", force=True)
    told = lab.on_plane("preview")["conflicts"]
    assert [(one["resource"], one["manager"]) for one in told] == [
        ("ResourceQuota/research/tenant", "somebody")
    ]
    assert "services.nodeports" in told[0]["field"]
    assert lab.on_plane("up")["conflicts"] == told
    assert lab.verify() == []
    assert lab.on_plane("up")["conflicts"] == []


def test_a_stack_whose_state_is_lost_takes_its_objects_over_only_when_it_is_asked_to(lab: Lab) -> None:
    state = Path(lab.env["XDG_STATE_HOME"]) / "sovereign-ai" / "pulumi"
    kept = state.rename(state.with_name("lost"))
    for path in lab.stack.glob("Pulumi.*.yaml"):
        path.unlink()
    before = versions(lab.api)
    assert set(codes(lab.on_plane("up", code=3)).values()) == {"object-of-other-stack"}
    assert versions(lab.api) == before
    taken = lab.on_plane("up", "--adopt")
    assert len(taken["adopted"]) == LAB_OBJECTS
    assert lab.verify() == []
    assert lab.on_plane("up")["changes"] == {}
    # The old state turns up: what the new one deploys now is not its own any more.
    state.rename(state.with_name("new"))
    kept.rename(state)
    for path in lab.stack.glob("Pulumi.*.yaml"):
        path.unlink()
    before = versions(lab.api)
    assert set(codes(lab.on_plane("down", "--keep-cluster", code=3)).values()) == {"object-of-other-stack"}
    assert versions(lab.api) == before
    shutil.rmtree(state)
    state.with_name("new").rename(state)
    for path in lab.stack.glob("Pulumi.*.yaml"):
        path.unlink()


def test_down_leaves_a_namespace_that_somebody_else_has_now_with_all_that_is_in_it(lab: Lab) -> None:
    api = lab.api
    handed = {"metadata": {"labels": {KEYS.owner: "team-x"}}}
    remove_policies(lab)
    api.request("PATCH", "/api/v1/namespaces/startups", handed, content_type="application/merge-patch+json")
    api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "work", "namespace": "startups"},
            "data": {"a": "b"},
        }
    )
    assert codes(lab.on_plane("up", code=3)) == {"Namespace/startups": "object-not-ours"}
    gone = lab.on_plane("down", "--keep-cluster")
    assert gone["left"] == ["Namespace/startups"]
    assert api.get("v1", "ConfigMap", "work", "startups") is not None
    assert api.get("v1", "Namespace", "research") is None
    assert api.get("v1", "ResourceQuota", "tenant", "startups") is None, "what is the stack's in it goes"
    api.delete("v1", "Namespace", "startups")


def remove_policies(lab: Lab) -> None:
    """Unbind the policy that keeps our namespaces' labels, as only who owns the machine can."""
    from sovereign_ai.cluster.guard import open_guard
    from sovereign_ai.cluster.state import ClusterDir

    assert open_guard(ClusterDir("lab", lab.kubeconfig.parent), lab.api)
    lab.api.delete("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "sovereign-cluster")
    from tests.life import within

    assert within(20, lambda: is_unbound(lab.api))


def is_unbound(api: Api) -> bool:
    """Tell whether a label of ours can be changed now."""
    from sovereign_ai.cluster.api.client import ApiError

    try:
        query = {"dryRun": "All"}
        path = "/api/v1/namespaces/startups"
        api.request(
            "PATCH", path, {"metadata": {"labels": {KEYS.owner: "x"}}}, query, "application/merge-patch+json"
        )
    except ApiError:
        return False
    return True
