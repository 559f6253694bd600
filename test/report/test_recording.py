from dynofa_ros.report.recording import Command, Recording


def recording_of(*commands):
    return Recording(commands=[Command(0.0, *each, 'what', 'why') for each in commands])


def test_a_state_acknowledges_the_command_of_its_sequence():
    run = recording_of(('perception', 1))
    run.acknowledge('perception', 1, time_s=0.5, applied=True, result='done')
    assert (run.commands[0].acknowledged_s, run.commands[0].applied) == (0.5, True)


def test_a_state_acknowledges_the_commands_before_it_too():
    run = recording_of(('perception', 1), ('perception', 2))
    run.acknowledge('perception', 2, time_s=0.5, applied=False, result='no')
    assert run.unacknowledged == []
    assert [each.result for each in run.commands] == ['overtaken by a later command', 'no']


def test_a_state_of_another_receiver_acknowledges_nothing():
    run = recording_of(('perception', 1))
    run.acknowledge('platform', 1, time_s=0.5, applied=True, result='done')
    assert run.unacknowledged == run.commands


def test_a_state_before_the_command_acknowledges_nothing():
    run = recording_of(('perception', 2))
    run.acknowledge('perception', 1, time_s=0.5, applied=True, result='done')
    assert run.unacknowledged == run.commands


def test_the_first_acknowledgement_counts():
    run = recording_of(('perception', 1))
    run.acknowledge('perception', 1, time_s=0.5, applied=True, result='done')
    run.acknowledge('perception', 1, time_s=0.9, applied=True, result='again')
    assert run.commands[0].acknowledged_s == 0.5
