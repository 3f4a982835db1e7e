"""Contact check of a Series 2600B channel: force and sense leads at the device.

The wiring of a bench joins force and sense leads at the channel's terminal, so a
contact is either there or open; a terminal that touches nothing is an open contact.

References
----------
Series 2600B Reference Manual 2600BS-901-01 Rev. C, ``smuX.contact.*``, p. 7-209 and
following; 2600BS-900-01 Rev. A p. 4-14 (zero output-off mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.keithley_2600 import datasheet
from labneuro.sim_backends.keithley_2600.ranges import AMPS, VOLTS
from labneuro.sim_backends.keithley_2600.source import HIGH_Z, ON, ZERO
from labneuro.sim_backends.tsp.runtime import TspObject
from labneuro.sim_backends.tsp.values import (
    Setting,
    TspProblem,
    add_settings,
    whole,
    within,
)

if TYPE_CHECKING:
    from labneuro.sim_backends.drives import Drive
    from labneuro.sim_backends.keithley_2600.source import Source
    from labneuro.sim_backends.wiring import Circuit

_HIGH_Z_OFF, _LOW_LIMIT, _LOW_RANGE, _LOW_OFF_LIMIT = 5048, 5050, 5065, 5066
_CALIBRATION_LOCKED = 5017
_LEAST = 1e-3  # A that must be able to flow
_TEST_VOLTAGE = 0.1  # V, chosen
_OPEN_BELOW = 1e-13  # A at the test voltage: next to nothing is there
# Duration of a check in s by speed; no figures found, chosen.
_DURATIONS = (1e-3, 4e-3, 16e-3)
_SETTINGS = (
    Setting("speed", 0, whole(0, 2)),
    Setting("threshold", 50.0, within(0.0, 1e6)),
)


class ContactCheck:
    """The contact check of one channel.

    Parameters
    ----------
    source : Source
        The channel's source.
    drive : Drive
        Its output on the circuit.
    circuit : Circuit
        The wiring.
    """

    def __init__(self, source: Source, drive: Drive, circuit: Circuit) -> None:
        self._source, self._drive, self._circuit = source, drive, circuit
        self._settings: dict[str, float] = {}
        self.lua = TspObject(
            functions={
                "check": self.check,
                "r": self.resistances,
                "calibratehi": _refuse_calibration,
                "calibratelo": _refuse_calibration,
            }
        )
        add_settings(self.lua, self._settings, _SETTINGS)

    def reset(self) -> None:
        """Return to the defaults."""
        for setting in _SETTINGS:
            self._settings[setting.name] = float(setting.default)

    def check(self) -> bool:
        """Whether both contacts are below the threshold."""
        return max(self.resistances()) < self._settings["threshold"]

    def resistances(self) -> tuple[float, float]:
        """Return the contact resistances at HI and LO in ohm; an open one overflows.

        Raises
        ------
        TspProblem
            If the present source or output-off state does not let 1 mA flow.
        """
        problem = self._problem()
        if problem:
            raise TspProblem(problem)
        self._circuit.clock.advance(_DURATIONS[int(self._settings["speed"])])
        # LO is on the bench's common ground.
        return (0.0 if self._touches() else datasheet.OVERFLOW), 0.0

    def _problem(self) -> int:
        """Return the number of the error that forbids a check, or 0."""
        source = self._source
        if source.output == ON:
            return self._problem_when_on()
        mode = source.settings["offmode"]
        if HIGH_Z in (source.output, mode):
            return _HIGH_Z_OFF
        if mode == ZERO:
            return _LOW_OFF_LIMIT if source.zero_limit() < _LEAST else 0
        if source.settings["offfunc"] == VOLTS:
            return _LOW_OFF_LIMIT if source.settings["offlimiti"] < _LEAST else 0
        return _LOW_RANGE if self._current_range() < _LEAST else 0

    def _problem_when_on(self) -> int:
        if self._source.function == AMPS:
            return _LOW_RANGE if self._current_range() < _LEAST else 0
        return _LOW_LIMIT if self._source.limits[AMPS] < _LEAST else 0

    def _current_range(self) -> float:
        return self._source.ranges[AMPS].sheet.full_scale

    def _touches(self) -> bool:
        """Whether the terminal is joined to anything."""
        circuit, drive = self._circuit, self._drive
        if any(one.node == drive.node for one in circuit.drives if one is not drive):
            return True
        if drive.node in circuit.device_nodes:
            return True
        # No time passes: the device does not live through this.
        drive.voltage_source(_TEST_VOLTAGE, datasheet.OUTPUT_RESISTANCE, _LEAST)
        current = circuit.measure(drive, 0.0).current
        self._source.apply()
        return abs(current) > _OPEN_BELOW


def _refuse_calibration() -> None:
    raise TspProblem(_CALIBRATION_LOCKED)
