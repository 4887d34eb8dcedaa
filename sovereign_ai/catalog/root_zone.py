"""The last words of host names that somebody outside a cluster answers for.

A name of two words, such as `trainer-0.trainer`, is a pod's only if its last word is none of these.

>>> "cloud" in top_level_domains(), "corp" in top_level_domains(), "workers" in top_level_domains()
(True, True, False)
"""

from __future__ import annotations

from functools import cache

from sovereign_ai.catalog.figures import rows


@cache
def top_level_domains() -> tuple[str, ...]:
    """Return every such word of letters alone, three or more, sorted.

    Of two letters are the domains of countries, those that exist and those that may. Domains in other
    alphabets have a hyphen.
    """
    words: set[str] = set()
    for row in rows("top_level_domains.json"):
        words.update(row.needed_text("names").split())
    return tuple(sorted(words))
