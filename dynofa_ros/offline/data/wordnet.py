# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The WordNet identifiers that ImageNet's folders are named by, as class names.

``models/imagenet`` has the 1000 identifiers of ILSVRC 2012 in the order of its labels.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

import yaml

from dynofa_ros.share import share_path

_IDENTIFIER = re.compile(r'n\d{8}', re.ASCII)


def readable_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the names of WordNet folders such as ``n01440764``; other labels as they are.

    Labels are replaced only if all of them are identifiers of ILSVRC 2012.
    """
    if not labels or not all(_IDENTIFIER.fullmatch(label) for label in labels):
        return tuple(labels)
    names = _names()
    if not all(label in names for label in labels):
        return tuple(labels)
    return tuple(names[label] for label in labels)


@functools.cache
def _names() -> Mapping[str, str]:
    """Return the class name of each identifier; empty if the model imagenet is not installed."""
    try:
        folder = share_path('models/imagenet')
        identifiers = (folder / 'wordnet.txt').read_text(encoding='ascii').split()
        document = yaml.safe_load((folder / 'model.yaml').read_text(encoding='utf-8'))
    except OSError:
        return {}
    return dict(zip(identifiers, map(str, document['labels']), strict=True))
