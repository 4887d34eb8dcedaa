"""Areas and the laws that reach out of them."""

from __future__ import annotations

from sovereign_ai.sovereignty.areas import reaching_laws


def test_a_member_state_has_no_extraterritorial_law_in_this_reading() -> None:
    assert reaching_laws("DE") == reaching_laws("NO") == ()
