"""Local control planes, and the API client for every cluster.

Rules of this room:

- `access.open_cluster` is the only function that opens a kubeconfig. TLS is always verified.
- "Unreachable" never means "absent": only the API server's own answer makes an object absent.
- Every listener is on 127.0.0.1. Secrets are in files of mode 0600 in a folder of mode 0700, and appear in no
  argument list and no log.
- Each cluster has one small supervisor, and none of its processes outlives it.

    from sovereign_ai.cluster.api.client import open_cluster
    from sovereign_ai.cluster.embedded.lifecycle import down, up

    cluster = up("lab", progress=print)
    api = open_cluster(cluster.kubeconfig)
    nodes = api.list("v1", "Node")
    down("lab")
"""
