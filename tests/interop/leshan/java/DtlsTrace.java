/* SPDX-License-Identifier: Apache-2.0 */
import java.security.Principal;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

import org.eclipse.californium.scandium.dtls.ConnectionId;
import org.eclipse.californium.scandium.dtls.DTLSContext;
import org.eclipse.californium.scandium.dtls.Handshaker;
import org.eclipse.californium.scandium.dtls.SessionAdapter;

/** Tells what became of each DTLS handshake: with whom, which cipher suite, or why not. */
final class DtlsTrace extends SessionAdapter {
	private final Consumer<Map<String, Object>> sink;

	DtlsTrace(Consumer<Map<String, Object>> sink) {
		this.sink = sink;
	}

	@Override
	public void contextEstablished(Handshaker handshaker, DTLSContext context) {
		Principal peer = context.getSession().getPeerIdentity();
		Map<String, Object> fact = about("established", handshaker);
		fact.put("cipher", context.getSession().getCipherSuite().name());
		fact.put("identity", peer == null ? null : peer.getName());
		fact.put("cid_in", octets(context.getReadConnectionId()));
		fact.put("cid_out", octets(context.getWriteConnectionId()));
		sink.accept(fact);
	}

	@Override
	public void handshakeFailed(Handshaker handshaker, Throwable why) {
		Map<String, Object> fact = about("failed", handshaker);
		fact.put("reason", String.valueOf(why.getMessage()));
		sink.accept(fact);
	}

	private static String octets(ConnectionId id) {
		return id == null ? "" : HexFormat.of().formatHex(id.getBytes());
	}

	private static Map<String, Object> about(String state, Handshaker handshaker) {
		Map<String, Object> fact = new LinkedHashMap<>();
		fact.put("state", state);
		fact.put("peer", String.valueOf(handshaker.getPeerAddress()));
		return fact;
	}
}
