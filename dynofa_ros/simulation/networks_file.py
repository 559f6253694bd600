"""Read the sub-networks of an application: from a YAML file, or from the folder of a model."""

from __future__ import annotations

from dataclasses import dataclass

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.section import Section
from dynofa_ros.platform.shipped_file import read_file
from dynofa_ros.profiles.network import MeasuredLatency, SubnetCost

FOLDER = 'config/networks'
MODEL = 'model:'


@dataclass(frozen=True)
class Networks:
    """The sub-networks that an application can choose from."""

    supernet: str
    networks: tuple[SubnetCost, ...]

    def __post_init__(self) -> None:
        """Raise PlatformError for none, or a name twice."""
        names = [each.subnet_id for each in self.networks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not names:
            raise PlatformError(
                field='networks', value=twice, expected='at least one, and each name once'
            )

    def only(self, subnet_ids: tuple[str, ...]) -> Networks:
        """Return those of these names. Raises PlatformError, which lists them, for another."""
        known = {each.subnet_id: each for each in self.networks}
        for subnet_id in subnet_ids:
            if subnet_id not in known:
                raise PlatformError(
                    field='subnets', value=subnet_id, expected=f'some of {", ".join(known)}'
                )
        return Networks(self.supernet, tuple(known[each] for each in subnet_ids))


def load_networks(source: str) -> Networks:
    """Return the sub-networks of a file: by name (of ``config/networks``), or by its path.

    A model is written ``model:NAME`` or ``model:FOLDER``: its kept sub-networks.

    Raises PlatformError, which names the file, the field, its value and what is allowed, and
    ModelError for a model that cannot be loaded.
    """
    if source.startswith(MODEL):
        return _of_model(source.removeprefix(MODEL))
    top = read_file(source, folder=FOLDER, kind='networks')
    with top.complete():
        sets = top.sections('sets')
        return Networks(
            supernet=top.text('supernet'),
            networks=tuple(each for at in sets.values() for each in _of_set(at)),
        )


def _of_model(name_or_path: str) -> Networks:
    # Only a model needs torch, which takes seconds to import.
    from dynofa_ros.supernet import load_model

    model = load_model(name_or_path)
    return Networks(model.net.spec.name, tuple(SubnetCost.of(kept) for kept in model.kept))


def _of_set(at: Section) -> list[SubnetCost]:
    with at.complete():
        at.text('source')  # who measured it is for the reader, but must be there
        processors = at.list_of_texts('processors') if at.has('processors') else ()
        place = at.section('measured_on') if at.has('measured_on') else None
        return [
            _network(name, each, processors=processors, place=place)
            for name, each in at.sections('networks').items()
        ]


def _network(
    name: str, at: Section, *, processors: tuple[str, ...], place: Section | None
) -> SubnetCost:
    with at.complete():
        return SubnetCost(
            subnet_id=name,
            accuracy=at.bare_number('accuracy'),
            flops=at.bare_integer('flops'),
            layers=at.bare_integer('layers'),
            parameters=at.bare_integer('parameters'),
            processors=processors,
            measured=_measured(place, at.bare_number('latency_s')) if place else None,
        )


def _measured(place: Section, latency_s: float) -> MeasuredLatency:
    with place.complete():
        return MeasuredLatency(
            platform=place.text('platform'),
            processor=place.text('processor'),
            frequency_hz=place.bare_number('frequency_hz'),
            threads=place.bare_integer('threads'),
            latency_s=latency_s,
        )
