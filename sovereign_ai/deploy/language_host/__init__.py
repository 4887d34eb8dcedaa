"""The project's own Pulumi language host for Python; its plugins are served to their own account only.

The engine starts it by the executables that `toolchain/launcher.py` writes. `language_program.py`,
`plugin_program.py` and `owner_only.py` also run under interpreters that do not have this package.
"""
