from __future__ import annotations

import pytest

from sovereign_ai.cluster.keys.envelope import DamagedError, Seed, opened

PLACE = b"/registry/secrets/research/login"
SEED = Seed(b"s" * 32, "lab-1/plane/1", b"encrypted seed")


def test_a_value_opens_with_its_seed_at_its_place() -> None:
    stored = SEED.close(b"hidden", PLACE)
    assert opened(SEED.secret, stored, PLACE) == b"hidden"
    assert (stored.key_id, stored.seed) == ("lab-1/plane/1", b"encrypted seed")
    assert b"hidden" not in stored.data


def test_equal_values_are_never_encrypted_alike() -> None:
    assert SEED.close(b"hidden", PLACE).data != SEED.close(b"hidden", PLACE).data


def test_a_value_at_another_place_or_with_another_seed_is_damaged() -> None:
    stored = SEED.close(b"hidden", PLACE)
    with pytest.raises(DamagedError):
        opened(SEED.secret, stored, b"/registry/secrets/startups/login")
    with pytest.raises(DamagedError):
        opened(b"t" * 32, stored, PLACE)


def test_a_value_that_is_cut_or_of_another_form_is_damaged() -> None:
    stored = SEED.close(b"hidden", PLACE)
    stored.data = stored.data[:40]
    with pytest.raises(DamagedError):
        opened(SEED.secret, stored, PLACE)
    other = SEED.close(b"hidden", PLACE)
    other.seed_type = 0
    with pytest.raises(DamagedError):
        opened(SEED.secret, other, PLACE)
