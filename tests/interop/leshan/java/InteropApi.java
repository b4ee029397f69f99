/* SPDX-License-Identifier: Apache-2.0 */
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import org.eclipse.leshan.core.link.Link;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.CancelCompositeObservationRequest;
import org.eclipse.leshan.core.request.CancelObservationRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DeleteRequest;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.DownlinkRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.request.exception.ClientSleepingException;
import org.eclipse.leshan.core.response.CreateResponse;
import org.eclipse.leshan.core.response.DiscoverResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ReadCompositeResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

/**
 * The REST API of the server, in the paths and shapes of the Leshan demo server.
 *
 * GET /api/event                            registrations, notifications, handshakes as they happen
 * GET /api/clients[/EP]                     who is registered
 * GET|PUT|POST /api/clients/EP/PATH         Read, Write (replace), Execute
 * DELETE /api/clients/EP/PATH               Delete
 * GET /api/clients/EP/PATH/discover         Discover
 * POST /api/clients/EP/PATH/update|create   Write (update), Create
 * PUT /api/clients/EP/PATH/attributes       Write-Attributes
 * POST|DELETE /api/clients/EP/PATH/observe  Observe, Cancel (active: the device is asked)
 * POST|PUT /api/clients/EP/composite        Read-Composite, Write-Composite
 * POST|DELETE .../EP/composite/observe      Observe-Composite, Cancel
 * GET|PUT /api/security/clients             credentials of the devices
 */
final class InteropApi {
	private static final long ANSWER_MS = 20_000;
	private static final long IMAGE_MS = 120_000;
	private static final Set<String> VERBS =
			Set.of("observe", "discover", "update", "create", "attributes");
	private static final ObjectMapper MAPPER = new ObjectMapper();

	private final LeshanServer server;
	private final InMemorySecurityStore credentials;
	private final EventStream events;

	/** An answer other than 200. */
	static final class Refusal extends Exception {
		private static final long serialVersionUID = 1;
		private final int status;

		Refusal(int status, String why) {
			super(why);
			this.status = status;
		}
	}

	interface Handler {
		Object handle(HttpExchange exchange) throws Exception;
	}

	InteropApi(LeshanServer server, InMemorySecurityStore credentials, EventStream events) {
		this.server = server;
		this.credentials = credentials;
		this.events = events;
	}

	/** Returns the port. */
	int start() throws IOException {
		InetSocketAddress here = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
		HttpServer http = HttpServer.create(here, 0);
		http.setExecutor(Executors.newCachedThreadPool());
		http.createContext("/api/event", events::serve);
		http.createContext("/api/clients", exchange -> answer(exchange, this::clients));
		http.createContext("/api/security/clients",
				exchange -> answer(exchange, e -> security(e, credentials)));
		http.start();
		return http.getAddress().getPort();
	}

	static void answer(HttpExchange exchange, Handler handler) throws IOException {
		int status = 200;
		Object body;
		try {
			body = handler.handle(exchange);
		} catch (Refusal e) {
			status = e.status;
			body = Map.of("error", String.valueOf(e.getMessage()));
		} catch (Exception e) {
			status = 500;
			body = Map.of("error", e.toString());
		}
		byte[] octets = MAPPER.writeValueAsBytes(body);
		exchange.getResponseHeaders().set("Content-Type", "application/json");
		exchange.sendResponseHeaders(status, octets.length);
		exchange.getResponseBody().write(octets);
		exchange.close();
	}

	/* The decoded segments of the path after the context's own. */
	static List<String> segments(HttpExchange exchange) {
		String raw = exchange.getRequestURI().getRawPath();
		String rest = raw.substring(exchange.getHttpContext().getPath().length());
		List<String> list = new ArrayList<>();
		for (String part : rest.split("/"))
			if (!part.isEmpty())
				list.add(URLDecoder.decode(part, StandardCharsets.UTF_8));
		return list;
	}

	static Object security(HttpExchange exchange, InMemorySecurityStore credentials)
			throws Exception {
		if (exchange.getRequestMethod().equals("GET"))
			return credentials.getAll().stream().map(InteropApi::withoutKey).toList();
		if (!exchange.getRequestMethod().equals("PUT"))
			throw new Refusal(405, "GET or PUT");
		JsonNode json = MAPPER.readTree(exchange.getRequestBody());
		JsonNode tls = json.path("tls");
		credentials.add(info(json.path("endpoint").asText(), tls.path("mode").asText(),
				tls.path("details")));
		return Map.of();
	}

	private static SecurityInfo info(String endpoint, String mode, JsonNode details)
			throws Exception {
		switch (mode) {
		case "psk":
			return SecurityInfo.newPreSharedKeyInfo(endpoint, details.path("identity").asText(),
					Hex.decodeHex(details.path("key").asText().toCharArray()));
		case "rpk":
			return SecurityInfo.newRawPublicKeyInfo(endpoint, KeyFiles.publicKey(
					Hex.decodeHex(details.path("key").asText().toCharArray())));
		case "x509":
			return SecurityInfo.newX509CertInfo(endpoint);
		default:
			throw new Refusal(400, "tls.mode must be psk, rpk or x509");
		}
	}

	private static Map<String, String> withoutKey(SecurityInfo info) {
		String identity = info.usePSK() ? info.getPskIdentity()
				: info.useRPK() ? KeyFiles.digest(info.getRawPublicKey()) : "certificate";
		return Map.of("endpoint", info.getEndpoint(), "identity", identity);
	}

	private Object clients(HttpExchange exchange) throws Exception {
		List<String> path = segments(exchange);
		if (path.isEmpty())
			return everybody();
		Registration registration = server.getRegistrationService().getByEndpoint(path.get(0));
		if (registration == null)
			throw new Refusal(404, "no registered client '" + path.get(0) + "'");
		if (path.size() == 1)
			return InteropServer.json(registration);
		String last = path.get(path.size() - 1);
		boolean verb = VERBS.contains(last);
		List<String> ids = path.subList(1, path.size() - (verb ? 1 : 0));
		String target = "/" + String.join("/", ids);
		String operation = exchange.getRequestMethod() + (verb ? " " + last : "");
		return target.equals("/composite") ? composite(exchange, registration, operation)
				: operate(exchange, registration, operation, target);
	}

	private List<Object> everybody() {
		List<Object> list = new ArrayList<>();
		Iterator<Registration> all = server.getRegistrationService().getAllRegistrations();
		all.forEachRemaining(registration -> list.add(InteropServer.json(registration)));
		return list;
	}

	private Object operate(HttpExchange exchange, Registration registration, String operation,
			String target) throws Exception {
		switch (operation) {
		case "GET":
			return send(registration, new ReadRequest(target));
		case "PUT":
			return send(registration,
					Operations.write(WriteRequest.Mode.REPLACE, target, body(exchange)));
		case "POST update":
			return send(registration,
					Operations.write(WriteRequest.Mode.UPDATE, target, body(exchange)));
		case "POST create":
			return send(registration, Operations.create(target, body(exchange)));
		case "PUT attributes":
			return send(registration, Operations.attributes(target, body(exchange)));
		case "DELETE":
			return send(registration, new DeleteRequest(target));
		case "POST":
			String arguments = new String(exchange.getRequestBody().readAllBytes(),
					StandardCharsets.UTF_8);
			return send(registration, arguments.isEmpty() ? new ExecuteRequest(target)
					: new ExecuteRequest(target, arguments));
		case "GET discover":
			return send(registration, new DiscoverRequest(target));
		case "POST observe":
			return send(registration, new ObserveRequest(target));
		case "DELETE observe":
			return send(registration, new CancelObservationRequest(
					observation(registration, target)));
		default:
			throw new Refusal(405, operation);
		}
	}

	private Object composite(HttpExchange exchange, Registration registration, String operation)
			throws Exception {
		switch (operation) {
		case "POST":
			return send(registration, Operations.readComposite(body(exchange)));
		case "PUT":
			return send(registration, Operations.writeComposite(body(exchange)));
		case "POST observe":
			return send(registration, Operations.observeComposite(body(exchange)));
		case "DELETE observe":
			for (Observation one : server.getObservationService().getObservations(registration))
				if (one instanceof CompositeObservation several)
					return send(registration, new CancelCompositeObservationRequest(several));
			throw new Refusal(404, "nothing composite is observed");
		default:
			throw new Refusal(405, operation);
		}
	}

	private static JsonNode body(HttpExchange exchange) throws IOException {
		return MAPPER.readTree(exchange.getRequestBody());
	}

	private SingleObservation observation(Registration registration, String target)
			throws Refusal {
		for (Observation one : server.getObservationService().getObservations(registration))
			if (one instanceof SingleObservation single
					&& single.getPath().toString().equals(target))
				return single;
		throw new Refusal(404, "not observed: " + target);
	}

	private <T extends LwM2mResponse> Object send(Registration registration,
			DownlinkRequest<T> request) throws Exception {
		boolean image = request instanceof WriteRequest write
				&& write.getContentFormat() == ContentFormat.OPAQUE;
		long limit = image ? IMAGE_MS : ANSWER_MS;
		T response;
		try {
			response = server.send(registration, request, limit);
		} catch (ClientSleepingException e) {
			throw new Refusal(503, "asleep");
		}
		if (response == null)
			throw new Refusal(504, "no answer within " + limit + " ms");
		Map<String, Object> json = new LinkedHashMap<>();
		json.put("status", response.getCode().toString());
		json.put("success", response.isSuccess());
		json.put("error", response.getErrorMessage());
		if (response instanceof ReadResponse read)
			json.put("content", NodeJson.of(read.getContent()));
		if (response instanceof ReadCompositeResponse read && read.getContent() != null)
			json.put("content", NodeJson.of(read.getContent()));
		if (response instanceof CreateResponse created)
			json.put("location", created.getLocation());
		if (response instanceof DiscoverResponse found && found.getObjectLinks() != null)
			json.put("objectLinks", Arrays.stream(found.getObjectLinks())
					.map(Link::getUriReference).toList());
		if (response instanceof DiscoverResponse found && found.getObjectLinks() != null)
			json.put("links", Arrays.stream(found.getObjectLinks())
					.map(Link::toCoreLinkFormat).toList());
		return json;
	}
}
