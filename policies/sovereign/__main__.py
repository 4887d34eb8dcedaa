"""The rules of `sovereign_ai.rules` as a Pulumi policy pack, and nothing else.

The rules are decided for the factory that is described in the stack's own folder (`factory.yaml` or
`factory.py`), or in the file that the pack's configuration names under `spec`. Without a readable description
every Kubernetes resource is a violation. The rules cannot be switched off here, and a waiver is written in
the description.
"""

from __future__ import annotations

from dispatch import policies
from pulumi_policy import EnforcementLevel, PolicyPack

PolicyPack(name="sovereign", enforcement_level=EnforcementLevel.MANDATORY, policies=policies())
