"""The bench file: instruments by role, their addresses, wiring, device and limits."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from labneuro import workspace
from labneuro.devices.cards import Card
from labneuro.errors import BenchConfigError, CardError
from labneuro.safety import Limits, tightest
from labneuro.units import (
    Hertz,
    InputModel,
    Metre,
    Ohm,
    Second,
    shown,
    validate_input,
)

SIMULATED = "@labneuro"
Role = Literal[
    "source_meter",
    "current_pulser",
    "pulse_generator",
    "clock_generator",
    "gate_supply",
    "oscilloscope",
    "second_oscilloscope",
    "switch_matrix",
]
ProbeTip = Literal["1x", "10x", "100x"]
FaultKind = Literal[
    "time-out",
    "dropped connection",
    "garbage",
    "truncated block",
    "error in queue",
    "interlock open",
    "over-range",
    "wrong identity",
    "slow reply",
]
WHOLE_INSTRUMENT: tuple[Role, ...] = (
    "oscilloscope",
    "second_oscilloscope",
    "switch_matrix",
)
"""Roles that an instrument fills with all its channels."""
_INSTRUMENT = re.compile(r"[A-Za-z]\w*")
_TERMINAL = re.compile(r"ground|(?!ground\.)[A-Za-z]\w*\.[A-Za-z]\w*")
_RESERVED = ("device", "ground")


def _check_terminal(text: str) -> str:
    if not _TERMINAL.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a terminal; write 'instrument.terminal', "
            "'device.terminal' or 'ground'"
        )
    return text


Terminal = Annotated[str, AfterValidator(_check_terminal)]


class InstrumentConfig(InputModel):
    """One instrument: its model, its VISA address and its time-out.

    Attributes
    ----------
    modules : dict of str to str
        Plug-in modules by slot, such as ``slot1: "3730"``.
    """

    model: str
    address: str
    timeout: Annotated[Second, Field(gt=0)] = 10.0
    modules: dict[str, str] = Field(default_factory=dict)


class DeviceConfig(InputModel):
    """The device under test.

    Attributes
    ----------
    id : str
        Its name in the lab's book.
    model : str
        Device model, such as ``"hnno"``.
    geometry : dict of str to float
        Lengths in m; ``channel_length`` turns fields into voltages.
    array : int, optional
        Number of such devices, each with terminals of its own: ``positive_01``,
        ``negative_01``, ``positive_02`` and so on.
    limits : Limits
        What this device, or each of an array, must never see.
    """

    id: str
    model: str
    geometry: dict[str, Annotated[Metre, Field(gt=0)]] = Field(default_factory=dict)
    array: Annotated[int, Field(ge=1, le=1024)] | None = None
    limits: Limits = Limits()


class Resistor(InputModel):
    """A resistor between the nets of two terminals."""

    between: tuple[Terminal, Terminal]
    value: Annotated[Ohm, Field(gt=0)]


class Wiring(InputModel):
    """Which terminals are joined, and which trigger output feeds which input.

    Attributes
    ----------
    nets : tuple of tuple of str
        Terminals that are joined.
    triggers : tuple of (str, str)
        Trigger output and trigger input.
    resistors : tuple of Resistor
        Resistors between nets.
    probes : dict of str to str
        The probe before an oscilloscope's input: ``1x`` (a cable), ``10x``, ``100x``.
    """

    nets: tuple[tuple[Terminal, ...], ...]
    triggers: tuple[tuple[Terminal, Terminal], ...] = ()
    resistors: tuple[Resistor, ...] = ()
    probes: dict[Terminal, ProbeTip] = Field(default_factory=dict)

    @field_validator("nets")
    @classmethod
    def _on_one_net(cls, nets: tuple[tuple[str, ...], ...]) -> Any:  # noqa: ANN401  whatever came in
        count = Counter(one for net in nets for one in net if one != "ground")
        for terminal, times in count.items():
            if times > 1:
                raise ValueError(f"{terminal!r} is given twice; it can be on one net")
        return nets


class FaultConfig(InputModel):
    """A fault of a simulated instrument.

    Attributes
    ----------
    instrument : str
        The instrument's name on the bench.
    kind : str
        ``"time-out"`` (a reply is lost), ``"dropped connection"``, ``"garbage"``,
        ``"truncated block"``, ``"error in queue"``, ``"interlock open"``,
        ``"over-range"``, ``"wrong identity"`` or ``"slow reply"``.
    at : int, optional
        Only at the n-th message, from 1 on.
    probability : float, optional
        At each message with this probability; without `at` and `probability` always.
    containing : str
        Only messages that contain this text, in any case, count.
    delay : float
        By how much a slow reply comes later, in s.
    code : int, optional
        The error in the queue; the instrument's usual hardware error if not given.
    """

    instrument: str
    kind: FaultKind
    at: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] | None = None
    containing: str = ""
    delay: Annotated[Second, Field(gt=0)] = 1.0
    code: int | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> FaultConfig:
        if self.at is not None and self.probability is not None:
            raise ValueError("give 'at' or 'probability', not both")
        return self


class SimulationConfig(InputModel):
    """How a simulated bench behaves; a bench on hardware ignores it.

    Attributes
    ----------
    card : str
        Device card by name or path.
    clock : str
        ``"virtual"`` jumps ahead, ``"real"`` sleeps.
    seed : int
        Makes the bench repeatable to the bit.
    line_frequency : float
        Power-line frequency in Hz: integration times follow it.
    noise : bool
        Whether readings carry the instruments' noise.
    draw_device : bool
        Draw the device from the card's device-to-device spread; otherwise the device is
        the card's mean.
    device_seed : int or None
        What draws it; None for this section's `seed`. A run with a seed of its own
        meets the same device.
    overrides : dict
        Card parameters to replace, as quantities.
    faults : tuple of FaultConfig
        What goes wrong.
    """

    card: str
    clock: Literal["virtual", "real"] = "virtual"
    seed: Annotated[int, Field(ge=0)] = 0
    line_frequency: Annotated[Hertz, Field(ge=50, le=60)] = 50.0
    noise: bool = True
    draw_device: bool = False
    device_seed: Annotated[int, Field(ge=0)] | None = None
    overrides: dict[str, str | float] = Field(default_factory=dict)
    faults: tuple[FaultConfig, ...] = ()

    @property
    def drawn_by(self) -> int | None:
        """The seed that draws the device; None if it is the card's mean."""
        if not self.draw_device:
            return None
        return self.seed if self.device_seed is None else self.device_seed


class WatchdogConfig(InputModel):
    """When the watchdog of a bench on hardware acts.

    Attributes
    ----------
    timeout : float
        Longest silence of the controller in s.
    """

    timeout: Annotated[Second, Field(ge=0.5, le=60)] = 1.0


class _BenchFile(InputModel):
    """A bench file's content."""

    description: str
    visa_library: str
    instruments: dict[str, InstrumentConfig]
    roles: dict[Role, str]
    device: DeviceConfig
    limits: Limits
    wiring: Wiring
    simulation: SimulationConfig | None = None
    watchdog: WatchdogConfig = WatchdogConfig()

    @model_validator(mode="after")
    def _references(self) -> _BenchFile:
        for name in _RESERVED:
            if name in self.instruments:
                raise ValueError(f"instruments.{name}: this name is taken")
        wiring = self.wiring
        for role, target in self.roles.items():
            _check_filler(role, target)
            self._known((target,), f"roles.{role}")
        for pair in wiring.triggers:
            self._known(pair, "wiring.triggers")
        for group in (*wiring.nets, *(one.between for one in wiring.resistors)):
            self._known(group, "wiring", *_RESERVED)
        self._known(tuple(wiring.probes), "wiring.probes")
        if self.visa_library == SIMULATED and self.simulation is None:
            raise ValueError("simulation: a simulated bench needs this section")
        faults = self.simulation.faults if self.simulation is not None else ()
        for number, fault in enumerate(faults):
            self._known((fault.instrument,), f"simulation.faults.{number}.instrument")
        return self

    def _known(self, terminals: tuple[str, ...], where: str, *special: str) -> None:
        names = (*self.instruments, *special)
        for terminal in terminals:
            if terminal.partition(".")[0] not in names:
                raise ValueError(
                    f"{where}: {terminal!r} is of no known owner; "
                    f"known: {', '.join(names)}"
                )


def _check_filler(role: Role, target: str) -> None:
    if role not in WHOLE_INSTRUMENT:
        try:
            _check_terminal(target)
        except ValueError as error:
            raise ValueError(f"roles.{role}: {error}") from error
    elif not _INSTRUMENT.fullmatch(target):
        raise ValueError(
            f"roles.{role}: {shown(target)} is not an instrument; this role is filled "
            "by a whole instrument, without a channel"
        )


class BenchConfig(_BenchFile):
    """A bench as its file describes it, with the file itself.

    Attributes
    ----------
    name : str
        File name without ending.
    path : Path
        The file.
    text : str
        Its content, kept with every run.
    """

    name: str
    path: Path
    text: str

    @property
    def simulated(self) -> bool:
        """Whether the instruments are simulated."""
        return self.visa_library == SIMULATED

    @property
    def safe_limits(self) -> Limits:
        """The tighter of the device's and the bench's limits, each with its origin."""
        device = self.device.limits.named("device limit")
        return tightest([device, self.limits.named("bench limit")])

    def probe_divisions(self, instrument: str) -> dict[str, float]:
        """Return by how much the probes before an instrument's inputs divide."""
        return {
            terminal.partition(".")[2]: float(tip.removesuffix("x"))
            for terminal, tip in self.wiring.probes.items()
            if terminal.startswith(f"{instrument}.")
        }

    def trigger_line(self, source: str, target: str) -> str:
        """Return the trigger output of `source` that is wired to `target`.

        Parameters
        ----------
        source, target : str
            Instrument names.

        Raises
        ------
        BenchConfigError
            If no trigger wire joins the two.
        """
        for output, receiver in self.wiring.triggers:
            if output.startswith(f"{source}.") and receiver.startswith(f"{target}."):
                return output.partition(".")[2]
        raise BenchConfigError(
            f"{self.path}: wiring.triggers: no line from {source!r} to {target!r}"
        )


def load_bench(name: str | Path) -> BenchConfig:
    """Read a bench by workspace name or by path.

    Raises
    ------
    NotInWorkspaceError
        If there is no such bench.
    BenchConfigError
        If the file is wrong; names the key, the value and what is allowed.
    """
    path = workspace.find("bench", name)
    content = workspace.read_yaml(path)
    checked = validate_input(_BenchFile, content, str(path), BenchConfigError)
    return BenchConfig.model_construct(
        name=path.stem,
        path=path,
        text=path.read_text(encoding="utf-8"),
        **{key: getattr(checked, key) for key in _BenchFile.model_fields},
    )


def load_card(name: str | Path) -> Card:
    """Read a device card by workspace name or by path.

    Raises
    ------
    NotInWorkspaceError
        If there is no such card.
    CardError
        If the file is wrong; names the key, the value and what is allowed.
    """
    path = workspace.find("card", name)
    return validate_input(Card, workspace.read_yaml(path), str(path), CardError)
