"""Deploys the factory that factory.yaml describes; run by `pulumi up` and by `sovereign-ai up`."""

import pulumi

import sovereign_ai as sai
from sovereign_ai.deploy import FactoryDeployment

factory = sai.load("factory.yaml")
deployment = FactoryDeployment(factory.name, factory)
for name, value in deployment.digests.items():
    pulumi.export(name, value)
