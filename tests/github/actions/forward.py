"""Carry connections into a box that has no network: through sockets in a folder that both sides see.

In the box this file listens on 127.0.0.1, at the ports that the sockets are named after, and goes
on in the background. Outside `doors` answers at the sockets and connects to the real ports.

One door is https://github.com, for which git in the box has this file as its proxy: so addresses,
and the headers with credentials that git sends to them, are those of GitHub. The TLS that git then
speaks ends outside, with a certificate that is made for the run (`certificate.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

PROXY_PORT = 3128
GITHUB = "github.com"
_HOST = "127.0.0.1"

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.contextmanager
def doors(
    folder: Path, ports: Iterable[int], github: tuple[int, ssl.SSLContext] | None
) -> Iterator[None]:
    """Answer at one socket per port in a folder, and for GitHub with the port that plays it."""
    folder.mkdir()
    loop = asyncio.new_event_loop()
    if github is not None:
        handler = _forwarder(partial(asyncio.open_connection, _HOST, github[0]))
        server = asyncio.start_unix_server(handler, folder / GITHUB, ssl=github[1])
        loop.run_until_complete(server)
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


def _proxy(connect: Callable[[], Awaitable[_Streams]]) -> _Handler:
    """Do what `CONNECT github.com:443` asks for, and nothing else."""
    forward = _forwarder(connect)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            asked = await reader.readuntil(b"\r\n\r\n")
            if asked.startswith(f"CONNECT {GITHUB}:443 ".encode()):
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await forward(reader, writer)
                return
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    return handle


async def _listen(paths: Iterable[Path]) -> None:
    for path in paths:
        connect = partial(asyncio.open_unix_connection, path)
        if path.name == GITHUB:
            await asyncio.start_server(_proxy(connect), _HOST, PROXY_PORT)
        else:
            await asyncio.start_server(_forwarder(connect), _HOST, int(path.name))


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
