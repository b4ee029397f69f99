# SPDX-License-Identifier: Apache-2.0
"""A NAT between a client and a server, which forgets its mappings, and what it reads in passing."""

import contextlib
import select
import socket
import threading

HANDSHAKE, CID = 22, 25
CLIENT_HELLO, SERVER_HELLO = 1, 2
RECORD, MESSAGE, RANDOM = 13, 12, 32
CID_EXTENSION, CID_DRAFTS = 54, {53, 254}


def records(datagram):
    """(content type, epoch, sequence number, body) of each; the octets of one of type 25 begin with
    a connection id whose length only its owner knows, so it is the last, its body all of that."""
    while len(datagram) >= RECORD:
        kind, epoch = datagram[0], int.from_bytes(datagram[3:5], "big")
        number = int.from_bytes(datagram[5:11], "big")
        if kind == CID:
            yield kind, epoch, number, datagram[11:]
            return
        end = RECORD + int.from_bytes(datagram[11:13], "big")
        yield kind, epoch, number, datagram[RECORD:end]
        datagram = datagram[end:]


def vector(octets, at, size):
    """(octets of a vector whose length has this size, where it ends)."""
    end = at + size + int.from_bytes(octets[at : at + size], "big")
    return octets[at + size : end], end


def hello_extensions(message):
    """The numbers of a hello's extensions; none of another message, or of one in fragments."""
    kind = message[0] if len(message) > MESSAGE else None
    if kind not in (CLIENT_HELLO, SERVER_HELLO) or message[1:4] != message[9:12]:
        return set()
    _, at = vector(message, MESSAGE + 2 + RANDOM, 1)  # the session's id
    if kind == CLIENT_HELLO:
        _, at = vector(message, at, 1)  # the cookie
        _, at = vector(message, at, 2)  # the suites
        _, at = vector(message, at, 1)  # the compression methods
    else:
        at += 3
    found, block = set(), vector(message, at, 2)[0]
    while len(block) >= 4:
        found.add(int.from_bytes(block[:2], "big"))
        block = block[vector(block, 2, 2)[1] :]
    return found


class Flow:
    """A client's way through: offered, answered: the extensions of its hello and of the server's;
    moves: times that its mapping was lost; lost: datagrams that came to a mapping that was;
    lengths[upwards]: of the datagrams with a connection id that are no part of the handshake;
    passed[upwards]: how many datagrams of any kind."""

    def __init__(self, to):
        self.to, self.back, self.all = to, None, []
        self.offered, self.answered = set(), set()
        self.moves = self.lost = 0
        self.lengths = {True: [], False: []}
        self.passed = {True: 0, False: 0}
        self.protected = False  # the server has
        self.due = False  # its mapping is to be lost
        self.map()

    def map(self):
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect(self.to)
        self.all.append(self.back)

    def see(self, upwards, datagram):
        self.passed[upwards] += 1
        for kind, epoch, number, body in records(datagram):
            if kind == CID and number > 0:
                self.lengths[upwards].append(len(datagram))
            if not upwards and epoch > 0:
                self.protected = True
            if kind == HANDSHAKE and epoch == 0:
                (self.offered if upwards else self.answered).update(hello_extensions(body))

    def is_later(self, datagram):
        """Whether it has data under a connection id, and is not the first: number 0 is Finished."""
        return any(kind == CID and number > 1 for kind, _, number, _ in records(datagram))


class Nat:
    """with Nat(port) as nat: at nat.port, before a server at port. moving: before each datagram of
    a client's with data under a connection id, but the first, its mapping is lost: it has another
    port from then on, and what comes to the one before is dropped. nat.flows: a Flow for each
    client, in order."""

    def __init__(self, port, moving=True):
        self.to, self.moving = ("127.0.0.1", port), moving
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.clients, self.backs = {}, {}
        self.wake, self.woken = socket.socketpair()

    @property
    def flows(self):
        return list(self.clients.values())

    def __enter__(self):
        self.thread = threading.Thread(target=self._relay, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.wake.close()
        self.thread.join()
        for s in (self.front, self.woken, *self.backs):
            s.close()

    def forget(self):
        """Each mapping is lost before the next such datagram, whether moving or not."""
        for flow in self.flows:
            flow.due = True

    def _relay(self):
        while True:
            for ready in select.select([self.front, self.woken, *self.backs], [], [])[0]:
                if ready is self.woken:
                    return
                with contextlib.suppress(ConnectionRefusedError):
                    self._up() if ready is self.front else self._down(ready)

    def _up(self):
        datagram, client = self.front.recvfrom(65536)
        flow = self.clients.get(client)
        if flow is None:
            flow = self.clients[client] = Flow(self.to)
            self.backs[flow.back] = client
        flow.see(True, datagram)
        if (self.moving or flow.due) and flow.protected and flow.is_later(datagram):
            flow.map()
            flow.due = False
            flow.moves += 1
            self.backs[flow.back] = client
        flow.back.send(datagram)

    def _down(self, ready):
        datagram, client = ready.recv(65536), self.backs[ready]
        flow = self.clients[client]
        if ready is not flow.back:
            flow.lost += 1
            return
        flow.see(False, datagram)
        self.front.sendto(datagram, client)
