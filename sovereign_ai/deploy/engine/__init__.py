"""The run of the real Pulumi engine: its process, its environment, its events, and why it failed."""
