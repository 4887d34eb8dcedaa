"""A kubeconfig that was moved, or whose context was renamed, is followed where its cluster is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from sovereign_ai.cluster.api.client import UnreachableError
from sovereign_ai.cluster.api.errors import unreachable
from sovereign_ai.deploy.engine import runs as engines
from sovereign_ai.deploy.live.cluster_identity import DeployTarget
from sovereign_ai.deploy.live.kubeconfig_move import MovedKubeconfig, moved_kubeconfig
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.stack_context import StackContext, context_of_stack
from sovereign_ai.deploy.state.stack_record import ClusterIdentity
from sovereign_ai.deploy.state.target import PROVIDER, read_target
from sovereign_ai.errors import EnvironmentLacksError
from tests.support.memory_cluster import MemoryCluster, refusal
from tests.support.small_engine import checkpoint, write_engine, write_project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack's folder, whose state was deployed by the file `old` in its context `lab`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    program = write_engine(tmp_path / "engine")
    monkeypatch.setattr(engines, "find", lambda _name: program)
    monkeypatch.setattr(engines, "engine_variables", lambda *_: {})
    made = write_project(tmp_path / "lab")
    files = engines.Engine(made, "lab", None, _quiet).files
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.write_bytes(checkpoint(1, kubeconfig=str(tmp_path / "old")))
    context(made).record.put_cluster("lab", ClusterIdentity("cluster-1", "a", "https://memory.invalid"))
    return made


def _quiet(_line: str) -> None:
    pass


def context(folder: Path) -> StackContext:
    return context_of_stack(folder, "lab", "lab")


def kubeconfig(path: Path, name: str = "lab") -> Path:
    """Write a kubeconfig of one cluster, whose context has a name."""
    data = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": "k"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://memory.invalid"}}],
    }
    path.write_text(yaml.safe_dump(data))
    return path


def moved(folder: Path, new: Path, api: MemoryCluster | None = None) -> MovedKubeconfig | None:
    """Decide about the file that a command names."""
    stack = context(folder)
    deployment = StackDeployment(stack, DeployTarget("lab", "lab", new, folder=folder), "lab")
    return moved_kubeconfig(
        api or MemoryCluster(), deployment, read_target("lab", folder, stack.resources or ())
    )


def provider_in(file: Path) -> dict[str, Any]:
    resources = orjson.loads(file.read_bytes())["checkpoint"]["latest"]["resources"]
    found: dict[str, Any] = next(one for one in resources if one["type"] == PROVIDER)
    return found


@pytest.mark.parametrize("name", ["lab", "renamed"])
def test_a_file_by_another_path_and_a_context_by_another_name_lead_to_the_cluster_they_led_to(
    folder: Path, name: str
) -> None:
    new = kubeconfig(folder.parent / "new", name)
    found = moved(folder, new)
    assert found is not None
    assert f"{folder.parent / 'old'}, context 'lab', by which the stack was deployed, is gone" in found.line
    assert f"{new}, context {name!r} leads to the same cluster" in found.line


def test_a_context_that_was_renamed_in_the_same_file_is_followed_too(folder: Path) -> None:
    found = moved(folder, kubeconfig(folder.parent / "old", "renamed"))
    assert found is not None
    assert (found.old, found.context) == (found.new, "renamed")
    assert "has no such context any more" in found.line


def test_what_leads_to_another_cluster_or_to_one_that_says_nothing_is_not_followed(folder: Path) -> None:
    new = kubeconfig(folder.parent / "new")
    assert moved(folder, new, MemoryCluster(uid="cluster-2")) is None
    silent = MemoryCluster()
    silent.failure = refusal(403, "Forbidden")
    assert moved(folder, new, silent) is None
    away = MemoryCluster()
    away.failure = unreachable("https://memory.invalid", "refused")
    with pytest.raises(UnreachableError):
        moved(folder, new, away)


def test_without_a_recorded_identity_nothing_is_followed(folder: Path) -> None:
    context(folder).record.drop_clusters()
    assert moved(folder, kubeconfig(folder.parent / "new")) is None


def test_while_the_old_file_leads_to_a_server_a_cluster_of_the_same_identity_is_not_followed(
    folder: Path,
) -> None:
    """A cluster that was made from another one's snapshot has its identity."""
    new = kubeconfig(folder.parent / "new")
    new.write_text(new.read_text().replace("memory.invalid", "copy.invalid"))
    kubeconfig(folder.parent / "old")
    assert moved(folder, new) is None


def test_the_provider_that_had_the_old_file_gets_the_new_one_and_no_other_changes(folder: Path) -> None:
    found = moved(folder, kubeconfig(folder.parent / "new", "renamed"))
    assert found is not None
    inputs = {"kubeconfig": str(found.old), "context": "lab", "clusterIdentifier": "x"}
    own = {"type": PROVIDER, "urn": "own", "id": "1", "inputs": inputs, "outputs": inputs}
    others: list[dict[str, Any]] = [
        {"type": PROVIDER, "urn": "context", "inputs": inputs | {"context": "other"}},
        {"type": PROVIDER, "urn": "file", "inputs": inputs | {"kubeconfig": "other"}},
        {"type": PROVIDER, "urn": "content", "inputs": {"kubeconfig": "apiVersion: v1\nkind: Config\n"}},
        {"type": PROVIDER, "urn": "secret", "inputs": {"kubeconfig": {"secret": "x"}}},
        {"type": PROVIDER, "urn": "none"},
        {"type": "kubernetes:core/v1:ConfigMap", "urn": "object", "inputs": inputs},
    ]
    fresh = inputs | {"kubeconfig": str(found.new), "context": "renamed"}
    assert found.followed([own, *others]) == [own | {"inputs": fresh, "outputs": fresh}, *others]


def test_a_command_that_holds_the_stack_writes_the_new_file_into_the_state_and_runs(folder: Path) -> None:
    new = kubeconfig(folder.parent / "new", "renamed")
    engine = engines.Engine(folder, "lab", new, _quiet)
    with pytest.raises(EnvironmentLacksError, match="cluster-gone"):
        engine.require_one_cluster()
    found = moved(folder, new)
    assert found is not None
    with engine.hold("up"):
        engine.follow(found)
        engine.require_one_cluster()
        inputs = provider_in(engine.files.checkpoint)["inputs"]
        assert inputs == {"kubeconfig": str(new), "context": "renamed"}
    assert moved(folder, new) is None, "it is said once"


def test_a_preview_follows_in_its_own_copy_and_leaves_the_state_as_it_is(folder: Path) -> None:
    new = kubeconfig(folder.parent / "new")
    engine = engines.Engine(folder, "lab", new, _quiet)
    before = engine.files.checkpoint.read_bytes()
    found = moved(folder, new)
    assert found is not None
    engine.follow(found)
    engine.require_one_cluster()
    with engine.hold("preview") as state:
        engine.require_one_cluster()
        assert provider_in(state.copy.files(engine.files).checkpoint)["inputs"]["kubeconfig"] == str(new)
    assert engine.files.checkpoint.read_bytes() == before
