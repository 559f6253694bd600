# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.training.config import TrainingPlan
from dynofa_ros.offline.training.trainer import Trainer, TrainingError, train

PLAN = TrainingPlan(epochs=2, batch_size=4, peak_learning_rate=0.05)
STEPS = 12
ADAMW = {'optimizer': 'adamw', 'peak_learning_rate': 1e-3, 'weight_decay': 0.05}
RUNS = {
    'sandwich': ('tiny_mobilenet', {}),
    'two a step': ('tiny_mobilenet', {'subnets_per_step': 2}),
    'progressive': ('tiny_mobilenet', {'method': 'progressive'}),
    'bfloat16': ('tiny_mobilenet', {'precision': 'bfloat16'}),
    'sandwich, adamw': ('tiny_transformer', ADAMW),
    'sandwich, muon': ('tiny_transformer', {**ADAMW, 'optimizer': 'muon'}),
    'progressive, adamw': ('tiny_transformer', {'method': 'progressive', **ADAMW}),
}


@pytest.fixture
def trainer(make_net, thumbnails, tmp_path):
    """Return a function that makes a trainer of a fresh supernet, as `dynofa train` does."""

    def make(family='tiny_mobilenet', *, data=None, seed=0, **changes):
        net = make_net(family, seed)
        changes['seed'] = changes.pop('plan_seed', 0)
        if changes.pop('alone', False):
            config = net.space.canonical(net.space.uniform(ks=3, e=3, d=1, r=12))
            changes |= {'alone': config, 'method': 'alone'}
        plan = replace(PLAN, **changes)
        return Trainer(net, data or thumbnails(), plan, tmp_path / 'training' / 'checkpoint.pt')

    return make


def weights(trainer):
    return {name: value.clone() for name, value in trainer.net.state_dict().items()}


def equal(left, right):
    return all(torch.equal(value, right[name]) for name, value in left.items())


def test_a_run_reports_the_progress_of_every_step(trainer):
    progress = list(trainer().run())
    assert [(each.step, each.steps) for each in progress] == [(i + 1, STEPS) for i in range(STEPS)]
    assert [each.step for each in progress if each.ends_epoch] == [6, 12]
    assert [each.resolution for each in progress] == [8] * 6 + [12] * 6
    assert all(0 < each.loss < 10 and 0 <= each.accuracy <= 1 for each in progress)
    assert progress[0].remaining_s == (STEPS - 1) * progress[0].seconds_per_step > 0


def test_weights_depend_on_the_seed(trainer):
    runs = [trainer(), trainer(), trainer(plan_seed=1)]
    for run in runs:
        list(run.run())
    first, again, other = map(weights, runs)
    assert equal(first, again)
    assert not equal(first, other)


@pytest.mark.parametrize('run', [*RUNS, 'alone'])
@pytest.mark.parametrize('stop_at', [1, 8])
def test_a_stopped_and_resumed_run_ends_with_the_same_weights(trainer, run, stop_at):
    family, changes = RUNS.get(run, ('tiny_mobilenet', {'alone': True}))
    whole = trainer(family, **changes)
    list(whole.run())
    stopped = trainer(family, **changes)
    steps = stopped.run()
    for _ in range(stop_at):
        next(steps)
    stopped.save()
    torch.manual_seed(stop_at)  # as if another process had drawn random numbers before
    resumed = trainer(family, **changes)
    assert resumed.resume()
    assert resumed.step == stop_at
    list(resumed.run())
    assert equal(weights(resumed), weights(whole))


@pytest.mark.parametrize('run', [name for name in RUNS if name != 'bfloat16'])
def test_the_loss_falls(trainer, thumbnails, run):
    family, changes = RUNS[run]
    rate = 0.004 if family == 'tiny_transformer' else 0.1
    run = trainer(
        family,
        data=thumbnails(48),
        **{**changes, 'epochs': 12, 'batch_size': 16, 'peak_learning_rate': rate},
    )
    progress = list(run.run())
    first = [each.loss for each in progress[:3]]
    last = [each.loss for each in progress[-3:]]
    # Progressive shrinking ends with sub-networks that have only started to train.
    assert sum(last) < (0.95 if changes.get('method') else 0.7) * sum(first)


def test_bfloat16_has_similar_losses_and_float32_weights(trainer):
    runs = {name: trainer(precision=name) for name in ('float32', 'bfloat16')}
    losses = {name: [each.loss for each in run.run()] for name, run in runs.items()}
    assert losses['bfloat16'] == pytest.approx(losses['float32'], rel=0.05)
    assert losses['bfloat16'] != losses['float32']
    assert {value.dtype for value in runs['bfloat16'].net.parameters()} == {torch.float32}


def test_training_alone_changes_only_weights_of_the_sub_network(trainer):
    run = trainer(alone=True)
    before = weights(run)
    list(run.run())
    config = run.plan.alone
    assert config.d == (1,)
    after = weights(run)
    assert not torch.equal(before['stages.0.0.project.weight'], after['stages.0.0.project.weight'])
    second_block = {name for name in before if name.startswith('stages.0.1.')}
    assert all(torch.equal(before[name], after[name]) for name in second_block)


def test_the_teacher_is_the_largest_network_after_its_phase(trainer):
    run = trainer(method='progressive')
    for progress in run.run():
        if progress.phase == 'largest':
            assert run.teacher is None
            largest = weights(run)
    assert equal(run.teacher.state_dict(), largest)
    assert not equal(run.net.state_dict(), largest)


def test_without_a_checkpoint_there_is_nothing_to_resume(trainer):
    assert not trainer().resume()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'peak_learning_rate': 0.1}, r'plan, peak_learning_rate: 0\.05, not 0\.1\); expected the'),
        ({'family': 'tiny_transformer'}, 'supernet: tiny_mobilenet, not tiny_transformer'),
        ({'seed': 1}, 'first weights: '),
    ],
)
def test_the_difference_to_the_run_of_a_checkpoint_is_named(trainer, change, message):
    trainer().save()
    with pytest.raises(ValueError, match=message):
        trainer(**change).resume()


def test_a_checkpoint_of_other_images_or_classes_is_refused(trainer, thumbnails):
    trainer().save()
    data = thumbnails()
    for other in (thumbnails(seed=1), replace(data, classes=data.classes.flip(0))):
        with pytest.raises(ValueError, match=r'data: 24 images of fingerprint .*, not 24 images'):
            trainer(data=other).resume()


def test_a_damaged_checkpoint_is_named(trainer):
    run = trainer()
    run.save()
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r'checkpoint\.pt is damaged'):
        trainer().resume()


def test_a_checkpoint_with_an_identity_of_another_form_is_damaged(trainer):
    run = trainer()
    run.save()
    state = torch.load(run.checkpoint)
    state['identity']['plan'] = 'text'
    torch.save(state, run.checkpoint)
    with pytest.raises(ValueError, match=r'checkpoint\.pt is damaged: AttributeError'):
        trainer().resume()


def test_a_failed_save_keeps_the_previous_checkpoint(trainer, monkeypatch):
    run = trainer()
    next(run.run())
    run.save()

    def full_disk(state, stream):
        stream.write(b'half of it')
        raise OSError('no space left')

    monkeypatch.setattr(torch, 'save', full_disk)
    with pytest.raises(ValueError, match=r'checkpoint\.pt cannot be written: no space left'):
        run.save()
    resumed = trainer()
    assert resumed.resume()
    assert resumed.step == 1


def test_a_batch_larger_than_the_data_is_refused(trainer):
    with pytest.raises(ValueError, match='batch_size is 64; expected at most 24 images'):
        trainer(batch_size=64)


def test_a_loss_that_is_not_finite_ends_the_run(trainer):
    run = trainer()
    with torch.no_grad():
        run.net.classifier.bias.fill_(float('nan'))
    with pytest.raises(TrainingError, match='the loss is nan at step 0'):
        list(run.run())


def test_train_reports_every_step_and_saves_at_the_end(trainer):
    steps, again = [], trainer()
    assert train(trainer(), on_step=steps.append)
    assert [each.step for each in steps] == list(range(1, STEPS + 1))
    assert again.resume()
    assert again.step == STEPS


def test_train_saves_periodically(trainer):
    run, saved, time_s = trainer(), [], iter(range(0, 1000, 40))
    run.save = lambda: saved.append(run.step)
    train(run, on_step=lambda _: None, clock=lambda: float(next(time_s)))
    assert saved[:3] == [2, 4, 6]


def test_a_stopped_run_saves_and_resumes_to_the_same_weights(trainer):
    whole, stops = trainer(), iter([False, False, True])
    list(whole.run())
    assert not train(trainer(), on_step=lambda _: None, stop=lambda: next(stops))
    resumed = trainer()
    assert resumed.resume()
    assert resumed.step == 3
    list(resumed.run())
    assert equal(weights(resumed), weights(whole))


def test_the_identity_in_a_checkpoint_has_plain_values(trainer):
    run = trainer(alone=True)
    run.save()
    identity = torch.load(run.checkpoint, weights_only=True)['identity']
    assert json.loads(json.dumps(identity['plan']))['alone'] == run.plan.alone.to_dict()
