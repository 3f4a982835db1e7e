"""The interrupt channel of VXI-11: service requests, called back to the client."""

from __future__ import annotations

import asyncio
import itertools

from labneuro.sim_backends.server.onc_rpc import pack_call, pack_opaque, pack_record

_SERVICE_REQUEST = 30  # device_intr_srq; VXI-11, appendix B.3
_PATIENCE = 5.0  # s to reach the client


class InterruptChannel:
    """A connection to a client's own server for service requests.

    Parameters
    ----------
    writer : asyncio.StreamWriter
        The connection.
    program : (int, int)
        Program and version that the client asked for.
    """

    def __init__(self, writer: asyncio.StreamWriter, program: tuple[int, int]) -> None:
        self._writer = writer
        self._program = program
        self._numbers = itertools.count(1)

    @classmethod
    async def open(
        cls, host: str, port: int, program: tuple[int, int]
    ) -> InterruptChannel:
        """Connect to a client.

        Raises
        ------
        OSError
            If it cannot be reached.
        """
        connecting = asyncio.open_connection(host, port)
        _, writer = await asyncio.wait_for(connecting, _PATIENCE)
        return cls(writer, program)

    def request_service(self, handle: bytes) -> None:
        """Call the client, which answers nothing that matters."""
        arguments = pack_opaque(handle)
        call = pack_call(
            next(self._numbers), self._program, _SERVICE_REQUEST, arguments
        )
        self._writer.write(pack_record(call))

    def close(self) -> None:
        """End the channel."""
        self._writer.close()
