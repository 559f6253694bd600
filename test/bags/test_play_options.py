# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import pytest

from dynofa_ros.bags.play_options import PlayOptions, parse_options, split_ros_arguments


def test_the_default_is_one_pass_at_the_recorded_rate():
    assert parse_options(['bag']) == PlayOptions(bag='bag')


def test_options_are_named_as_in_ros2_bag_play():
    arguments = (
        'bag --rate 2 --loop --clock 100 --remap /a:=/b c:=d --topics /a c --restamp '
        '--start-offset 1.5 --delay 3 --wait-for-subscribers 10'
    )
    assert parse_options(arguments.split()) == PlayOptions(
        bag='bag',
        rate=2.0,
        loop=True,
        clock_hz=100.0,
        remap=('/a:=/b', 'c:=d'),
        topics=('/a', 'c'),
        restamp=True,
        start_offset_s=1.5,
        delay_s=3.0,
        wait_for_subscribers_s=10.0,
    )


def test_the_default_clock_rate_is_40_hz():
    assert parse_options(['bag', '--clock']).clock_hz == 40.0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ('--rate 0', '--rate is 0.0; expected a finite number above 0'),
        ('--rate -1', '--rate is -1.0; expected'),
        ('--rate nan', '--rate is nan; expected'),
        ('--rate fast', "argument -r/--rate: invalid float value: 'fast'"),
        ('--clock 0', '--clock is 0.0; expected'),
        ('--delay -2', '--delay is -2.0; expected a finite number of seconds, 0 or more'),
        ('--start-offset inf', '--start-offset is inf; expected'),
        ('--wait-for-subscribers -1', '--wait-for-subscribers is -1.0; expected'),
        ('--remap /a', "--remap: remapping is '/a'; expected from:=to"),
        ('--faster', 'unrecognized arguments: --faster'),
    ],
)
def test_a_wrong_option_exits_with_2_and_a_message(capsys, arguments, message):
    with pytest.raises(SystemExit) as error:
        parse_options(['bag', *arguments.split()])
    assert error.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'own', 'ros'),
    [
        ('bag --remap a:=b', 'bag --remap a:=b', ''),
        ('bag --ros-args -r a:=b', 'bag', '--ros-args -r a:=b'),
        ('--ros-args -r a:=b -- bag --loop', 'bag --loop', '--ros-args -r a:=b --'),
        (
            'bag --ros-args -r a:=b -- -l --ros-args -r c:=d',
            'bag -l',
            '--ros-args -r a:=b -- --ros-args -r c:=d',
        ),
    ],
)
def test_only_arguments_after_ros_args_go_to_ros(arguments, own, ros):
    assert split_ros_arguments(arguments.split()) == (own.split(), ros.split())
