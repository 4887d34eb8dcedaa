"""Validate the inputs of a program in another language, and convert them to a description and arguments.

>>> judged({"fle": "factory.yaml"})
Traceback (most recent call last):
sovereign_ai.errors.UsageError: FactoryDeployment has no input 'fle' [unknown-input-name]
    did you mean 'file'?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi.runtime import known_types, rpc

from sovereign_ai.deploy.package.schema import INPUTS
from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.spec import AIFactory, load, read_data

_WHY = "a deployment is decided on plain values, and so is residency"
_INLINE = "description"


@frozen_dataclass
class Arguments:
    """The arguments of `FactoryDeployment`.

    Attributes:
        factory: the description.
        cluster: which of the plan's clusters; with None the stack's name decides.
        kubeconfig: the cluster's file; with None the configuration or the environment decides.
        context: the file's context; None means its current one.
    """

    factory: AIFactory
    cluster: str | None
    kubeconfig: str | None
    context: str | None


def judged(inputs: Mapping[str, Any]) -> Arguments:
    """Return the arguments in the inputs that the engine sent.

    Raises:
        UsageError: every problem of the inputs themselves.
        SpecError: every problem of the description.
    """
    problems = [*_misnamed(inputs), *_undecidable(inputs), *_mistyped(inputs)]
    if not problems and ("file" in inputs) == (_INLINE in inputs):
        given = "both `file` and `description` are given"
        if "file" not in inputs:
            given = "neither `file` nor `description` is given"
        hint = "write `file: factory.yaml`, or the description's fields below `description:`"
        message = f"{given}; exactly one of them is the description to deploy"
        problems.append(Problem("no-description", message, hint=hint))
    if problems:
        raise UsageError(problems)
    if "file" in inputs:
        factory = load(inputs["file"])
    else:
        factory = read_data(_with_integers(inputs[_INLINE]), _INLINE).factory
    return Arguments(factory, inputs.get("cluster"), inputs.get("kubeconfig"), inputs.get("context"))


def _misnamed(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each unknown input."""
    for name in inputs:
        if name not in INPUTS:
            message = f"FactoryDeployment has no input {name!r}"
            yield Problem("unknown-input-name", message, hint=nearest(name, INPUTS))


def _undecidable(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each value that is unknown at preview, and for each input that is secret."""
    for name, value in inputs.items():
        if rpc.is_rpc_secret(value):
            hint = (
                "a description holds no secret, and a kubeconfig is named by its path: "
                "pass the value without `secret`"
            )
            message = "it is a secret, and would be written in clear into plan and objects"
            yield Problem("secret-input", message, Where(field=name), hint)
        for path in unknown_places(rpc.unwrap_rpc_secret(value), name):
            hint = (
                "pass a plain value: from the program itself, from configuration, "
                "or from a stack that was deployed before"
            )
            yield Problem("unknown-input", f"it is unknown at preview, and {_WHY}", Where(field=path), hint)


def unknown_places(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of the unknown values within a value."""
    if known_types.is_unknown(value) or known_types.is_output(value):
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_places(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from unknown_places(item, f"{path}[{index}]")


def _mistyped(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each input of another type than the schema's."""
    for name in INPUTS.keys() & inputs.keys():
        value = rpc.unwrap_rpc_secret(inputs[name])
        if known_types.is_unknown(value):
            continue  # reported already
        kind: type[Any] = Mapping if name == _INLINE else str
        if not isinstance(value, kind):
            expected = "an object with the fields of factory.yaml" if name == _INLINE else "a text"
            message = f"it is {type(value).__name__}, expected is {expected}"
            yield Problem("wrong-type", message, Where(field=name))
        elif kind is str and not value:
            yield Problem("wrong-type", "it is empty", Where(field=name), "leave it out, or give its value")


def _with_integers(value: Any) -> Any:
    """Return data with its whole numbers as integers: the engine's protocol has floats only."""
    if isinstance(value, Mapping):
        return {str(key): _with_integers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_integers(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
