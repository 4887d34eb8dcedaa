"""The component package `sovereign`: `FactoryDeployment` for YAML, TypeScript and Pulumi's other languages.

`pulumi package add` accepts this folder, or the plugin's name `sovereign`, and writes the SDK of the
project's language. At run time the engine starts the package as a plugin and calls it to construct the
component. The same class as in a Python program plans, checks and registers the resources, so that they are
the same.

- A description is the path of a file, or an object inline. An input that is unknown at preview, or secret, is
  an error.
- `PulumiPlugin.yaml` and `__main__.py` make the folder a plugin; `service.py` answers the engine.
"""
