"""Names, aliases and options of the resources below a `FactoryDeployment`.

A child is named after its deployment, `<deployment>/<name>`, so that several deployments fit into one
program: a URN has the types of a resource's parents and not their names. Earlier versions named children
without that prefix; an alias keeps those names, so that nothing of an existing stack is replaced.

Pulumi itself passes `parent`, `provider`, `providers`, `protect`, `retain_on_delete`, `deleted_with`,
`transformations` and `transforms` to children. It does not pass the options in `PASSED`; they are copied to
every Kubernetes object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pulumi

from sovereign_ai.deploy.components.inherited_aliases import ancestors, place_of, urn_in_state
from sovereign_ai.deploy.moves.deployment_roots import STACK
from sovereign_ai.errors import Problem, UsageError

INHERITED = frozenset(
    {
        "parent",
        "provider",
        "providers",
        "protect",
        "retain_on_delete",
        "deleted_with",
        "transformations",
        "transforms",
    }
)
"""Options that Pulumi itself passes to children."""
PASSED = frozenset(
    {
        "additional_secret_outputs",
        "custom_timeouts",
        "delete_before_replace",
        "depends_on",
        "hide_diffs",
        "ignore_changes",
        "replace_on_changes",
        "replace_with",
        "replacement_trigger",
    }
)
"""Options that are copied to every Kubernetes object."""
OWN = frozenset({"aliases", "hooks"})
"""Options with a meaning of their own: aliases are completed for each child, hooks run for the component."""
REFUSED = {
    "env_var_mappings": "it belongs to a provider: pass it to the provider itself",
    "id": "a component cannot be read from a provider",
    "import_": "a component cannot be imported; "
    "existing objects that carry this factory's labels are adopted by the next `up`",
    "plugin_download_url": "it belongs to one package: pass it to the provider in `providers`",
    "urn": "a component cannot be read from the state",
    "version": "it belongs to one package: pass it to the provider in `providers`",
}
"""Options without a meaning for this component, and what to do instead: none is dropped silently."""


def require_options(opts: pulumi.ResourceOptions | None) -> None:
    """Refuse options that would have no effect.

    Raises:
        UsageError: one problem for each of them.
    """
    if opts is None:
        return
    problems = []
    for name, hint in REFUSED.items():
        if getattr(opts, name, None) is not None:
            message = f"FactoryDeployment has no option {name!r}"
            problems.append(Problem("unsupported-option", message, hint=hint))
    if problems:
        raise UsageError(problems)


class Children:
    """Names the children of one deployment and completes their options.

    Args:
        name: the deployment's name.
        opts: the deployment's options.
        ready: resolves to an empty list once children may be registered; after a failure no Kubernetes object
            is.
    """

    def __init__(
        self, name: str, opts: pulumi.ResourceOptions | None, ready: pulumi.Output[Any] | None = None
    ) -> None:
        self.name = name
        self._given = opts or pulumi.ResourceOptions()
        passed: dict[str, Any] = {field: getattr(self._given, field) for field in PASSED}
        self._passed = pulumi.ResourceOptions(**passed)
        self._ready = pulumi.ResourceOptions(depends_on=ready)

    def named(self, local: str) -> str:
        """Return a child's full name, such as `lab/Namespace/research` for `Namespace/research`."""
        return f"{self.name}/{local}"

    def aliases(self, local: str) -> list[pulumi.Input[str | pulumi.Alias]]:
        """Return a child's former names: without the prefix, and with each former name of the deployment."""
        aliases: list[pulumi.Input[str | pulumi.Alias]] = [pulumi.Alias(name=local)]
        for given in self._given.aliases or ():
            alias = self._former(given, local)
            if alias is not None:
                aliases.append(alias)
        return aliases

    def part(self, local: str, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of a component below the deployment."""
        own = pulumi.ResourceOptions(aliases=self.aliases(local), depends_on=self._passed.depends_on)
        return pulumi.ResourceOptions.merge(own, opts)

    def provider(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of the deployment's own provider.

        Its name is the deployment's, and so are its aliases.
        """
        own = pulumi.ResourceOptions(depends_on=self._passed.depends_on)
        return pulumi.ResourceOptions.merge(own, opts)

    def object(self, local: str, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of a Kubernetes object."""
        aliases = pulumi.ResourceOptions(aliases=self.aliases(local))
        own = pulumi.ResourceOptions.merge(self._passed, aliases)
        own = pulumi.ResourceOptions.merge(own, self._ready)
        # Last, so that the options of this object win over the deployment's.
        return pulumi.ResourceOptions.merge(own, opts)

    def _former(self, alias: Any, local: str) -> Any:
        """Return a child's alias that follows from one of the deployment.

        None where the engine derives it itself.
        """
        if isinstance(alias, str | pulumi.Alias):
            name = former_name(alias)
            if name is None or name == self.name:
                return None
            return pulumi.Alias(name=f"{name}/{local}")

        def resolve(known: Any) -> Any:
            # A resolved Output cannot be left out of the list: the child's own name is an alias without
            # effect.
            return self._former(known, local) or pulumi.Alias(name=self.named(local))

        # An Output or awaitable: its name is known once it resolves, and Pulumi accepts an alias that is an
        # Output.
        return pulumi.Output.from_input(alias).apply(resolve)


def former_name(alias: str | pulumi.Alias) -> str | None:
    """Return the name in an alias, or the last part of a URN; None for an alias that keeps the name."""
    if isinstance(alias, str):
        return alias.rpartition("::")[2] or None
    return alias.name if isinstance(alias.name, str) and alias.name else None


def former_names(opts: pulumi.ResourceOptions | None, name: str) -> list[str] | None:
    """Return the names that a deployment's aliases keep; None where one is known only later, as an Output.

    A name that begins with that of its parent had the parent's former name in its place, as Pulumi has it.

    Args:
        opts: the deployment's options.
        name: its name.
    """
    parent = opts.parent if opts else None
    # Of a parent in a program of another language neither name nor aliases are known.
    parent_name = getattr(parent, "_name", None)
    is_derived = parent_name is not None and name.startswith(parent_name)
    if is_derived and any(above._aliases for above in ancestors(parent)):  # noqa: SLF001 - as in `place_of`
        return None
    names = []
    for alias in (opts.aliases if opts else None) or ():
        if not isinstance(alias, str | pulumi.Alias):
            return None
        if former := former_name(alias):
            names.append(former)
    return names


def parent_type(opts: pulumi.ResourceOptions | None) -> str | None:
    """Return the type of the parent that the options give a component; None where aliases may give another.

    The whole URN is known only when the engine has registered the component, which is after the first write.
    """
    parent = opts.parent if opts else None
    if (opts and opts.aliases) or getattr(parent, "_aliases", ()):
        return None
    # A parent in a program of another language is known by its URN alone.
    return STACK if parent is None else getattr(parent, "_type", None)


async def declared_urns(
    component: pulumi.Resource, opts: pulumi.ResourceOptions | None, held: Collection[str]
) -> set[str]:
    """Return the URN of a registered component, and the one under which the engine finds it in the state.

    Args:
        component: the component.
        opts: its options.
        held: the URNs of the state.
    """
    place = await place_of(component)
    urns = {place.urn}
    if held and place.urn not in held:
        above = [await place_of(parent) for parent in ancestors(opts.parent if opts else None)]
        former = urn_in_state([*above, place], held)
        urns |= {former} if former else set()
    return urns


def every_option() -> Iterator[str]:
    """Yield every option that this module handles; a test compares the list with Pulumi's own."""
    yield from sorted(INHERITED | PASSED | OWN | REFUSED.keys())
