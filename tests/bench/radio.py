# SPDX-License-Identifier: Apache-2.0
"""What passes on a device's radio, behind which an address translator forgets the device."""

import contextlib
import select
import socket
import threading
import time


class Radio:
    """with Radio(port) as radio: the device goes to radio.port, the server at `port` sees it come
    from one port of its own, until move(): then it has another one, and what comes to the old one
    does not reach it. radio.passed: (upwards, octets) of each datagram since."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.device = None
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inner.bind(("127.0.0.1", 0))
        self.port = self.inner.getsockname()[1]
        self.outer = self._outer()
        self.passed = []
        self.lock = threading.Lock()
        self.wake, self.woken = socket.socketpair()

    def __enter__(self):
        self.thread = threading.Thread(target=self._relay, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.wake.close()
        self.thread.join()
        for s in (self.inner, self.outer, self.woken):
            s.close()

    def _outer(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(self.to)
        return s

    def forget(self):
        """What has passed; the device stays where it is."""
        with self.lock:
            self.passed = []

    def move(self):
        with self.lock:
            old, self.outer = self.outer, self._outer()
            old.close()
            self.passed = []
            self.wake.send(b"m")  # another socket to wait for

    def settled(self, calm_s):
        """What has passed, once nothing more has for a while."""
        count = -1
        while count != len(self.passed):
            count = len(self.passed)
            time.sleep(calm_s)  # that nothing comes is no event
        with self.lock:
            return list(self.passed)

    def _relay(self):
        while True:
            with self.lock:
                waiting = [self.inner, self.woken, self.outer]
            # OSError, ValueError: move() has shut one meanwhile
            with contextlib.suppress(OSError, ValueError):
                ready = select.select(waiting, [], [])[0]
                if self.woken in ready and not self.woken.recv(64):
                    return
                with self.lock:
                    self._pass(ready)

    def _pass(self, ready):
        if self.inner in ready:
            data, self.device = self.inner.recvfrom(65536)
            self.outer.send(data)
            self.passed.append((True, len(data)))
        if self.outer in ready:
            data = self.outer.recv(65536)
            self.inner.sendto(data, self.device)
            self.passed.append((False, len(data)))
