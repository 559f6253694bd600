import json
from dataclasses import replace

import pytest
import torch

from dynofa_ros.offline.dataset import Dataset
from dynofa_ros.offline.train import Trainer, TrainingPlan, train
from dynofa_ros.supernet import create_supernet

PLAN = TrainingPlan(epochs=1, batch_size=8, peak_learning_rate=0.05)
STEPS = 3


@pytest.fixture(scope='module')
def data():
    rng = torch.Generator().manual_seed(0)
    count = STEPS * PLAN.batch_size + 1  # the last does not fill a batch
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=rng, dtype=torch.uint8)
    return Dataset(images, torch.arange(count) % 10, tuple('abcdefghij'))


@pytest.fixture
def trainer(data, tmp_path):
    """Return a function that makes a trainer of a fresh supernet, as `dynofa train` does."""

    def make(plan=PLAN):
        torch.manual_seed(plan.seed)
        net = create_supernet('ofa_mbv3_cifar10')
        return Trainer(net, data, plan, tmp_path / 'training' / 'checkpoint.pt')

    return make


def weights(trainer):
    return {name: value.clone() for name, value in trainer.net.state_dict().items()}


def equal(left, right):
    return all(torch.equal(value, right[name]) for name, value in left.items())


@pytest.fixture(scope='module')
def uninterrupted(data, tmp_path_factory):
    """Weights after a run from start to end."""
    torch.set_num_threads(1)
    torch.manual_seed(PLAN.seed)
    net = create_supernet('ofa_mbv3_cifar10')
    run = Trainer(net, data, PLAN, tmp_path_factory.mktemp('run') / 'checkpoint.pt')
    progress = list(run.run())
    return progress, weights(run)


def test_an_epoch_is_the_full_batches(uninterrupted):
    progress, _ = uninterrupted
    assert [(each.step, each.steps) for each in progress] == [(i + 1, STEPS) for i in range(STEPS)]


def test_progress_tells_loss_and_accuracy(uninterrupted):
    for each in uninterrupted[0]:
        assert 0 < each.loss < 10
        assert 0 <= each.accuracy <= 1


def test_remaining_time_is_steps_times_pace(uninterrupted):
    first = uninterrupted[0][0]
    assert first.remaining_s == (STEPS - 1) * first.seconds_per_step > 0


def test_the_same_seed_gives_the_same_weights(trainer, uninterrupted):
    run = trainer()
    list(run.run())
    assert equal(weights(run), uninterrupted[1])


def test_another_seed_gives_other_weights(trainer, uninterrupted):
    run = trainer(replace(PLAN, seed=1))
    list(run.run())
    assert not equal(weights(run), uninterrupted[1])


def test_a_run_that_is_stopped_and_resumed_ends_the_same(trainer, uninterrupted):
    stopped = trainer()
    steps = stopped.run()
    next(steps), next(steps)  # the first is at learning rate 0
    stopped.save()
    resumed = trainer()
    assert resumed.resume()
    assert resumed.step == 2
    list(resumed.run())
    assert equal(weights(resumed), uninterrupted[1])


def test_training_changes_the_largest_and_the_smallest(trainer):
    run = trainer()
    before = weights(run)
    list(run.run())
    after = weights(run)
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert {'classifier.weight', 'stem.conv.weight', 'stages.4.0.project.weight'} <= moved
    assert 'stages.0.0.depthwise.transforms.to_3' in moved  # the smallest uses 3x3 kernels


def test_without_a_checkpoint_there_is_nothing_to_resume(trainer):
    assert not trainer().resume()


def test_a_checkpoint_of_another_plan_is_refused_with_both(trainer):
    trainer().save()
    with pytest.raises(ValueError, match=r"'seed': 0.*, not .*'seed': 1.*another folder"):
        trainer(replace(PLAN, seed=1)).resume()


def test_a_damaged_checkpoint_is_named(trainer):
    run = trainer()
    run.save()
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r'checkpoint\.pt is damaged'):
        trainer().resume()


def test_a_save_that_is_cut_off_leaves_the_checkpoint_before(trainer, monkeypatch):
    run = trainer()
    next(run.run())
    run.save()

    def full_disk(state, file):
        file.write_bytes(b'half of it')
        raise OSError('no space left')

    monkeypatch.setattr(torch, 'save', full_disk)
    with pytest.raises(OSError, match='no space left'):
        run.save()
    resumed = trainer()
    assert resumed.resume()
    assert resumed.step == 1


def test_a_batch_that_is_larger_than_the_data_is_refused(trainer):
    with pytest.raises(ValueError, match='batch_size is 64; there are 25 images'):
        trainer(replace(PLAN, batch_size=64))


def test_train_logs_reports_and_saves(trainer, tmp_path):
    run, seen = trainer(), []
    train(run, log=tmp_path / 'log.jsonl', report=seen.append)
    (row,) = [json.loads(line) for line in (tmp_path / 'log.jsonl').read_text().splitlines()]
    assert [each.step for each in seen] == [1, 2, 3]
    assert row['step'] == 3
    assert row['loss'] == pytest.approx(sum(each.loss for each in seen) / 3)
    assert trainer().resume()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'epochs': 0}, 'epochs is 0; it must be above 0'),
        ({'batch_size': -1}, 'batch_size is -1'),
        ({'peak_learning_rate': float('nan')}, 'peak_learning_rate is nan'),
        ({'label_smoothing': 1.0}, r'label_smoothing is 1\.0; it must be in 0\.\.1'),
        ({'warmup': -0.1}, r'warmup is -0\.1'),
        ({'weight_decay': -1e-4}, r'weight_decay is -0\.0001; it must not be below 0'),
    ],
)
def test_a_plan_that_cannot_train_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PLAN, **change)


def test_the_learning_rate_climbs_evenly_to_its_peak():
    plan = TrainingPlan(peak_learning_rate=0.2, warmup=0.1)
    rates = [plan.learning_rate(progress) for progress in (0, 0.05, 0.1)]
    assert rates == pytest.approx([0, 0.1, 0.2])


def test_the_learning_rate_falls_along_a_cosine_to_zero():
    plan = TrainingPlan(peak_learning_rate=0.2, warmup=0.0)
    rates = [plan.learning_rate(progress) for progress in (0, 0.25, 0.5, 0.75, 1)]
    assert rates == pytest.approx([0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5), 0])
