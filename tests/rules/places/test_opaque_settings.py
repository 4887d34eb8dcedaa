from __future__ import annotations

from sovereign_ai.rules.expressions import with_paths
from sovereign_ai.rules.places.opaque_settings import opaque, opaque_by_word, parts_of_opaque
from tests.rules.deciding import evaluated

_PARTS = parts_of_opaque("[[object.a]]")
_LINES = with_paths(_PARTS["opaque_lines"], _PARTS)


def test_a_url_is_read_wherever_it_stands_in_values_of_whatever_form() -> None:
    assert evaluated(opaque(_LINES), {"sharing": {"replicas": 4, "hint": "http://localhost/x"}})
    assert not evaluated(opaque(_LINES), {"sharing": [{"hint": "http://example.com/x"}]})


def test_a_host_is_read_behind_the_word_that_names_it() -> None:
    assert evaluated(opaque_by_word(_LINES), {"remote": {"server": "gpus.security"}})
    assert not evaluated(opaque_by_word(_LINES), {"remote": {"server": "gpus.example.com"}})
