"""Local control planes, and the one opener of a kubeconfig.

Rules of this room:

- `access.open_cluster` is the only place that opens a kubeconfig. TLS is verified, always.
- "Unreachable" is never "absent": only the API server's own word makes an object absent.
- What listens, listens on 127.0.0.1; what is secret has mode 0600 in a folder of mode 0700, and
  stands in no argument list and no log.
- One small supervisor a cluster, and none of its processes outlives it.

    from sovereign_ai.cluster.access import open_cluster
    from sovereign_ai.cluster.embedded import down, up

    cluster = up("lab", progress=print)
    api = open_cluster(cluster.kubeconfig)
    nodes = api.list("v1", "Node")
    down("lab")
"""
