"""Work that is submitted together: each piece beside those before it."""

from __future__ import annotations

from typing import Any

from sovereign_ai.verify.queue_sequence import reasons_of
from sovereign_ai.verify.queue_submission import MOST_WORKLOADS, Piece, pieces_of
from tests.verify.test_queue_reason import GPU, state

POD = {"containers": [{"name": "main", "resources": {"limits": {GPU: "8"}}}]}


def work(name: str, kind: str = "Job", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "research", "labels": {"kueue.x-k8s.io/queue-name": "train"}}
    return {"kind": kind, "metadata": metadata, "spec": {"template": {"spec": POD}, **spec}}


def codes(*objects: dict[str, Any], **held: Any) -> list[str]:
    return [reason.code for reason in reasons_of(pieces_of(objects), state(**held))]


def test_two_jobs_of_which_each_fits_do_not_fit_together() -> None:
    half, most = work("a", parallelism=2), work("b", parallelism=3)
    assert codes(half) == codes(most) == ["fits"]
    assert codes(half, most) == ["fits", "waits-for-quota"]
    # What does not fit takes nothing from what comes after it.
    assert codes(work("c", parallelism=9), most) == ["over-quota", "fits"]


def test_of_a_deployment_it_is_said_how_many_pods_fit() -> None:
    (reason,) = reasons_of(pieces_of([work("web", "Deployment", replicas=6)]), state())
    assert reason.code == "waits-for-quota"
    assert reason.message.startswith("4 of its 6 parts fit, and the next one does not")
    (reason,) = reasons_of(pieces_of([work("web", "Deployment", replicas=4)]), state())
    assert (reason.code, reason.workload) == ("fits", "research/web")


def test_of_two_billion_copies_the_first_are_judged_and_all_are_counted() -> None:
    (piece,) = pieces_of([work("web", "Deployment", replicas=2**31 - 1)])
    assert len(piece.workloads) == MOST_WORKLOADS
    (reason,) = reasons_of([piece], state())
    assert reason.message.startswith("4 of its 2,147,483,647 parts fit, and the next one does not")
    small = work("web", "Deployment", replicas=2**31 - 1, template={"spec": {"containers": [{"name": "a"}]}})
    (reason,) = reasons_of(pieces_of([small]), state())
    assert reason.message == "the first 100 of its 2,147,483,647 parts fit; the others were not tried"


def test_in_strict_order_what_comes_after_waits_too() -> None:
    strict = state()
    (queue,) = strict.cluster_queues
    ordered = {**queue, "spec": {**queue["spec"], "queueingStrategy": "StrictFIFO"}}
    assert codes(work("a", parallelism=9), work("b"), cluster_queues=(ordered,)) == ["over-quota", "behind"]


def test_work_without_pods_and_work_that_is_refused_have_their_own_words() -> None:
    empty, refused = Piece("research/a", []), Piece("research/b", [], "no such namespace", "refused")
    first, second = reasons_of([empty, refused], state())
    assert (first.code, second.code) == ("fits", "refused")
    assert "no pods" in first.message
    assert second.message == "no such namespace"
