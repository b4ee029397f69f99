#!/usr/bin/env perl
# SPDX-License-Identifier: Apache-2.0
# An SMSC over Net::SMPP; README.md tells orders and events.
use strict;
use warnings;
use IO::Select;
use JSON::PP;
use Net::SMPP;

my $port = shift // 0;
my $json = JSON::PP->new->canonical;
my ($bound, %refuse, %waiting);
my ($mute, $log_in, $messages, $sequence, $orders) = (0, 0, 0, 0, '');

$| = 1;
$SIG{PIPE} = 'IGNORE';

sub tell_event
{
	print $json->encode({@_}), "\n";
}

my $listener = Net::SMPP->new_listen('127.0.0.1', port => $port, smpp_version => 0x34)
	or die "smsc.pl: port $port: $!\n";
my $select = IO::Select->new($listener, \*STDIN);
tell_event(event => 'listening', port => 0 + $listener->sockport);

sub ended
{
	my ($which) = @_;
	$select->remove($which);
	close $which;
	return unless $bound && $which == $bound;
	undef $bound;
	tell_event(event => 'delivered', id => $_, status => -1) for values %waiting;
	%waiting = ();
	tell_event(event => 'unbound');
}

sub log_in
{
	my ($which, $pdu) = @_;
	my $right = $pdu->{system_id} eq 'gw' && $pdu->{password} eq 'secret';
	my $status = $log_in || ($right ? 0 : 0x0e);
	$which->bind_transceiver_resp(seq => $pdu->{seq}, status => $status, system_id => 'lab');
	if ($status) {
		tell_event(event => 'refused', status => $status);
		return;
	}
	ended($bound) if $bound;
	$bound = $which;
	tell_event(event => 'bound');
}

sub submitted
{
	my ($which, $pdu) = @_;
	my $status = 0;
	if (($refuse{count} // 0) > 0) {
		$refuse{count}--;
		$status = $refuse{status};
	} else {
		$messages++;
	}
	my $id = $status ? '' : "pl-$messages";
	my %tlvs;
	$tlvs{dest_addr_subunit} = unpack 'C', $pdu->{dest_addr_subunit}
		if defined $pdu->{dest_addr_subunit};
	tell_event(
		event => $status ? 'refused_submit' : 'submit',
		from => $pdu->{source_addr}, to => $pdu->{destination_addr},
		pid => 0 + $pdu->{protocol_id}, dcs => 0 + $pdu->{data_coding},
		esm => 0 + $pdu->{esm_class}, hex => unpack('H*', $pdu->{short_message}),
		valid => $pdu->{validity_period}, tlvs => \%tlvs, message_id => $id,
		status => $status);
	if ($mute > 0) {
		$mute--;
		return;
	}
	$which->submit_sm_resp(seq => $pdu->{seq}, status => $status, message_id => $id);
}

sub heard
{
	my ($which) = @_;
	my $pdu = $which->read_pdu;
	return ended($which) unless $pdu;
	my $cmd = $pdu->{cmd};
	if ($cmd == Net::SMPP::CMD_bind_transceiver) {
		log_in($which, $pdu);
	} elsif ($cmd == Net::SMPP::CMD_submit_sm) {
		submitted($which, $pdu);
	} elsif ($cmd == Net::SMPP::CMD_enquire_link) {
		$which->enquire_link_resp(seq => $pdu->{seq});
	} elsif ($cmd == Net::SMPP::CMD_unbind) {
		tell_event(event => 'goodbye');
		$which->unbind_resp(seq => $pdu->{seq});
		ended($which);
	} elsif ($cmd == Net::SMPP::CMD_deliver_sm_resp) {
		my $id = delete $waiting{$pdu->{seq}};
		tell_event(event => 'delivered', id => $id, status => 0 + $pdu->{status})
			if defined $id;
	}
}

sub deliver
{
	my ($d) = @_;
	unless ($bound) {
		tell_event(event => 'delivered', id => "$d->{id}", status => -1);
		return;
	}
	my $seq = ++$sequence;
	$waiting{$seq} = "$d->{id}";
	$bound->deliver_sm(
		async => 1, seq => $seq,
		source_addr_ton => 1, source_addr_npi => 1, source_addr => $d->{from},
		dest_addr_ton => $d->{to_ton} // 0, dest_addr_npi => 1,
		destination_addr => $d->{to}, protocol_id => $d->{pid},
		data_coding => $d->{dcs}, esm_class => $d->{esm},
		short_message => pack('H*', $d->{hex}));
}

sub obey
{
	my ($order) = @_;
	if ($order->{deliver}) {
		deliver($order->{deliver});
		return;
	}
	%refuse = (status => $order->{refuse}, count => $order->{count} // 1)
		if defined $order->{refuse};
	$mute = $order->{mute} if defined $order->{mute};
	$log_in = $order->{log_in} if defined $order->{log_in};
	ended($bound) if $order->{drop} && $bound;
	$bound->unbind(async => 1, seq => ++$sequence) if $order->{unbind} && $bound;
	tell_event(event => 'obeyed');
}

while (1) {
	for my $which ($select->can_read) {
		if ($which == $listener) {
			my $client = $listener->accept;
			$select->add($client) if $client;
		} elsif ($which == \*STDIN) {
			my $got = sysread STDIN, $orders, 65536, length $orders;
			exit 0 unless $got;
			obey($json->decode($1)) while $orders =~ s/^([^\n]*)\n//;
		} elsif (defined fileno $which) {
			heard($which);
		}
	}
}
