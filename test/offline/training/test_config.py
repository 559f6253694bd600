# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.training.config import TrainingPlan, default_plan
from dynofa_ros.offline.training.muon import Muon

PLAN = TrainingPlan(peak_learning_rate=0.2)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'epochs': 0}, 'epochs is 0; expected a number above 0'),
        ({'batch_size': -1}, 'batch_size is -1'),
        ({'peak_learning_rate': float('nan')}, 'peak_learning_rate is nan'),
        ({'gradient_clip': 0.0}, r'gradient_clip is 0\.0'),
        ({'label_smoothing': 1.0}, r'label_smoothing is 1\.0; expected 0 or above and below 1'),
        ({'warmup': -0.1}, r'warmup is -0\.1'),
        ({'climb': 2}, 'climb is 2'),
        ({'weight_decay': -1e-4}, r'weight_decay is -0\.0001; expected 0 or above'),
        ({'method': 'sandwhich'}, "method is 'sandwhich'; expected sandwich, progressive, alone"),
        ({'optimizer': 'adam'}, "optimizer is 'adam'; expected sgd, adamw, muon"),
        ({'subnets_per_step': 1}, 'subnets_per_step is 1; expected 2 or above'),
        ({'method': 'alone'}, 'alone is None; expected a config with method alone'),
    ],
)
def test_an_invalid_plan_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PLAN, **change)


@pytest.mark.parametrize(
    ('warmup', 'scale', 'progress', 'rates'),
    [
        (0.1, 1.0, (0, 0.05, 0.1), [0, 0.1, 0.2]),
        (0.1, 0.5, (0.1,), [0.1]),
        (0.0, 1.0, (0, 0.25, 0.5, 0.75, 1), [0.2, 0.170711, 0.1, 0.029289, 0]),
    ],
    ids=['linear warm-up', 'scaled by the phase', 'cosine decay to zero'],
)
def test_the_learning_rate_follows_one_cycle(warmup, scale, progress, rates):
    plan = replace(PLAN, warmup=warmup)
    found = [plan.learning_rate(each, scale) for each in progress]
    assert found == pytest.approx(rates, rel=1e-4)


@pytest.mark.parametrize(
    ('name', 'kind'), [('sgd', torch.optim.SGD), ('adamw', torch.optim.AdamW), ('muon', Muon)]
)
def test_the_optimizer_is_chosen_by_name(name, kind):
    weights = [torch.nn.Parameter(torch.ones(2, 2))]
    assert isinstance(replace(PLAN, optimizer=name).make_optimizer(weights), kind)


@pytest.mark.parametrize(
    ('progress', 'count'), [(0, 1), (0.16, 1), (0.17, 2), (0.34, 3), (0.5, 4), (1, 4)]
)
def test_resolutions_are_added_one_by_one(progress, count):
    available = (20, 24, 28, 32)
    assert PLAN.resolutions(progress, available) == available[:count]


def test_without_a_climb_all_resolutions_are_used_from_the_start():
    assert replace(PLAN, climb=0).resolutions(0, (20, 24)) == (20, 24)


def test_vectors_have_no_weight_decay(make_net):
    optimizer = PLAN.make_optimizer(make_net().parameters())
    decays = {
        weight.ndim > 1: group['weight_decay']
        for group in optimizer.param_groups
        for weight in group['params']
    }
    assert decays == {True: PLAN.weight_decay, False: 0}


def test_a_transformer_has_its_own_defaults(make_net):
    plan = TrainingPlan(**default_plan(make_net('tiny_transformer')))
    assert (plan.optimizer, plan.weight_decay) == ('muon', 0.05)
    assert TrainingPlan(**default_plan(make_net())) == TrainingPlan()
