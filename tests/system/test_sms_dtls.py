#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DTLS by short messages (RFC 7925 appendix A, R-318): unmodified clients through sms_air."""

from harness import Device, coap_client, run_tests
from sms_air import TP_UD_MAX, Air
from sms_world import SmsWorld

NUMBER = "447700900077"


class World(SmsWorld):
    """Devices with a PSK, and a number from which they may speak DTLS."""

    def __init__(self, devices, numbers, more="initial_ms = 3000;", **settings):
        self.numbers = numbers
        super().__init__(
            devices, listener=f'}}, {{ address = "sms"; {more}', **settings
        )

    def _credentials(self):
        rows = super(SmsWorld, self)._credentials().rstrip("\n);") + ",\n"
        rows += ",\n".join(
            f'{{ endpoint = "{d.endpoint}"; sms = {{ number = "{n}"; profile = "dtls"; }}; }}'
            for d, n in zip(self.devices, self.numbers)
        )
        return rows + "\n);\n"


def test_R318_a_device_registers_by_dtls_over_sms():
    device = Device("urn:dev:sms-dtls-1")
    device.number = NUMBER
    with World([device], [NUMBER]) as w:
        air = Air(w.network, NUMBER)
        said = coap_client(
            w, device, f"/rd?ep={device.endpoint}&lt=300&lwm2m=1.1&b=S", text="</3/0>",
            port=air.port, seconds=20,
        )
        assert "2.01" in said, said[-2000:]
        longest = max(len(octets) for octets, _, _ in air.taken)
        assert longest <= TP_UD_MAX, longest
        air.close()


run_tests(
    [
        test_R318_a_device_registers_by_dtls_over_sms,
    ]
)
