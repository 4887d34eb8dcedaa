"""Objects of Argo CD and Flux: fields of their definitions, all clusters, and what is never deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.names import KEYS
from sovereign_ai.render.delivery.gitops import GITOPS_TOOLS, gitops_files, warnings
from sovereign_ai.render.delivery.phases import PHASES, phase_of
from sovereign_ai.render.delivery.repository import Repository
from sovereign_ai.render.delivery.retention import is_kept
from sovereign_ai.render.kubernetes.bundle import KIND_ORDER, Bundle
from tests.render.lab import bundle, stack

HERE = Path(__file__).parent
FIELDS = yaml.safe_load((HERE / "fields.yaml").read_text())
PLACE = Repository("https://git.example.org/team/factory.git", "clusters", "main", "git-read")
DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+")
SEVERAL = ("lab-north", "lab-south")
TYPES = {"string": str, "boolean": bool, "integer": int}


def _bundles(*clusters: str) -> list[Bundle]:
    return [Bundle(cluster, bundle().objects) for cluster in clusters]


@cache
def _files(tool: str, clusters: tuple[str, ...] = ("lab",), place: Repository = PLACE) -> dict[str, str]:
    return gitops_files(stack("lab")[0], _bundles(*clusters), tool, place)


def _delivering(
    tool: str, clusters: tuple[str, ...] = ("lab",), place: Repository = PLACE
) -> list[dict[str, Any]]:
    """Return the objects of the tool itself."""
    objects: list[dict[str, Any]] = []
    for path, text in _files(tool, clusters, place).items():
        if "/" not in path:
            objects += yaml.load_all(text, yaml.CSafeLoader)
    return objects


def _delivered(tool: str, clusters: tuple[str, ...] = ("lab",)) -> dict[str, list[dict[str, Any]]]:
    """Return the objects that a tool applies, by the folder that they lie in."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, text in _files(tool, clusters).items():
        folder, _, file = path.rpartition("/")
        if folder and file != "kustomization.yaml":
            folders.setdefault(folder, []).extend(yaml.load_all(text, yaml.CSafeLoader))
    return folders


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every field that is no mapping or list, by its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{path}[]")
    else:
        yield path, value


def _misfit(value: Any, form: Any) -> bool:
    """Return whether a value is none of a field's form."""
    if isinstance(form, list):
        return value not in form
    if form == "duration":
        return DURATION.fullmatch(value) is None
    return form != "any" and type(value) is not TYPES[form]


def misfits(obj: dict[str, Any]) -> list[str]:
    """Return the fields of an object that its definition does not have, types otherwise, or lacks."""
    table = FIELDS[f"{obj['apiVersion']}/{obj['kind']}"]
    leaves = list(_leaves(obj["spec"], "spec"))
    wrong = [
        path for path, value in leaves if path not in table["fields"] or _misfit(value, table["fields"][path])
    ]
    for required in table["required"]:
        if not any(
            path == required or path.startswith((f"{required}.", f"{required}[")) for path, _ in leaves
        ):
            wrong.append(f"lacks {required}")
    return wrong


@pytest.mark.parametrize("tool", GITOPS_TOOLS)
@pytest.mark.parametrize("clusters", [("lab",), SEVERAL])
@pytest.mark.parametrize("revision", ["main", "refs/tags/v1", "a" * 40])
def test_every_field_is_one_of_the_published_definitions_and_of_its_type(
    tool: str, clusters: tuple[str, ...], revision: str
):
    place = Repository(PLACE.url, PLACE.path, revision, PLACE.secret)
    objects = _delivering(tool, clusters, place)
    assert objects
    for obj in objects:
        assert misfits(obj) == [], obj["metadata"]["name"]


def test_a_misspelt_field_a_wrong_type_and_a_missing_one_are_noticed():
    [obj] = [obj for obj in _delivering("flux") if obj["metadata"]["name"] == "lab-namespaces"]
    spec = {**obj["spec"], "wait": "yes", "dependOn": "x", "interval": "soon"}
    del spec["prune"]
    assert misfits({**obj, "spec": spec}) == [
        "spec.interval",
        "spec.wait",
        "spec.dependOn",
        "lacks spec.prune",
    ]


@pytest.mark.parametrize("tool", GITOPS_TOOLS)
def test_what_is_delivered_is_what_was_rendered_but_for_annotations(tool: str):
    delivered = [obj for objects in _delivered(tool).values() for obj in objects]
    bare = {}
    for obj in delivered:
        metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
        bare[_key(obj)] = {**obj, "metadata": metadata}
    assert not any("annotations" in obj["metadata"] for obj in bundle().objects)
    assert bare == {_key(obj): obj for obj in bundle().objects}
    assert len(delivered) == len(bundle().objects)


def _key(obj: dict[str, Any]) -> tuple[str, str, str]:
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("namespace", ""), metadata["name"]


def test_sync_waves_are_the_phases_and_what_holds_data_is_neither_pruned_nor_deleted():
    for obj in _delivered("argocd")["lab"]:
        annotations = obj["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-wave"] == str(phase_of(obj["kind"]))
        options = annotations.get("argocd.argoproj.io/sync-options")
        assert options == ("Prune=false,Delete=false" if is_kept(obj) else None)


def test_argo_cd_is_given_every_cluster_and_its_folder_and_deletes_no_application():
    factory, _ = stack("lab")
    project, applications = _delivering("argocd", SEVERAL)
    names = list(SEVERAL)
    assert [place["name"] for place in project["spec"]["destinations"]] == names
    [generator] = applications["spec"]["generators"]
    rows = generator["list"]["elements"]
    assert rows == [{"cluster": name, "path": f"clusters/{name}"} for name in names]
    assert set(_delivered("argocd", SEVERAL)) == set(names)
    assert applications["spec"]["syncPolicy"] == {
        "applicationsSync": "create-update",
        "preserveResourcesOnDeletion": True,
    }
    assert "finalizers" not in applications["spec"]["template"]["metadata"]
    assert applications["spec"]["template"]["spec"]["project"] == project["metadata"]["name"] == factory.name


def test_the_project_permits_what_is_rendered_in_its_scope_and_nothing_else():
    project, _ = _delivering("argocd")
    listed = {}
    for scope in ("cluster", "namespace"):
        for row in project["spec"][f"{scope}ResourceWhitelist"]:
            listed[row["kind"]] = (row["group"], scope)
    assert set(listed) == set(KIND_ORDER)
    for name in ("lab", "plural"):
        for obj in bundle(name).objects:
            group = obj["apiVersion"].rpartition("/")[0]
            scope = "namespace" if "namespace" in obj["metadata"] else "cluster"
            assert listed[obj["kind"]] == (group, scope)


def test_what_somebody_changed_is_put_back_as_the_description_says():
    factory, _ = stack("lab")
    for drift, heals in (("restore", True), ("report", False)):
        changed = factory.model_copy(update={"drift": drift})
        files = gitops_files(changed, _bundles("lab"), "argocd", PLACE)
        _, applications = yaml.safe_load_all(files["argocd.yaml"])
        policy = applications["spec"]["template"]["spec"]["syncPolicy"]
        assert policy["automated"] == {"prune": True, "selfHeal": heals, "allowEmpty": False}
        assert "ServerSideApply=true" in policy["syncOptions"]
        assert any("drift: report" in text for text in warnings(changed, "flux")) is not heals


def test_flux_waits_from_phase_to_phase_and_reads_a_folder_that_exists():
    folders = set(_files("flux", SEVERAL))
    for cluster in SEVERAL:
        text = _files("flux", SEVERAL)[f"flux-{cluster}.yaml"]
        source, *steps = yaml.safe_load_all(text)
        assert source["metadata"]["name"] == cluster
        names = [step["metadata"]["name"] for step in steps]
        assert names == [f"{cluster}-{phase}" for phase, _ in PHASES]
        needs = [step["spec"].get("dependsOn", []) for step in steps]
        assert needs == [[], *([{"name": name}] for name in names[:-1])]
        for step in steps:
            path = step["spec"]["path"].removeprefix("./clusters/")
            assert f"{path}/kustomization.yaml" in folders
            assert step["spec"]["wait"]


def test_flux_applies_each_kind_in_its_phase_and_marks_what_is_never_pruned():
    for folder, objects in _delivered("flux").items():
        index = int(folder.partition("/")[2].partition("-")[0]) - 1
        for obj in objects:
            assert phase_of(obj["kind"]) == index
            marked = obj["metadata"].get("annotations", {}).get("kustomize.toolkit.fluxcd.io/prune")
            assert marked == ("disabled" if is_kept(obj) else None)


def test_with_a_kustomization_of_flux_only_rights_go_and_what_protects_stays():
    policies = {}
    for obj in _delivering("flux")[1:]:
        policies[obj["metadata"]["name"].removeprefix("lab-")] = obj["spec"]["deletionPolicy"]
    going = {phase for phase, policy in policies.items() if policy != "Orphan"}
    assert going == {"access", "local-queues"}


def test_a_phase_without_objects_keeps_its_folder_so_that_the_last_right_is_pruned():
    objects = tuple(obj for obj in bundle().objects if obj["kind"] != "RoleBinding")
    files = gitops_files(stack("lab")[0], [Bundle("lab", objects)], "flux", PLACE)
    listing = yaml.safe_load(files["lab/06-access/kustomization.yaml"])
    # An empty list is something to kustomize, and no list is an error.
    assert listing["resources"] == []


@pytest.mark.parametrize(
    ("revision", "reference"),
    [
        ("main", {"branch": "main"}),
        ("refs/tags/v1", {"name": "refs/tags/v1"}),
        ("0" * 40, {"commit": "0" * 40}),
        ("a" * 39, {"branch": "a" * 39}),
    ],
)
def test_a_revision_stands_in_the_field_of_its_form(revision: str, reference: dict[str, str]):
    source = _delivering("flux", place=Repository(PLACE.url, ".", revision))[0]
    assert source["spec"]["ref"] == reference
    assert "secretRef" not in source["spec"]


def test_a_long_clusters_name_still_fits_into_the_label_that_flux_writes():
    name = "c" * 63
    files = gitops_files(stack("lab")[0], [Bundle(name, bundle().objects)], "flux", PLACE)
    names = {obj["metadata"]["name"] for obj in yaml.safe_load_all(files[f"flux-{name}.yaml"])}
    assert len(names) == len(PHASES) + 1
    assert all(len(text) <= 63 for text in names)


@pytest.mark.parametrize("tool", GITOPS_TOOLS)
def test_each_file_of_a_tool_begins_with_what_the_guard_and_up_mean_for_it(tool: str):
    heads = [text for path, text in _files(tool).items() if "/" not in path]
    for text in heads:
        comment = text.partition("---\n")[0]
        assert "the guard refuses every admission policy but" in comment
        assert "LIV-003" in comment
        assert all(line.startswith("# ") for line in comment.splitlines())


@pytest.mark.parametrize("tool", GITOPS_TOOLS)
def test_the_objects_of_the_tools_are_as_their_golden_files_say(
    tool: str, golden: Callable[[Path, str], None]
):
    for path, text in _files(tool, SEVERAL).items():
        if "/" not in path:
            golden(HERE / "golden" / path, text)


def test_owner_labels_stay_so_that_verify_and_audit_know_the_objects():
    for tool in GITOPS_TOOLS:
        for objects in _delivered(tool).values():
            assert all(KEYS.owner in obj["metadata"]["labels"] for obj in objects)
