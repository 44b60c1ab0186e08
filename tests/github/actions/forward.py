"""Carry connections into a box that has no network: through sockets in a folder that both sides see.

In the box this file listens on 127.0.0.1, at the ports that the sockets are named after, and goes
on in the background. Outside `doors` answers at the sockets and connects to the real ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

_HOST = "127.0.0.1"

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.contextmanager
def doors(folder: Path, ports: Iterable[int]) -> Iterator[None]:
    """Answer at one socket per port in a folder."""
    folder.mkdir()
    loop = asyncio.new_event_loop()
    for port in ports:
        handler = _forwarder(partial(asyncio.open_connection, _HOST, port))
        loop.run_until_complete(asyncio.start_unix_server(handler, folder / str(port)))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_end_all())
        loop.close()


async def _end_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _forwarder(connect: Callable[[], Awaitable[_Streams]]) -> _Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there_reader, there_writer = await connect()
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
            there_writer.close()
        writer.close()

    return handle


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()


async def _listen(paths: Iterable[Path]) -> None:
    for path in paths:
        handler = _forwarder(partial(asyncio.open_unix_connection, path))
        await asyncio.start_server(handler, _HOST, int(path.name))


def main(folder: Path) -> None:
    """Listen, and only then let the caller go on, who waits for the first process."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_listen(list(folder.iterdir())))
    if os.fork() == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        loop.run_forever()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
