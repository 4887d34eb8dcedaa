"""Plain data as text of the Common Expression Language."""

from __future__ import annotations

from typing import Any

import orjson


def literal(value: Any) -> str:
    """Return plain data as a CEL literal, sorted; JSON text is one."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
