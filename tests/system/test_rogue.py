#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device with a good credential and a server with a good key, and everything else of them wrong:
for each rule one who breaks it, over DTLS, and nothing crosses: what has passed on either side of
the gateway is counted, and what has come out is compared octet by octet."""

import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402
from rogues import (  # noqa: E402
    ACK,
    BAD_GATEWAY,
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    CHANGED,
    CON,
    CONTENT,
    CREATED,
    CRITICAL,
    DELETE,
    DELETED,
    EPOCH_0_FATAL,
    FORBIDDEN,
    GET,
    HOP_LIMIT,
    HOPS_EXCEEDED,
    LOCATION_PATH,
    NO_PROXYING,
    NON,
    NOT_FOUND,
    OBSERVE,
    POST,
    PROXY_SCHEME,
    PROXY_URI,
    PUT,
    RST,
    UNAUTHORIZED,
    UNSAFE,
    URI_HOST,
    Person,
    Street,
    created,
    empty,
    in_clear,
    is_protected,
    message,
    octets,
    register,
    renumbered,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
MINE, THEIRS = "rd/mine", "rd/theirs"


def breach(client, device, code, method, path, query=(), more=(), kind=CON):
    text = message(kind, method, device.next_id(), b"bad0", path, query, more)
    client.ask(text, code)


def say_no_messages(peer, number):
    """What is no message: some are answered by RST, the rest by nothing. Ids count from number."""
    for n, (begin, rest, told) in enumerate(
        [
            (b"\x49\x02", b"ninebytes", True),  # token of 9 octets
            (b"\x44\x02", b"bad0\xff", True),  # marker without payload
            (b"\x44\x02", b"bad0\xb9rd", True),  # an option longer than the rest
            (b"\x44\x02", b"bad0\xf1x", True),  # the reserved nibble
            (b"\x44\x21", b"bad0", True),  # class 1
            (b"\x44\xe1", b"bad0", True),  # class 7
            (b"\x40\x00", b"more", True),  # an empty one that is not
            (b"\x54\x21", b"bad0", False),  # not confirmable
            (b"\x64\x02", b"bad0", False),  # a request in an ACK
            (b"\x84\x02", b"bad0", False),  # another version
            (b"\x04\x02", b"bad0", False),
        ]
    ):
        text = begin + (number + n).to_bytes(2, "big") + rest
        if told:
            peer.ask(text, RST)
        else:
            peer.say(text)
    peer.say(b"\x44\x02")


def test_R014_R264_R268_what_a_device_may_not_ask_for_goes_nowhere():
    rogue, other = Person("urn:rogue:one"), Person("urn:rogue:other")
    with Street([rogue, other]) as lab:
        client, server = lab.registered(rogue, MINE)
        lab.registered(other, THEIRS)
        name, foreign = f"ep={rogue.endpoint}", f"ep={other.endpoint}"
        breaches = [
            (BAD_REQUEST, POST, "rd", [foreign, "lt=60"]),
            (BAD_REQUEST, POST, "rd", [name, foreign]),
            (BAD_REQUEST, POST, "rd", [f"lt=60&{foreign}", name]),
            (BAD_REQUEST, POST, "rd", [name + "\0"]),
            (BAD_REQUEST, POST, "rd", [name.upper().replace("EP=", "ep=")]),
            (BAD_REQUEST, POST, "rd", ["lt=60", "lwm2m=1.0"]),
            (BAD_REQUEST, POST, "rd", [name, "lt=60", "lt=600"]),
            (BAD_REQUEST, POST, "rd", [name, "lt=4294967296"]),
            (BAD_REQUEST, POST, "bs", [foreign]),
            (BAD_REQUEST, POST, "dp", [foreign]),
            (BAD_REQUEST, POST, MINE, [foreign]),
            (BAD_REQUEST, POST, THEIRS, []),
            (BAD_REQUEST, DELETE, THEIRS, []),
            (BAD_REQUEST, POST, "rd/mine/..", []),
            (BAD_REQUEST, POST, "rd/../rd/theirs", []),
            (BAD_REQUEST, POST, "rd/./theirs", []),
            (BAD_REQUEST, DELETE, "rd//theirs", []),
            (FORBIDDEN, GET, "rd", []),
            (FORBIDDEN, GET, MINE, []),
            (FORBIDDEN, PUT, MINE, ["lt=60"]),
            (BAD_REQUEST, GET, THEIRS, []),
            (FORBIDDEN, GET, ".well-known/core", []),
            (FORBIDDEN, GET, "api/clients/" + other.endpoint, []),
            (FORBIDDEN, DELETE, "rd", []),
            (FORBIDDEN, POST, "", []),
            (FORBIDDEN, POST, "3/0/4", []),
            (FORBIDDEN, PUT, "0/0", []),
            (FORBIDDEN, GET, "fw/image", []),
            (FORBIDDEN, GET, "fw/../rd", []),
        ]
        for code, method, path, query in breaches:
            breach(client, rogue, code, method, path, query)
            breach(client, rogue, code, method, path, query, kind=NON)
        lab.still_good(rogue, MINE)
        lab.still_good(other, THEIRS)
        assert server.heard() == b""


def test_R240_R241_R242_R245_what_a_proxy_may_not_pass_goes_nowhere():
    rogue = Person("urn:rogue:options")
    with Street([rogue]) as lab:
        client, server = lab.registered(rogue, MINE)
        for more, code in [
            ([(PROXY_URI, b"coap://127.0.0.1/rd")], NO_PROXYING),
            ([(PROXY_SCHEME, b"coaps"), (URI_HOST, b"elsewhere")], NO_PROXYING),
            ([(13, b"\x05")], BAD_OPTION),  # another way to say a path
            ([(CRITICAL, b"x")], BAD_OPTION),
            ([(UNSAFE, b"x")], BAD_OPTION),
            ([(URI_HOST, b"a"), (URI_HOST, b"b")], BAD_OPTION),
            ([(URI_HOST, b"")], BAD_OPTION),
            ([(BLOCK1, b"\x07")], BAD_REQUEST),
            ([(HOP_LIMIT, b"\0")], BAD_REQUEST),
            ([(HOP_LIMIT, b"\1")], HOPS_EXCEEDED),
        ]:
            breach(client, rogue, code, POST, MINE, more=more)
        # Not confirmable, and critical: not a word (RFC 7252 5.4.1); only unsafe: told.
        client.say(message(NON, POST, rogue.next_id(), b"bad0", MINE, more=[(CRITICAL, b"x")]))
        breach(client, rogue, BAD_OPTION, POST, MINE, more=[(UNSAFE, b"x")], kind=NON)
        client.ask(empty(CON, 0x7001), RST)  # a ping
        say_no_messages(client, 0x7100)
        lab.still_good(rogue, MINE)
        assert server.heard() == b""


def test_R268_R272_who_is_not_registered_reaches_nobody():
    """Nor is a link opened for it."""
    other, rogue = Person("urn:rogue:registered"), Person("urn:rogue:stranger")
    with Street([other, rogue], store=DISK) as lab:
        lab.registered(other, THEIRS)
        client = lab.client(rogue)
        name = f"ep={rogue.endpoint}"
        for code, method, path, query in [
            (FORBIDDEN, POST, "dp", []),
            (FORBIDDEN, GET, "rd", []),
            (FORBIDDEN, GET, THEIRS, []),
            (FORBIDDEN, PUT, THEIRS, []),
            (NOT_FOUND, POST, THEIRS, []),
            (NOT_FOUND, DELETE, THEIRS, []),
            (BAD_REQUEST, POST, "rd/theirs/..", []),
            (BAD_REQUEST, POST, "rd", [f"ep={other.endpoint}"]),
            (BAD_REQUEST, POST, "bs", [f"ep={other.endpoint}"]),
            (BAD_REQUEST, POST, "bs", [name, f"ep={other.endpoint}"]),
            (FORBIDDEN, GET, "bs", [name]),
        ]:
            breach(client, rogue, code, method, path, query)
        # A notification of nothing, an answer to nothing, an end of nothing.
        client.ask(message(CON, CONTENT, 0x7001, b"bad0", more=[(OBSERVE, b"\1")]), RST)
        client.say(message(ACK, CONTENT, 0x7002, b"bad0"))
        client.say(empty(ACK, 0x7003))
        client.say(empty(RST, 0x7004))
        client.ask(empty(CON, 0x7005), RST)  # all that was said has been read
        assert len(lab.above.flows) == 1, "a link was opened"
        lab.still_good(other, THEIRS)


def test_R272_R008_a_server_has_nothing_to_say_to_who_is_not_registered():
    device = Person("urn:rogue:shy")
    with Street([device]) as lab:
        client = lab.client(device)
        message_id = device.next_id()
        server = lab.link(device, register(device, message_id, b"reg0"))
        client.mark()

        def tries():
            for n, (method, path) in enumerate([(GET, "3/0"), (DELETE, ""), (POST, "1/0/8")]):
                server.ask(message(CON, method, 0x5000 + n, b"ask0", path), RST)
                server.say(message(NON, method, 0x5100 + n, b"ask1", path))
            server.ask(created(0x5201, b"none", MINE, CON), RST)
            server.say(created(0x5202, b"none", MINE))  # to a question that nobody has
            server.say(message(NON, CONTENT, 0x5203, b"none"))
            server.say(empty(RST, 0x5204))
            server.say(empty(ACK, 0x5205))
            server.ask(empty(CON, 0x5206), RST)

        no = message(ACK, FORBIDDEN, message_id, b"reg0")
        server.say(no)
        client.hears_exactly(no)
        client.mark()
        server.mark()
        tries()
        assert client.heard() == b"" and client.heard_records() == 0
        # Accepted, but nowhere: that is no registration.
        message_id = device.next_id()
        again = register(device, message_id, b"reg1")
        server.mark()
        client.say(again)
        server.hears_exactly(again)
        server.say(message(ACK, CREATED, message_id, b"reg1"))
        client.hears(octets(bytes([0x64, BAD_GATEWAY]) + message_id.to_bytes(2, "big") + b"reg1"))
        client.mark()
        tries()
        assert client.heard() == b"" and client.heard_records() == 0
        # Nor is it one when it is told by an option that nobody knows.
        message_id = device.next_id()
        again = register(device, message_id, b"reg2")
        server.mark()
        client.say(again)
        server.hears_exactly(again)
        location = [(LOCATION_PATH, b"rd"), (LOCATION_PATH, b"1"), (UNSAFE, b"x")]
        server.say(message(ACK, CREATED, message_id, b"reg2", more=location))
        client.hears(octets(bytes([0x64, BAD_GATEWAY]) + message_id.to_bytes(2, "big") + b"reg2"))
        client.mark()
        tries()
        assert client.heard() == b"" and client.heard_records() == 0


def leave(lab, device, location):
    message_id = device.next_id()
    client, server = lab.clients[device], lab.servers[device]
    text = message(CON, DELETE, message_id, b"bye0", location)
    server.mark()
    client.say(text)
    server.hears_exactly(text)
    client.mark()
    gone = message(ACK, DELETED, message_id, b"bye0")
    server.say(gone)
    client.hears_exactly(gone)
    client.mark()
    server.mark()


def test_R008_R240_R241_what_a_server_may_not_ask_for_goes_nowhere():
    device = Person("urn:rogue:managed", "server")
    with Street([device]) as lab:
        client, server = lab.registered(device, MINE)
        for n, (code, method, path, more) in enumerate(
            [
                (UNAUTHORIZED, GET, "0", []),
                (UNAUTHORIZED, GET, "0/0/3", []),
                (UNAUTHORIZED, PUT, "0/1", []),
                (UNAUTHORIZED, GET, "00/0", []),
                (UNAUTHORIZED, GET, "21/0", []),
                (UNAUTHORIZED, DELETE, "", []),
                (UNAUTHORIZED, POST, "bs", []),
                (NO_PROXYING, GET, "", [(PROXY_URI, b"coap://127.0.0.1/")]),
                (NO_PROXYING, GET, "3", [(PROXY_SCHEME, b"coap")]),
                (BAD_OPTION, GET, "3", [(UNSAFE, b"x")]),
                (BAD_REQUEST, GET, "3", [(BLOCK2, b"\7")]),
                (HOPS_EXCEEDED, GET, "3", [(HOP_LIMIT, b"\1")]),
            ]
        ):
            server.ask(message(CON, method, 0x5000 + n, b"ask0", path, more=more), code)
            server.ask(message(NON, method, 0x5100 + n, b"ask1", path, more=more), code)
        server.say(message(NON, GET, 0x5200, b"ask2", "3", more=[(CRITICAL, b"x")]))
        server.ask(empty(CON, 0x5201), RST)
        say_no_messages(server, 0x5300)
        server.ask(empty(CON, 0x5380), RST)  # all of them have been read
        assert client.heard() == b"" and client.heard_records() == 0
        server.mark()
        lab.still_good(device, MINE)
        leave(lab, device, MINE)
        server.ask(message(CON, GET, 0x5400, b"ask3", "3"), RST)
        server.say(message(NON, GET, 0x5401, b"ask3", "3"))
        server.ask(empty(CON, 0x5402), RST)
        assert client.heard() == b"" and client.heard_records() == 0


def test_R023_R284_R286_a_bootstrap_credential_is_for_bootstrap():
    device, other = Person("urn:rogue:bootstraps", "bootstrap"), "urn:rogue:else"
    with Street([device]) as lab:
        client = lab.client(device)
        name = f"ep={device.endpoint}"

        def tries():
            for code, method, path, query in [
                (FORBIDDEN, POST, "rd", [name, "lt=60", "lwm2m=1.0"]),
                (FORBIDDEN, POST, "rd", [f"ep={other}"]),
                (FORBIDDEN, POST, MINE, []),
                (FORBIDDEN, DELETE, MINE, []),
                (FORBIDDEN, POST, "dp", []),
                (FORBIDDEN, GET, "bs", [name]),
                (FORBIDDEN, GET, "fw/image", []),
                (BAD_REQUEST, POST, "bs", [f"ep={other}"]),
                (BAD_REQUEST, POST, "bs", [name, f"ep={other}"]),
            ]:
                breach(client, device, code, method, path, query)

        tries()
        assert not lab.above.flows
        message_id = device.next_id()
        server = lab.link(device, message(CON, POST, message_id, b"boot", "bs", [name]))
        client.mark()
        done = message(ACK, CHANGED, message_id, b"boot")
        server.say(done)
        client.hears_exactly(done)
        tries()
        client.mark()
        finish = message(CON, POST, 0x5001, b"fin0", "bs")
        server.say(finish)
        client.hears_exactly(finish)
        client.say(message(ACK, CHANGED, 0x5001, b"fin0"))
        server.hears_exactly(message(ACK, CHANGED, 0x5001, b"fin0"))
        server.mark()
        tries()
        assert server.heard() == b"" and server.heard_records() == 0


def test_I4_what_one_has_said_is_nothing_in_the_name_of_another():
    """Whoever is on the way can take records from one association to another, say them again, and
    say what is not protected."""
    one, two = Person("urn:rogue:this"), Person("urn:rogue:that")
    with Street([one, two]) as lab:
        lab.registered(one, MINE)
        lab.registered(two, THEIRS)
        for device, location in ((one, MINE), (two, THEIRS)):
            lab.still_good(device, location)
        for between, peers, upwards in (
            (lab.below, lab.clients, True),
            (lab.above, lab.servers, False),
        ):
            flows = [peers[one].flow, peers[two].flow]
            for flow in flows:
                for source in flows:
                    for datagram in filter(is_protected, list(source.passed[upwards])):
                        between.put(flow, upwards, datagram)
                        between.put(flow, upwards, renumbered(datagram))
                between.put(flow, upwards, EPOCH_0_FATAL)
                for location in (MINE, THEIRS):
                    text = message(CON, DELETE, 0x6001, b"bad0", location)
                    between.put(flow, upwards, in_clear(text))
        # The server asks one of them, and the other has an answer to that.
        question = message(CON, GET, 0x5001, b"ask0", "3/0/0")
        lab.servers[one].say(question)
        lab.clients[one].hears_exactly(question)
        lie = message(ACK, CONTENT, 0x5001, b"ask0", payload=b"a lie")
        lab.clients[two].say(lie)
        lab.servers[two].hears_exactly(lie)  # its own, who did not ask
        lab.servers[two].mark()
        truth = message(ACK, CONTENT, 0x5001, b"ask0", payload=b"the truth")
        lab.clients[one].say(truth)
        lab.servers[one].hears_exactly(truth)
        lab.servers[one].mark()
        lab.clients[one].mark()
        for device, location in ((one, MINE), (two, THEIRS)):
            lab.still_good(device, location)
        assert lab.status()["devices"] == 2


if __name__ == "__main__":
    run_tests(
        [
            test_R014_R264_R268_what_a_device_may_not_ask_for_goes_nowhere,
            test_R240_R241_R242_R245_what_a_proxy_may_not_pass_goes_nowhere,
            test_R268_R272_who_is_not_registered_reaches_nobody,
            test_R272_R008_a_server_has_nothing_to_say_to_who_is_not_registered,
            test_R008_R240_R241_what_a_server_may_not_ask_for_goes_nowhere,
            test_R023_R284_R286_a_bootstrap_credential_is_for_bootstrap,
            test_I4_what_one_has_said_is_nothing_in_the_name_of_another,
        ]
    )
