from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.training.config import TrainingPlan, default_plan
from dynofa_ros.offline.training.muon import Muon

PLAN = TrainingPlan(peak_learning_rate=0.2)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'epochs': 0}, 'epochs is 0; it must be above 0'),
        ({'batch_size': -1}, 'batch_size is -1'),
        ({'peak_learning_rate': float('nan')}, 'peak_learning_rate is nan'),
        ({'gradient_clip': 0.0}, r'gradient_clip is 0\.0'),
        ({'label_smoothing': 1.0}, r'label_smoothing is 1\.0; it must be in 0\.\.1'),
        ({'warmup': -0.1}, r'warmup is -0\.1'),
        ({'climb': 2}, 'climb is 2'),
        ({'weight_decay': -1e-4}, r'weight_decay is -0\.0001; it must not be below 0'),
        ({'method': 'sandwhich'}, "method is 'sandwhich'; expected sandwich, progressive, alone"),
        ({'optimizer': 'adam'}, "optimizer is 'adam'; expected sgd, adamw, muon"),
        ({'subnets_per_step': 1}, 'subnets_per_step is 1; it must be at least 2'),
        ({'method': 'alone'}, 'alone is None and method is alone'),
    ],
)
def test_a_plan_that_cannot_train_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PLAN, **change)


def test_the_learning_rate_climbs_evenly_to_its_peak():
    rates = [PLAN.learning_rate(progress) for progress in (0, 0.05, 0.1)]
    assert rates == pytest.approx([0, 0.1, 0.2])


def test_the_learning_rate_falls_along_a_cosine_to_zero():
    plan = replace(PLAN, warmup=0.0)
    rates = [plan.learning_rate(progress) for progress in (0, 0.25, 0.5, 0.75, 1)]
    assert rates == pytest.approx([0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5), 0])


def test_a_phase_scales_the_learning_rate():
    assert PLAN.learning_rate(0.1, 0.5) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ('name', 'kind'), [('sgd', torch.optim.SGD), ('adamw', torch.optim.AdamW), ('muon', Muon)]
)
def test_the_optimizer_is_the_one_that_is_named(name, kind):
    weights = [torch.nn.Parameter(torch.ones(2, 2))]
    assert isinstance(replace(PLAN, optimizer=name).make_optimizer(weights), kind)


@pytest.mark.parametrize(
    ('progress', 'count'), [(0, 1), (0.16, 1), (0.17, 2), (0.34, 3), (0.5, 4), (1, 4)]
)
def test_resolutions_come_in_one_by_one(progress, count):
    every = (20, 24, 28, 32)
    assert PLAN.resolutions(progress, every) == every[:count]


def test_without_a_climb_all_resolutions_are_there_from_the_start():
    assert replace(PLAN, climb=0).resolutions(0, (20, 24)) == (20, 24)


def test_vectors_are_not_decayed(make_net):
    optimizer = PLAN.make_optimizer(make_net().parameters())
    decays = {
        weight.ndim > 1: group['weight_decay']
        for group in optimizer.param_groups
        for weight in group['params']
    }
    assert decays == {True: PLAN.weight_decay, False: 0}


def test_a_transformer_has_defaults_of_its_own(make_net):
    plan = TrainingPlan(**default_plan(make_net('tiny_transformer')))
    assert (plan.optimizer, plan.weight_decay) == ('muon', 0.05)
    assert TrainingPlan(**default_plan(make_net())) == TrainingPlan()
