"""Commands of the mass storage of the AFG31000.

References
----------
Tektronix, AFG3000 Series Programmer Manual 071-1639, ``MMEMory`` subsystem; sources (f)
and (g) of the limits for ``DATA:FILE``, ``MMEMory:OPEN``, ``MMEMory:SAVE``,
``SAVe:SETUp`` and ``RECAll:SETUp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.scpi import syntax
from labneuro.sim_backends.scpi.arguments import Block, Boolean, Integer
from labneuro.sim_backends.scpi.syntax import ScpiError
from labneuro.sim_backends.scpi.tree import Command
from labneuro.sim_backends.tektronix_afg31000.command_forms import FileName
from labneuro.sim_backends.tektronix_afg31000.memory_commands import EDIT_MEMORY
from labneuro.sim_backends.tektronix_afg31000.sequence import Sequence
from labneuro.sim_backends.tektronix_afg31000.storage_errors import MASS_STORAGE_ERROR
from labneuro.sim_backends.tektronix_afg31000.system_commands import check_state
from labneuro.sim_backends.tektronix_afg31000.waveform_files import write_waveform

if TYPE_CHECKING:
    from labneuro.sim_backends.tektronix_afg31000.instrument import TektronixAfg31000

_WHOLE = Integer(extremes=False)
_FILE = FileName()


def _load_trace(afg: TektronixAfg31000, memory: str, name: str) -> None:
    afg.memory.load(memory, afg.storage.waveform(name).shares)
    afg.memory_changed(memory)


def _store_trace(afg: TektronixAfg31000, memory: str, name: str) -> None:
    afg.storage.write(name, write_waveform(afg.memory.shares(memory)))


def _load_state(afg: TektronixAfg31000, number: int, name: str) -> None:
    check_state(number, afg.locked_states)
    setup = afg.storage.read(name)
    if isinstance(setup, bytes | Sequence):
        raise ScpiError(MASS_STORAGE_ERROR)
    afg.memories[number] = setup


def _store_state(afg: TektronixAfg31000, number: int, name: str) -> None:
    check_state(number)
    if number not in afg.memories:
        raise ScpiError(syntax.PARAMETER_ERROR)
    afg.storage.write(name, afg.memories[number])


def _recall_setup(afg: TektronixAfg31000, name: str) -> None:
    afg.restore(afg.storage.read(name))


def _save_setup(afg: TektronixAfg31000, name: str) -> None:
    afg.storage.write(name, afg.snapshot())


def _open_sequence(afg: TektronixAfg31000, name: str) -> None:
    content = afg.storage.read(name)
    if not isinstance(content, Sequence):
        raise ScpiError(MASS_STORAGE_ERROR)
    afg.outputs.stop_sequence()
    afg.sequence.restore(content)


def _save_sequence(afg: TektronixAfg31000, name: str) -> None:
    afg.storage.write(name, afg.sequence.copy())


def _change_directory(afg: TektronixAfg31000, *name: str) -> None:
    afg.storage.change_directory(*name)


STORAGE_COMMANDS = (
    Command("MMEMory:CATalog", query=lambda afg: afg.storage.catalog()),
    Command(
        "MMEMory:CDIRectory",
        _change_directory,
        lambda afg: f'"{afg.storage.directory}"',
        (FileName(optional=True),),
    ),
    Command(
        "MMEMory:MDIRectory",
        lambda afg, name: afg.storage.make_directory(name),
        arguments=(_FILE,),
    ),
    Command(
        "MMEMory:DELete",
        lambda afg, name: afg.storage.delete(name),
        arguments=(_FILE,),
    ),
    Command(
        "MMEMory:LOCK[:STATe]",
        lambda afg, name, locked: afg.storage.lock(name, locked),
        lambda afg, name: afg.storage.is_locked(name),
        (_FILE, Boolean()),
        (_FILE,),
    ),
    Command("MMEMory:LOAD:TRACe", _load_trace, arguments=(EDIT_MEMORY, _FILE)),
    Command("MMEMory:STORe:TRACe", _store_trace, arguments=(EDIT_MEMORY, _FILE)),
    Command("MMEMory:LOAD:STATe", _load_state, arguments=(_WHOLE, _FILE)),
    Command("MMEMory:STORe:STATe", _store_state, arguments=(_WHOLE, _FILE)),
    Command("MMEMory:OPEN:SEQuence", _open_sequence, arguments=(_FILE,)),
    Command("MMEMory:SAVE:SEQuence", _save_sequence, arguments=(_FILE,)),
    Command("RECAll:SETUp", _recall_setup, arguments=(_FILE,)),
    Command("SAVe:SETUp", _save_setup, arguments=(_FILE,)),
    Command(
        "DATA:FILE TRACe:FILE",
        lambda afg, name, size, part: afg.storage.upload(name, size, part),
        arguments=(_FILE, _WHOLE, Block()),
    ),
)
