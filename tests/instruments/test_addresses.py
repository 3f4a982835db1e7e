"""Only a raw socket needs to be told where a message ends."""

import pytest

from labneuro.instruments.addresses import connection_settings


@pytest.mark.parametrize(
    ("address", "ends"),
    [
        ("TCPIP0::192.0.2.36::5025::SOCKET", True),
        ("tcpip::192.0.2.36::5025::socket", True),
        ("TCPIP0::192.0.2.36::inst0::INSTR", False),
        ("USB0::0x0699::0x0358::C013001::INSTR", False),
        (5, False),
    ],
)
def test_only_a_raw_socket_gets_a_line_feed(address, ends):
    settings = connection_settings(address)
    assert (settings.get("read_termination") == "\n") is ends
    assert (settings.get("write_termination") == "\n") is ends
