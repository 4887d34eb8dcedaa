"""Images of an operator's parts, as its objects name them: repository, image and version, each on its own.

>>> image = read_image("registry.example.com:5000/ai/driver:580.95.05@sha256:ab")
>>> image.repository, image.name, image.tag, image.version
('registry.example.com:5000/ai', 'driver', '580.95.05', 'sha256:ab')
"""

from __future__ import annotations

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import PlatformController


@frozen_dataclass
class PartImage:
    """An image in the factory's registry.

    Attributes:
        repository: the registry with its path, without the image's own name.
        name: the image's own name, as its publisher calls it.
        tag: its tag; empty without one.
        digest: its digest; empty without one.
    """

    repository: str
    name: str
    tag: str
    digest: str

    @property
    def version(self) -> str:
        """What an operator appends: the digest, since it cannot change, else the tag."""
        return self.digest or self.tag

    @property
    def fields(self) -> dict[str, str]:
        """The three fields of an operator's object."""
        return {"repository": self.repository, "image": self.name, "version": self.version}


def read_image(reference: str) -> PartImage:
    """Return the parts of a reference."""
    named, _, digest = reference.partition("@")
    repository, _, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    return PartImage(repository, name, tag, digest)


def part_images(controller: PlatformController) -> dict[str, list[PartImage]]:
    """Return the described images of a controller by their own names.

    Operators join repository, image and version, so that one with neither tag nor digest is of no use.
    """
    images: dict[str, list[PartImage]] = {}
    for reference in controller.images:
        image = read_image(reference)
        if image.version:
            images.setdefault(image.name, []).append(image)
    return images


def installs_packages(controller: PlatformController) -> bool:
    """Return whether the controller's containers install packages when they run."""
    return any(contact.kind == "packages" and contact.used for contact in controller.contacts)
