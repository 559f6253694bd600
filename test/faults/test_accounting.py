# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Every frame is served, dropped, refused or lost, and the page says which."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from accounting import Account, account
from fault import Fault, Outcome
from reliability_page import cells_of, page

SENT = ['camera/1', 'camera/2', 'camera/3', 'camera/4']


def report(frame_id, *, app='perception', dropped=0, refused=0):
    header = SimpleNamespace(frame_id=frame_id)
    return SimpleNamespace(app=app, header=header, dropped=dropped, refused=refused)


def test_a_report_accounts_for_its_frame_and_those_before_it():
    reports = [report('camera/1'), report('camera/4', dropped=1, refused=1)]
    assert account(SENT, reports, app='perception') == Account(4, served=2, dropped=1, refused=1)
    assert account(SENT, reports, app='perception').lost == 0


def test_a_frame_of_which_no_report_tells_is_lost():
    assert account(SENT, [report('camera/4')], app='perception').lost == 3


def test_a_frame_that_diagnostics_count_as_lost_is_accounted_for():
    found = account(SENT, [report('camera/4')], app='perception', lost_by_dds=3)
    assert found.lost == 0
    assert outcome(account=found).broken(FAULT) == []
    assert outcome(account=found).slow(FAULT) == ['frames lost by DDS: 3; expected 0']
    assert outcome(account=found).slow(replace(FAULT, lost_by_dds=3)) == []


def test_reports_of_other_applications_do_not_count():
    assert account(SENT, [report('camera/1', app='other')], app='perception').served == 0


FAULT = Fault('a fault', lambda rig: iter(()), 'it is named', seen=lambda rig: True)


def outcome(**changes):
    fields = {
        'account': Account(4, 2, 1, 1),
        'seen_s': 0.5,
        'recovered_s': 1.0,
        'as_found': True,
        'outage_frames': 3,
        'memory_bytes': 0,
        'died': (),
    }
    return Outcome(**(fields | changes))


def test_an_outcome_that_meets_every_goal():
    assert outcome().broken(FAULT) == []
    assert outcome().slow(FAULT) == []


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'seen_s': math.nan}, 'not observed: it is named'),
        ({'recovered_s': math.nan}, 'it did not recover'),
        ({'as_found': False}, 'frequency settings are not as found'),
        ({'account': Account(4, 2, 1, 0)}, 'frames not accounted for: 1; expected 0 to 0'),
        ({'account': Account(4, 2, 2, 1)}, 'frames not accounted for: -1; expected 0 to 0'),
        ({'memory_bytes': 2**29}, 'a node grew by 512 MiB'),
        ({'died': ('platform ended with 1: ...',)}, 'platform ended with 1: ...'),
    ],
)
def test_each_missed_goal_is_named(changes, expected):
    assert outcome(**changes).broken(FAULT) == [expected]


def test_times_are_compared_with_their_goals():
    slow = outcome(seen_s=6.0, recovered_s=7.0).slow(FAULT)
    assert slow == ['observed after 6.0 s; expected 5 s', 'recovered after 7.0 s; expected 5']


def test_frames_may_be_lost_until_recovery_if_the_fault_is_of_that_kind():
    fault = Fault('killed', FAULT.inject, 'restarted', loses=True)
    assert outcome(account=Account(10, 7, 0, 0)).broken(fault) == []
    assert outcome(account=Account(10, 6, 0, 0)).broken(fault) == [
        'frames not accounted for: 4; expected 0 to 3'
    ]


ROW = {
    'name': 'camera stops',
    'goal': 'settings as found',
    'seen_goal_s': 5.0,
    'seen_s': None,
    'recover_goal_s': 5.0,
    'recovered_s': 0.26,
    'loses': False,
    'lost_by_dds_goal': 0,
    'sent': 9,
    'served': 8,
    'dropped': 1,
    'refused': 0,
    'lost_by_dds': 0,
    'lost': 0,
    'as_found': False,
    'broken': ['not observed: settings as found'],
    'slow': [],
}


def test_a_row_of_the_page_shows_what_was_missed():
    assert cells_of(ROW)[2:] == [
        'never (goal 5)', '0.3 (goal 5)', '9', '8', '1', '0', '0', '0', '**no**',
        '**missed**: not observed: settings as found',
    ]  # fmt: skip


MACHINE = {'cpu': 'A CPU', 'cores': 2, 'system': 'Linux', 'load_average_1_min': 3.0}


def test_the_page_counts_rows_that_met_their_goals_and_names_the_machine():
    skipped = {'name': 'full disk', 'goal': 'refused', 'skipped': 'needs root: it mounts'}
    met = ROW | {'broken': []}
    figures = {'date': '2026-01-01', 'machine': MACHINE, 'rows': [ROW, met, skipped]}
    text = page('', 'faults', figures)
    assert 'A CPU, 2 cores, Linux; load of the machine at the end: 3.0.' in text
    assert '1 of 2 rows met, 1 skipped.' in text
    assert 'skipped: needs root: it mounts' in text


def test_a_run_replaces_its_own_section_of_the_page():
    soaked = {
        'date': '2026-01-01',
        'machine': MACHINE,
        'faults': 30,
        'kinds': 7,
        'warm_up_s': 60.0,
        'measured_s': 90.0,
        'samples': 12 * [{}],
        'account': vars(Account(9, 8, 1, 0)) | {'lost': 0, 'excused': 0},
        'growth': [
            {
                'node': 'platform',
                'figure': 'resident bytes',
                'medians': [2.0**20, 2.0**20, 2.0**20, 2.0**21],
                'growth': 1.0,
                'met': False,
            }
        ],
        'problems': ['camera stops: it did not recover'],
    }
    matrix = {'date': '2026-01-02', 'machine': MACHINE, 'rows': [ROW]}
    first = page('', 'faults', matrix)
    both = page(first, 'soak', soaked)
    assert both.startswith(first)
    assert '30 faults in 2.5 min: a warm-up of 1.0 min, then 12 faults of 7 kinds.' in both
    assert '| platform | resident bytes | 1.0 MiB | 1.0 MiB | 1.0 MiB | 2.0 MiB | +100' in both
    assert '- camera stops: it did not recover' in both
    assert page(both, 'soak', soaked) == both
    assert page(page('', 'soak', soaked), 'faults', matrix) == both
