"""Tests of labneuro/networks/pcu_settings.py: what is refused, what quick leaves."""

import pytest

from labneuro.networks.pcu_settings import (
    PcuOperatorsSettings,
    PcuTrackingSettings,
    PcuVqaSettings,
)


@pytest.mark.parametrize(
    ("settings", "changes", "told"),
    [
        (PcuVqaSettings, {"width": 10}, "multiple of heads"),
        (PcuVqaSettings, {"least_objects": 5}, "at most most_objects"),
        (PcuVqaSettings, {"most_objects": 10}, "at most 9 have room in a grid"),
        (PcuTrackingSettings, {"search": 50}, "search: must be a multiple of patch"),
        (PcuTrackingSettings, {"fusion_layers": "9"}, "fusion_layers: must be 1 to"),
        (PcuTrackingSettings, {"width": 10}, "multiple of heads"),
        (PcuOperatorsSettings, {"width": 3}, "multiple of heads"),
        (PcuTrackingSettings, {"activations_last": True}, "needs final_steps of 1"),
        (PcuTrackingSettings, {"drop_at": 1.0}, "less than 1"),
        (PcuVqaSettings, {"schedule": "linear"}, "'cosine', 'step' or 'constant'"),
    ],
)
def test_sizes_that_do_not_fit_are_told(settings, changes, told):
    with pytest.raises(ValueError, match=told):
        settings(**changes)


@pytest.mark.parametrize(("asked", "left"), [(0, 0), (8, 1)])
def test_a_quick_run_keeps_one_step_of_a_final_stage(asked, left):
    for kind in (PcuVqaSettings, PcuTrackingSettings):
        sized = kind(quick=True, final_steps=asked).sized()
        assert (sized.steps, sized.tuning_steps, sized.final_steps) == (6, 3, left)
        assert kind(final_steps=asked).sized().final_steps == asked
