from __future__ import annotations

import pytest

from sovereign_ai.rules.places.permitted_places import place
from tests.rules.deciding import evaluated


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("worker-0.workers:29400", True),
        ("leader.workers", True),
        ("redis.research:6379", True),
        ("trainer-0.trainer", True),
        ("worker-0.media", False),
        ("media-0.media", False),
        ("worker-0.trainers", False),
        ("chat-0.chat.research", True),
        ("chat-0.chat.research:8080", True),
        ("a.chat-0.chat.research", False),
        ("chat-0.chat.weather", False),
        ("chat-0..research", False),
        ("media-0.chat.media", False),
        ("chat-0.chat.xn--p1ai", False),
        ("xn--p1ai-0.xn--p1ai", False),
        ("chat-0.chat.de", False),
        ("worker-0.workers.com", False),
        ("worker-0.workers.", False),
    ],
)
def test_a_host_of_two_or_three_words_is_ours_if_the_last_is_our_own_and_nobody_else_answers_for_it(
    host: str, *, is_ours: bool
) -> None:
    assert evaluated(place("object.a"), host) is is_ours
