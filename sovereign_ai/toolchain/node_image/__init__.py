"""The node image of the kind backend: the published one where it can be had, else one built here.

Rules of this package:

- Nothing but Debian packages and Go modules goes in, each pinned by the table or listed in the
  image's record with its version.
- Every byte is laid down in a fixed order with fixed times and owners, so that the same inputs
  give the same image digest; no container runs while the image is made.
- Static files lie under `files/` as they lie in the image.

    image = node_image(progress=print)
    image.tag, image.digest
"""
