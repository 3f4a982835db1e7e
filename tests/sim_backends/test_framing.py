"""Message terminators and blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labneuro.sim_backends.scpi.syntax import definite_block
from labneuro.sim_backends.visa.framing import cut_terminator, split_messages


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"*IDN?\r\n", b"*IDN?"),
        (b"*IDN?\n", b"*IDN?"),
        (b"*IDN?", b"*IDN?"),
        (b"A\nB\r\n", b"A\nB"),
        (b"", b""),
        (b"DATA EMEM,#13\x00\r\n", b"DATA EMEM,#13\x00\r\n"),
        (b"DATA EMEM,#13\x00\r\n\r\n", b"DATA EMEM,#13\x00\r\n"),
        (b"*CLS;:DATA EMEM,#11\n;*CLS\n", b"*CLS;:DATA EMEM,#11\n;*CLS"),
        (b"DATA EMEM,#15\x00\n", b"DATA EMEM,#15\x00\n"),
        (b"DATA EMEM,#11\r\n", b"DATA EMEM,#11\r"),
        (b"-- item #12\r\n", b"-- item #12"),
        (b"print(#12)\n", b"print(#12)"),
        (b"TEXT '#12'\n", b"TEXT '#12'"),
        (b"REG #HFF\n", b"REG #HFF"),
    ],
)
def test_terminator(sent: bytes, message: bytes) -> None:
    assert cut_terminator(sent) == message


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5), st.data())
def test_stream_is_cut_at_messages_wherever_it_arrives(
    contents: list[bytes], data: st.DataObject
) -> None:
    """Blocks full of newlines come through whole, in any two pieces."""
    messages = [b"DATA EMEM," + definite_block(content) for content in contents]
    stream = b"".join(message + b"\r\n" for message in messages)
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = split_messages(stream[:cut])
    second, rest = split_messages(rest + stream[cut:])
    assert first + second == messages
    assert rest == b""


def test_block_without_newline_is_complete() -> None:
    assert split_messages(b"DATA EMEM,#12a\n") == ([b"DATA EMEM,#12a\n"], b"")
    assert split_messages(b"DATA EMEM,#15a\n") == ([], b"DATA EMEM,#15a\n")
