"""Worker clusters that cannot be, each at its line, and the queues from which work is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.plan.multikueue import dispatches, kubeconfig_head, worker_notes

from .factories import factory, pool, site
from .multikueue import CLOSED, OPEN, WORKER, two_sites, worker

AT = "platform.multikueue[0]"
SAME_IN_BOTH = [
    pool("here", nodes=1),
    pool("mine", zone="s", nodes=1),
    pool("far", zone="s", site="b", nodes=1),
    pool("there", site="b", nodes=2),
]


def problems(*workers: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    found = feasible(two_sites(*workers, **more))
    return [(problem.code, problem.where.field, problem.message) for problem in found]


def test_a_zone_whose_data_may_be_at_the_worker_is_no_problem_and_without_workers_nothing_is_asked() -> None:
    assert problems() == []
    assert problems(platform={"queueing": "kueue"}, clusters={}) == []


@pytest.mark.parametrize(
    ("workers", "more", "code", "field", "said"),
    [
        ([worker(cluster="wish-c-1")], {}, "unknown-name", f"{AT}.cluster", "no cluster called 'wish-c-1'"),
        ([worker(cluster="wish")], {}, "own-cluster", f"{AT}.cluster", "cannot be its own worker"),
        ([worker()], {"clusters": {}}, "no-manager", f"{AT}.cluster", "the cluster with the factory's name"),
        (
            [worker(zones=["z", "s"])],
            {"pools": SAME_IN_BOTH},
            "data-abroad",
            f"{AT}.zones[1]",
            "'wish-b-1' is in FR, and personal data of zone 's' may be in DE",
        ),
        (
            [worker()],
            {"pools": [pool("mine", zone="s", nodes=1), pool("there", site="b", nodes=2)]},
            "no-queue",
            f"{AT}.zones[0]",
            "zone 'z' has no machine for work in 'wish'",
        ),
        (
            [worker()],
            {"pools": [pool("here", nodes=1), pool("mine", zone="s", nodes=1, site="b")], "residency": ()},
            "no-queue",
            f"{AT}.zones[0]",
            "zone 'z' has no machine for work in 'wish-b-1'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() else "",
)
def test_a_worker_that_cannot_be_is_refused_at_its_line(
    workers: list[dict[str, Any]], more: dict[str, Any], code: str, field: str, said: str
) -> None:
    [problem] = problems(*workers, **more)
    assert problem[:2] == (code, field)
    assert said in problem[2]


def test_data_that_may_be_nowhere_near_is_refused_also_where_the_zone_has_no_queue_there() -> None:
    codes = [problem[0] for problem in problems(worker(zones=["s"]))]
    assert codes == ["data-abroad", "no-queue"]


def test_a_policy_without_zones_is_on_every_zone() -> None:
    policy = {"data": "all", "in": ["DE"], "keys": ["DE"], "staff_access": ["DE"]}
    [problem] = problems(residency=[policy])
    assert problem[:2] == ("data-abroad", f"{AT}.zones[0]")


def test_a_pool_that_the_manager_has_a_part_of_has_its_own_queue_there() -> None:
    """Of a site in several clusters, each has a part of every pool."""
    described = factory(
        pools=[pool("here", nodes=4)],
        zones=[OPEN],
        tenants=[{"name": name, "seat": "DE"} for name in "tu"],
        clusters={"nodes": 2, "home": "a"},
        platform={"queueing": "kueue", "multikueue": [worker(cluster="wish-a-2")]},
    )
    [problem] = feasible(described)
    assert problem.code == "no-queue"
    assert "all of zone 'z' in 'wish-a-2' is of here, which 'wish' has a part of too" in problem.message


def in_two_clusters(*workers: dict[str, Any]) -> Any:
    """The second site is divided, so that both of its clusters have a part of its pool."""
    pools = [pool("here", nodes=2), pool("there", site="b", nodes=4)]
    return factory(
        sites=[site("a"), site("b")],
        pools=pools,
        zones=[OPEN],
        tenants=[{"name": name, "seat": "DE"} for name in "tu"],
        clusters={"nodes": 2, "home": "a"},
        platform={"queueing": "kueue", "multikueue": list(workers)},
    )


def test_a_pool_in_several_workers_has_one_queue_with_the_machines_of_all() -> None:
    described = in_two_clusters(worker(), worker(cluster="wish-b-2"))
    [dispatch] = dispatches(described, plan(described).clusters)
    assert dispatch.workers == ("wish-b-1", "wish-b-2")
    assert (dispatch.queue, dispatch.pool.nodes, dispatch.pool.gpus) == ("there", 4, 32)


def test_workers_with_parts_of_one_pool_run_work_of_the_same_tenants() -> None:
    [problem] = feasible(in_two_clusters(worker(tenants=["t"]), worker(cluster="wish-b-2")))
    assert (problem.code, problem.where.field) == ("contradiction", "platform.multikueue[1].cluster")


@pytest.mark.parametrize(
    ("described", "code", "field"),
    [
        (worker(zones=["y"]), "unknown-name", f"{AT}.zones[0]"),
        (worker(tenants=["v"]), "not-in-zone", f"{AT}.tenants[0]"),
        (worker(tenants=["w"]), "unknown-name", f"{AT}.tenants[0]"),
        (worker(server="http://api.example.com"), "bad-address", f"{AT}.server"),
        (worker(server="https://me@api.example.com"), "bad-address", f"{AT}.server"),
        (worker(zones=[]), "out-of-range", f"{AT}.zones"),
    ],
    ids=str,
)
def test_names_and_addresses_are_checked_before_anything_is_planned(
    described: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(SpecError) as caught:
        two_sites(described)
    assert (code, field) in [(problem.code, problem.where.field) for problem in caught.value.problems]


def test_work_is_sent_by_kueue_alone_and_to_each_worker_once() -> None:
    for platform, code in (
        ({"jobs": "jobset", "multikueue": [worker()]}, "missing-controller"),
        ({"queueing": "kueue", "multikueue": [worker(), worker(tenants=["t"])]}, "duplicate-name"),
    ):
        with pytest.raises(SpecError) as caught:
            two_sites(platform=platform)
        assert code in [problem.code for problem in caught.value.problems]


def test_only_the_named_tenants_of_the_zone_have_the_queue() -> None:
    for described, spaces in ((worker(), ["t", "u"]), (worker(tenants=["u"]), ["u"])):
        described_factory = two_sites(described)
        [dispatch] = dispatches(described_factory, plan(described_factory).clusters)
        assert [namespace.name for namespace in dispatch.namespaces] == spaces


def test_a_worker_where_the_data_may_not_be_is_left_out_whoever_asks() -> None:
    """What the problems refuse is derived once more, from the clusters as they are planned."""
    described = two_sites()
    clusters = plan(described).clusters
    moved = [replace(cluster, jurisdiction="US") for cluster in clusters]
    assert [dispatch.workers for dispatch in dispatches(described, clusters)] == [(WORKER,)]
    assert dispatches(described, moved) == ()
    assert CLOSED["name"] not in {dispatch.pool.zone for dispatch in dispatches(described, clusters)}


def test_the_plan_warns_that_a_kubeconfig_is_in_no_description_and_other_plans_stay() -> None:
    [note] = worker_notes(two_sites())
    assert "Secret kueue-system/wish-b-1 of wish" in note
    assert plan(two_sites()).warnings[-1] == note
    assert list(worker_notes(two_sites(platform={"queueing": "kueue"}))) == []


def test_a_kubeconfig_begins_with_whole_groups_of_base64() -> None:
    for length in range(1, 20):
        assert len(kubeconfig_head(f"https://{'a' * length}")) % 3 == 0
    assert len(kubeconfig_head(None)) % 3 == 0


def test_a_description_without_workers_has_the_digest_that_it_had() -> None:
    plain = two_sites(platform={"queueing": "kueue"})
    assert "multikueue" not in plain.to_data()["platform"]
    assert plain.digest == two_sites(platform={"queueing": "kueue", "multikueue": []}).digest
