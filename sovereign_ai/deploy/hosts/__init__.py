"""The configuration of hosts by Ansible: one Pulumi resource, its provider, and the runs behind it."""
