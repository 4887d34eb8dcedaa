"""The cluster that a stack is deployed to: its identity, who owns its objects and fields, and its limits."""
