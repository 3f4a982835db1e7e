"""Libraries of makers whose instruments do not speak VISA."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pyvisa

from labneuro.errors import InstrumentError

_BINDINGS = {"ps4000a": ("picosdk.ps4000a", "ps4000a", "picosdk")}
_HARDWARE = ("@py", "@ivi")


def vendor_library(name: str, visa_library: str) -> Any:  # noqa: ANN401  no binding has types
    """Return a maker's library, or what stands for it on a simulated bench.

    Parameters
    ----------
    name : str
        The library, such as ``"ps4000a"``.
    visa_library : str
        The bench's VISA library: a backend that also offers `vendor_library` answers
        for instruments that have no VISA address.

    Raises
    ------
    InstrumentError
        If the binding or the library behind it is not installed.
    """
    if not visa_library.endswith(_HARDWARE):
        backend = pyvisa.highlevel.open_visa_library(visa_library)
        offered = getattr(backend, "vendor_library", None)
        if offered is not None:
            return offered(name)
    module, attribute, package = _BINDINGS[name]
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # a missing library is an error class of the binding
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InstrumentError(
            f"the library {name} cannot be loaded ({reason}); install the maker's "
            f"software and its Python binding: pip install {package}"
        ) from error
