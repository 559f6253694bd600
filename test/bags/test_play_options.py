import pytest

from dynofa_ros.bags.play_options import PlayOptions, parse_options, split_ros_arguments


def test_a_bag_alone_plays_once_at_the_recorded_rate():
    assert parse_options(['bag']) == PlayOptions(bag='bag')


def test_the_names_of_ros2_bag_play():
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


def test_the_clock_has_40_hz_unless_told():
    assert parse_options(['bag', '--clock']).clock_hz == 40.0


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ('--rate 0', '--rate 0.0: allowed is a finite number above 0'),
        ('--rate -1', '--rate -1.0: allowed'),
        ('--rate nan', '--rate nan: allowed'),
        ('--rate fast', "argument -r/--rate: invalid float value: 'fast'"),
        ('--clock 0', '--clock 0.0: allowed'),
        ('--delay -2', '--delay -2.0: allowed is a finite number of seconds from 0 on'),
        ('--start-offset inf', '--start-offset inf: allowed'),
        ('--wait-for-subscribers -1', '--wait-for-subscribers -1.0: allowed'),
        ('--remap /a', "--remap: remapping '/a' does not have the form from:=to"),
        ('--faster', 'unrecognized arguments: --faster'),
    ],
)
def test_an_option_that_does_not_fit_exits_with_2_and_says_why(capsys, arguments, words):
    with pytest.raises(SystemExit) as error:
        parse_options(['bag', *arguments.split()])
    assert error.value.code == 2
    assert words in capsys.readouterr().err


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
def test_ros_takes_only_what_follows_ros_args(arguments, own, ros):
    assert split_ros_arguments(arguments.split()) == (own.split(), ros.split())
