# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Conversion of messages: the frequency of a platform, profiles there and back."""

import math
from dataclasses import replace
from functools import partial

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment: source scripts/env.sh')
msg = pytest.importorskip(
    'dynofa_ros.msg', reason='the messages are not built: scripts/build, then . scripts/env.sh'
)

from builtin_interfaces.msg import Time as TimeMessage  # noqa: E402
from rclpy.time import Time  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from dynofa_ros.nodes.resource_manager.messages import (  # noqa: E402
    frame_from,
    identity_from,
    mission_from,
    platform_from,
    profile_from,
    profile_message,
    subnet_from,
)
from dynofa_ros.runtime import Cascade, OperatingPoint, Profile  # noqa: E402
from dynofa_ros.runtime.estimation.correction import Correction  # noqa: E402
from dynofa_ros.runtime.ranges import HOLD_S  # noqa: E402

NOW = Time(nanoseconds=10**16)  # 1e7 s


@pytest.mark.parametrize(
    ('frequency_hz', 'limits_hz', 'simulated', 'expected_hz'),
    [
        pytest.param(1.2e9, (1e9, 2e9), False, 2e9, id='a governor goes to the upper limit'),
        pytest.param(1e9, (1e9, 1e9), False, 1e9, id='fixed'),
        pytest.param(0.98e9, (1e9, 1e9), False, 1e9, id='counted by a core'),
        pytest.param(0.8e9, (1e9, 1e9), False, 0.8e9, id='throttled'),
        pytest.param(1.2e9, (1e9, 2e9), True, 1.2e9, id='simulated'),
    ],
)
def test_the_frequency_is_that_at_which_frames_run(frequency_hz, limits_hz, simulated, expected_hz):
    domain = msg.DomainState(
        name='cpu',
        processors=['cpu'],
        frequency_hz=frequency_hz,
        min_frequency_hz=limits_hz[0],
        max_frequency_hz=limits_hz[1],
        available_frequencies_hz=[1e9, 2e9],
    )
    state = msg.PlatformState(platform='board', simulated=simulated, domains=[domain])
    observation = platform_from(state).domains[0]
    assert observation.frequency_hz == expected_hz
    assert observation.frequencies_hz == (1e9, 2e9)


def test_a_profile_survives_the_conversion():
    point = OperatingPoint('s', 'torch', 'gpu', 2, math.nan, 0.04, 0.01, 0.1, 0.75, 3, 4, 'int8')
    learned = {('s', 'gpu'): Correction(1.3, 0.02)}
    cascade = Cascade('s+t', ('s', 't'), (0.8,), (0.25,), 0.9, (0.95, 0.75), (0.5,), 2500)
    profile = Profile(
        'camera',
        'supernet',
        'board',
        'measured',
        'modelled',
        (point, replace(point, subnet_id='t')),
        cascades=(cascade,),
        corrections=learned,
    )
    again = profile_from(profile_message(profile))
    assert again.is_same_as(profile)
    assert again.corrections == learned


@pytest.mark.parametrize('correction', [0.0, 100.0, math.nan])
def test_an_impossible_correction_is_refused(correction):
    point = OperatingPoint('s', 'torch', 'gpu', 2, math.nan, 0.04, 0.01, 0.1, 0.75, 3, 4)
    message = profile_message(Profile('camera', '', '', '', '', (point,)))
    message.corrections = [msg.SubnetCorrection(subnet_id='s', correction=correction)]
    with pytest.raises(ValueError, match=r'correction is .*expected 0\.1 to 10'):
        profile_from(message)


@pytest.mark.parametrize(
    ('convert', 'message', 'text'),
    [
        (
            profile_from,
            msg.SubnetProfile(app='a', points=[msg.OperatingPoint()] * 20_001),
            'points holds 20001 values; expected at most 20000',
        ),
        (
            platform_from,
            msg.PlatformState(domains=[msg.DomainState()] * 5000),
            'domains holds 5000 values; expected at most 64',
        ),
        (
            platform_from,
            msg.PlatformState(temperatures=[msg.TemperatureState()] * 5000),
            'temperatures holds 5000 values; expected at most 256',
        ),
        (
            platform_from,
            msg.PlatformState(domains=[msg.DomainState(available_frequencies_hz=[1e9] * 5000)]),
            'available_frequencies_hz holds 5000 values; expected at most 1024',
        ),
        (
            partial(subnet_from, now=NOW, latched=False),
            msg.SubnetState(app='a', residents=[msg.ResidentPoint()] * 5000),
            'residents holds 5000 values; expected at most 4096',
        ),
        (
            frame_from,
            msg.FrameReport(app='a', inference_s=0.1, preprocess_s=-5.0, postprocess_s=6.0),
            'preprocess_s is -5; expected 0 to 3600 or NaN',
        ),
        (
            frame_from,
            msg.FrameReport(app='a', inference_s=0.1, preprocess_s=1e155),
            r'preprocess_s is 1e\+155; expected 0 to 3600 or NaN',
        ),
        (
            frame_from,
            msg.FrameReport(app='a', inference_s=0.1, stages=['s'] * 5000),
            'stages holds 5000 values; expected at most 3',
        ),
        (
            frame_from,
            msg.FrameReport(app='a', inference_s=0.1, stages=['s', 't'], stage_inference_s=[0.1]),
            'stage_inference_s holds 1 values; expected 2, one for each of stages',
        ),
        (
            frame_from,
            msg.FrameReport(app='a', inference_s=0.1, stages=['x' * 10**6], stage_inference_s=[1]),
            'stages is .*expected at most 256 printable characters',
        ),
        *(
            (
                frame_from,
                msg.FrameReport(app='a', inference_s=0.1, stages=['s'], stage_inference_s=[value]),
                'stage_inference_s is .*expected 1e-06 to 3600',
            )
            for value in (math.nan, -0.1, 0.0, 1e160)
        ),
        *(
            (
                frame_from,
                msg.FrameReport(app='a', inference_s=0.1, first_score=value),
                'first_score is .*expected 0 to 1 or NaN',
            )
            for value in (-0.1, 1.1, 1e160, math.inf)
        ),
        (identity_from, msg.ManagerState(), 'manager_id is 0; expected the number of a manager'),
    ],
)
def test_a_message_out_of_range_is_refused(convert, message, text):
    with pytest.raises(ValueError, match=text):
        convert(message)


def test_a_text_of_a_state_is_made_short_and_printable():
    message = msg.SubnetState(app='a', command_result='line\n' * 1000)
    state = subnet_from(message, now=NOW, latched=False)
    assert len(state.command_result) < 500
    assert state.command_result.isprintable()


@pytest.mark.parametrize(
    ('age_s', 'latched', 'ago_s', 'believed'),
    [
        pytest.param(100.0, False, 100.0, True, id='begun a while ago'),
        pytest.param(-0.5, False, 0.0, True, id='clocks of two synchronised machines'),
        pytest.param(-3599.0, False, 0.0, False, id='in the future'),
        pytest.param(700.0, False, 0.0, False, id='would be over'),
        pytest.param(700.0, True, 700.0, True, id='over, and latched'),
        pytest.param(1e6, True, 0.0, False, id='long ago'),
    ],
)
def test_a_mission_counts_from_its_stamp_if_that_is_plausible(age_s, latched, ago_s, believed):
    now = Time(nanoseconds=10**16)
    stamp = Time(nanoseconds=10**16 - int(age_s * 1e9)).to_msg()
    message = msg.Mission(duration_s=600.0, header=Header(stamp=stamp))
    mission = mission_from(message, now=now, latched=latched)
    assert mission.ago_s == pytest.approx(ago_s)
    assert (mission.doubt == '') is believed


def test_a_mission_without_a_stamp_begins_now():
    message = msg.Mission(duration_s=600.0, header=Header(stamp=TimeMessage()))
    assert mission_from(message, now=Time(nanoseconds=10**16), latched=False) == (600.0, 0.0, '')


@pytest.mark.parametrize('first_score', [0.7, math.nan])
def test_a_report_names_the_stages_of_a_cascade(first_score):
    report = msg.FrameReport(
        app='camera',
        subnet_id='s+t@0.8',
        inference_s=0.05,
        stages=['s', 't'],
        stage_inference_s=[0.02, 0.03],
        first_score=first_score,
    )
    frame = frame_from(report)
    assert frame.stages == (('s', 0.02), ('t', 0.03))
    assert frame.first_score == pytest.approx(first_score, nan_ok=True)


def test_a_report_without_stages_is_of_one_sub_network_with_an_unknown_score():
    frame = frame_from(msg.FrameReport(app='camera', subnet_id='s', inference_s=0.05))
    assert [(key[0], ran_s) for key, ran_s in frame.ran] == [('s', 0.05)]
    assert math.isnan(frame.first_score)


def seen(*, stamp_s, until_s, **change):
    """Return a state whose application saw a person."""
    stamp, until = (Time(nanoseconds=int(each * 1e9)).to_msg() for each in (stamp_s, until_s))
    fields = {'attention_label': 'person', 'attention_score': 0.9, 'attention_min_accuracy': 0.8}
    fields |= {'header': Header(stamp=stamp), 'attention_until': until} | change
    return msg.SubnetState(app='camera', **fields)


@pytest.mark.parametrize(
    ('stamp_s', 'until_s', 'latched', 'left_s'),
    [
        pytest.param(1e7, 1e7 + 5.0, False, 5.0, id='one clock'),
        pytest.param(1e7 - 1e5, 1e7 - 1e5 + 5.0, False, 5.0, id='a clock that is behind'),
        pytest.param(1e7 + 1e5, 1e7 + 1e5 + 5.0, False, 5.0, id='a clock that is ahead'),
        pytest.param(1e7 - 2.0, 1e7 + 3.0, True, 3.0, id='latched two seconds ago'),
        pytest.param(1e7 + 1e5, 1e7 + 1e5 + 5.0, True, 5.0, id='latched, a clock that is ahead'),
        pytest.param(1e7 - 9.0, 1e7 - 4.0, True, None, id='latched, and over'),
        pytest.param(1e7, 2e9, False, HOLD_S.high, id='an absurd end'),
        pytest.param(1e7, 1e7, False, None, id='over'),
        pytest.param(1e7, 0.0, False, None, id='an end that is not set'),
        pytest.param(0.0, 1e7 + 5.0, False, 5.0, id='without a stamp'),
    ],
)
def test_a_hold_counts_by_the_clock_of_its_sender(stamp_s, until_s, latched, left_s):
    state = subnet_from(seen(stamp_s=stamp_s, until_s=until_s), now=NOW, latched=latched)
    if left_s is None:
        assert state.attention is None
    else:
        assert state.attention.left_s == pytest.approx(left_s)
        assert (state.attention.label, state.attention.min_accuracy) == ('person', 0.8)


def test_a_state_without_a_label_saw_nothing():
    state = seen(stamp_s=1.0, until_s=6.0, attention_label='')
    assert subnet_from(state, now=NOW, latched=False).attention is None


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'attention_min_accuracy': math.nan}, 'attention_min_accuracy is nan; expected 0 to 1'),
        ({'attention_score': -1e160}, r'attention_score is -1e\+160; expected 0 to 1'),
        ({'attention_label': 'a\nb'}, 'attention_label is .*expected at most 256 printable'),
    ],
)
def test_a_hold_out_of_range_is_refused_by_name(change, text):
    with pytest.raises(ValueError, match=text):
        subnet_from(seen(stamp_s=1.0, until_s=6.0, **change), now=NOW, latched=False)


@pytest.mark.parametrize(
    ('deadline_from', 'age_s', 'expected_s'),
    [('arrival', 0.02, 0.0), ('stamp', 0.02, 0.02), ('stamp', math.nan, 0.0), ('', 0.02, 0.0)],
)
def test_the_age_of_an_image_counts_where_its_deadline_does(deadline_from, age_s, expected_s):
    report = msg.FrameReport(
        app='camera', inference_s=0.05, deadline_from=deadline_from, age_s=age_s
    )
    assert frame_from(report).age_s == expected_s
