/* SPDX-License-Identifier: Apache-2.0 */
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import org.eclipse.leshan.core.SecurityMode;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.BootstrapWriteRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionAdapter;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServer;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coaps.CoapsBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.security.BootstrapSecurityStoreAdapter;
import org.eclipse.leshan.server.security.InMemorySecurityStore;

/**
 * An LwM2M bootstrap server on the Leshan libraries, over DTLS only.
 *
 * Both doors listen on 127.0.0.1 with ports of the system's choice, said in one line on stdout:
 * "ready coaps=PORT http=PORT". Ends when its standard input does.
 *
 * -k KEY -K PUBLIC_KEY: what it shows of itself to clients with raw public keys;
 * -k KEY -c CERTIFICATE -a ANCHOR: to those with certificates, and whose it takes; files in DER.
 *
 * GET /api/event             what happens in each bootstrap
 * PUT /api/security/clients  credentials of the devices, as InteropApi has them
 * PUT /api/bootstrap/EP      what a device is to be told: {"format": NAME, "discover": BOOLEAN,
 *                            "delete": [PATH], "security": [{"uri", "mode", "server", and in
 *                            hexadecimal "identity", "server_key", "secret"}], "lifetime": SECONDS}
 */
public final class InteropBootstrapServer {
	private final InMemorySecurityStore credentials = new InMemorySecurityStore();
	private final InMemoryBootstrapConfigStore plans = new InMemoryBootstrapConfigStore();
	private final EventStream events = new EventStream();
	private final ObjectMapper mapper = new ObjectMapper();
	private final Map<String, String> options;

	private InteropBootstrapServer(Map<String, String> options) {
		this.options = options;
	}

	public static void main(String[] args) throws Exception {
		Map<String, String> options = new HashMap<>();
		for (int i = 0; i + 1 < args.length; i += 2)
			options.put(args[i], args[i + 1]);
		new InteropBootstrapServer(options).run();
	}

	private void run() throws Exception {
		LeshanBootstrapServer server = build();
		server.addListener(new Sessions());
		server.start();
		int coaps = server.getEndpoint(Protocol.COAPS).getURI().getPort();
		System.out.printf("ready coaps=%d http=%d%n", coaps, serve());
		while (System.in.read() >= 0)
			continue;
		System.exit(0);
	}

	private LeshanBootstrapServer build() throws Exception {
		CoapsBootstrapServerProtocolProvider coaps = new CoapsBootstrapServerProtocolProvider(
				dtls -> dtls.setSessionListener(new DtlsTrace(f -> events.publish("DTLS", f))));
		CaliforniumBootstrapServerEndpointsProvider.Builder endpoints =
				new CaliforniumBootstrapServerEndpointsProvider.Builder(coaps);
		endpoints.addEndpoint(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
				Protocol.COAPS);
		LeshanBootstrapServerBuilder builder = new LeshanBootstrapServerBuilder();
		builder.setEndpointsProviders(endpoints.build());
		builder.setSecurityStore(new BootstrapSecurityStoreAdapter(credentials));
		builder.setConfigStore(plans);
		if (options.containsKey("-k"))
			builder.setPrivateKey(KeyFiles.privateKey(options.get("-k")));
		if (options.containsKey("-K"))
			builder.setPublicKey(KeyFiles.publicKey(KeyFiles.octets(options.get("-K"))));
		if (options.containsKey("-c")) {
			builder.setCertificateChain(
					new X509Certificate[] { KeyFiles.certificate(options.get("-c")) });
			builder.setTrustedCertificates(
					new X509Certificate[] { KeyFiles.certificate(options.get("-a")) });
		}
		return builder.build();
	}

	/* Returns the port. */
	private int serve() throws Exception {
		InetSocketAddress here = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
		HttpServer http = HttpServer.create(here, 0);
		http.setExecutor(Executors.newCachedThreadPool());
		http.createContext("/api/event", events::serve);
		http.createContext("/api/security/clients", exchange -> InteropApi.answer(exchange,
				e -> InteropApi.security(e, credentials)));
		http.createContext("/api/bootstrap",
				exchange -> InteropApi.answer(exchange, this::plan));
		http.start();
		return http.getAddress().getPort();
	}

	private Object plan(HttpExchange exchange) throws Exception {
		List<String> path = InteropApi.segments(exchange);
		if (!exchange.getRequestMethod().equals("PUT") || path.size() != 1)
			throw new InteropApi.Refusal(405, "PUT /api/bootstrap/EP");
		plans.remove(path.get(0));
		plans.add(path.get(0), config(mapper.readTree(exchange.getRequestBody())));
		return Map.of();
	}

	private static BootstrapConfig config(JsonNode json) {
		BootstrapConfig config = new BootstrapConfig();
		config.contentFormat = ContentFormat.fromName(json.path("format").asText());
		config.autoIdForSecurityObject = json.path("discover").asBoolean();
		json.path("delete").forEach(path -> config.toDelete.add(path.asText()));
		for (JsonNode one : json.path("security")) {
			int number = config.security.size() + 1; /* 0 is the bootstrap server's own */
			config.security.put(number, security(one));
			config.servers.put(number - 1, server(one, json.path("lifetime").asInt()));
		}
		return config;
	}

	private static BootstrapConfig.ServerSecurity security(JsonNode json) {
		BootstrapConfig.ServerSecurity security = new BootstrapConfig.ServerSecurity();
		security.uri = json.path("uri").asText();
		security.securityMode = SecurityMode.valueOf(json.path("mode").asText());
		security.serverId = json.path("server").asInt();
		security.publicKeyOrId = octets(json.path("identity"));
		security.serverPublicKey = octets(json.path("server_key"));
		security.secretKey = octets(json.path("secret"));
		return security;
	}

	private static BootstrapConfig.ServerConfig server(JsonNode json, int lifetime) {
		BootstrapConfig.ServerConfig server = new BootstrapConfig.ServerConfig();
		server.shortId = json.path("server").asInt();
		server.lifetime = lifetime;
		return server;
	}

	private static byte[] octets(JsonNode hex) {
		return Hex.decodeHex(hex.asText().toCharArray());
	}

	private final class Sessions extends BootstrapSessionAdapter {
		private void publish(String name, BootstrapSession session, Map<String, Object> more) {
			Map<String, Object> json = new LinkedHashMap<>();
			json.put("ep", session.getEndpoint());
			json.put("identity", InteropServer.identityOf(session.getClientTransportData()));
			json.putAll(more);
			events.publish(name, json);
		}

		@Override
		public void unAuthorized(BootstrapRequest request, LwM2mPeer peer) {
			events.publish("UNAUTHORIZED", Map.of("ep", request.getEndpointName(), "identity",
					InteropServer.identityOf(peer)));
		}

		@Override
		public void authorized(BootstrapSession session) {
			publish("AUTHORIZED", session, Map.of());
		}

		@Override
		public void onResponseSuccess(BootstrapSession session,
				BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse answer) {
			publish("ANSWERED", session, answered(request, answer));
		}

		@Override
		public void onResponseError(BootstrapSession session,
				BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse answer) {
			publish("REFUSED", session, answered(request, answer));
		}

		private Map<String, Object> answered(BootstrapDownlinkRequest<?> request,
				LwM2mResponse answer) {
			Map<String, Object> json = new LinkedHashMap<>();
			json.put("request", request.getClass().getSimpleName());
			json.put("path", request.getPath() == null ? null : request.getPath().toString());
			if (request instanceof BootstrapWriteRequest write)
				json.put("format", write.getContentFormat().getName());
			json.put("code", answer.getCode().toString());
			json.put("why", answer.getErrorMessage());
			return json;
		}

		@Override
		public void onRequestFailure(BootstrapSession session,
				BootstrapDownlinkRequest<? extends LwM2mResponse> request, Throwable why) {
			publish("REQUEST_FAILED", session, Map.of("why", String.valueOf(why)));
		}

		@Override
		public void end(BootstrapSession session) {
			publish("BOOTSTRAPPED", session, Map.of());
		}

		@Override
		public void failed(BootstrapSession session, BootstrapFailureCause cause) {
			publish("FAILED", session, Map.of("cause", cause.name()));
		}
	}
}
