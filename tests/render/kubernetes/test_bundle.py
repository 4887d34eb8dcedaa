from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sovereign_ai.errors import SpecError, UsageError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes import bundle as bundle_module
from sovereign_ai.render.kubernetes.bundle import Bundle, render, yaml_stream
from sovereign_ai.rules.whole_check import check
from tests.render.lab import bundle, every, one, stack

GOLDEN = Path(__file__).parent / "golden" / "lab"
_DIGEST = re.compile(r"^(  (?:plan|rules|spec|waivers|version): ).+$", re.MULTILINE)
ALL_STACKS = ("lab", "superpod", "plural", "gigafactory")


def canonical(obj: object) -> bytes:
    """Write canonical JSON, to compare mappings whatever the order of their keys."""
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)


def tokenised(text: str) -> str:
    """Replace digests, which change with any word of a rule or a stack, by a token."""
    return _DIGEST.sub(r"\1<digest>", text)


def test_the_lab_is_rendered_as_its_golden_files_say(tmp_path: Path, golden: Callable[[Path, str], None]):
    written = bundle().write(tmp_path)
    for path in written:
        golden(GOLDEN / path.name, tokenised(path.read_text(encoding="utf-8")))
    assert {path.name for path in GOLDEN.iterdir()} == {path.name for path in written}


@pytest.mark.parametrize("name", ALL_STACKS)
def test_every_object_of_every_stack_carries_owner_factory_and_component(name: str):
    factory, _ = stack(name)
    for obj in bundle(name).objects:
        labels = obj["metadata"]["labels"]
        assert labels[KEYS.owner] == OWNER
        assert labels[KEYS.factory] == factory.name
        assert re.fullmatch(r"(factory|policy|pool|storage|tenant|zone)\.[a-z0-9-]+", labels[KEYS.component])
        assert all(
            re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value) for value in labels.values()
        )


@pytest.mark.parametrize("name", ALL_STACKS)
def test_names_are_unique_and_every_object_has_a_namespace_of_the_bundle(name: str):
    keys = [
        (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        for obj in bundle(name).objects
    ]
    assert len(set(keys)) == len(keys)
    namespaces = {obj["metadata"]["name"] for obj in every("Namespace", name)}
    assert {namespace for _, namespace, _ in keys if namespace} <= namespaces


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_every_stack_obeys_its_own_rules(name: str):
    factory, derived = stack(name)
    assert check(factory, derived, bundle(name).objects, now=date(2026, 11, 24)).violations == ()


def test_an_object_stays_far_below_what_etcd_takes():
    assert max(len(orjson.dumps(obj)) for name in ALL_STACKS for obj in bundle(name).objects) < 520_000


def test_namespaces_come_first_then_policies_and_bindings_after_what_they_bind():
    kinds = [obj["kind"] for obj in bundle().objects]
    assert kinds[0] == "Namespace"
    assert kinds.index("ValidatingAdmissionPolicy") > kinds.index("Namespace")
    assert kinds.index("ValidatingAdmissionPolicyBinding") > kinds.index("ValidatingAdmissionPolicy")
    assert (
        kinds.index("LocalQueue")
        > kinds.index("ClusterQueue")
        > kinds.index("ResourceFlavor")
        > kinds.index("Topology")
    )


def test_the_digest_is_the_same_under_another_hash_seed():
    script = "from tests.render.lab import bundle; print(bundle().digest)"
    root = Path(__file__).resolve().parents[3]
    env = {**os.environ, "PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Pacific/Auckland"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == bundle().digest


def _smaller() -> Bundle:
    """Give the lab's bundle as it is once a pool is gone."""
    kept = tuple(obj for obj in bundle().objects if obj["metadata"]["labels"][KEYS.component] != "pool.serve")
    return Bundle("lab", kept)


def _held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_say_what_the_objects_are_and_a_gone_components_file_goes(tmp_path: Path):
    bundle().write(tmp_path)
    (tmp_path / "mine.yaml").write_text("kept: true\n")
    written = _smaller().write(tmp_path)
    assert not (tmp_path / "pool.serve.yaml").exists()
    assert (tmp_path / "mine.yaml").exists()
    listed = yaml.load((tmp_path / "kustomization.yaml").read_text(), yaml.CSafeLoader)["resources"]
    assert sorted(path.name for path in written) == sorted([*listed, "kustomization.yaml"])
    read = [obj for name in listed for obj in yaml.load_all((tmp_path / name).read_text(), yaml.CSafeLoader)]
    assert sorted(map(canonical, read)) == sorted(map(canonical, _smaller().objects))
    assert list(yaml.load_all(bundle().to_yaml(), yaml.CSafeLoader)) == list(bundle().objects)


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_of_somebody_elses_is_refused_and_everything_stays_as_it_was(
    tmp_path: Path, name: str
):
    (tmp_path / "outside.yaml").write_text("out: true\n")
    folder = tmp_path / "gitops"
    folder.mkdir()
    (folder / "app.yaml").write_text("mine: true\n")
    (folder / name).write_text("resources: [app.yaml, ../outside.yaml]\n")
    before = _held(tmp_path)
    with pytest.raises(UsageError, match="not-ours") as caught:
        bundle().write(folder)
    assert [problem.where.file for problem in caught.value.problems] == [str(folder / name)]
    assert _held(tmp_path) == before


def test_a_kustomization_of_ours_that_was_changed_since_is_refused(tmp_path: Path):
    bundle().write(tmp_path)
    (tmp_path / "app.yaml").write_text("mine: true\n")
    with (tmp_path / "kustomization.yaml").open("a") as file:
        file.write("- app.yaml\n")
    before = _held(tmp_path)
    with pytest.raises(UsageError, match="it was changed since"):
        _smaller().write(tmp_path)
    assert _held(tmp_path) == before


def test_a_kustomization_whose_line_ends_git_changed_is_still_ours(tmp_path: Path):
    bundle().write(tmp_path)
    listing = tmp_path / "kustomization.yaml"
    listing.write_bytes(listing.read_bytes().replace(b"\n", b"\r\n"))
    _smaller().write(tmp_path)
    assert not (tmp_path / "pool.serve.yaml").exists()


def test_a_file_of_somebody_elses_under_a_components_name_is_refused(tmp_path: Path):
    (tmp_path / "pool.train.yaml").write_text("mine: true\n")
    with pytest.raises(UsageError, match=r"pool\.train\.yaml: no earlier run wrote it here"):
        bundle().write(tmp_path)
    assert _held(tmp_path) == {"pool.train.yaml": b"mine: true\n"}


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path):
    folder = tmp_path / "manifests"
    bundle().write(folder)
    (tmp_path / "outside.yaml").write_text("out: true\n")
    for name in ("pool.train.yaml", "kustomization.yaml"):
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / ("outside.yaml" if name == "pool.train.yaml" else name))
    with pytest.raises(UsageError, match="not-ours"):
        bundle().write(folder)
    assert (tmp_path / "outside.yaml").read_text() == "out: true\n"


def test_the_same_bundle_is_written_again_with_the_same_bytes(tmp_path: Path):
    bundle().write(tmp_path)
    before = _held(tmp_path)
    bundle().write(tmp_path)
    assert _held(tmp_path) == before


def test_an_unknown_cluster_is_refused_with_the_nearest_name():
    factory, derived = stack("lab")
    with pytest.raises(SpecError, match="did you mean 'lab'"):
        render(factory, derived, "labb")
    many, several = stack("gigafactory")
    with pytest.raises(SpecError, match="unknown-cluster"):
        render(many, several)


def test_the_digests_stand_in_one_config_map():
    factory, derived = stack("lab")
    data = one("ConfigMap", "factory", "sovereign-system")["data"]
    assert (data["spec"], data["plan"], data["waivers"]) == (
        factory.digest,
        derived.digest,
        factory.waivers_digest,
    )
    others = [obj for obj in bundle().objects if obj["metadata"]["name"] != "factory"]
    assert not any(factory.digest in str(obj) or derived.digest in str(obj) for obj in others)


_KEYS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="ab-./", min_size=90, max_size=140),
    st.text(alphabet=":#-?&*!|>%@`'\"{}[],= \t\n\r\x07\x7f", max_size=6),
)
_WRITTEN = st.one_of(
    st.characters(max_codepoint=0x2FFF), st.characters(min_codepoint=0xD7F0, max_codepoint=0x10020)
)
_TEXTS = st.one_of(
    st.text(max_size=20),
    st.text(_WRITTEN, max_size=20),
    st.text(alphabet=":#-?&*!|>%@`'\"{}[],= \t\n\r\x07\x7f0.", max_size=8),
)
_SCALARS = st.one_of(_TEXTS, st.none(), st.booleans(), st.integers(), st.floats())
_VALUES = st.recursive(
    _SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_KEYS, below, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=3), min_size=1, max_size=2))
@example([{"": 1}])
@example([{"a" * 121: 1, "b" * 122: 1, "c" * 123: 1, "d" * 128: 1, "e" * 129: 1}])
@example([{"a\r": "b\r"}])
@example([{"a": "\U0001f680", "b": "\x85", "c": "\u2028", "d": "\ufeff", "e": "\u00e9"}])
@example([{"a": "x" * 3_000 + " y" * 300, "b": [[], {}, [[1]], {"c": [{}]}]}])
def test_a_stream_has_the_bytes_of_pyyamls_own_emitter_whatever_writes_it(
    objects: list[dict[str, Any]],
) -> None:
    """Digests of evidence and a user's committed files depend on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_module, "_LibraryDumper", bundle_module._ManifestDumper)
        pure = yaml_stream(objects)
    assert yaml_stream(objects) == pure


def test_what_is_rendered_is_plain_so_that_libyaml_writes_it() -> None:
    """So that the comparison above is about two emitters."""
    assert yaml.__with_libyaml__
    assert all(map(bundle_module._is_plain, bundle().objects))
    assert not bundle_module._is_plain({"a": "\U0001f680"})
