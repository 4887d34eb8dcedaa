"""The whole description: look-ups and digests."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from tests.plan.factories import factory, pool, site


def test_parts_are_looked_up_by_name() -> None:
    wish = factory(sites=[site("a"), site("b")])
    assert wish.site("b") is wish.sites[1]
    assert wish.zone("z") is wish.zones[0]


def test_pools_are_grouped_by_site_also_in_a_copy_with_other_pools() -> None:
    wish = factory(sites=[site("a"), site("b")], pools=[pool(), pool("other", site="b")])
    assert [entry.name for entry in wish.pools_at("b")] == ["other"]
    assert wish.pools_at("c") == ()
    smaller = wish.model_copy(update={"pools": wish.pools[:1]})
    assert smaller.pools_at("b") == ()


def test_the_digest_covers_every_field_but_waivers() -> None:
    assert factory().digest == factory().digest
    assert factory(pools=[pool(nodes=9)]).digest != factory().digest
    assert "waivers" not in factory().to_data()


def test_parts_that_contradict_each_other_are_refused_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        factory(pools=[pool(site="b"), pool("other", zone="y")])
    assert {problem.where.field for problem in caught.value.problems} == {"pools[0].site", "pools[1].zone"}
