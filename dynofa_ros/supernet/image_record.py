# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the folder of a model states about the images that it was trained, selected and tested on.

It is the section ``data`` of ``model.yaml``. ``images.npz`` beside it has the digest of each image.
"""

from __future__ import annotations

from dynofa_ros.config_file import Count, Text, checked
from dynofa_ros.supernet.subnet_record import ModelError


@checked(ModelError.of, kw_only=True)
class ImageRecord:
    """How the images of a training were divided; numbers of images."""

    name: Text
    """Of the data set."""
    method: Text
    """Of the division: ``stratified`` by class, ``random``, or ``given`` by folders."""
    seed: Count = 0
    """Of the division."""
    training: Count = 0
    held_out: Count = 0
    """Images that selected the sub-networks."""
    test: Count = 0
    fingerprint: str = ''
    """Of ``images.npz``; empty if the images are not listed."""
    leak: str = ''
    """Why the weights depend on the held-out images; empty if they do not."""
