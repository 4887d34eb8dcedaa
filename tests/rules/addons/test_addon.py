from __future__ import annotations

from sovereign_ai.rules.addons.addon import absent, below, places
from sovereign_ai.rules.places.fields import Field


def test_fields_are_moved_below_each_prefix_with_their_conditions_and_words() -> None:
    kind = Field("kind", "one-of", ("", "Service"))
    assert below(("spec", "specs[]"), (kind, *absent("url"), *places("host"))) == (
        Field("spec.kind", "one-of", ("", "Service")),
        Field("spec.url", "absent"),
        Field("spec.host", "place"),
        Field("specs[].kind", "one-of", ("", "Service")),
        Field("specs[].url", "absent"),
        Field("specs[].host", "place"),
    )
