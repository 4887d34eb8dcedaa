"""A Pulumi resource provider for hosts: its resource's diff is the drift of hosts, and `up` runs Ansible.

Rules of this package:

- Ansible is called through `deploy.hosts.run` alone, in a process of its own. A preview, a diff and a refresh
  run it in check mode.
- The state holds the inventory's digest, names, and what differs. The inventory itself is a file beside it,
  named by its digest.
- Inputs are plain values and are validated all at once; a value that is not known yet is refused.
- A host that does not answer is reported by name, and never counts as deleted.
- No code and no secret goes into the state.
"""
