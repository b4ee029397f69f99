# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 over TLS with a client's certificate, for the lab's BSF: a thread for each connection."""

import contextlib
import dataclasses
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions

BODY_MAX = 65536


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple = ()


class Http:
    """answer(method, path, headers, body) -> Answer, or None: the stream is left without one."""

    def __init__(self, port, answer):
        self.answer = answer
        self.lock = threading.RLock()
        self.ends = set()
        self.context = None
        self.alpn = ["h2"]
        self.listener = None
        self.port = port

    def certificate(self, certificate, key, ca):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(self.alpn)
        self.context = context

    def open(self):
        with self.lock:
            if self.listener is None:
                self.listener = socket.create_server(("127.0.0.1", self.port))
                self.port = self.listener.getsockname()[1]
                threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        """Nobody listens, and who is connected is cut off."""
        with self.lock:
            listener, self.listener = self.listener, None
            for s in filter(None, (listener, *self.ends)):
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
            if listener:
                listener.close()

    def cut(self):
        """Who is connected has to come anew: for what is settled when a connection begins."""
        with self.lock:
            for s in self.ends:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end):
        with self.lock:
            self.ends.add(end)
        raw = end
        try:
            end = self._secure(end)
            with self.lock:
                self.ends.discard(raw)
                self.ends.add(end)
            if end.selected_alpn_protocol() == "h2":
                self._serve_h2(end)
            else:
                self._serve_old(end)
        except (OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.lock:
                self.ends -= {raw, end}
            with contextlib.suppress(OSError):
                end.close()

    def _secure(self, end):
        """A handshake that fails ends with its alert, and not with a reset that overtakes it."""
        with end.dup() as again:
            try:
                return self.context.wrap_socket(end, server_side=True)
            except ssl.SSLError:
                again.shutdown(socket.SHUT_WR)
                while again.recv(65536):
                    pass
                raise

    @staticmethod
    def _serve_old(end):
        """HTTP/1.1: whoever asks is told, in a way that looks like an answer."""
        octets = b""
        while b"\r\n\r\n" not in octets:
            more = end.recv(65536)
            if not more:
                return
            octets += more
        end.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

    def _serve_h2(self, end):
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        conn.initiate_connection()
        end.sendall(conn.data_to_send())
        asked, waiting = {}, {}
        while True:
            octets = end.recv(65536)
            if not octets:
                return
            for event in conn.receive_data(octets):
                self._event(conn, event, asked, waiting)
            for stream in list(waiting):
                _send(conn, stream, waiting)
            end.sendall(conn.data_to_send())

    def _event(self, conn, event, asked, waiting):
        if isinstance(event, h2.events.RequestReceived):
            pairs = ((_text(k), _text(v)) for k, v in event.headers)
            asked[event.stream_id] = [dict(pairs), b""]
        elif isinstance(event, h2.events.DataReceived):
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in asked:
                asked[event.stream_id][1] += event.data
                if len(asked[event.stream_id][1]) > BODY_MAX:
                    conn.reset_stream(event.stream_id)
                    del asked[event.stream_id]
        elif isinstance(event, h2.events.StreamReset):
            asked.pop(event.stream_id, None)
            waiting.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id in asked:
            headers, body = asked.pop(event.stream_id)
            answer = self.answer(headers[":method"], headers[":path"], headers, body)
            if answer is not None:
                said = [(":status", str(answer.status)), ("content-type", answer.kind)]
                conn.send_headers(event.stream_id, [*said, *answer.headers])
                waiting[event.stream_id] = answer.body


def _text(octets):
    return octets.decode() if isinstance(octets, bytes) else octets


def _send(conn, stream, waiting):
    """As much as the window has room for; the rest when it opens."""
    while True:
        body = waiting[stream]
        room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size)
        if body and room <= 0:
            return
        conn.send_data(stream, body[:room], end_stream=len(body) <= room)
        waiting[stream] = body[room:]
        if len(body) <= room:
            del waiting[stream]
            return
