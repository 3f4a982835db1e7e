"""What a connection needs to know that its VISA address implies."""

from __future__ import annotations


def connection_settings(address: object) -> dict[str, str]:
    r"""Return the settings that pyvisa does not choose by itself.

    A raw socket has no end-of-message of its own: a line feed ends every message. The
    others keep pyvisa's choice, since a line feed would cut binary data there.

    Parameters
    ----------
    address : object
        VISA address; anything else is a connection that is already made.

    Examples
    --------
    >>> connection_settings("TCPIP0::192.0.2.36::5025::SOCKET")["read_termination"]
    '\n'
    >>> connection_settings("USB0::0x0699::0x0358::C013001::INSTR")
    {}
    """
    if isinstance(address, str) and address.upper().endswith("::SOCKET"):
        return {"read_termination": "\n", "write_termination": "\n"}
    return {}
