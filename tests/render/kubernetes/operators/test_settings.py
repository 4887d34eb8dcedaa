"""Settings of controllers: which have some, what is refused, and that a deployment takes them as they are."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.plan import plan
from sovereign_ai.render.kubernetes import WITH_SETTINGS, controller_settings
from sovereign_ai.spec.reader import load
from tests.render.kubernetes.operators.described import STACKS, described, gpus, network, pinned

DRIVER = "driver:580.95.05-debian12"


def test_all_that_are_run_and_have_settings_come_in_the_order_of_the_description() -> None:
    factory = described("lab", gpus(DRIVER), network(), monitoring="prometheus")
    derived = plan(factory)
    assert tuple(each.controller for each in controller_settings(factory, derived)) == WITH_SETTINGS
    (only,) = controller_settings(factory, derived, "network-operator")
    assert only.controller == "network-operator"


def test_a_factory_without_a_platform_has_no_settings() -> None:
    factory = load(STACKS / "lab")
    assert controller_settings(factory, plan(factory)) == ()


def test_another_name_and_a_controller_that_is_not_run_are_refused_with_the_next_step() -> None:
    factory = load(STACKS / "lab")
    with pytest.raises(UsageError, match="unknown-name") as unknown:
        controller_settings(factory, plan(factory), "gpu-operater")
    assert "gpu-operator" in unknown.value.problems[0].hint
    with pytest.raises(UsageError, match="not-run") as absent:
        controller_settings(factory, plan(factory), "gpu-operator")
    assert "catalog show gpu-operator" in absent.value.problems[0].hint


def test_objects_carry_no_labels_of_ours_which_manifests_may_not_have() -> None:
    factory = described("lab", gpus(DRIVER), network())
    for each in controller_settings(factory, plan(factory)):
        assert each.objects
        for obj in each.objects:
            assert set(obj["metadata"]) == {"name"}


def test_the_plain_data_has_everything() -> None:
    factory = described("lab", gpus(images=pinned(DRIVER)))
    settings = controller_settings(factory, plan(factory), "gpu-operator")[0]
    data = settings.to_data()
    assert data["controller"] == "gpu-operator"
    assert data["objects"] == list(settings.objects)
    assert data["notes"] == list(settings.notes)
