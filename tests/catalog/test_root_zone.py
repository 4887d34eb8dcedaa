"""The last words of names that somebody outside a cluster answers for."""

from __future__ import annotations

from sovereign_ai.catalog import top_level_domains


def test_the_words_are_sorted_and_of_letters_alone() -> None:
    words = top_level_domains()
    assert list(words) == sorted(set(words))
    assert all(word.isascii() and word.isalpha() and word.islower() and len(word) >= 3 for word in words)
    assert len(words) > 1_000


def test_domains_that_can_be_rented_and_names_of_firms_own_networks_are_among_them() -> None:
    assert {"com", "cloud", "data", "media", "training", "internal", "corp", "lan"} <= set(
        top_level_domains()
    )


def test_what_services_are_mostly_called_is_not() -> None:
    assert {"worker", "workers", "trainer", "redis", "kafka", "postgres"}.isdisjoint(top_level_domains())
