"""Simulated GPUs on real kubelets: a device plugin and a DRA driver, over the kubelet's own sockets.

Rules of this package:

- What a worker offers follows from the plan's machine that it plays (`sim/machine.py`), with the same
  identities, slices and readings as on the embedded control plane; nothing is described a second time.
- A worker's Kubernetes node has the name of the machine that it plays. Labels under the restricted prefix,
  which no kubelet may set, are put on it by `adopt.py`.
- Everything runs on the host, as root, and reaches into a node's file system (`paths.py`), so that neither
  the node image nor the cluster's configuration needs any change.
- The kubelet decides, and this package only answers. State that must outlive a crash lies in files that the
  kubelet or the container runtime reads anyway (CDI), never in memory alone.
- A device is allocated once, by the device plugin or by the DRA driver: the second request is refused.
"""
