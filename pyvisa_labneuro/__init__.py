"""pyvisa finds the backend `@labneuro` by the name of this package."""

from labneuro.sim_backends.visa.library import LabneuroVisaLibrary as WRAPPER_CLASS  # noqa: N814

__all__ = ["WRAPPER_CLASS"]
