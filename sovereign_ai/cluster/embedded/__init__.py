"""The embedded control plane: etcd, API server, controllers and scheduler as processes of this account.

`lifecycle.py` brings it up and ends it, and `supervisor.py` is the one process that keeps the others healthy.
"""
