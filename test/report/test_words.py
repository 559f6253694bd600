from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import Phase, summarise
from dynofa_ros.report.words import in_words

PHASES = (Phase('first', 0.0, 1.0), Phase('second', 1.0, 2.0))


def test_the_paragraph_says_the_totals(recording):
    words = in_words(summarise(recording, PHASES), duration_s=2.0)
    assert '7 frames came in on nx (simulated)' in words
    assert '4 were classified, 2 dropped and 1 refused' in words
    assert 'switched the sub-network 1 time,' in words
    assert '1 frame (25.0%) missed' in words
    assert 'from 50% to 40%' in words


def test_each_phase_has_a_sentence(recording):
    words = in_words(summarise(recording, PHASES), duration_s=2.0)
    assert 'First: with a deadline of 40 ms it ran mostly small on the gpu, 30 ms a frame' in words


def test_a_run_without_frames_has_words_too():
    assert '0 frames came in' in in_words(summarise(Recording(), PHASES), duration_s=2.0)
