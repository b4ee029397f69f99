/* SPDX-License-Identifier: Apache-2.0 */
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.BlockOption;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.network.interceptors.MessageInterceptorAdapter;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedMultiPskStore;

/**
 * A repository of firmware on Californium, over DTLS with a pre-shared key.
 *
 * -i IDENTITY -p KEY (hex): who may fetch; -f FILE: the image, which is /fw/image; -m SECONDS: how
 * long it is good for (Max-Age). Listens on 127.0.0.1 with a port of the system's choice. Each
 * request is told in JSON, a line each, after {"event":"ready","coaps":PORT}. A line on standard
 * input makes the file be read again; its end ends the program.
 */
public final class Repository {
	private static final int ETAG_OCTETS = 8;

	private final Map<String, String> options;
	private volatile byte[] image;
	private volatile byte[] tag;

	private Repository(Map<String, String> options) {
		this.options = options;
	}

	public static void main(String[] args) throws Exception {
		Map<String, String> options = new HashMap<>();
		for (int i = 0; i + 1 < args.length; i += 2)
			options.put(args[i], args[i + 1]);
		CoapConfig.register();
		DtlsConfig.register();
		new Repository(options).run();
	}

	private void run() throws Exception {
		load();
		CoapEndpoint endpoint = endpoint();
		CoapServer server = new CoapServer(new Configuration());
		server.addEndpoint(endpoint);
		server.add(new CoapResource("fw").add(new Image()));
		server.start();
		say("\"event\":\"ready\",\"coaps\":" + endpoint.getAddress().getPort());
		for (int octet = System.in.read(); octet >= 0; octet = System.in.read())
			if (octet == '\n') {
				load();
				say("\"event\":\"loaded\"");
			}
		System.exit(0);
	}

	private void load() throws Exception {
		image = Files.readAllBytes(Path.of(options.get("-f")));
		byte[] digest = MessageDigest.getInstance("SHA-256").digest(image);
		tag = Arrays.copyOf(digest, ETAG_OCTETS);
	}

	private CoapEndpoint endpoint() {
		Configuration configuration = new Configuration();
		configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.SERVER_ONLY);
		DtlsConnectorConfig.Builder dtls = DtlsConnectorConfig.builder(configuration);
		dtls.setAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
		AdvancedMultiPskStore known = new AdvancedMultiPskStore();
		known.setKey(options.get("-i"), HexFormat.of().parseHex(options.get("-p")));
		dtls.setAdvancedPskStore(known);
		CoapEndpoint endpoint = new CoapEndpoint.Builder().setConfiguration(configuration)
				.setConnector(new DTLSConnector(dtls.build())).build();
		endpoint.addInterceptor(new Witness());
		return endpoint;
	}

	private static synchronized void say(String facts) {
		System.out.println("{" + facts + "}");
	}

	/** Tells of each request, of which Californium answers most by itself: the blocks. */
	private static final class Witness extends MessageInterceptorAdapter {
		@Override
		public void receiveRequest(Request request) {
			BlockOption block = request.getOptions().getBlock2();
			say("\"event\":\"request\",\"code\":\"" + request.getCode() + "\",\"path\":\"/"
					+ request.getOptions().getUriPathString().replace('"', '\'') + "\",\"block\":"
					+ (block == null ? 0 : block.getNum()) + ",\"size\":"
					+ (block == null ? 0 : block.getSize()) + ",\"tagged\":"
					+ (request.getOptions().getETagCount() > 0));
		}
	}

	private final class Image extends CoapResource {
		Image() {
			super("image");
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			boolean known = exchange.getRequestOptions().containsETag(tag);
			Response response = new Response(known ? ResponseCode.VALID : ResponseCode.CONTENT);
			response.getOptions().addETag(tag).setMaxAge(Long.parseLong(options.get("-m")));
			if (!known)
				response.setPayload(image);
			exchange.respond(response);
		}
	}
}
