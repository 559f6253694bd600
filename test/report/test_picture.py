import cv2

from dynofa_ros.report.picture import draw
from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase

PHASES = (RunPhase('first', 0.0, 1.0), RunPhase('second', 1.0, 2.0))


def colours(file):
    picture = cv2.imread(str(file))
    return {tuple(int(v) for v in pixel) for pixel in picture.reshape(-1, 3)}


def test_a_missed_deadline_is_drawn_in_red(recording, tmp_path):
    draw(recording, PHASES, tmp_path / 'run.png', title='run')
    assert (0x26, 0x26, 0xDC) in colours(tmp_path / 'run.png')  # BGR of #dc2626


def test_a_run_in_which_nothing_was_heard_is_drawn_too(tmp_path):
    draw(Recording(), PHASES, tmp_path / 'folder' / 'run.png', title='run')
    assert (tmp_path / 'folder' / 'run.png').stat().st_size > 0
