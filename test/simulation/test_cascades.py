# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Cascades in the simulation: frames stage by stage, and pictures that are easy or hard."""

import shutil
from dataclasses import replace
from random import Random

import numpy as np
import pytest
import yaml

from dynofa_ros.platform import PlatformError
from dynofa_ros.profiles.score_table import SCORES, ScoreTable
from dynofa_ros.runtime import Cascade
from dynofa_ros.simulation.application import execution_options
from dynofa_ros.simulation.camera import images
from dynofa_ros.simulation.networks_file import Networks, load_networks
from dynofa_ros.simulation.policies.managed import ManagedPolicy
from dynofa_ros.simulation.policies.policy import Policy
from dynofa_ros.simulation.scenario import SceneChange
from dynofa_ros.simulation.scene import Scene
from dynofa_ros.supernet.model import model_folder

KEY = ('s+l', 'modelled', 'gpu', 1)
# `small` takes 10 ms at 400 MHz and `large` 25 ms.
CASCADE = Cascade(
    's+l', ('small', 'large'), (0.8,), (0.3,), 0.79, (0.85, 0.65), (0.35,), images=1000
)


def table(images=1000):
    """Return scores of which 30 % are below 0.8 for `small`, and none for `large`."""
    small = np.minimum(np.linspace(0.0, 0.8 / 0.3, images, endpoint=False), 1.0)
    return scores_of(np.stack([small, np.full(images, 0.9)], axis=1))


def scores_of(scores):
    return ScoreTable(('small', 'large'), scores, correct=np.ones(scores.shape, bool))


@pytest.fixture
def app(sim):
    """Return an application with a cascade."""
    networks = replace(sim.app().networks, cascades=(CASCADE,), scores=table())

    def make(name='camera', *targets, **changes):
        return sim.app(name, *targets, networks=networks, **changes)

    return make


class Pinned(Policy):
    """Runs the cascade at 400 MHz; every picture may be escalated in time unless `cut`."""

    cut = False

    def joined(self, application):
        application.switch(KEY)

    def fits(self, application, image, stage):
        assert stage.key[0] == 'large'
        return not self.cut


class Cut(Pinned):
    cut = True


def pictures(plan, seed=0):
    return [each.picture for each in images(plan, latency_jitter=0.0, seed=seed)]


def test_an_easy_picture_takes_the_time_of_the_first_stage_and_a_hard_one_that_of_both(sim, app):
    plan = app(leave_s=20.0)
    camera = sim.camera(lambda setup: Pinned(), plan, duration_s=20.0)
    hard = [each < 300 for each in pictures(plan)][: camera.frames]
    expected_s = np.where(hard, 0.035, 0.010)
    np.testing.assert_allclose(camera.latencies_s, expected_s, atol=1e-9)
    assert camera.escalated == sum(hard) == pytest.approx(0.3 * camera.frames, rel=0.2)
    assert camera.cut == 0
    assert sim.of('frame', 'stages')[hard.index(True)] == ['small', 'large']


def test_accuracy_and_energy_are_those_of_what_ran(sim, app):
    plan = app(leave_s=20.0)
    cascade = sim.camera(lambda setup: Pinned(), plan, duration_s=20.0)
    share = cascade.escalated / cascade.frames
    assert cascade.accuracy == pytest.approx(0.85 * (1.0 - share) + 0.65 * share)
    small, large = (
        sim.camera(f'static={name}', plan, duration_s=20.0) for name in ('small', 'large')
    )
    energy_j = small.energy_per_frame_j + share * large.energy_per_frame_j
    assert cascade.energy_per_frame_j == pytest.approx(energy_j)


def test_an_escalation_that_is_cut_leaves_the_early_answer(sim, app):
    camera = sim.camera(lambda setup: Cut(), app(leave_s=20.0), duration_s=20.0)
    assert camera.escalated == 0
    assert camera.latency_max_s == pytest.approx(0.010)
    share = camera.cut / camera.frames
    assert camera.accuracy == pytest.approx(0.85 * (1.0 - share) + 0.35 * share)


def test_an_early_answer_meets_the_deadline_if_it_is_published(sim, app):
    late = sim.camera(lambda setup: Pinned(), app(deadline_s=0.02), duration_s=20.0)
    early = sim.camera(
        lambda setup: Pinned(), app(deadline_s=0.02, publish_early=True), duration_s=20.0
    )
    assert late.misses == late.escalated == early.escalated > 0
    assert early.misses == 0
    share = early.escalated / early.frames
    assert early.accuracy == pytest.approx(0.85 * (1.0 - share) + 0.35 * share)


def test_all_policies_see_the_same_pictures(sim, app):
    sim('static-largest', app())
    first = sim.of('frame', 'first_score')
    sim('static-smallest', app())
    assert [each < 0.8 for each in sim.of('frame', 'first_score')] == [
        each < 300 for each in pictures(app(leave_s=1.0))
    ]
    assert set(first) == {0.9}
    assert pictures(app(leave_s=5.0), seed=1) != pictures(app(leave_s=5.0))


def test_baselines_ignore_cascades(sim, app):
    for policy in ('static-best', 'stepping', 'alert', 'static-alone'):
        sim(policy, app())
        assert {len(each) for each in sim.of('frame', 'stages')} == {1}


def test_every_cascade_escalates_as_often_as_measured():
    rng = np.random.default_rng(0)
    scores = scores_of(rng.random((2000, 2)))
    scene, draws = Scene(scores), Random(0)
    drawn = [scene.draw(draws, difficulty=1.0) for _ in range(20_000)]
    for threshold in (0.2, 0.5, 0.9):
        cascade = replace(CASCADE, thresholds=(threshold,))
        share = np.mean([scene.escalates(each, cascade, 0) for each in drawn])
        assert share == pytest.approx(np.mean(scores.score[:, 0] < threshold), abs=0.015)


@pytest.mark.parametrize('difficulty', [0.5, 2.0])
def test_a_harder_scene_escalates_more_often(difficulty):
    scene, draws = Scene(table()), Random(0)
    drawn = [scene.draw(draws, difficulty=difficulty) for _ in range(20_000)]
    share = np.mean([scene.escalates(each, CASCADE, 0) for each in drawn])
    assert share == pytest.approx(0.3 ** (1.0 / difficulty), abs=0.015)


def test_the_scene_changes_at_its_time(app):
    usual, changed = app(leave_s=100.0), app(leave_s=100.0, scene=(SceneChange(50.0, 5.0),))
    before, after = pictures(usual), pictures(changed)
    assert before[:500] == after[:500]
    assert np.mean(after[500:]) < 0.5 * np.mean(before[500:])


def test_the_changes_of_a_scene_are_in_order(app):
    with pytest.raises(PlatformError, match=r'scene\[1\].at_s is 1.0; expected ascending times'):
        app(scene=(SceneChange(2.0, 2.0), SceneChange(1.0, 1.0)))


def test_the_oracle_runs_on_each_picture_the_stage_that_answers_it(sim, app):
    """It knows which are hard, so it runs the large one alone on those."""
    plan = app(min_accuracy=0.79, leave_s=20.0)
    oracle = sim.camera('oracle', plan, duration_s=20.0, objective='min_energy')
    hard = [each < 300 for each in pictures(plan)][: oracle.frames]
    assert sim.of('frame', 'stages') == [['large'] if each else ['small'] for each in hard]
    assert oracle.misses == 0
    share = np.mean(hard)
    assert oracle.accuracy == pytest.approx(0.85 * (1.0 - share) + 0.65 * share)
    plain = sim.app(min_accuracy=0.79, leave_s=20.0)
    alone = sim.camera('oracle', plain, duration_s=20.0, objective='min_energy')
    assert oracle.energy_per_frame_j < 0.7 * alone.energy_per_frame_j


def test_without_scores_there_are_no_cascades(sim):
    networks = replace(sim.app().networks, cascades=(CASCADE,))
    setup = sim.setup(sim.app(networks=networks))
    assert setup.truth['camera'].cascades == ()


def test_a_cascade_needs_all_its_stages(sim):
    networks = replace(sim.app().networks, cascades=(CASCADE,), scores=table())
    assert networks.only(('small', 'large')).cascades == (CASCADE,)
    assert networks.only(('small', 'medium')).cascades == ()


def test_a_cascade_may_not_have_the_name_of_a_sub_network(sim):
    networks = sim.app().networks
    with pytest.raises(PlatformError, match='each name once'):
        Networks('round', networks.networks, (replace(CASCADE, cascade_id='small'),))


def test_a_profile_error_holds_for_the_stages(sim, app):
    setup = sim.setup(app(), profile_errors={'large': 2.0})
    wrong, truth = (each['camera'].at(KEY, 4e8) for each in (setup.profiles, setup.truth))
    assert wrong.stages[1].latency_s == pytest.approx(truth.stages[1].latency_s / 2)
    assert wrong.stages[0].latency_s == truth.stages[0].latency_s


class OnlyCascade(ManagedPolicy):
    """Our manager, of which every frame runs the cascade."""

    def choose_option(self, application, image):
        super().choose_option(application, image)
        return application.execution_options[KEY]


def test_our_manager_learns_how_often_frames_are_escalated(sim, app):
    policies = []

    def make(setup):
        policies.append(OnlyCascade(setup))
        return policies[-1]

    plan = app(leave_s=100.0, scene=(SceneChange(0.0, 2.0),))
    camera = sim.camera(make, plan, duration_s=90.0)
    found = policies[0].manager._apps['camera'].escalation('s+l')
    assert found.observed == pytest.approx(0.3**0.5, abs=0.1)
    assert found.doubt.startswith('the scene is harder')
    assert camera.escalated == pytest.approx(0.55 * camera.frames, rel=0.15)


def test_our_node_cuts_an_escalation_that_would_be_late(sim, app):
    camera = sim.camera(OnlyCascade, app(deadline_s=0.03), duration_s=20.0)
    assert camera.misses == camera.escalated == 0
    assert camera.cut == pytest.approx(0.3 * camera.frames, rel=0.2)


def test_a_model_brings_its_cascades_and_its_scores():
    networks = load_networks('model:ofa_mbv3_cifar10')
    assert networks.cascades
    names = {each.subnet_id for each in networks.networks}
    for cascade in networks.cascades:
        assert set(cascade.stages) <= names
        first = networks.scores.escalates(cascade)[:, 0].mean()
        assert first == pytest.approx(cascade.reached[0], abs=0.002)


def test_the_scores_of_other_weights_are_refused(tmp_path):
    folder = tmp_path / 'model'
    shutil.copytree(model_folder('ofa_mbv3_cifar10'), folder)
    scores = ScoreTable.load(folder / SCORES)
    replace(scores, score=scores.score[::-1]).save(folder / SCORES)
    with pytest.raises(ValueError, match='does not belong to its cascades'):
        load_networks(f'model:{folder}')


def test_a_model_without_cascades_has_none(sim, tmp_path):
    folder = tmp_path / 'model'
    shutil.copytree(model_folder('ofa_mbv3_cifar10'), folder)
    document = yaml.safe_load((folder / 'model.yaml').read_text())
    del document['cascades']
    (folder / 'model.yaml').write_text(yaml.safe_dump(document))
    (folder / SCORES).unlink()
    networks = load_networks(f'model:{folder}')
    assert networks.scores is None
    assert sim.setup(sim.app(networks=networks)).truth['camera'].cascades == ()


def test_the_accuracy_of_the_frames_has_the_mean_of_the_cascade(sim, app):
    """Whatever the images were on which the shares were measured."""
    better = replace(CASCADE, accuracy=0.82)
    networks = replace(app().networks, cascades=(better,))
    setup = sim.setup(sim.app(networks=networks))
    option = execution_options(setup.truth['camera'], sim.board)[KEY]
    mean = 0.7 * option.accuracy_of(0) + 0.3 * option.accuracy_of(1)
    assert mean == pytest.approx(0.82)


def test_without_cascades_every_decision_is_as_if_there_were_none(sim, app):
    for objective in ('min_energy', 'max_accuracy'):
        changes = {'min_accuracy': 0.74, 'leave_s': 20.0}
        without, plain = (
            sim(policy, application, duration_s=20.0, objective=objective, latency_jitter=0.05)
            for policy, application in (
                ('ours-without-cascades', app(**changes)),
                ('ours', sim.app(**changes)),
            )
        )
        assert replace(without, policy='ours') == plain


def test_cascades_save_energy_at_the_same_accuracy(sim, app):
    with_cascades, without = (
        sim.camera(
            policy,
            app(min_accuracy=0.79, leave_s=60.0),
            duration_s=60.0,
            objective='min_energy',
            latency_jitter=0.03,
        )
        for policy in ('ours', 'ours-without-cascades')
    )
    assert with_cascades.misses <= without.misses
    assert with_cascades.energy_per_frame_j < 0.8 * without.energy_per_frame_j
    assert with_cascades.accuracy == pytest.approx(0.79, abs=0.02)
