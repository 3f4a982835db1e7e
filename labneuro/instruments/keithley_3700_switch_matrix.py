"""A Keithley 3706A with matrix cards as the switch matrix of a bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.errors import InstrumentError
from labneuro.instruments import shutdown
from labneuro.instruments.roles import SwitchMatrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labneuro.instruments.guard import Guard
    from labneuro.instruments.keithley_3700 import Keithley3700
    from labneuro.safety import Limits


class Keithley3700SwitchMatrix(SwitchMatrix):
    """All relays of a 3706A.

    Parameters
    ----------
    driver : Keithley3700
        The instrument.
    channel : str
        Empty: the role is filled by the whole instrument.
    limits : Limits or Guard
        Of the bench; a switch sets no voltage and no current.
    """

    def __init__(
        self, driver: Keithley3700, channel: str, limits: Limits | Guard
    ) -> None:
        self._driver = driver
        self._where = ".".join(filter(None, (driver.name, channel)))
        self._limits = limits

    def connect(self, channels: Sequence[str]) -> None:
        """Close exactly these channels, after all others have opened, and verify it.

        Parameters
        ----------
        channels : sequence of str
            Channel numbers, such as ``"1101"``; without any, all relays open.

        Raises
        ------
        InstrumentError
            If the instrument reports an error or other channels are closed in the end.
        ValueError
            If one cannot be a channel.
        """
        driver = self._driver
        driver.connect_rule = "break_before_make"
        driver.exclusive_close(channels)
        driver.check_errors()
        wanted, found = set(channels), set(self.closed())
        if wanted != found:
            raise InstrumentError(
                f"{self._where}: {_named(wanted)} should be closed, but closed "
                f"are {_named(found)}"
            )

    def closed(self) -> tuple[str, ...]:
        """Return the closed channels as the instrument reports them."""
        return self._driver.closed_channels()

    def make_safe(self) -> None:
        """Stop what runs and open all relays.

        Raises
        ------
        SafeStateError
            If the instrument does not confirm that all are open.
        """
        driver = self._driver
        shutdown.make_safe(
            self._where,
            (
                ("device clear", driver.device_clear),
                ("scan abort", lambda: driver.write("scan.abort()")),
                ("open", driver.open),
            ),
            lambda: not self.closed(),
        )


def _named(channels: set[str]) -> str:
    return ", ".join(sorted(channels)) or "none"
