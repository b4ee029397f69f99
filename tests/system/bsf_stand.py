# SPDX-License-Identifier: Apache-2.0
"""A BSF and a token endpoint that say what a test wants, byte by byte, over HTTP/2 and TLS: for the
client's faults. The lab's BSF, which has subscribers and derives keys, is another program."""

import json
import socket
import ssl
import threading
import urllib.parse

import h2.config
import h2.connection
import h2.events
import h2.exceptions

ASK = "/nbsp-gba/v1/push-info-retrieval"
TOKEN = "/oauth2/token"
SILENCE = object()  # an answer that does not come


class Answer:
    def __init__(self, status=200, body=b"", kind="application/json", headers=()):
        self.status, self.kind, self.headers = status, kind, headers
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


class Stand:
    """with Stand(pki) as bsf: bsf.answer is called with each question (a dict) and gives an Answer,
    or SILENCE; bsf.token the same of the token endpoint's forms."""

    def __init__(self, pki, certificate="bsf", client_ca="ca", alpn=("h2",), plain=False, port=0):
        self.answer = lambda question: Answer(500)
        self.token = lambda form: Answer(body={"access_token": "t-1", "token_type": "Bearer"})
        self.bearers, self.questions, self.forms, self.heads = [], [], [], []
        self.connections = 0
        self.plain, self.alpn = plain, alpn
        self.ctx = None
        if not plain:
            self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.ctx.load_cert_chain(pki.path(certificate + ".pem"), pki.path(certificate + ".key"))
            self.ctx.set_alpn_protocols(list(alpn))
            if client_ca:
                self.ctx.load_verify_locations(pki.path(client_ca + ".pem"))
                self.ctx.verify_mode = ssl.CERT_REQUIRED
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.url = f"{'http' if plain else 'https'}://localhost:{self.port}"
        self.ends = []
        self.closed = False

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def _accept(self):
        while not self.closed:
            try:
                end, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.ends.append(end)
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end):
        try:
            if self.ctx:
                end = self._secure(end)
            if self.ctx and end.selected_alpn_protocol() != "h2":
                self._serve_old(end)
            else:
                self._serve_h2(end)
        except (OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            try:
                end.close()
            except OSError:
                pass

    def _secure(self, end):
        """A handshake that fails ends with its alert, not with a reset that overtakes it."""
        again = end.dup()
        self.ends.append(again)
        try:
            secured = self.ctx.wrap_socket(end, server_side=True)
        except ssl.SSLError:
            again.shutdown(socket.SHUT_WR)
            while again.recv(65536):
                pass
            raise
        self.ends.append(secured)
        return secured

    def _serve_old(self, end):
        """HTTP/1.1, of which the client has to say that it is not what it wants."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = end.recv(65536)
            if not more:
                return
            data += more
        body = Answer(body=good()).body
        end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def _serve_h2(self, end):
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        conn.initiate_connection()
        end.sendall(conn.data_to_send())
        streams, waiting = {}, {}
        while True:
            data = end.recv(65536)
            if not data:
                return
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    heads = {k.decode(): v.decode() for k, v in _pairs(event.headers)}
                    streams[event.stream_id] = [heads, b""]
                elif isinstance(event, h2.events.DataReceived):
                    streams[event.stream_id][1] += event.data
                    conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    streams.pop(event.stream_id, None)
                    waiting.pop(event.stream_id, None)
                elif isinstance(event, h2.events.StreamEnded):
                    answer = self._answer(*streams.pop(event.stream_id))
                    if answer is not SILENCE:
                        heads = [
                            (":status", str(answer.status)),
                            ("content-type", answer.kind),
                            *answer.headers,
                        ]
                        conn.send_headers(event.stream_id, heads)
                        waiting[event.stream_id] = answer.body
            for stream in list(waiting):
                self._send(conn, stream, waiting)
            end.sendall(conn.data_to_send())

    @staticmethod
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

    def _answer(self, heads, body):
        self.heads.append(heads)
        if heads[":path"] == TOKEN:
            form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            self.forms.append(form)
            return self.token(form)
        if heads[":path"] != ASK or heads[":method"] != "POST":
            return Answer(404)
        question = json.loads(body)
        self.questions.append(question)
        self.bearers.append(heads.get("authorization", ""))
        return self.answer(question)


def _pairs(headers):
    for k, v in headers:
        yield (k if isinstance(k, bytes) else k.encode(), v if isinstance(v, bytes) else v.encode())


ME = "7ac3b5781edf892d1b396c76422029a8df5e2d92727422c9bd53b70bbb1de7a6"
UICC = "25bdf7ea34bded6b63b0f598cb60a576125bf9ffed1ee4d49eabc8c52655cc22"


def good(**more):
    """A PushInfoResponse; a member that is None is left out."""
    body = {
        "meKeyMaterial": ME,
        "uiccKeyMaterial": UICC,
        "gbaPushInfo": "4c414200112233",
        "keyExpiryTime": "2099-01-01T00:00:00Z",
        "gbaType": "3G_GBA",
        "ussList": [{"uss": {"gsId": 1, "gsType": 1, "ueIds": [{"ueId": "x"}]}}],
        **more,
    }
    return {k: v for k, v in body.items() if v is not None}
