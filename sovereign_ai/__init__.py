"""Infrastructure as code for sovereign AI datacenters.

The public names are loaded on first use, so that `import sovereign_ai` stays cheap and pulls in
neither Pulumi nor a Kubernetes client.
"""

from __future__ import annotations

__version__ = "0.1.0"
