"""The status registers of the Series 3700A.

References
----------
Series 3700A Reference Manual 3700AS-901-01 Rev. D, Section 11, ``status.*``; Series
3700 Reference Manual 3700S-901-01 Rev. C, p. 12-19 (standard event register). Which
bits the measurement, operation and questionable registers have was not found; their
bits are as in the Series 2600B, where both instruments have them.
"""

from __future__ import annotations

from labneuro.sim_backends.tsp.status import RegisterLayout

_STANDARD = {
    "OPERATION_COMPLETE": 0,
    "OPC": 0,
    "QUERY_ERROR": 2,
    "QYE": 2,
    "DEVICE_DEPENDENT_ERROR": 3,
    "DDE": 3,
    "EXECUTION_ERROR": 4,
    "EXE": 4,
    "COMMAND_ERROR": 5,
    "CME": 5,
    "USER_REQUEST": 6,
    "URQ": 6,
    "POWER_ON": 7,
    "PON": 7,
}
_MEASUREMENT = {"READING_OVERFLOW": 7, "ROF": 7, "BUFFER_AVAILABLE": 8, "BAV": 8}
_OPERATION = {"USER": 12, "PROGRAM_RUNNING": 14, "PROG": 14}
_NODES_A_REGISTER = 14
_LAST_NODE = 64


def _system_registers() -> dict[str, RegisterLayout]:
    """Return the registers that sum up the nodes of a TSP-Link system."""
    names = ("system", "system2", "system3", "system4", "system5")
    layout = {}
    for index, name in enumerate(names):
        first = index * _NODES_A_REGISTER
        nodes = {
            f"NODE{first + bit}": bit
            for bit in range(1, _NODES_A_REGISTER + 1)
            if first + bit <= _LAST_NODE
        }
        layout[name] = RegisterLayout(1, {"EXTENSION_BIT": 0, "EXT": 0, **nodes})
    return layout


LAYOUT = {
    "measurement": RegisterLayout(0, _MEASUREMENT),
    "operation": RegisterLayout(
        7,
        _OPERATION,
        {"user": RegisterLayout(12, {f"BIT{bit}": bit for bit in range(15)})},
    ),
    "questionable": RegisterLayout(3, {}),
    "standard": RegisterLayout(5, _STANDARD),
    **_system_registers(),
}
