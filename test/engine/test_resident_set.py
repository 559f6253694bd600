import pytest


def test_every_kept_sub_network_is_resident_cheapest_first(residents):
    assert [each.kept.subnet_id for each in residents] == ['small', 'middle', 'large']
    assert len(residents) == 3


def test_a_sub_network_is_found_by_name(residents):
    assert residents['middle'].kept.subnet_id == 'middle'


def test_an_unknown_name_is_refused_with_those_that_are_resident(residents):
    with pytest.raises(ValueError, match=r"'huge'; resident: small, middle, large"):
        residents['huge']


def test_each_sees_images_at_its_own_resolution(residents):
    assert [each.preprocess.resolution for each in residents] == [20, 24, 32]
