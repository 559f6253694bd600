"""Predict the accuracy of sub-networks from the measured accuracies of others.

A supernet holds more sub-networks than can be measured; a regression on a few hundred or thousand
of them ranks the others well enough to search (Once-for-All, arXiv 1908.09791, section 3.4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Protocol, overload
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from dynofa_ros.atomic_file import written_whole
from dynofa_ros.offline.search.accuracy_rows import Row, config_of, parse_rows, space_of
from dynofa_ros.offline.search.features import SubnetFeatures
from dynofa_ros.offline.search.gaussian_process import GaussianProcess
from dynofa_ros.offline.search.ofa_predictor import OfaAccuracyPredictor
from dynofa_ros.supernet.config import SubnetConfig
from dynofa_ros.supernet.search_space import ElasticDimension, SearchSpace

Array = npt.NDArray[np.float64]


class _Predicts(Protocol):
    @property
    def resolutions(self) -> tuple[int, ...] | None: ...

    def predict(self, configs: list[SubnetConfig]) -> tuple[Array, Array]: ...


class AccuracyPredictor:
    """Predicts top-1, as a fraction, of the sub-networks of one supernet.

    On the table of 2,088 measured sub-networks of ``ofa_mbv3_d234_e346_k357_w1.0``, in five-fold
    cross-validation: Kendall's tau 0.909, root mean square error 0.30 points; a ridge regression
    on one-hot features of the blocks that run has 0.903 and 0.33. No predictor of that table can
    be much better than 0.30 points: its rows come from four sessions, 0.24 points apart (standard
    deviation) for reasons that are in no column (see `gaussian_process`).
    """

    def __init__(self, space: SearchSpace | None = None) -> None:
        """Say which space the sub-networks come from; without, the rows of ``fit`` tell."""
        self._space = space
        self._model: _Predicts | None = None

    @property
    def space(self) -> SearchSpace | None:
        """The space whose sub-networks it knows; None before ``fit`` has been told or shown."""
        return self._space

    @property
    def resolutions(self) -> tuple[int, ...] | None:
        """The only resolutions that it predicts; None where any will do, or before ``fit``."""
        return self._model.resolutions if self._model is not None else None

    def fit(self, rows: Iterable[Row]) -> AccuracyPredictor:
        """Learn from measured rows and return itself.

        A row is a mapping of ``ks``, ``e``, ``d``, ``r`` (or what the supernet's configs have) and
        ``top1`` or ``accuracy``, a fraction; or a pair of a :class:`SubnetConfig` and that. Rows
        are taken to be in the order in which they were measured; any order will do.

        Raises:
            ValueError: naming the row, the field, the value and what is allowed.
        """
        configs, accuracies = parse_rows(rows)
        space = self._space or space_of(configs)
        features = SubnetFeatures(space)
        try:
            x = features(configs)
        except ValueError:
            _name_row(features, configs)
            raise
        process = GaussianProcess.fit(x, np.array(accuracies), features.groups)
        self._space, self._model = space, _Fitted(features, process)
        return self

    @overload
    def predict(
        self,
        configs: Iterable[SubnetConfig | Mapping[str, Any]],
        *,
        with_std: Literal[False] = False,
    ) -> Array: ...

    @overload
    def predict(
        self, configs: Iterable[SubnetConfig | Mapping[str, Any]], *, with_std: Literal[True]
    ) -> tuple[Array, Array]: ...

    def predict(
        self, configs: Iterable[SubnetConfig | Mapping[str, Any]], *, with_std: bool = False
    ) -> Array | tuple[Array, Array]:
        """Return the top-1 of each sub-network, (N,), 0..1.

        ``with_std`` adds the standard deviation of a measurement about it, (N,), which grows
        away from the rows of ``fit``; NaN where it is unknown. One config is a list of one.

        Raises:
            ValueError: before ``fit``, or naming the field, the value and what is allowed.
        """
        if self._model is None:
            raise ValueError('the predictor knows no accuracies yet: call fit(rows) first')
        if isinstance(configs, (SubnetConfig, Mapping)):
            configs = [configs]
        mean, std = self._model.predict([config_of(config) for config in configs])
        fraction = mean.clip(0, 1)
        return (fraction, std) if with_std else fraction

    def save(self, file: Path) -> None:
        """Write a fitted predictor, whole or not at all, as NumPy arrays without pickle.

        Raises:
            ValueError: before ``fit``, or naming the file that cannot be written.
        """
        if not isinstance(self._model, _Fitted):
            raise ValueError('only a predictor that was fitted can be saved: call fit(rows) first')
        space = json.dumps(asdict(self._model.features.space))
        arrays: dict[str, Any] = self._model.process.arrays()
        with written_whole(file, what='predictor') as partial:
            file.parent.mkdir(parents=True, exist_ok=True)
            with partial.open('wb') as stream:
                np.savez_compressed(stream, space=np.array(space), **arrays)

    @classmethod
    def load(cls, file: Path) -> AccuracyPredictor:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: naming the file and what is wrong with it.
        """
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = dict(stored)
            predictor = cls(_space(json.loads(str(arrays.pop('space')))))
            features = SubnetFeatures(predictor._space or SearchSpace(resolutions=()))
            predictor._model = _Fitted(features, GaussianProcess.from_arrays(arrays))
        except OSError as error:
            raise ValueError(f'predictor {file} cannot be read: {error.strerror}') from error
        except (BadZipFile, EOFError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f'predictor {file} is damaged: {error}') from error
        return predictor

    @classmethod
    def from_ofa(cls, file: str | Path) -> AccuracyPredictor:
        """Read the file that Once-for-All published for OFA-MobileNetV3.

        What its accuracies are worth: see :class:`OfaAccuracyPredictor`.

        Raises:
            ValueError: naming the file and what is wrong with it.
        """
        model = OfaAccuracyPredictor(Path(file))
        predictor = cls(model.space)
        predictor._model = model
        return predictor


class _Fitted:
    def __init__(self, features: SubnetFeatures, process: GaussianProcess) -> None:
        self.features, self.process = features, process
        known = features.space.resolutions
        self.resolutions = known if len(known) == 1 else None

    def predict(self, configs: list[SubnetConfig]) -> tuple[Array, Array]:
        if not configs:
            return np.empty(0), np.empty(0)
        return self.process.predict(self.features(configs))


def _name_row(features: SubnetFeatures, configs: list[SubnetConfig]) -> None:
    for number, config in enumerate(configs):
        try:
            features([config])
        except ValueError as error:
            raise ValueError(f'row {number}: {error}') from None


def _space(document: dict[str, Any]) -> SearchSpace:
    """Return a space from what ``asdict`` and JSON made of it."""
    resolutions = tuple(document.pop('resolutions'))
    fields = {
        field: tuple(
            ElasticDimension(
                tuple(each['allowed']), each['runs_above'] and tuple(each['runs_above'])
            )
            for each in choices
        )
        for field, choices in document.items()
    }
    return SearchSpace(resolutions=resolutions, **fields)
