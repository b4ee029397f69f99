/* SPDX-License-Identifier: Apache-2.0 */
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;

import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedMultiPskStore;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedPskStore;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;

/** CoAP over DTLS with a pre-shared key, as both sides have it. */
final class Endpoints {
	/** As in Californium's own plugtest programs. */
	static final int BLOCK_OCTETS = 64;
	private static final int BODY_OCTETS = 8192;
	static final int RETRANSMISSIONS = 2;
	private static final int FIRST_WAIT_MS = 600;

	private Endpoints() {
	}

	static CoapEndpoint device(Configuration configuration, String identity, String key) {
		configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.CLIENT_ONLY);
		return build(configuration, new AdvancedSinglePskStore(identity,
				HexFormat.of().parseHex(key)));
	}

	static CoapEndpoint server(Configuration configuration, String identity, String key) {
		configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.SERVER_ONLY);
		AdvancedMultiPskStore known = new AdvancedMultiPskStore();
		known.setKey(identity, HexFormat.of().parseHex(key));
		return build(configuration, known);
	}

	/** Small blocks, and a lost message is not waited for long. */
	static Configuration configuration() {
		Configuration configuration = new Configuration();
		configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, BODY_OCTETS);
		configuration.set(CoapConfig.MAX_MESSAGE_SIZE, BLOCK_OCTETS);
		configuration.set(CoapConfig.PREFERRED_BLOCK_SIZE, BLOCK_OCTETS);
		configuration.set(CoapConfig.ACK_TIMEOUT, FIRST_WAIT_MS, TimeUnit.MILLISECONDS);
		configuration.set(CoapConfig.MAX_RETRANSMIT, RETRANSMISSIONS);
		return configuration;
	}

	private static CoapEndpoint build(Configuration configuration, AdvancedPskStore keys) {
		DtlsConnectorConfig.Builder dtls = DtlsConnectorConfig.builder(configuration);
		dtls.setAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
		dtls.setAdvancedPskStore(keys);
		return new CoapEndpoint.Builder().setConfiguration(configuration)
				.setConnector(new DTLSConnector(dtls.build())).build();
	}
}
