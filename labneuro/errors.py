"""Every error that labneuro raises, in one tree.

Each message is one line that says what was wrong, where, and what is allowed. An error
also inherits the builtin that it specialises, so that ordinary ``except`` clauses work.
"""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_SAFETY = 3
EXIT_INTERRUPTED = 130


class LabneuroError(Exception):
    """Base of all errors that labneuro raises on purpose."""

    exit_code = EXIT_FAILED


class InputError(LabneuroError, ValueError):
    """A file, a key or an option that the user wrote is wrong."""

    exit_code = EXIT_USAGE


class UnitError(InputError):
    """A quantity has no unit, an unknown unit or the wrong dimension."""


class NotInWorkspaceError(InputError, LookupError):
    """No bench, recipe, card or data set of that name is in any workspace."""


class BenchConfigError(InputError):
    """A bench file is wrong."""


class CardError(InputError):
    """A device card is wrong."""


class RecipeError(InputError):
    """A recipe is wrong."""


class LimitError(LabneuroError, ValueError):
    """A set-point lies beyond what the device, the bench or the instrument allows."""

    exit_code = EXIT_SAFETY


class InstrumentError(LabneuroError, RuntimeError):
    """An instrument answered wrongly, reported an error or did not answer."""


class BenchInUseError(InstrumentError):
    """Another process holds the bench or one of its instruments."""


class SafeStateError(InstrumentError):
    """At least one instrument could not be brought to its safe state."""

    exit_code = EXIT_SAFETY


class RunFileError(LabneuroError, OSError):
    """A run file cannot be written, read or is not a run file."""


class InvalidRunFileError(RunFileError):
    """A run file breaks the format."""


class QueueError(LabneuroError, OSError):
    """The queue's file cannot be read or written, or is no queue."""


class CalibrationError(LabneuroError, ValueError):
    """A calibrated model is wrong or does not suit its use."""


class FitError(LabneuroError, ArithmeticError):
    """Data do not determine the parameters that were asked for."""
