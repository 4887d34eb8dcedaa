"""Host lists mean what they were made from, as Slurm expands them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.render.interop.slurm_hosts import hostlist
from tests.render.interop.slurm_text import expand


@given(
    st.lists(
        st.tuples(st.sampled_from(["dgx-", "a-r0-", "x"]), st.integers(0, 1200), st.sampled_from([3, 4])),
        unique=True,
    )
)
@settings(max_examples=100)
def test_a_host_list_expands_to_what_it_was_made_from(names: list[tuple[str, int, int]]) -> None:
    plain = {f"{prefix}{number:0{width}d}" for prefix, number, width in names}
    assert sorted(expand(hostlist(sorted(plain)))) == sorted(plain)
