/* SPDX-License-Identifier: Apache-2.0 */
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import org.eclipse.californium.elements.AddressEndpointContext;
import org.eclipse.californium.elements.RawData;
import org.eclipse.californium.elements.auth.RawPublicKeyIdentity;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.ConnectionId;
import org.eclipse.californium.scandium.dtls.DTLSContext;
import org.eclipse.californium.scandium.dtls.Handshaker;
import org.eclipse.californium.scandium.dtls.InMemorySessionStore;
import org.eclipse.californium.scandium.dtls.MaxFragmentLengthExtension;
import org.eclipse.californium.scandium.dtls.ResumingClientHandshaker;
import org.eclipse.californium.scandium.dtls.ResumingServerHandshaker;
import org.eclipse.californium.scandium.dtls.SessionAdapter;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedMultiPskStore;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticNewAdvancedCertificateVerifier;

/**
 * Scandium, the DTLS of Californium, as a client or as a server that echoes, for the matrix.
 *
 * -r client|server -P PORT -S SUITE, and -i IDENTITY -p KEY (hex), or -k KEY -K PUBLIC_KEY -s THE
 * PEER'S (raw public keys), or -k KEY -c CERTIFICATE -a ANCHOR [-n SERVER_NAME]; files in DER.
 * -R ROUNDS, -x EXCHANGES of each and -t TEXT of a client; -f yes: it asks for fragments of 512
 * octets. -C OCTETS: of its connection id, 0: it takes the other's only; -d NUMBER: as a client it
 * asks for them with this number, of a draft. What happens is said as JSON lines.
 */
public final class ScandiumPeer {
	private static final int WAIT_S = 15;
	private static final int SESSIONS = 16;
	private static final long SESSION_S = 600;

	private final Map<String, String> options;
	private final InetAddress here = InetAddress.getLoopbackAddress();
	private final LinkedBlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
	private final Configuration configuration = new Configuration();
	private final CountingExecutor executor = new CountingExecutor();
	private DTLSConnector connector;

	private ScandiumPeer(Map<String, String> options) {
		this.options = options;
	}

	public static void main(String[] args) throws Exception {
		Map<String, String> options = new HashMap<>();
		for (int i = 0; i + 1 < args.length; i += 2)
			options.put(args[i], args[i + 1]);
		DtlsConfig.register();
		new ScandiumPeer(options).run();
	}

	private boolean isServer() {
		return options.get("-r").equals("server");
	}

	private int port() {
		return Integer.parseInt(options.get("-P"));
	}

	private void run() throws Exception {
		connector = new DTLSConnector(build());
		connector.setRawDataReceiver(this::take);
		connector.setExecutor(executor);
		connector.setAlertHandler((peer, alert) -> say("\"event\":\"alert\",\"alert\":\""
				+ alert.getDescription() + "\""));
		connector.start();
		if (isServer()) {
			say("\"event\":\"listening\"");
			Thread.currentThread().join();
		}
		InetSocketAddress there = new InetSocketAddress(here, port());
		for (int i = Integer.parseInt(options.get("-R")); i > 0; i--)
			meet(there);
		System.exit(0);
	}

	private void meet(InetSocketAddress there) throws InterruptedException {
		byte[] text = options.get("-t").getBytes(StandardCharsets.UTF_8);
		for (int i = Integer.parseInt(options.get("-x")); i > 0; i--) {
			connector.send(RawData.outbound(text,
					new AddressEndpointContext(there, options.get("-n"), null), null, false));
			if (messages.poll(WAIT_S, TimeUnit.SECONDS) == null) {
				say("\"event\":\"failed\",\"why\":\"no answer\"");
				System.exit(1);
			}
		}
		connector.close(there);
		executor.awaitRest();
	}

	private void take(RawData data) {
		say("\"event\":\"message\",\"hex\":\"" + HexFormat.of().formatHex(data.getBytes()) + "\"");
		if (isServer())
			connector.send(RawData.outbound(data.getBytes(), data.getEndpointContext(), null, false));
		else
			messages.add(data.getBytes());
	}

	private DtlsConnectorConfig build() throws Exception {
		configuration.set(DtlsConfig.DTLS_ROLE, isServer() ? DtlsConfig.DtlsRole.SERVER_ONLY
				: DtlsConfig.DtlsRole.CLIENT_ONLY);
		configuration.set(DtlsConfig.DTLS_CIPHER_SUITES,
				List.of(CipherSuite.getTypeByName(options.get("-S"))));
		configuration.set(DtlsConfig.DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false);
		configuration.set(DtlsConfig.DTLS_USE_SERVER_NAME_INDICATION, options.containsKey("-n"));
		if (isServer())
			configuration.set(DtlsConfig.DTLS_CLIENT_AUTHENTICATION_MODE,
					CertificateAuthenticationMode.NEEDED);
		if (options.containsKey("-f"))
			configuration.set(DtlsConfig.DTLS_MAX_FRAGMENT_LENGTH,
					MaxFragmentLengthExtension.Length.BYTES_512);
		if (options.containsKey("-C"))
			configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH,
					Integer.valueOf(options.get("-C")));
		if (options.containsKey("-d"))
			configuration.set(DtlsConfig.DTLS_USE_DEPRECATED_CID,
					Integer.valueOf(options.get("-d")));
		DtlsConnectorConfig.Builder dtls = DtlsConnectorConfig.builder(configuration);
		dtls.setAddress(new InetSocketAddress(here, isServer() ? port() : 0));
		dtls.setSessionListener(new Witness());
		dtls.setSessionStore(new InMemorySessionStore(SESSIONS, SESSION_S));
		if (options.containsKey("-p"))
			showPsk(dtls);
		else
			showKey(dtls);
		return dtls.build();
	}

	private void showPsk(DtlsConnectorConfig.Builder dtls) {
		byte[] key = HexFormat.of().parseHex(options.get("-p"));
		AdvancedMultiPskStore known = new AdvancedMultiPskStore();
		known.setKey(options.get("-i"), key);
		dtls.setAdvancedPskStore(
				isServer() ? known : new AdvancedSinglePskStore(options.get("-i"), key));
	}

	private void showKey(DtlsConnectorConfig.Builder dtls) throws Exception {
		StaticNewAdvancedCertificateVerifier.Builder whom =
				StaticNewAdvancedCertificateVerifier.builder();
		if (options.containsKey("-K")) {
			dtls.setCertificateIdentityProvider(new SingleCertificateProvider(
					KeyFiles.privateKey(options.get("-k")),
					KeyFiles.publicKey(KeyFiles.octets(options.get("-K")))));
			whom.setTrustedRPKs(new RawPublicKeyIdentity(
					KeyFiles.publicKey(KeyFiles.octets(options.get("-s")))));
		} else {
			dtls.setCertificateIdentityProvider(new SingleCertificateProvider(
					KeyFiles.privateKey(options.get("-k")),
					new X509Certificate[] { KeyFiles.certificate(options.get("-c")) },
					CertificateType.X_509));
			whom.setTrustedCertificates(KeyFiles.certificate(options.get("-a")));
		}
		dtls.setAdvancedCertificateVerifier(whom.build());
	}

	private static synchronized void say(String facts) {
		System.out.println("{" + facts + "}");
	}

	/** Knows when all that it was given is done: a close is a task, of whose end nobody tells. */
	private static final class CountingExecutor extends ThreadPoolExecutor {
		private int pending;

		CountingExecutor() {
			super(2, 2, WAIT_S, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
		}

		@Override
		public synchronized void execute(Runnable task) {
			pending++;
			super.execute(task);
		}

		@Override
		protected synchronized void afterExecute(Runnable task, Throwable why) {
			pending--;
			notifyAll();
		}

		synchronized void awaitRest() throws InterruptedException {
			while (pending > 0)
				wait();
		}
	}

	private final class Witness extends SessionAdapter {
		@Override
		public void contextEstablished(Handshaker handshaker, DTLSContext context) {
			boolean resumed = handshaker instanceof ResumingClientHandshaker
					|| handshaker instanceof ResumingServerHandshaker;
			say("\"event\":\"up\",\"suite\":\"" + context.getSession().getCipherSuite().name()
					+ "\",\"resumed\":" + resumed
					+ ",\"cid_in\":" + octets(context.getReadConnectionId())
					+ ",\"cid_out\":" + octets(context.getWriteConnectionId()));
		}

		private String octets(ConnectionId id) {
			return id == null ? "null" : "\"" + HexFormat.of().formatHex(id.getBytes()) + "\"";
		}

		@Override
		public void handshakeFailed(Handshaker handshaker, Throwable why) {
			say("\"event\":\"failed\",\"why\":\"" + String.valueOf(why.getMessage()).replace('"', '\'')
					+ "\"");
			if (!isServer())
				System.exit(1);
		}
	}
}
