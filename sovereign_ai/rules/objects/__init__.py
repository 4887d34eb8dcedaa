"""Rules on Kubernetes objects: CEL on each object, and functions on all objects of a cluster.

Each module has its rules in `RULES`, which `rules/registry.py` collects. The admission policies that the
renderer makes and the offline evaluator run the same expressions.
"""
