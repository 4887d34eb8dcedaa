"""Stacks of the repository with a platform that names operators, and their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml

from sovereign_ai.plan import plan
from sovereign_ai.render.kubernetes import Settings, controller_settings
from sovereign_ai.spec import AIFactory
from sovereign_ai.spec.reader import load

STACKS = Path(__file__).resolve().parents[4] / "stacks"
REGISTRY = "registry.example.org/science"
DIGEST = "sha256:" + "a" * 64
GPU_PARTS = (
    "gpu-operator",
    "container-toolkit",
    "k8s-device-plugin",
    "dcgm-exporter",
    "k8s-mig-manager",
    "gdrdrv",
    "gpu-operator-validator",
)
NETWORK_PARTS = ("network-operator", "doca-driver", "sriov-network-device-plugin", "multus-cni", "plugins")
SWITCHED_OFF = {"name": "driver-container", "kind": "packages", "used": False}

Object = dict[str, Any]


def pinned(*names: str) -> list[str]:
    """Return images of the factory's registry by digest; a name may have a tag."""
    return [f"{REGISTRY}/{name}@{DIGEST}" for name in names]


def gpus(*drivers: str, parts: Iterable[str] = GPU_PARTS, **details: Any) -> Object:
    """Return what a description decides about the GPU Operator."""
    return {"name": "gpu-operator", "images": pinned(*parts, *drivers), **details}


def network(*, parts: Iterable[str] = NETWORK_PARTS, **details: Any) -> Object:
    """Return what a description decides about the Network Operator."""
    return {"name": "network-operator", "images": pinned(*parts), **details}


def described(
    stack: str, *controllers: Object, change: Callable[[Object], object] = lambda _data: None, **platform: Any
) -> AIFactory:
    """Return a stack whose platform runs both operators.

    Args:
        stack: its name.
        *controllers: what is decided about controllers.
        change: changes the description further.
        **platform: further functions of the platform.
    """
    data = yaml.safe_load((STACKS / stack / "factory.yaml").read_text(encoding="utf-8"))
    data["platform"] = {"gpus": "gpu-operator", "network": "network-operator", **platform}
    data["platform"]["controllers"] = list(controllers)
    change(data)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "factory.yaml"
        # What is shared between controllers would be an anchor of YAML, which descriptions may not have.
        file.write_text(yaml.safe_dump(orjson.loads(orjson.dumps(data))), encoding="utf-8")
        return load(file)


def settings_of(factory: AIFactory, controller: str) -> Settings:
    """Return the settings of one controller."""
    (settings,) = controller_settings(factory, plan(factory), controller)
    return settings


def of_kind(settings: Settings, kind: str) -> list[Object]:
    """Return the objects of a kind."""
    return [obj for obj in settings.objects if obj["kind"] == kind]


def policy(settings: Settings) -> Object:
    """Return the fields of the one policy."""
    return dict(settings.objects[0]["spec"])
