"""Deploys the factory that factory.yaml describes; run by `pulumi up` and by `sovereign-ai up`."""

import sovereign_ai as sai
from sovereign_ai.deploy import FactoryDeployment

factory = sai.load("factory.yaml")
FactoryDeployment(factory.name, factory)
