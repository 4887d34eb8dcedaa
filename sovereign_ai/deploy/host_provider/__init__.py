"""A Pulumi resource provider for hosts: what a resource of it is unlike, its hosts are unlike; what `up` does, Ansible does.

The room's rules:

- Ansible is reached through `deploy.hosts.run` alone, in a process of its own; a preview, a diff and a refresh run it in check mode.
- The state holds the inventory's digest, names, and what differs. The inventory itself lies beside it, under its digest.
- Inputs are plain values, judged all at once; one that is not known yet is refused.
- A host that cannot be asked is named, and is never taken for one that has gone.
- No code and no secret goes into the state.
"""
