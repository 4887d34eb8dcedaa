"""Property tests of this room: the same cases on every run, and no deadline on a shared machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("plan", deadline=None, derandomize=True)
settings.load_profile("plan")
