# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The accuracy predictor that Once-for-All published (arXiv 1908.09791, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import inverted_residual_space

RESOLUTIONS = (160, 176, 192, 208, 224)
LAYERS = (128, 400, 400, 400, 1)


class OfaAccuracyPredictor:
    """A four-layer network on a one-hot encoding of an OFA-MobileNetV3 sub-network.

    The encoding has 20 blocks x 3 kernel sizes, 20 x 3 expand ratios (all 0 for a block that does
    not run), and 8 resolutions from 112 to 224. The weights of the first three resolutions are
    untrained, so those are refused. Its authors measured accuracy on their own image split: on the
    1,342 sub-networks of 160 and 192 pixels in this package's table, predictions are 5.8 points
    too high; after that offset the error is 0.38 points, and Kendall's tau is 0.82.
    """

    resolutions = RESOLUTIONS
    space = inverted_residual_space(
        kernel_sizes=(3, 5, 7),
        expand_ratios=(3, 4, 6),
        depths=(2, 3, 4),
        resolutions=RESOLUTIONS,
        stages=5,
    )

    def __init__(self, file: Path) -> None:
        """Read the weights.

        Raises:
            ValueError: naming the file, if it does not hold such a network.
        """
        layers = [each for size in pairwise(LAYERS) for each in (nn.Linear(*size), nn.ReLU())]
        self._net = nn.Sequential(*layers[:-1]).eval()
        try:
            state = torch.load(file, weights_only=True, map_location='cpu')
            self._net.load_state_dict(state)
        except OSError as error:
            raise ValueError(f'predictor {file} cannot be read: {error.strerror}') from error
        except Exception as error:  # the exception of torch.load depends on the kind of damage
            first_line = (str(error).splitlines() or [''])[0]
            raise ValueError(
                f'predictor {file} is not the {"-".join(map(str, LAYERS))} network that '
                f'Once-for-All published: {type(error).__name__} {first_line}'
            ) from error
        if not all(bool(value.isfinite().all()) for value in self._net.state_dict().values()):
            raise ValueError(f'predictor {file} holds weights that are not finite')

    @torch.inference_mode()
    def predict(
        self, configs: Sequence[SubnetConfig]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the predicted top-1 and its unknown standard deviation (NaN), (N,) each.

        Raises:
            SubnetConfigError: naming the field, the value and what is allowed.
        """
        encodings = torch.zeros(len(configs), LAYERS[0])
        for encoding, config in zip(encodings, configs, strict=True):
            self._encode(config, encoding)
        mean = self._net(encodings)[:, 0].double().numpy()
        return mean, np.full(len(configs), np.nan)

    def _encode(self, config: SubnetConfig, encoding: Tensor) -> None:
        """Write the one-hot encoding of a config into a vector of zeros."""
        self.space.validate(config)
        first_resolution = LAYERS[0] - 8
        for field, start in (('ks', 0), ('e', first_resolution // 2)):
            for block, choice in enumerate(self.space.choices(field)):
                stage, least = choice.runs_above or (0, 0)
                if config.d[stage] > least:
                    value = getattr(config, field)[block]
                    encoding[start + 3 * block + choice.allowed.index(value)] = 1
        encoding[first_resolution + (config.r - 112) // 16] = 1
