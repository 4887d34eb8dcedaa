"""Cabling as servers and switches report it, compared with the plan.

Readers and verdicts are pure functions of texts that tools printed.
"""

from __future__ import annotations
