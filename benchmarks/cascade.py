# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What cascades save: operations and CPU time on images, energy on a simulated board.

    python benchmarks/cascade.py --model ofa_mbv3_cifar10 --data IMAGES --json FILE

The images must have chosen nothing: those of a new data set, or with `--choose-on` and `--seed` the
ones that `dynofa cascade` left to measure. Of the cascades in the model folder, two are compared
with the largest sub-network alone: the cheapest within 0.1, and within 0.3 points of its top-1 on
these images. CPU time is that of this process, decoding excluded; both sides take every image in
turn. The simulated part is `cascade_simulated.py`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from cascade_simulated import compare_all, single_camera_scenarios
from goals import Ceiling, Goal, judge
from machine import benchmark_parser, count, run_benchmark

from dynofa_ros.engine import AUTO, CPU, Place, ResidentSet, choose_engine, default_cache, networks
from dynofa_ros.engine.classifier import Classifier, Prepared
from dynofa_ros.engine.resident_set import ResidentSubnet
from dynofa_ros.offline.cascade.calibration import Calibration, right
from dynofa_ros.offline.cascade.logits import Classes, Logits, divided, engine_logits
from dynofa_ros.offline.cascade.measured import bootstrap_interval, escalated_images
from dynofa_ros.offline.data.dataset import Dataset, class_indices
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.simulation.networks_file import load_networks
from dynofa_ros.supernet import Model, load_model
from dynofa_ros.supernet.cascade_record import CascadeRecord

DROPS = {'0.1 points': 0.001, '0.3 points': 0.003}
"""Below the top-1 of the largest sub-network."""
FLOPS_GOALS = {'0.1 points': 70.0, '0.3 points': 48.0}
TIME_GOALS = {'0.1 points': 88.0, '0.3 points': 78.0}
"""In per cent of the largest sub-network."""
PARTS = ('images', 'time', 'simulated')


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the goals and write JSON."""
    parser = benchmark_parser(__doc__)
    parser.add_argument('--model', default='ofa_mbv3_cifar10', help='name or folder of a model')
    parser.add_argument('--data', required=True, help='labelled images that chose nothing')
    parser.add_argument(
        '--choose-on',
        type=float,
        default=0.0,
        help='share of the images that chose, and is left out; 0: none did',
    )
    parser.add_argument('--seed', type=int, default=0, help='of that division')
    parser.add_argument('--engine', default=AUTO)
    parser.add_argument('--threads', type=count, default=1)
    parser.add_argument('--frames', type=count, default=300, help='images whose time is taken')
    parser.add_argument('--rounds', type=count, default=7, help='times that each is taken')
    parser.add_argument('--seeds', type=count, default=3, help='simulated runs of each scenario')
    parser.add_argument('--scenarios', nargs='+', help='simulated; default: all with one camera')
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=PARTS)
    return run_benchmark('cascade', measure, parser.parse_args(arguments))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the parts that are asked for; return their figures.

    Raises:
        ValueError: if the model has no cascade, or a file or an engine cannot be used.
    """
    model = load_model(options.model)
    if not model.cascades:
        raise ValueError(f'{model.name} has no cascades; expected some: dynofa cascade makes them')
    document: dict[str, Any] = {'model': model.name}
    if {'images', 'time'} & set(options.parts):
        document |= _on_images(model, options)
    if 'simulated' in options.parts:
        scenarios = options.scenarios or single_camera_scenarios()
        simulated = compare_all(load_networks(f'model:{options.model}'), scenarios, options.seeds)
        document['simulated'] = simulated
    return document


def _on_images(model: Model, options: argparse.Namespace) -> dict[str, Any]:
    data = load_dataset(options.data)
    classes = class_indices(data, model.labels, what=options.data).numpy()
    if options.choose_on:
        _, index = divided(classes, options.choose_on, seed=options.seed)
        data, classes = data.subset(torch.from_numpy(index)), classes[index]
    compiled = networks(model, default_cache())
    engine = choose_engine(options.engine, compiled, threads=options.threads).engine
    logits = engine_logits(compiled, engine, data, threads=options.threads)
    largest = max(model.kept, key=lambda each: each.accuracy)
    rows = [cascade_row(each, model, logits, classes) for each in model.cascades]
    top1 = float(right(logits[largest.subnet_id], classes).mean())
    chosen = {name: cheapest(rows, top1 - drop) for name, drop in DROPS.items()}
    goals: list[Goal] = [
        Ceiling(
            f'mean MFLOP within {name} of the largest [% of its]',
            100.0 * (row['flops'] if row else largest.flops) / largest.flops,
            FLOPS_GOALS[name],
        )
        for name, row in chosen.items()
    ]
    calibrations = [
        Calibration.of(k.subnet_id, k.temperature, logits[k.subnet_id], classes) for k in model.kept
    ]
    worst = max(calibrations, key=lambda each: each.after)
    goals.append(
        Ceiling(
            f'calibration error, worst ({worst.subnet_id}; perfect scores: '
            f'{100 * worst.floor:.1f}) [%]',
            100.0 * worst.after,
            2.0,
        )
    )
    document: dict[str, Any] = {
        'engine': engine.name,
        'images': len(data),
        'largest': {'subnet_id': largest.subnet_id, 'top1': top1, 'flops': largest.flops},
        'cascades': rows,
        'within': chosen,
        'calibration': [
            {'subnet_id': e.subnet_id, 'before': e.before, 'after': e.after, 'perfect': e.floor}
            for e in calibrations
        ],
    }
    if 'time' in options.parts:
        residents = ResidentSet(compiled, engine)
        known = {each.cascade_id: each for each in model.cascades}
        timed = {
            name: _timed(known[row['cascade_id']], largest.subnet_id, residents, data, options)
            for name, row in chosen.items()
            if row
        }
        for name, row in timed.items():
            goals += [
                Ceiling(
                    f'CPU time within {name} of the largest [% of its]',
                    100.0 * row['ratio'],
                    TIME_GOALS[name],
                ),
                Ceiling(f'{name}: not escalated, slower [%]', 100.0 * row['slower'], 2.0),
                Ceiling(f'{name}: not escalated, slower [ms]', 1e3 * row['slower_s'], 0.1),
            ]
        document['time'] = timed
    return document | {'goals': judge(goals)}


def cascade_row(
    cascade: CascadeRecord, model: Model, logits: Mapping[str, Logits], classes: Classes
) -> dict[str, Any]:
    """Return top-1, share of escalations and mean operations of a cascade on these images."""
    stages = [model.subnet(each) for each in cascade.stages]
    correct = [right(logits[each], classes) for each in cascade.stages]
    answer = correct[0].copy()
    flops, reached = float(stages[0].flops), []
    temperatures = (stages[0].temperature, *cascade.temperatures)
    escalations = escalated_images(cascade.stages, cascade.thresholds, temperatures, logits=logits)
    for number, escalated in enumerate(escalations, start=1):
        answer[escalated] = correct[number][escalated]
        reached.append(float(escalated.mean()))
        flops += reached[-1] * stages[number].flops
    difference = answer.astype(np.float64) - correct[-1]
    return {
        'cascade_id': cascade.cascade_id,
        'top1': float(answer.mean()),
        'difference': float(difference.mean()),
        'difference_interval': bootstrap_interval(difference),
        'reached': reached,
        'reached_in_model': list(cascade.reached),
        'flops': flops,
    }


def cheapest(rows: Sequence[dict[str, Any]], top1: float) -> dict[str, Any] | None:
    """Return the cascade of the fewest mean operations with this top-1; None if there is none."""
    accurate = [each for each in rows if each['top1'] >= top1]
    return min(accurate, key=lambda each: float(each['flops']), default=None)


def _timed(
    cascade: CascadeRecord,
    largest: str,
    residents: ResidentSet,
    data: Dataset,
    options: argparse.Namespace,
) -> dict[str, float]:
    """Return the CPU time of a frame of a cascade and of sub-networks alone [s]."""
    place = Place(CPU, options.threads)
    stages = residents.load_together(cascade.stages, place)
    alone = residents.load(largest, place)
    # The labels do not matter here; a classifier needs as many as there are classes.
    labels = tuple(map(str, range(int(residents.networks[largest].net.spec.classes))))
    images = [data.image(i) for i in range(min(options.frames, len(data)))]
    one, other = Classifier(stages[0], labels), Classifier(alone, labels)

    def with_cascade(image: Any) -> int:
        prepared = one.prepare(lambda: image)
        return _run_stages(one, prepared, cascade, stages)

    sides: dict[str, Callable[[Any], Any]] = {
        'cascade': with_cascade,
        'largest': lambda image: other.classify(other.prepare(lambda: image)),
        'small': lambda image: one.classify(one.prepare(lambda: image)),
    }
    sure = np.array([with_cascade(image) == 1 for image in images])
    seconds = {name: np.empty((options.rounds, len(images))) for name in sides}
    for turn in range(options.rounds):
        for column, image in enumerate(images):
            for name, call in sides.items():
                start = time.process_time()
                call(image)
                seconds[name][turn, column] = time.process_time() - start
    # Of every image the median of the rounds, then the mean of the images: some are escalated.
    frame = {name: np.median(each, axis=0) for name, each in seconds.items()}
    result = {f'{name}_s': float(each.mean()) for name, each in frame.items()}
    result['ratio'] = result['cascade_s'] / result['largest_s']
    result['sure_s'] = statistics.median(frame['cascade'][sure].tolist())
    result['small_sure_s'] = statistics.median(frame['small'][sure].tolist())
    result['slower_s'] = result['sure_s'] - result['small_sure_s']
    result['slower'] = result['slower_s'] / result['small_sure_s']
    return result


def _run_stages(
    classifier: Classifier,
    prepared: Prepared,
    cascade: CascadeRecord,
    stages: Sequence[ResidentSubnet],
) -> int:
    """Run a cascade as the perception node does; return the number of stages that ran."""
    score = classifier.classify(prepared).prediction.scores[0]
    for number, threshold in enumerate(cascade.thresholds):
        if score >= threshold:
            return number + 1
        refined = classifier.refine(
            prepared, stages[number + 1], temperature=cascade.temperatures[number]
        )
        score = refined.prediction.scores[0]
    return len(stages)


if __name__ == '__main__':
    sys.exit(main())
