# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The list of the images that a model was trained, selected and tested on, by their digests.

It is ``images.npz`` in the folder of the model. Digests recognise an image wherever it lies: in
another folder, an archive or a larger data set.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dynofa_ros.atomic_file import atomic_write
from dynofa_ros.offline.data.dataset import Dataset
from dynofa_ros.supernet.image_record import ImageRecord
from dynofa_ros.supernet.model import Model, ModelError, model_folder

FILE = 'images.npz'
FILE_BYTES = 2**30
PARTS = ('training', 'held_out', 'test')


@dataclass(frozen=True)
class KnownImages:
    """The images of a model, as its folder lists them."""

    record: ImageRecord
    digests: dict[str, Tensor]
    """Of each part, sorted."""

    def among(self, data: Dataset, part: str) -> Tensor:
        """Return which images are of a part, (N,) bool."""
        return torch.isin(data.digests, self.digests[part])

    @property
    def trained(self) -> Tensor:
        """Digests of the images that the weights depend on."""
        if self.record.leak:
            return torch.cat([self.digests['training'], self.digests['held_out']])
        return self.digests['training']


def write_images(folder: Path, digests: Mapping[str, Tensor]) -> str:
    """Write ``images.npz`` into the folder of a model; return its fingerprint.

    ``digests`` has those of each part, sorted.

    Raises:
        ValueError: if it cannot be written.
    """
    arrays: dict[str, Any] = {part: digests[part].numpy() for part in PARTS}
    with atomic_write(folder / FILE) as partial:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open('wb') as stream:
            np.savez(stream, **arrays)
    return _fingerprint(digests)


def copy_images(model: Model, name_or_path: str, folder: Path) -> None:
    """Copy ``images.npz`` of a model into the folder of a model with the same weights."""
    if model.data is not None and model.data.fingerprint:
        shutil.copyfile(model_folder(name_or_path) / FILE, folder / FILE)


def read_images(model: Model, name_or_path: str) -> KnownImages | None:
    """Return the images that the folder of a model lists; None if it lists none.

    Raises:
        ModelError: if ``images.npz`` is missing, damaged or of another training.
    """
    if model.data is None or not model.data.fingerprint:
        return None
    file = model_folder(name_or_path) / FILE
    try:
        if (size := file.stat().st_size) > FILE_BYTES:
            raise ModelError(f'{file} has {size} bytes; expected at most {FILE_BYTES}')
        with zipfile.ZipFile(file) as archive:
            # Stored as they are, so that the file cannot expand in memory.
            if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
                raise ValueError('its arrays are compressed')
        with np.load(file, allow_pickle=False) as arrays:
            digests = {part: torch.from_numpy(arrays[part].astype(np.int64)) for part in PARTS}
    except ModelError:
        raise
    # numpy and zipfile raise whatever the damage makes of the file.
    except Exception as error:
        raise ModelError(f'{file} is damaged: {error}') from error
    if (found := _fingerprint(digests)) != model.data.fingerprint:
        raise ModelError(
            f'{file}: fingerprint is {found}; expected {model.data.fingerprint} of model.yaml: '
            'they are from different trainings'
        )
    return KnownImages(model.data, digests)


def _fingerprint(digests: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for part in PARTS:
        digest.update(part.encode())
        digest.update(digests[part].contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
