# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception node as its own process, driven over DDS."""

import math
import signal

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
messages = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from rcl_interfaces.srv import GetParameters, ListParameters  # noqa: E402

from dynofa_ros.nodes.qos import qos_profile  # noqa: E402

MAX_HZ = {'gpu': 1109250000.0, 'cpu': 1907200000.0}
MIN_HZ = {'gpu': 114750000.0, 'cpu': 115200000.0}


@pytest.fixture(scope='module')
def node(start_perception):
    robot = start_perception(platform='jetson_xavier_nx', processor='gpu', jitter=0.0)
    robot.connect()
    yield robot
    robot.process.send_signal(signal.SIGINT)
    output, _ = robot.process.communicate(timeout=60)
    assert robot.process.returncode == 0, output
    assert 'Traceback' not in output


@pytest.fixture
def robot(node):
    """The node at the highest frequencies, running the small sub-network on the GPU."""
    set_frequencies(node, MAX_HZ)
    node.command('small', processor='gpu')
    return node


def set_frequencies(robot, frequency_hz, *, co_runner_utilisation=0.0):
    """Publish the state of the simulated platform."""
    domains = [
        messages.DomainState(
            name=name, frequency_hz=hz, co_runner_utilisation=co_runner_utilisation
        )
        for name, hz in frequency_hz.items()
    ]
    robot.publish('platform_state', messages.PlatformState(simulated=True, domains=domains))


def point(robot, **key):
    """Return the operating point of the profile with these fields."""
    return next(
        each
        for each in robot.profile.points
        if all(getattr(each, field) == value for field, value in key.items())
    )


def report_when(robot, photograph, ready):
    """Publish an image until its report fulfils a condition, and return the report."""

    def report():
        found = robot.classify(robot.image(photograph))[1]
        return found if ready(found) else None

    return robot.wait_for(report, 'the expected report')


def report_at(robot, photograph, frequency_hz):
    """Return a report of the small sub-network at a frequency of the GPU."""
    expected = point(robot, subnet_id='small', processor='gpu', frequency_hz=frequency_hz)
    return report_when(
        robot, photograph, lambda each: each.inference_s == pytest.approx(expected.latency_s)
    )


def test_the_profile_has_every_operating_point(robot, model):
    assert robot.profile.app == 'perception'
    assert robot.profile.platform == 'jetson_xavier_nx'
    assert (robot.profile.latency_source, robot.profile.energy_source) == ('modelled', 'modelled')
    assert {p.subnet_id for p in robot.profile.points} == {k.subnet_id for k in model.kept}
    assert {p.processor for p in robot.profile.points} == {'cpu', 'gpu'}


def test_a_late_joiner_receives_profile_and_state(robot):
    late = type(robot)(robot.namespace, robot.process)
    late.wait_for(lambda: late.received['subnet_profile'], 'the profile')
    late.wait_for(lambda: late.received['subnet_state'], 'the state')
    assert repr(late.profile) == repr(robot.profile)  # unknown values are NaN
    late.close()


def encoded(bgr, encoding):
    """Return an image in another encoding."""
    if encoding == 'yuv422_yuy2':
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_YUY2)
    if encoding == 'bayer_rggb8':
        return bgr[..., 1]
    code = {
        'rgb8': cv2.COLOR_BGR2RGB,
        'rgba8': cv2.COLOR_BGR2RGBA,
        'bgra8': cv2.COLOR_BGR2BGRA,
        'mono8': cv2.COLOR_BGR2GRAY,
    }
    return cv2.cvtColor(bgr, code[encoding]) if encoding in code else bgr


@pytest.mark.parametrize(
    'encoding', ['bgr8', 'rgb8', 'rgba8', 'bgra8', 'mono8', 'yuv422_yuy2', 'bayer_rggb8']
)
def test_an_image_of_any_encoding_is_classified(robot, photograph, model, encoding):
    image = robot.image(encoded(photograph, encoding), encoding)
    seen, _ = robot.classify(image)
    assert seen.header == image.header
    assert list(seen.labels) == [model.labels[index] for index in seen.class_ids]
    assert list(seen.scores) == sorted(seen.scores, reverse=True)
    assert len(seen.labels) == 5


def test_the_order_of_colours_follows_the_encoding(robot, photograph):
    bgr, _ = robot.classify(robot.image(photograph, 'bgr8'))
    rgb, _ = robot.classify(robot.image(encoded(photograph, 'rgb8'), 'rgb8'))
    swapped, _ = robot.classify(robot.image(photograph, 'rgb8'))
    assert list(bgr.scores) == pytest.approx(list(rgb.scores), abs=1e-6)
    assert list(bgr.scores) != pytest.approx(list(swapped.scores), abs=1e-6)


def test_a_jpeg_is_classified(robot, photograph_jpeg):
    image = robot.jpeg(photograph_jpeg)
    seen, report = robot.classify(image)
    assert seen.header == report.header == image.header


def test_reports_have_time_and_energy_of_the_simulated_platform(robot, photograph, model):
    report = report_at(robot, photograph, MAX_HZ['gpu'])
    expected = point(robot, subnet_id='small', processor='gpu', frequency_hz=MAX_HZ['gpu'])
    assert report.energy_j == pytest.approx(expected.energy_j)
    assert (report.latency_source, report.energy_source) == ('modelled', 'modelled')
    assert (report.subnet_id, report.processor, report.threads) == ('small', 'gpu', 1)
    assert report.accuracy == model.subnet('small').accuracy


def test_the_latency_is_the_sum_of_its_parts(robot, photograph):
    _, report = robot.classify(robot.image(photograph))
    parts = report.queue_s + report.preprocess_s + report.inference_s + report.postprocess_s
    assert report.latency_s == pytest.approx(parts)
    assert min(report.queue_s, report.preprocess_s, report.postprocess_s, report.age_s) >= 0


def test_reports_are_numbered(robot, photograph):
    reports = [robot.classify(robot.image(photograph))[1] for _ in range(2)]
    assert reports[1].sequence > reports[0].sequence


BROKEN = {
    'an unknown encoding': {'encoding': 'nonsense'},
    'a step that is too small': {'step': 3},
    'data that is too short': {'data': bytes(10)},
    'no width': {'width': 0},
    'no height': {'height': 0, 'data': b''},
}


def claiming(jpeg, size):
    """Return a JPEG whose frame header states another width and height."""
    at = jpeg.index(b'\xff\xc0') + 5
    return jpeg[:at] + 2 * size.to_bytes(2, 'big') + jpeg[at + 4 :]


COMPRESSED = {
    'a JPEG that does not decode': lambda jpeg: b'\xff\xd8\xff and no photograph',
    'a truncated JPEG': lambda jpeg: jpeg[:200],
    'a JPEG cut off, with an end marker': lambda jpeg: jpeg[: len(jpeg) * 3 // 4] + b'\xff\xd9',
    'a JPEG that claims 32000 x 32000 pixels': lambda jpeg: claiming(jpeg, 32000),
}


@pytest.mark.parametrize('broken', [*BROKEN, *COMPRESSED])
def test_a_malformed_image_is_counted_and_the_next_one_is_classified(
    robot, photograph, photograph_jpeg, broken
):
    def refused():
        if broken in COMPRESSED:
            robot.publish_image(robot.jpeg(COMPRESSED[broken](photograph_jpeg)))
        else:
            robot.publish_image(robot.image(photograph, **BROKEN[broken]))
        _, report = robot.classify(robot.image(photograph))
        return report.refused

    robot.wait_for(refused, f'{broken} to be rejected')


def test_rejected_images_are_counted_in_the_diagnostics(robot, photograph):
    before = robot.rejections('image')

    def counted():
        robot.publish_image(robot.image(photograph, 'nonsense'))
        return robot.rejections('image') > before

    robot.wait_for(counted, 'a rejected image in the diagnostics')


def test_a_command_switches_the_sub_network_and_is_acknowledged(robot, photograph):
    switches = robot.state.switches
    state = robot.command('large', processor='cpu', threads=2, reason='more accuracy')
    assert state.command_applied
    assert (state.subnet_id, state.processor, state.threads) == ('large', 'cpu', 2)
    assert (state.reason, state.switches) == ('more accuracy', switches + 1)
    seen, report = robot.classify(robot.image(photograph))
    assert seen.subnet_id == report.subnet_id == 'large'
    assert (report.processor, report.threads) == ('cpu', 2)


def test_a_command_sets_the_deadline(robot, photograph):
    robot.command('small', deadline_s=1e-6)
    _, late = robot.classify(robot.image(photograph))
    robot.command('small', deadline_s=1000.0)
    _, in_time = robot.classify(robot.image(photograph))
    assert (late.deadline_s, late.deadline_met) == (1e-6, False)
    assert (in_time.deadline_s, in_time.deadline_met) == (1000.0, True)


def test_without_a_deadline_every_frame_meets_it(robot, photograph):
    _, report = robot.classify(robot.image(photograph))
    assert math.isnan(report.deadline_s)
    assert report.deadline_met


@pytest.mark.parametrize(
    ('subnet_id', 'change', 'named'),
    [
        ('huge', {}, "'huge'; expected small, middle, large"),
        ('large', {'processor': 'npu'}, "'npu'; expected "),
        ('large', {'threads': 7, 'processor': 'cpu'}, 'threads is 7; expected at most 6 on cpu'),
        ('large', {'deadline_s': -1.0}, 'deadline_s is -1; expected 1e-06 to 3600'),
    ],
)
def test_an_invalid_command_is_rejected_and_changes_nothing(
    robot, photograph, subnet_id, change, named
):
    state = robot.command(subnet_id, **change)
    assert not state.command_applied
    assert named in state.command_result
    seen, _ = robot.classify(robot.image(photograph))
    assert state.subnet_id == seen.subnet_id == 'small'


def test_a_frame_that_the_commanded_sub_network_would_make_late_runs_another(robot, photograph):
    """The manager is silent from the command on."""
    latency_s = {
        name: point(robot, subnet_id=name, processor='gpu', frequency_hz=MIN_HZ['gpu']).latency_s
        for name in ('small', 'large')
    }
    set_frequencies(robot, MIN_HZ)
    state = robot.command(
        'large',
        processor='gpu',
        deadline_s=1.7 * latency_s['large'],
        envelope=[messages.EnvelopePoint(subnet_id=each) for each in ('middle', 'small')],
        deadline_probability=0.95,
        objective='max_accuracy',
    )
    assert state.command_applied
    assert [each.subnet_id for each in state.envelope] == ['large', 'middle', 'small']
    found = report_when(robot, photograph, lambda each: each.inference_s > latency_s['small'])
    assert (found.subnet_id, found.commanded_subnet_id, found.choice_reason) == (
        'large',
        'large',
        '',
    )
    set_frequencies(robot, MIN_HZ, co_runner_utilisation=1.0)  # which doubles each latency
    found = report_when(robot, photograph, lambda each: each.subnet_id != 'large')
    assert found.commanded_subnet_id == 'large'
    assert found.choice_reason.startswith('large needs')
    assert found.deadline_met
    assert robot.state.subnet_id == 'large'
    assert robot.state.command_applied


def test_a_command_with_an_invalid_envelope_is_rejected(robot):
    huge = [messages.EnvelopePoint(subnet_id='huge')]
    state = robot.command('large', envelope=huge, deadline_probability=0.95)
    assert not state.command_applied
    assert "envelope holds 'huge'" in state.command_result


def test_a_command_for_an_unknown_application_is_counted_and_ignored(robot):
    before = robot.rejections('subnet_command')
    robot.publish('subnet_command', messages.SubnetCommand(app='nobody', subnet_id='large'))
    robot.wait_for(
        lambda: robot.rejections('subnet_command') > before, 'the rejection to be counted'
    )
    assert robot.state.subnet_id == 'small'


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'sequence': 2**64 - 1}, 'sequence'),
        ({'sequence': 3, 'subnet_id': 'x' * 1000}, 'subnet_id'),
        ({'sequence': 3, 'envelope': [messages.EnvelopePoint(subnet_id='x' * 1000)]}, 'envelope'),
        ({'sequence': 3, 'envelope': [messages.EnvelopePoint()] * 1024}, 'envelope'),
    ],
)
def test_an_implausible_command_is_counted_and_not_acknowledged(robot, change, named):
    before, acknowledged = robot.rejections('subnet_command'), robot.state.command_sequence
    fields = {'app': 'perception', 'subnet_id': 'nonsense', 'deadline_s': math.nan}
    robot.publish('subnet_command', messages.SubnetCommand(**(fields | change)))
    robot.wait_for(lambda: robot.rejections('subnet_command') > before, 'the rejection')
    assert named in robot.status().message
    assert robot.state.command_sequence == acknowledged
    assert robot.command('large').command_applied


def test_a_pinned_sub_network_overrides_commands_until_it_is_released(robot):
    assert robot.set_parameter('subnet', 'middle').successful
    robot.wait_for(lambda: robot.state.subnet_id == 'middle', 'the switch')
    refused = robot.command('large')
    assert (refused.subnet_id, refused.command_applied) == ('middle', False)
    assert 'the parameter subnet pins it' in refused.command_result
    assert robot.set_parameter('subnet', '').successful
    assert robot.command('small').subnet_id == 'small'


def test_pinning_a_sub_network_acknowledges_no_command(robot):
    sequence = robot.state.command_sequence
    assert robot.set_parameter('subnet', 'middle').successful
    robot.wait_for(lambda: robot.state.subnet_id == 'middle', 'the switch')
    assert robot.state.reason == 'pinned by parameter'
    assert robot.state.command_sequence == sequence
    assert robot.set_parameter('subnet', '').successful


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('subnet', 'huge', "'huge'; expected small, middle, large"),
        ('top', 0, 'top out of range. Min: 1, Max: 1000, value: 0'),
        ('model', 'other', 'read-only'),
    ],
)
def test_an_invalid_parameter_is_rejected_with_a_reason(robot, name, value, reason):
    result = robot.set_parameter(name, value)
    assert not result.successful
    assert reason in result.reason


def test_the_parameter_top_sets_the_number_of_classes(robot, photograph):
    assert robot.set_parameter('top', 2).successful
    seen, _ = robot.classify(robot.image(photograph))
    assert robot.set_parameter('top', 5).successful
    assert len(seen.labels) == len(seen.scores) == 2


def test_frames_take_longer_at_a_lower_frequency(robot, photograph):
    report_at(robot, photograph, MAX_HZ['gpu'])
    set_frequencies(robot, MIN_HZ)
    report_at(robot, photograph, MIN_HZ['gpu'])


def test_a_platform_node_on_another_platform_is_a_standing_problem(node):
    def warned():
        status = node.status()
        return status is not None and 'the same `platform` and `device`' in status.message

    node.publish('platform_state', messages.PlatformState(platform='host', simulated=False))
    node.wait_for(warned, 'the warning')
    set_frequencies(node, MAX_HZ)
    node.wait_for(lambda: not warned(), 'its end')


@pytest.mark.parametrize(('frequency_hz', 'co_runner'), [(5.0, 0.0), (MAX_HZ['gpu'], 7.0)])
def test_an_invalid_platform_state_is_counted_and_ignored(
    robot, photograph, frequency_hz, co_runner
):
    before = report_at(robot, photograph, MAX_HZ['gpu'])
    counted = robot.rejections('platform_state')
    set_frequencies(robot, {'gpu': frequency_hz}, co_runner_utilisation=co_runner)
    robot.wait_for(
        lambda: robot.rejections('platform_state') > counted, 'the rejection to be counted'
    )
    _, after = robot.classify(robot.image(photograph))
    assert after.inference_s == pytest.approx(before.inference_s)


def test_an_invalid_report_of_another_application_is_counted_and_ignored(robot, photograph):
    before = report_at(robot, photograph, MAX_HZ['gpu'])
    counted = robot.rejections('frame_report')
    reports = robot.node.create_publisher(
        messages.FrameReport, 'frame_report', qos_profile('frame_report')
    )

    def refused():
        for processor, inference_s in (('npu', 0.1), ('gpu', math.nan)):
            reports.publish(
                messages.FrameReport(
                    app='other', processor=processor, inference_s=inference_s, threads=1
                )
            )
        return robot.rejections('frame_report') > counted

    robot.wait_for(refused, 'the rejection to be counted')
    robot.node.destroy_publisher(reports)
    _, after = robot.classify(robot.image(photograph))
    assert after.inference_s == pytest.approx(before.inference_s)


def test_parameter_services_respond_during_an_inference(robot, photograph):
    set_frequencies(robot, MIN_HZ, co_runner_utilisation=1.0)
    report_when(robot, photograph, lambda each: each.inference_s > 0.2)
    robot.command('large', processor='cpu', threads=1)  # a frame takes some five seconds
    reports = robot.received['frame_report']
    before = len(reports)
    robot.publish_image(robot.image(photograph))
    for _ in range(3):
        names = robot.call(ListParameters, 'list_parameters', ListParameters.Request())
        assert 'subnet' in names.result.names
        request = GetParameters.Request(names=['top'])
        assert robot.call(GetParameters, 'get_parameters', request).values[0].integer_value == 5
    assert len(reports) == before
    robot.wait_for(lambda: len(reports) > before, 'the frame')


def test_a_newer_frame_replaces_the_waiting_one(robot, photograph):
    set_frequencies(robot, MIN_HZ, co_runner_utilisation=1.0)
    robot.received['frame_report'].clear()

    def dropped():
        robot.publish_image(robot.image(photograph))
        return any(report.dropped for report in robot.received['frame_report'])

    robot.wait_for(dropped, 'a report of dropped frames')


def test_the_age_is_unknown_if_clocks_differ(robot, photograph):
    image = robot.image(photograph)
    image.header.stamp.sec = 5
    _, report = robot.classify(image)
    assert math.isnan(report.age_s)
    assert report.header.stamp.sec == 5


def test_a_large_image_is_classified(robot):
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    seen, _ = robot.classify(robot.image(pixels))
    assert len(seen.labels) == 5


def test_a_label_that_was_seen_is_in_the_state_until_its_hold_is_over(robot, photograph):
    label = robot.classify(robot.image(photograph))[0].labels[0]
    for name, value in (
        ('min_score', 0.0),
        ('hold_s', 2.0),
        ('min_accuracy', 0.6),
        ('priority', 4),
        ('labels', [label]),
    ):
        assert robot.set_parameter(f'attention.{name}', value).successful
    assert robot.state.attention_label == ''
    robot.classify(robot.image(photograph))
    robot.wait_for(lambda: robot.state.attention_label == label, 'the attention')
    seen = robot.state
    assert (seen.attention_min_accuracy, seen.attention_priority) == (0.6, 4)
    left_s = seen.attention_until.sec - seen.header.stamp.sec
    left_s += (seen.attention_until.nanosec - seen.header.stamp.nanosec) * 1e-9
    assert 0.0 < left_s <= 2.0
    assert 0.0 < seen.attention_score <= 1.0
    robot.wait_for(lambda: robot.state.attention_label == '', 'the end of the hold')
    assert robot.set_parameter('attention.labels', ['']).successful


def test_a_label_that_the_model_does_not_have_is_refused(robot, model):
    refused = robot.set_parameter('attention.labels', ['no such label'])
    assert not refused.successful
    assert "attention.labels holds 'no such label'; expected labels of the model" in refused.reason
    assert model.labels[0] in refused.reason


def test_an_unknown_label_in_the_parameters_ends_the_start(start_perception):
    robot = start_perception(**{'attention.labels': "['no such label']"})
    output, _ = robot.process.communicate(timeout=60)
    assert robot.process.returncode == 1
    assert "attention.labels holds 'no such label'" in output
    assert 'Traceback' not in output
