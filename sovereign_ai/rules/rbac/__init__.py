"""RBAC: who holds which rights by roles and bindings, and which further rights these lead to.

The rules in `objects/` and the audit of a running cluster rely on it. It reads plain objects and asks no cluster.
"""
