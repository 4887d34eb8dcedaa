"""Simulated GPUs on real kubelets: a device plugin and a DRA driver, spoken to over the kubelet's own sockets.

Rules of this room:

- What a worker offers follows from the plan's machine that it plays (`sim/machine.py`), with the same
  identities, slices and readings as on the embedded plane; nothing is described a second time.
- A worker's Kubernetes node bears the name of the machine that it plays. Labels under the restricted
  prefix, which no kubelet may set, are put on it by `adopt.py`.
- Everything runs on the host, as root, and reaches into a node's file system (`paths.py`), so that neither
  the node image nor the configuration of the cluster has anything of ours.
- The kubelet decides; we only answer. State that must outlive a crash lies in files that the kubelet or
  the container runtime reads anyway (CDI), never in memory alone.
- A device is handed out once, whether by the device plugin or by the DRA driver: the second is refused.
"""
