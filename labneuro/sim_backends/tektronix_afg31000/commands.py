"""The command table of the AFG31000."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labneuro.sim_backends.tektronix_afg31000.channel_commands import CHANNEL_COMMANDS
from labneuro.sim_backends.tektronix_afg31000.memory_commands import MEMORY_COMMANDS
from labneuro.sim_backends.tektronix_afg31000.modulation_commands import (
    MODULATION_COMMANDS,
)
from labneuro.sim_backends.tektronix_afg31000.sequence_commands import (
    SEQUENCE_COMMANDS,
)
from labneuro.sim_backends.tektronix_afg31000.storage_commands import STORAGE_COMMANDS
from labneuro.sim_backends.tektronix_afg31000.system_commands import SYSTEM_COMMANDS

if TYPE_CHECKING:
    from labneuro.sim_backends.scpi.tree import Command

COMMANDS: tuple[Command, ...] = (
    *CHANNEL_COMMANDS,
    *MODULATION_COMMANDS,
    *MEMORY_COMMANDS,
    *STORAGE_COMMANDS,
    *SEQUENCE_COMMANDS,
    *SYSTEM_COMMANDS,
)
