# SPDX-License-Identifier: Apache-2.0
"""A gateway with its door for the web open, what it says there, and Prometheus to ask it."""

import http.client
import json
import os
import re
import shutil
import subprocess
import urllib.parse

from harness import DEADLINE_S, Lab, Skip, free_port

OPENMETRICS = "application/openmetrics-text"
SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
SUFFIXES = ("_total", "_info", "_bucket", "_count", "_sum")


class Metrics:
    """A scrape: of each sample its value, of each family its type."""

    def __init__(self, text):
        self.samples, self.types, self.text = {}, {}, text
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                assert name not in self.types, f"{name} comes twice"
                self.types[name] = kind
            elif not line.startswith("#"):
                found = SAMPLE.match(line)
                assert found, line
                name, labels, value = found.groups()
                key = (name, frozenset(LABEL.findall(labels or "")))
                assert key not in self.samples, line
                self.samples[key] = float(value)

    def get(self, name, **labels):
        """The value of that sample; a label `with` is written with_."""
        named = {word.rstrip("_"): value for word, value in labels.items()}
        return self.samples[(name, frozenset(named.items()))]

    def total(self, name):
        return sum(value for (n, _), value in self.samples.items() if n == name)

    def names(self):
        return {name for name, _ in self.samples}

    def family(self, name):
        """The family that a sample of this name belongs to."""
        for end in SUFFIXES:
            if name.endswith(end) and name[: -len(end)] in self.types:
                return name[: -len(end)]
        return name


class Served(Lab):
    """A lab whose gateway has a status page and metrics."""

    def __init__(self, devices, *, settings="", **kwargs):
        self.web_port = free_port()
        web = f'web = {{ address = "127.0.0.1"; port = {self.web_port}; }};\n'
        super().__init__(devices, settings=web + settings, **kwargs)

    def start_gateway(self):
        super().start_gateway()
        self.gateway.wait_line(" web ")

    def http(self, path, method="GET", **headers):
        """(status, headers, text). None as a header's value: it is not sent."""
        c = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=DEADLINE_S)
        try:
            c.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                if value is not None:
                    c.putheader(name, value)
            c.endheaders()
            r = c.getresponse()
            return r.status, r.headers, r.read().decode()
        finally:
            c.close()

    def metrics(self, accept=OPENMETRICS):
        status, _, text = self.http("/metrics", Accept=accept)
        assert status == 200, (status, text)
        return Metrics(text)


def tool(name):
    found = shutil.which(name)
    if not found:
        raise Skip(f"{name} is missing (deploy/setup prometheus)")
    return found


def promtool(*words, text=None, folder=None):
    """(status, all that it said)."""
    done = subprocess.run(
        [tool("promtool"), *words],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )
    return done.returncode, done.stdout


class Prometheus:
    """Prometheus itself, with what is in deploy/prometheus, asking a lab."""

    def __init__(self, lab, folder="deploy/prometheus"):
        self.lab, self.port = lab, free_port()
        where = lab.path("prometheus")
        shutil.copytree(folder, where)
        with open(os.path.join(where, "prometheus.yml"), encoding="utf-8") as f:
            text = f.read()
        for old, new in (
            ("127.0.0.1:9684", f"127.0.0.1:{lab.web_port}"),
            ("scrape_interval: 15s", "scrape_interval: 500ms"),
            ("scrape_timeout: 10s", "scrape_timeout: 500ms"),
            ("evaluation_interval: 15s", "evaluation_interval: 500ms"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        with open(os.path.join(where, "prometheus.yml"), "w", encoding="utf-8") as f:
            f.write(text)
        self.child = lab.start(
            [
                tool("prometheus"),
                f"--config.file={where}/prometheus.yml",
                f"--storage.tsdb.path={where}/data",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ]
        )
        self.child.wait_line("Server is ready")

    def ask(self, path, **query):
        """What its API says; of an expression that is none its error."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            c.request("GET", f"/api/v1/{path}?" + urllib.parse.urlencode(query))
            return json.loads(c.getresponse().read())
        finally:
            c.close()

    def value(self, expression):
        """Of an expression with one sample; None: it has none yet."""
        answer = self.ask("query", query=expression)
        assert answer["status"] == "success", answer
        result = answer["data"]["result"]
        return float(result[0]["value"][1]) if len(result) == 1 else None
