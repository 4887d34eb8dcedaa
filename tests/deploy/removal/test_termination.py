"""Objects that were deleted and do not go."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from sovereign_ai.deploy.live_objects import key_of
from sovereign_ai.deploy.removal import termination as module
from sovereign_ai.deploy.removal.termination import TerminationWatch, explaining, wait_until_gone, watching
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, ExitCode, Problem
from tests.support.memory_cluster import MemoryCluster, obj, refusal

GONE = "2026-11-26T12:00:00Z"
SPACE = obj("Namespace", "research", deletionTimestamp=GONE)
OWNED = {
    "manager": "somebody",
    "time": "2026-11-26T11:00:00Z",
    "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"example.com/hold"': {}}}},
}
HELD = obj(
    "ConfigMap",
    "work",
    "research",
    deletionTimestamp=GONE,
    finalizers=["example.com/hold"],
    managedFields=[OWNED],
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "_WATCH_SECONDS", 0.01)
    monkeypatch.setattr(module, "_ENDING_SECONDS", 0.1)


def wait(
    api: MemoryCluster, *objects: dict[str, Any], seconds: float = 0.05
) -> tuple[list[str], list[Problem]]:
    """Wait for objects, and return the lines and the problems."""
    lines: list[str] = []
    try:
        wait_until_gone(api, [key_of(one) for one in objects], lines.append, seconds)
    except DeploymentError as error:
        return lines, list(error.problems)
    return lines, []


def test_what_is_not_going_is_not_waited_for() -> None:
    assert wait(MemoryCluster(obj("Namespace", "research")), SPACE) == ([], [])
    assert wait(MemoryCluster(), SPACE) == ([], [])


def test_an_object_with_a_finalizer_is_named_with_the_finalizer_and_who_set_it() -> None:
    lines, (problem,) = wait(MemoryCluster(SPACE, HELD), SPACE)
    words = "ConfigMap/research/work has the finalizer example.com/hold, set by 'somebody' at 2026-11-26T11:00:00Z"  # noqa: E501 - one literal text
    assert lines == [f"Namespace/research does not go: {words}"]
    assert (problem.code, problem.where.field) == ("still-terminating", "ConfigMap/research/work")
    assert words in problem.message
    assert "whoever set example.com/hold has to remove it" in problem.hint
    assert "--wait" in problem.hint


def test_what_kueue_keeps_is_said_to_be_in_use_and_nobody_is_told_to_take_its_finalizer_away() -> None:
    in_use = ["kueue.x-k8s.io/resource-in-use"]
    flavour = obj("ResourceFlavor", "serve.open", deletionTimestamp=GONE, finalizers=in_use)
    _, (problem,) = wait(MemoryCluster(flavour), flavour)
    assert "a queue that names it, or work that it has admitted, has to go first" in problem.hint
    assert "remove it" not in problem.hint


def test_a_finalizer_of_the_namespace_and_of_an_object_outside_namespaces_is_named_too() -> None:
    space = obj("Namespace", "research", deletionTimestamp=GONE, finalizers=["example.com/a"])
    tier = obj(
        "StorageClass",
        "models",
        version="storage.k8s.io/v1",
        deletionTimestamp=GONE,
        finalizers=["example.com/b"],
    )
    _, problems = wait(MemoryCluster(space, tier), space, tier)
    assert [problem.where.field for problem in problems] == ["Namespace/research", "StorageClass/models"]


def test_what_is_ending_by_itself_is_waited_for_and_then_named() -> None:
    pod = obj("Pod", "p", "research", deletionTimestamp=GONE)
    lines, (problem,) = wait(MemoryCluster(SPACE, pod), SPACE)
    assert lines == []
    assert "Pod/research/p is still ending" in problem.message
    _, (empty,) = wait(MemoryCluster(SPACE), SPACE)
    assert "Namespace/research is still ending" in empty.message


def test_what_is_ending_by_itself_is_not_blamed_beside_a_finalizer() -> None:
    _, problems = wait(MemoryCluster(SPACE, HELD, obj("Pod", "p", "research", deletionTimestamp=GONE)), SPACE)
    assert [problem.where.field for problem in problems] == ["ConfigMap/research/work"]


def test_it_is_waited_for_as_long_as_something_changes() -> None:
    api = MemoryCluster(
        SPACE, *(obj("Pod", f"p{number}", "research", deletionTimestamp=GONE) for number in range(20))
    )
    looks = 0

    def progress_is_made() -> list[Any]:
        nonlocal looks
        looks += 1
        api.objects.pop(("v1", "Pod", "research", f"p{looks - 1}"), None)
        if looks > 20:
            api.objects.pop(("v1", "Namespace", "", "research"), None)
        return list(MemoryCluster.kinds(api))

    api.kinds = progress_is_made  # type: ignore[method-assign,assignment]
    assert wait(api, SPACE, seconds=0.2) == ([], [])
    assert looks > 20


def test_a_check_that_took_long_does_not_delay_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SOON_SECONDS", 0.01)
    monkeypatch.setattr(module, "_SHARE", 1e3)

    class SlowInside(MemoryCluster):
        """Takes its time for the content of namespaces; the namespace is gone afterwards."""

        def list(self, api_version: str, kind: str, *where: Any, **how: Any) -> list[dict[str, Any]]:
            items = super().list(api_version, kind, *where, **how)
            if kind == "ConfigMap":
                time.sleep(0.02)
                self.objects.clear()
            return items

    began = time.monotonic()
    assert wait(SlowInside(SPACE, HELD), SPACE, seconds=0.2)[1] == []
    assert time.monotonic() - began < 5


def test_a_refusal_is_not_taken_for_an_object_that_is_gone() -> None:
    api = MemoryCluster(SPACE)
    api.failure = refusal(403)
    _, (problem,) = wait(api, SPACE)
    assert problem.code == "api-403"


def test_a_block_that_deletes_is_ended_once_and_the_reason_is_said() -> None:
    watch = TerminationWatch(MemoryCluster(SPACE, HELD), [key_of(SPACE)], lambda _line: None, 0.05)
    ended = threading.Event()
    calls: list[int] = []

    def end() -> None:
        calls.append(1)
        ended.set()

    def delete() -> None:
        with explaining(watch), watching(watch, end):
            assert ended.wait(30)
            raise EnvironmentLacksError(Problem("interrupted", "the engine was ended"))

    with pytest.raises(DeploymentError, match=r"example\.com/hold") as failed:
        delete()
    assert failed.value.exit_code is ExitCode.DEPLOYMENT
    assert calls == [1]


def test_a_block_that_fails_for_another_reason_says_its_own() -> None:
    watch = TerminationWatch(MemoryCluster(), [key_of(SPACE)], lambda _line: None, 60)
    with (
        pytest.raises(EnvironmentLacksError, match="another reason"),
        explaining(watch),
        watching(watch, lambda: None),
    ):
        raise EnvironmentLacksError(Problem("other", "another reason"))


def test_what_lies_in_a_namespace_that_goes_or_is_gone_is_not_asked_for_object_by_object() -> None:
    kept, gone = obj("Role", "admin", "kept", deletionTimestamp=GONE), obj("Role", "admin", "gone")
    inside = obj("Role", "admin", "research", deletionTimestamp=GONE)
    api = MemoryCluster(SPACE, obj("Namespace", "kept"), kept, inside)
    spaces = [SPACE, obj("Namespace", "kept"), obj("Namespace", "gone")]
    going = module.terminating(api, [key_of(one) for one in (*spaces, kept, gone, inside)])
    assert sorted(map(str, going)) == ["Namespace/research", "Role/kept/admin"]
    assert api.asked == ["LIST Namespace", "LIST Role kept"]


def test_what_is_gone_is_not_asked_for_again() -> None:
    class Shrinking(MemoryCluster):
        """Loses the namespace when it has been listed for the third time."""

        def list(self, api_version: str, kind: str, *where: Any, **how: Any) -> list[dict[str, Any]]:
            items = super().list(api_version, kind, *where, **how)
            if self.asked.count("LIST Namespace") == 3:
                self.objects.pop(("v1", "Namespace", "", "research"), None)
            return items

    api = Shrinking(SPACE)
    assert wait(api, SPACE, obj("StorageClass", "scratch")) == ([], [])
    assert api.asked.count("LIST StorageClass") == 1
    assert api.asked.count("LIST Namespace") > 3
