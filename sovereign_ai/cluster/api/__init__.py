"""The client of the Kubernetes API: credentials, transport, retries, discovery, and checks of answers."""
