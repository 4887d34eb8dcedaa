"""The platform by itself: one name or several, and what is looked up in it."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.json_schema import schema
from sovereign_ai.spec.platform import Controller, Platform


def test_a_single_name_is_a_list_of_one_also_in_the_digest() -> None:
    assert Platform(queueing="kueue") == Platform(queueing=("kueue",))
    assert Platform(queueing="kueue").model_dump()["queueing"] == ("kueue",)


def test_names_are_listed_once_in_the_order_of_the_fields() -> None:
    platform = Platform(monitoring=("prometheus",), queueing=("kueue",), jobs=("jobset", "prometheus"))
    assert platform.names() == ("kueue", "jobset", "prometheus")
    assert "controllers" not in platform.functions()


def test_what_is_decided_about_a_controller_is_found_by_its_name() -> None:
    platform = Platform(queueing=("kueue",), controllers=(Controller(name="kueue", version="v0.17.0"),))
    assert platform.controller("kueue") == Controller(name="kueue", version="v0.17.0")
    assert platform.controller("jobset") is None


@pytest.mark.parametrize("version", ["latest", "", "v", "1.0 beta"])
def test_a_text_that_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(SpecError, match="version"):
        Controller(name="kueue", version=version)


def test_editors_complete_the_controllers_of_each_function() -> None:
    queueing = schema()["definitions"]["Platform"]["properties"]["queueing"]
    offered = queueing["anyOf"][0]["enum"]
    assert "kueue" in offered
    assert "jobset" not in offered
    assert queueing["anyOf"][-1]["items"]["anyOf"][0]["enum"] == offered
    assert queueing["description"].startswith("Who admits work")
