"""Objects that etcd would not accept are problems of the description."""

from __future__ import annotations

from sovereign_ai.render.kubernetes.sizes import MOST_OBJECT_BYTES, heaviest, object_problems
from tests.render.lab import bundle, stack


def test_no_object_of_the_lab_is_too_large() -> None:
    factory, _ = stack("lab")
    assert list(object_problems(factory, bundle().objects)) == []


def test_an_object_beyond_the_limit_names_itself_and_the_heaviest_list() -> None:
    factory, _ = stack("lab")
    large = {
        "kind": "ConfigMap",
        "metadata": {"name": "big", "namespace": "n"},
        "data": {"k": "x" * MOST_OBJECT_BYTES},
    }
    (problem,) = object_problems(factory, [large])
    assert problem.code == "object-too-large"
    assert problem.message.startswith("ConfigMap/n/big would have ")
    assert f"shorten {heaviest(factory)[0]}," in (problem.hint or "")
