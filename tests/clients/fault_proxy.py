"""A proxy in front of an S3 server that does to requests what networks, load balancers and busy servers
do to them: at a given rate, of the kinds that a test wants, and the same for the same seed.

Bodies stream through, connections stay, and no header is touched: the signature covers Host, so what
is signed for the proxy's address is what the server verifies.
"""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

from s3_servers import free_ports

PIECE = 256 << 10
BROKEN = (OSError, EOFError, asyncio.TimeoutError)


class Head:
    """The first line and the header fields of a request or an answer; `data` is how it came."""

    def __init__(self, data):
        self.data = data
        self.first, *lines = data.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.fields = {name.lower(): value.strip()
                       for name, _, value in (line.partition(":") for line in lines)}

    @classmethod
    async def read(cls, reader):
        return cls(await reader.readuntil(b"\r\n\r\n"))

    @property
    def status(self):
        return int(self.first.split(" ")[1])

    def closes(self):
        return self.fields.get("connection", "").lower() == "close"

    def length(self):
        """The length of the body that belongs to it, or None where it does not say."""
        return int(self.fields["content-length"]) if "content-length" in self.fields else None

    def chunked(self):
        return self.fields.get("transfer-encoding", "").lower() == "chunked"


async def body_of(head, reader, ends_with_connection=False):
    """The pieces of a body as they come, chunk headers and all."""
    if head.chunked():
        async for piece in chunks(reader):
            yield piece
    elif head.length() is not None:
        left = head.length()
        while left:
            piece = await reader.read(min(PIECE, left))
            if not piece:
                raise EOFError
            left -= len(piece)
            yield piece
    elif ends_with_connection:
        while piece := await reader.read(PIECE):
            yield piece


async def chunks(reader):
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        yield line + await reader.readexactly(size + 2)
    while line != b"\r\n":
        yield line
        line = await reader.readuntil(b"\r\n")
    yield line


@dataclass
class Exchange:
    """A request that came, and what was done to it: a name of `FaultProxy.KINDS`, or None."""
    method: str
    target: str
    fault: str


class _Upstream:
    """A connection to the server."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address):
        return cls(*await asyncio.open_connection(*address, limit=1 << 20))

    async def answer(self, method, client=None):
        """The head of the final answer, and its body's pieces; interim answers go to the client."""
        while (head := await Head.read(self.reader)).status < 200:
            if client is not None:
                client.write(head.data)
        if method == "HEAD" or head.status in (204, 304):
            return head, nothing()
        return head, body_of(head, self.reader, ends_with_connection=True)

    async def execute(self, request, body):
        """Sends a request whose body is here as a whole and reads the answer; both as bytes."""
        self.writer.write(request.head.data + body)
        await self.writer.drain()
        head, pieces = await self.answer(request.method)
        return head, b"".join([piece async for piece in pieces])

    def close(self):
        self.writer.transport.abort()


async def nothing():
    return
    yield  # which makes it a generator


class _Request:
    def __init__(self, head):
        self.head = head
        self.sent = False  # all of it, to the server
        self.method, self.target, _ = head.first.split(" ")


class _Client:
    """A connection of a client. Each of the methods named after a fault deals with one request, and
    tells whether the connection stays."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.upstream = None

    async def serve(self):
        try:
            while True:
                request = _Request(await Head.read(self.reader))
                fault = self.proxy.next_fault(request)
                if not await getattr(self, fault or "pass_on")(request):
                    break
        except BROKEN:
            pass  # either side may go away at any time
        finally:
            # What was written goes out before the connection ends; where a fault wants it to break it
            # is aborted already.
            self.writer.close()
            if self.upstream is not None:
                self.upstream.close()

    # The parts of an exchange.

    async def connected(self):
        if self.upstream is None or self.upstream.reader.at_eof():
            self.upstream = await _Upstream.open(self.proxy.upstream)
        return self.upstream

    async def send_on(self, request, limit=None):
        """Passes the request on, of its body no more than `limit` bytes."""
        upstream = await self.connected()
        upstream.writer.write(request.head.data)
        sent = 0
        async for piece in body_of(request.head, self.reader):
            if limit is not None and sent + len(piece) > limit:
                upstream.writer.write(piece[:limit - sent])
                await upstream.writer.drain()
                return
            sent += len(piece)
            upstream.writer.write(piece)
            await upstream.writer.drain()

    @contextlib.asynccontextmanager
    async def sent_on(self, request):
        """Gives the answer while the request is still on its way: one may come early."""
        upstream = await self.connected()
        sending = asyncio.ensure_future(self.send_on(request))
        try:
            yield await upstream.answer(request.method, self.writer)
            await asyncio.wait([sending], timeout=1)
        finally:
            request.sent = sending.done() and not sending.cancelled() and not sending.exception()
            sending.cancel()

    async def whole_body(self, request):
        if request.head.fields.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return b"".join([piece async for piece in body_of(request.head, self.reader)])

    async def write(self, *pieces):
        for piece in pieces:
            self.writer.write(piece)
        await self.writer.drain()

    def break_off(self):
        self.writer.transport.abort()
        return False

    async def fall_silent(self):
        """Until the client gives up; the proxy does so at last."""
        with contextlib.suppress(*BROKEN):
            await asyncio.wait_for(self.reader.read(1), self.proxy.silence)

    async def half_an_answer(self, request):
        """Executes the request and sends half of the answer's body, or of its head."""
        async with self.sent_on(request) as (head, pieces):
            half = (head.length() or 0) // 2
            if half == 0:
                async for _ in pieces:
                    pass
                await self.write(head.data[:len(head.data) // 2])
                return
            await self.write(head.data)
            async for piece in pieces:
                await self.write(piece[:half])
                half -= len(piece)
                if half <= 0:
                    break

    async def refuse(self, request, status, code):
        await self.whole_body(request)
        body = (f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message></Message>'
                f"<RequestId>fault-{len(self.proxy.exchanges)}</RequestId></Error>").encode()
        await self.write(f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n".encode(),
                         b"" if request.method == "HEAD" else body)
        return True

    # What happens to a request.

    async def pass_on(self, request):
        async with self.sent_on(request) as (head, pieces):
            await self.write(head.data)
            async for piece in pieces:
                await self.write(piece)
        unframed = not head.chunked() and head.length() is None and head.status not in (204, 304)
        return request.sent and not request.head.closes() and not head.closes() and not unframed

    async def slow_down(self, request):
        return await self.refuse(request, "503 Slow Down", "SlowDown")

    async def internal_error(self, request):
        return await self.refuse(request, "500 Internal Server Error", "InternalError")

    async def cut_request(self, request):
        if length := request.head.length():
            await self.send_on(request, length // 2)
        return self.break_off()

    async def cut_answer(self, request):
        await self.half_an_answer(request)
        return self.break_off()

    async def stall(self, request):
        await self.half_an_answer(request)
        await self.fall_silent()
        return self.break_off()

    async def lost_answer(self, request):
        async with self.sent_on(request) as (_, pieces):
            async for _ in pieces:
                pass
        return self.break_off()

    async def twice(self, request):
        """Executes it on two connections one after the other; the first answer is given."""
        body = await self.whole_body(request)
        for number in range(2):
            upstream = await _Upstream.open(self.proxy.upstream)
            try:
                done = await upstream.execute(request, body)
            finally:
                upstream.close()
            if number == 0:
                head, content = done
        await self.write(head.data, content)
        return not head.closes()

    async def late(self, request):
        """Executes it when the client has given up and may have tried again already."""
        body = await self.whole_body(request)
        await self.fall_silent()
        self.break_off()
        await asyncio.sleep(self.proxy.silence / 4)
        upstream = await _Upstream.open(self.proxy.upstream)
        try:
            await upstream.execute(request, body)
        finally:
            upstream.close()
        return False


class FaultProxy:
    """Runs on a thread of its own; `with` ends it. Each request meets one of the faults `kinds` with
    the probability `rate`, which may be changed at any time. `silence` is how many seconds a stalled
    connection stays open where the client does not give up earlier."""

    KINDS = ("slow_down", "internal_error", "cut_request", "cut_answer", "stall", "lost_answer",
             "twice", "late")

    def __init__(self, endpoint, seed=1, rate=0.0, kinds=KINDS, silence=1.0):
        assert set(kinds) <= set(self.KINDS), kinds
        parts = urlsplit(endpoint)
        self.upstream = parts.hostname, parts.port
        self.random, self.rate, self.kinds, self.silence = random.Random(seed), rate, kinds, silence
        self.exchanges = []
        self.port, = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.loop, self.clients = asyncio.new_event_loop(), set()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.listen()
        return self

    def __exit__(self, *_):
        self.refuse_connections()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def listen(self):
        async def listen():
            self.server = await asyncio.start_server(self._accept, "127.0.0.1", self.port,
                                                     limit=1 << 20)
        self._do(listen())

    def refuse_connections(self):
        """Breaks all connections, and refuses new ones until `listen` is called."""
        async def refuse():
            self.server.close()
            for task in self.clients:
                task.cancel()
            await asyncio.gather(*self.clients, return_exceptions=True)
        self._do(refuse())

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self.clients.add(task)
        try:
            await _Client(self, reader, writer).serve()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self.clients.discard(task)

    def next_fault(self, request):
        """Decides what happens to the next request. A number is drawn for each, so that a change of
        the rate changes no other decision."""
        number, kind = self.random.random(), self.random.choice(self.kinds)
        fault = kind if number < self.rate else None
        self.exchanges.append(Exchange(request.method, request.target, fault))
        return fault

    def faults(self):
        """How often each kind was met."""
        return Counter(exchange.fault for exchange in self.exchanges if exchange.fault)
