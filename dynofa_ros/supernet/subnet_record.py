"""A sub-network that a model keeps, and the error of a model that does not fit together."""

from __future__ import annotations

from dataclasses import dataclass

from dynofa_ros.supernet.config import SubnetConfig

PRECISIONS = ('float32', 'int8')


class ModelError(ValueError):
    """A model folder that is missing, damaged or does not fit together."""


@dataclass(frozen=True)
class SubnetRecord:
    """A sub-network worth running, with its top-1 accuracy on the test images, 0..1."""

    subnet_id: str
    config: SubnetConfig
    accuracy: float
    flops: int
    parameters: int
    layers: int
    """Operations, parameters and layers as :func:`dynofa_ros.supernet.cost.cost` counts them."""
    precision: str = 'float32'
    """Of weights and activations: float32 or int8."""

    def __post_init__(self) -> None:
        """Refuse an empty name, an accuracy that is no fraction, counts that are not positive.

        Raises:
            ModelError: naming the sub-network, the field and the value.
        """
        if not isinstance(self.subnet_id, str) or not self.subnet_id:
            raise ModelError(f'subnet_id is {self.subnet_id!r}; it must be a text, not empty')
        if self.precision not in PRECISIONS:
            raise ModelError(
                f'{self.subnet_id}: precision is {self.precision!r}; '
                f'expected {", ".join(PRECISIONS)}'
            )
        if not 0 <= self.accuracy <= 1:
            raise ModelError(f'{self.subnet_id}: accuracy is {self.accuracy}; it must be in 0..1')
        for name in ('flops', 'parameters', 'layers'):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ModelError(
                    f'{self.subnet_id}: {name} is {value!r}; it must be an integer above 0'
                )
