"""Every simulated instrument says what it said when its conversation was recorded.

After a wanted change, ``LABNEURO_RECORD=1 pytest tests/golden`` records them anew; look
at the difference before it is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODELS = {
    "agilent_b1500a": ("Agilent B1500A", "smu1"),
    "keithley_2612a": ("Keithley 2612A", "smua"),
    "keithley_2636b": ("Keithley 2636B", "smua"),
    "keithley_3706a": ("Keithley 3706A", "slot1_row1"),
    "keysight_81160a": ("Keysight 81160A", "ch1"),
    "keysight_msox3104t": ("Keysight MSO-X 3104T", "ch1"),
    "tektronix_afg31000": ("Tektronix AFG31000", "ch1"),
}


@pytest.mark.parametrize("name", MODELS)
def test_conversation_is_as_recorded(converse, name):
    """Commands, replies and bench times are those of the recording."""
    model, terminal = MODELS[name]
    messages = (HERE / f"{name}.in").read_text(encoding="utf-8").splitlines()
    spoken = converse(model, terminal, messages)
    recording = HERE / f"{name}.txt"
    if os.environ.get("LABNEURO_RECORD"):
        recording.write_text(spoken, encoding="utf-8")
    assert spoken == recording.read_text(encoding="utf-8")


def test_every_recording_is_compared():
    assert {path.stem for path in HERE.glob("*.txt")} == set(MODELS)
