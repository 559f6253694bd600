from dataclasses import replace

from dynofa_ros.report.recording import Recording
from dynofa_ros.report.summary import RunPhase, summarise
from dynofa_ros.report.words import in_words

PHASES = (RunPhase('first', 0.0, 1.0), RunPhase('second', 1.0, 2.0))


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


def test_energy_is_said_with_its_source_and_of_how_many_frames(recording):
    words = in_words(summarise(recording, PHASES), duration_s=2.0)
    assert 'took 2.5 J above idle (modelled; known of 3 of 4 frames).' in words


def test_measured_energy_is_said_with_its_error(recording):
    recording.frames = [
        replace(
            frame,
            energy_j=2.0,
            energy_std_j=0.3,
            energy_common_std_j=0.0,
            energy_source='measured_rapl',
        )
        for frame in recording.frames
    ]
    words = in_words(summarise(recording, PHASES), duration_s=2.0)
    assert 'took 8.0 ± 0.6 J above idle (measured_rapl).' in words
    assert '30 ms a frame, 2.00 ± 0.21 J' in words
