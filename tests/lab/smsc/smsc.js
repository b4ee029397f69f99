#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// An SMSC over npm smpp; README.md tells orders and events.
'use strict';

const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const helper = path.join(__dirname, '..', '..', '..', 'deploy', 'npm');
const prefix = execFileSync(helper, ['smsc', 'prefix'], { encoding: 'utf8' }).trim();
if (prefix === '') {
	process.stderr.write('smsc.js: npm smpp is not here. Remedy: deploy/npm smsc build\n');
	process.exit(1);
}
const smpp = require(path.join(prefix, 'node_modules', 'smpp'));

let session = null; // the one that is bound
let refuse = { status: 0, count: 0 };
let mute = 0;
let logIn = 0;
let messages = 0;
const waiting = new Map(); // sequence number of a deliver_sm: its id

function tell(event) {
	process.stdout.write(JSON.stringify(event) + '\n');
}

// npm smpp takes the header apart: it is put together again, octet by octet.
function octets(message) {
	let text = message.message;
	if (text === undefined)
		text = Buffer.alloc(0);
	if (!Buffer.isBuffer(text))
		text = Buffer.from(text, 'latin1');
	if (!message.udh)
		return text;
	const header = Buffer.concat(message.udh);
	return Buffer.concat([Buffer.from([header.length]), header, text]);
}

function submitted(from, pdu) {
	const status = refuse.count > 0 ? refuse.status : 0;
	if (refuse.count > 0)
		refuse.count -= 1;
	else
		messages += 1;
	const message_id = status ? '' : 'js-' + messages;
	const tlvs = {};
	for (const name of ['dest_addr_subunit', 'sar_total_segments', 'sar_segment_seqnum'])
		if (pdu[name] !== undefined)
			tlvs[name] = pdu[name];
	tell({
		event: status ? 'refused_submit' : 'submit',
		from: pdu.source_addr, to: pdu.destination_addr,
		pid: pdu.protocol_id, dcs: pdu.data_coding, esm: pdu.esm_class,
		hex: octets(pdu.short_message).toString('hex'),
		valid: pdu.validity_period ? String(pdu.validity_period) : '',
		tlvs, message_id, status,
	});
	if (mute > 0) {
		mute -= 1;
		return;
	}
	from.send(pdu.response({ command_status: status, message_id }));
}

function ended(which) {
	if (which !== session)
		return;
	session = null;
	for (const id of waiting.values())
		tell({ event: 'delivered', id, status: -1 });
	waiting.clear();
	tell({ event: 'unbound' });
}

function bound(which, pdu) {
	const right = pdu.system_id === 'gw' && pdu.password === 'secret';
	const status = logIn || (right ? 0 : smpp.ESME_RINVPASWD);
	which.send(pdu.response({ command_status: status, system_id: 'lab' }));
	if (status) {
		tell({ event: 'refused', status });
		return;
	}
	if (session) {
		session.destroy();
		ended(session);
	}
	session = which;
	tell({ event: 'bound' });
}

function accept(which) {
	which.on('bind_transceiver', (pdu) => bound(which, pdu));
	which.on('submit_sm', (pdu) => submitted(which, pdu));
	which.on('enquire_link', (pdu) => which.send(pdu.response()));
	which.on('unbind', (pdu) => {
		tell({ event: 'goodbye' });
		which.send(pdu.response());
		which.close();
	});
	which.on('close', () => ended(which));
	which.on('error', () => which.destroy());
}

// What has a header is given as npm smpp wants it: apart.
function deliver(d) {
	const id = String(d.id);
	if (!session) {
		tell({ event: 'delivered', id, status: -1 });
		return;
	}
	const all = Buffer.from(d.hex, 'hex');
	const cut = d.esm & 0x40 && all.length ? all[0] + 1 : 0;
	const short_message = { message: all.subarray(cut) };
	if (cut)
		short_message.udh = all.subarray(0, cut);
	const pdu = new smpp.PDU('deliver_sm', {
		source_addr_ton: 1, source_addr_npi: 1, source_addr: d.from,
		dest_addr_ton: d.to_ton || 0, dest_addr_npi: 1, destination_addr: d.to,
		protocol_id: d.pid, data_coding: d.dcs, esm_class: d.esm, short_message,
	});
	const sent = session.send(pdu, (answer) => {
		if (waiting.delete(answer.sequence_number))
			tell({ event: 'delivered', id, status: answer.command_status });
	});
	if (sent)
		waiting.set(pdu.sequence_number, id);
	else
		tell({ event: 'delivered', id, status: -1 });
}

function obey(order) {
	if (order.deliver) {
		deliver(order.deliver);
		return;
	}
	if (order.refuse !== undefined)
		refuse = { status: order.refuse, count: order.count === undefined ? 1 : order.count };
	if (order.mute !== undefined)
		mute = order.mute;
	if (order.log_in !== undefined)
		logIn = order.log_in;
	if (order.drop && session)
		session.destroy();
	if (order.unbind && session)
		session.unbind();
	tell({ event: 'obeyed' });
}

const [port, certificate, key] = process.argv.slice(2);
const options = certificate
	? { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) } : {};
const server = smpp.createServer(options, accept);
// A client that ends during the TLS handshake.
server.on('tlsClientError', (error) => tell({ event: 'tls_failed', why: String(error.code) }));
server.listen(Number(port || 0), '127.0.0.1', () => {
	tell({ event: 'listening', port: server.address().port });
});
const orders = readline.createInterface({ input: process.stdin });
orders.on('line', (line) => obey(JSON.parse(line)));
orders.on('close', () => process.exit(0));
