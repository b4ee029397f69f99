#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The door for the web: who is let in, what he may ask, and that devices do not notice."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, coap_client, free_port, run_tests  # noqa: E402
from scrape import Served  # noqa: E402

DEVICE = Device("urn:dev:0")
PATHS = ("/", "/metrics", "/api/status", "/api/sessions", "/api/happened", "/api/upstreams")
SILENT = 300  # who connect and say nothing
AT_ONCE = 100


def served(**kwargs):
    return Served([DEVICE], **kwargs)


def said(lab, octets):
    """What comes back for these, until the server closes or has said all of a response."""
    got = b""
    with socket.create_connection(("127.0.0.1", lab.web_port), timeout=DEADLINE_S) as s:
        with contextlib.suppress(ConnectionError):  # it may hang up before all is said
            s.sendall(octets)
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
            while data := s.recv(65536):
                got += data
    return got


def test_each_answer_forbids_what_a_browser_could_do_with_it():
    with served() as lab:
        for path in (*PATHS, "/nothing"):
            status, headers, text = lab.http(path)
            assert status == (404 if path == "/nothing" else 200), (path, status, text)
            assert headers["Cache-Control"] == "no-store", (path, headers)
            assert headers["X-Content-Type-Options"] == "nosniff", (path, headers)
            assert "default-src 'none'" in headers["Content-Security-Policy"], (path, headers)
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin", (path, headers)
            assert headers["Access-Control-Allow-Origin"] is None, (path, headers)
            assert headers["Content-Type"], path
            if path.startswith("/api/"):
                json.loads(text)


def test_another_name_is_not_answered():
    with served() as lab:
        for host in ("evil.example", f"evil.example:{lab.web_port}", "192.0.2.1", "0.0.0.0", ""):
            for path in ("/", "/metrics", "/api/sessions"):
                status, _, text = lab.http(path, Host=host)
                assert status in (400, 421), (host, path, status)
                assert "lwgate" not in text, text
        assert b" 200 " not in said(lab, b"GET /metrics HTTP/1.0\r\n\r\n").split(b"\r\n")[0]
        for host in ("localhost", f"localhost:{lab.web_port}", "127.0.0.1", "[::1]"):
            assert lab.http("/metrics", Host=host)[0] == 200, host


def test_nothing_but_get_is_taken():
    with served() as lab:
        before = lab.http("/api/status")[2]
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"):
            for path in ("/api/status", "/api/session?endpoint=urn:dev:0"):
                status, _, text = lab.http(path, method=method)
                assert status >= 400, (method, path, status, text)
        assert json.loads(before).keys() == json.loads(lab.http("/api/status")[2]).keys()
        status, _, text = lab.http("/metrics", method="HEAD")
        assert status == 200 and text == "", (status, text)


def test_requests_that_are_none_harm_nobody():
    with served() as lab:
        host = b"Host: 127.0.0.1\r\n"
        for octets in (
            b"",
            b"\0" * 10000,
            b"GET",
            b"GET / HTTP/1.1\r\n",
            b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n" + host + b"\r\n",
            b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n" + host + b"\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100000 + b"\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
            b"GET /api/session?endpoint=%00%ff%zz HTTP/1.1\r\n" + host + b"\r\n",
            b"GET /../../etc/passwd HTTP/1.1\r\n" + host + b"\r\n",
            b"GET //metrics HTTP/1.1\r\n" + host + b"\r\n",
            b"GET http://evil.example/metrics HTTP/1.1\r\n" + host + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500),
        ):
            got = said(lab, octets)
            assert b"root:" not in got, got
        assert lab.http("/metrics")[0] == 200
        assert "c:2.01" in coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300", text="</1/0>")
        assert lab.gateway.stop() == 0


def test_a_body_is_not_taken_and_not_kept():
    with served() as lab:
        for host in (b"127.0.0.1", b"evil.example"):
            head = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: %d\r\n\r\n"
            for length in (1, 1000000):
                got = said(lab, head % length)  # before any of it has come
                assert got.startswith(b"HTTP/1.1 400 "), (host, length, got)
        assert lab.http("/metrics")[0] == 200


def test_a_page_that_there_is_not_is_not_the_first():
    with served() as lab:
        assert lab.http("/api/sessions?from=4294967295")[0] == 200
        for number in (2**32, 2**32 + 1, 2**63):
            status, _, text = lab.http(f"/api/sessions?from={number}")
            assert status == 404 and "error" in json.loads(text), (number, status, text)


def test_who_says_nothing_or_asks_too_much_does_not_stop_devices():
    with served() as lab, contextlib.ExitStack() as open_ones:
        for _ in range(SILENT):
            s = socket.create_connection(("127.0.0.1", lab.web_port), timeout=DEADLINE_S)
            open_ones.enter_context(s)
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        answers = []

        def ask():
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers.append(lab.http("/metrics")[0])

        threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
        for t in threads:
            t.start()
        assert "c:2.01" in coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300", text="</1/0>")
        for t in threads:
            t.join(DEADLINE_S)
        assert len(answers) == AT_ONCE and set(answers) <= {200, 503}, answers
        assert answers.count(200) > 0
        assert lab.metrics().get("lwgate_registers_total") == 1
        # With all of them there.
        assert lab.gateway.stop() == 0


def is_open(s):
    s.setblocking(False)
    try:
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_who_connects_and_is_silent_is_bounded():
    with served() as lab, contextlib.ExitStack() as open_ones:
        before = descriptors(lab.gateway.child.pid)
        silent = []
        for _ in range(SILENT):
            s = socket.create_connection(("127.0.0.1", lab.web_port), timeout=DEADLINE_S)
            silent.append(open_ones.enter_context(s))
        lab.gateway.wait_line(" web-crowd ")
        lab.until(lambda: sum(map(is_open, silent)) == 64)
        lab.until(lambda: descriptors(lab.gateway.child.pid) <= before + 64 + 2)
        assert lab.metrics().get("lwgate_devices") == 0
        assert lab.gateway.stop() == 0


class Narrow(Served):
    """A gateway that has so few descriptors that a user of the machine can take them all."""

    def launch_gateway(self, *before):
        super().launch_gateway("prlimit", "--nofile=160:160", *before)


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return sum(int(n) for n in f.read().split()[13:15]) / os.sysconf("SC_CLK_TCK")


def test_who_holds_all_connections_takes_nothing_from_devices():
    with Narrow([DEVICE]) as lab, contextlib.ExitStack() as open_ones:
        with contextlib.suppress(ConnectionError):  # from when on it is closed
            for _ in range(SILENT):
                s = socket.create_connection(("127.0.0.1", lab.web_port), timeout=DEADLINE_S)
                open_ones.enter_context(s)
        lab.gateway.wait_line(" web-full ")
        used = processor_s(lab.gateway.child.pid)
        said_so = coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300", text="</1/0>")
        assert "c:2.01" in said_so, said_so
        lab.gateway.wait_line("the status page is")
        assert lab.metrics().get("lwgate_registers_total") == 1
        used = processor_s(lab.gateway.child.pid) - used
        assert used < 3, used
        assert lab.gateway.stop() == 0


class Late(Served):
    """A gateway in which a question is handed on late: see late_question.c."""

    def launch_gateway(self, *before):
        library = os.path.join(self.folder, "late_question.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "late_question.c")
        words = ["-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, source]
        subprocess.run([os.environ.get("CC", "cc"), *words], check=True, timeout=DEADLINE_S)
        super().launch_gateway("env", f"LD_PRELOAD={library}", *before)


def test_a_question_that_comes_while_it_stops_does_not_keep_it():
    with Late([DEVICE]) as lab:
        for _ in range(2):
            s = socket.create_connection(("127.0.0.1", lab.web_port), timeout=DEADLINE_S)
            with s:
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                time.sleep(0.3)  # it is read, and not handed on yet
                assert lab.gateway.stop() == 0
            lab.start_gateway()


def test_a_port_that_is_not_free_is_told_and_taken_when_it_is():
    port = free_port()
    settings = f'web = {{ address = "127.0.0.1"; port = {port}; }};'
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        lab = Served([DEVICE])
        lab.web_port, lab.settings = port, settings
        with lab:
            line = [x for x in lab.gateway.lines if " web " in x][0]
            assert f"http://127.0.0.1:{port} cannot be served" in line, line
            assert "set web.port" in line, line
            said_so = coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300", text="</1/0>")
            assert "c:2.01" in said_so, said_so
            other.close()
            lab.gateway.wait_line("the status page is")
            assert lab.metrics().get("lwgate_registers_total") == 1


def test_an_address_that_others_reach_is_refused_with_the_remedy():
    with served() as lab:
        lab.gateway.stop()
        with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
            good = f.read()
        old = 'web = { address = "127.0.0.1"'
        for address in ("0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "128.0.0.1"):
            assert old in good
            lab.write("lwgate.conf", good.replace(old, f'web = {{ address = "{address}"'))
            status, text = lab.refused()
            assert status != 0 and re.search(r"lwgate\.conf:\d+: web\.address: ", text), text
            assert "a reverse proxy" in text, text


def test_it_is_there_again_after_an_upgrade_in_place():
    with Served([DEVICE], store="") as lab:
        before = lab.http("/api/status")[0]
        lab.gateway.child.send_signal(signal.SIGUSR2)
        lab.gateway.wait_line("the status page is")
        assert before == lab.http("/metrics")[0] == 200
        assert lab.gateway.stop() == 0


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
