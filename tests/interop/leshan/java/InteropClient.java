/* SPDX-License-Identifier: Apache-2.0 */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.californium.endpoint.CaliforniumClientEndpointFactory;
import org.eclipse.leshan.client.californium.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.client.californium.endpoint.coaps.CoapsClientEndpointFactory;
import org.eclipse.leshan.client.californium.endpoint.coaps.CoapsClientProtocolProvider;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.observer.LwM2mClientObserverAdapter;
import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.LwM2mId;
import org.eclipse.leshan.core.ResponseCode;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.request.DeregisterRequest;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.UpdateRequest;
import org.eclipse.leshan.core.request.argument.Arguments;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.response.WriteResponse;
import org.eclipse.leshan.core.util.Hex;

/**
 * A device on the Leshan libraries, with options like those of the Leshan demo client:
 * -u coaps://HOST:PORT -n ENDPOINT -l LIFETIME (s), and what it shows and whom it takes:
 * -i IDENTITY -p KEY (hex), or -k KEY -K PUBLIC_KEY -s THE_SERVER'S (a raw public key), or
 * -k KEY -c CERTIFICATE -s THE_SERVER'S; files in DER.
 * -t MS: the first DTLS retransmission, for a device that is to be refused by silence.
 *
 * What happens is said in JSON, a line each, on stdout. Commands on stdin, a line each: "update"
 * sends a registration update, "tick" moves the device's clock on by an hour (and so notifies its
 * observers), "stop" de-registers and ends. The end of stdin ends it without a word to the server.
 */
public final class InteropClient {
	private static final int SHORT_SERVER_ID = 123;
	private static final ObjectMapper MAPPER = new ObjectMapper();

	private final Map<String, String> options;
	private final Device device = new Device();

	private InteropClient(Map<String, String> options) {
		this.options = options;
	}

	public static void main(String[] args) throws Exception {
		Map<String, String> options = new HashMap<>();
		for (int i = 0; i + 1 < args.length; i += 2)
			options.put(args[i], args[i + 1]);
		if (!options.keySet().containsAll(List.of("-u", "-n", "-l"))
				|| !(options.containsKey("-p") || options.containsKey("-k"))) {
			System.err.println("usage: InteropClient -u URI -n ENDPOINT -l SECONDS [-t MS]"
					+ " -i IDENTITY -p KEY | -k KEY -K PUBLIC -s PUBLIC"
					+ " | -k KEY -c CERTIFICATE -s CERTIFICATE");
			System.exit(2);
		}
		new InteropClient(options).run();
	}

	private void run() throws Exception {
		LeshanClient client = build();
		client.addObserver(new Reporter());
		client.start();
		BufferedReader in = new BufferedReader(
				new InputStreamReader(System.in, StandardCharsets.UTF_8));
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			if (line.equals("update"))
				client.triggerRegistrationUpdate();
			if (line.equals("tick"))
				device.tick();
			if (line.equals("stop")) {
				client.destroy(true);
				report("stopped", Map.of());
				System.exit(0);
			}
		}
		System.exit(0);
	}

	private Security security() throws IOException {
		String uri = options.get("-u");
		if (options.containsKey("-p"))
			return Security.psk(uri, SHORT_SERVER_ID,
					options.get("-i").getBytes(StandardCharsets.UTF_8),
					Hex.decodeHex(options.get("-p").toCharArray()));
		byte[] key = KeyFiles.octets(options.get("-k"));
		byte[] server = KeyFiles.octets(options.get("-s"));
		if (options.containsKey("-K"))
			return Security.rpk(uri, SHORT_SERVER_ID, KeyFiles.octets(options.get("-K")), key,
					server);
		return Security.x509(uri, SHORT_SERVER_ID, KeyFiles.octets(options.get("-c")), key,
				server);
	}

	private LeshanClient build() throws IOException {
		CaliforniumClientEndpointsProvider.Builder endpoints =
				new CaliforniumClientEndpointsProvider.Builder(new TracedCoaps());
		Configuration configuration = endpoints.createDefaultConfiguration();
		/* As the Leshan demo client: speaks connection ids, and needs none for itself. */
		configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, 0);
		if (options.containsKey("-t"))
			configuration.set(DtlsConfig.DTLS_RETRANSMISSION_TIMEOUT,
					Integer.valueOf(options.get("-t")), TimeUnit.MILLISECONDS);
		endpoints.setConfiguration(configuration);
		endpoints.setClientAddress(InetAddress.getLoopbackAddress());
		ObjectsInitializer objects = new ObjectsInitializer();
		objects.setInstancesForObject(LwM2mId.SECURITY, security());
		objects.setInstancesForObject(LwM2mId.SERVER,
				new ReportingServer(SHORT_SERVER_ID, Long.parseLong(options.get("-l"))));
		objects.setInstancesForObject(LwM2mId.DEVICE, device);
		LeshanClientBuilder builder = new LeshanClientBuilder(options.get("-n"));
		builder.setEndpointsProviders(endpoints.build());
		builder.setObjects(objects.create(LwM2mId.SECURITY, LwM2mId.SERVER, LwM2mId.DEVICE));
		return builder.build();
	}

	private static synchronized void report(String event, Map<String, Object> facts) {
		Map<String, Object> json = new LinkedHashMap<>();
		json.put("event", event);
		json.putAll(facts);
		try {
			System.out.println(MAPPER.writeValueAsString(json));
		} catch (JsonProcessingException e) {
			throw new IllegalStateException(e);
		}
	}

	private static final class TracedCoaps extends CoapsClientProtocolProvider {
		@Override
		public CaliforniumClientEndpointFactory createDefaultEndpointFactory() {
			return new CoapsClientEndpointFactory() {
				@Override
				protected DtlsConnectorConfig.Builder createRootDtlsConnectorConfigBuilder(
						Configuration configuration) {
					DtlsConnectorConfig.Builder dtls =
							super.createRootDtlsConnectorConfigBuilder(configuration);
					dtls.setSessionListener(new DtlsTrace(fact -> report("dtls", fact)));
					return dtls;
				}
			};
		}
	}

	/** The standard Server object, which also tells what was written. */
	public static final class ReportingServer extends Server {
		/** What Leshan wants of an object class, so that a server could create instances. */
		public ReportingServer() {
		}

		ReportingServer(int shortServerId, long lifetime) {
			super(shortServerId, lifetime);
		}

		@Override
		public WriteResponse write(LwM2mServer from, boolean replace, int id, LwM2mResource value) {
			WriteResponse response = super.write(from, replace, id, value);
			if (!from.isSystem() && response.isSuccess())
				report("written", Map.of("path", "/1/0/" + id, "value", value.getValue()));
			return response;
		}
	}

	/** Object 3 with a clock that the test moves. */
	public static final class Device extends BaseInstanceEnabler {
		private static final long HOUR_MS = 3_600_000;
		private static final int MANUFACTURER = 0;
		private static final int MODEL = 1;
		private static final int SERIAL = 2;
		private static final int REBOOT = 4;
		private static final int ERROR_CODE = 11;
		private static final int CURRENT_TIME = 13;
		private static final int TIMEZONE = 15;
		private static final int BINDING = 16;

		private Date clock = new Date(1_700_000_000_000L);
		private String timezone = "Europe/Berlin";

		synchronized void tick() {
			clock = new Date(clock.getTime() + HOUR_MS);
			fireResourceChange(CURRENT_TIME);
		}

		@Override
		public synchronized ReadResponse read(LwM2mServer from, int id) {
			switch (id) {
			case MANUFACTURER:
				return ReadResponse.success(id, "lwgate interop");
			case MODEL:
				return ReadResponse.success(id, "Model 500");
			case SERIAL:
				return ReadResponse.success(id, "LT-500-000-0001");
			case ERROR_CODE:
				return ReadResponse.success(id, Map.of(0, 0L),
						ResourceModel.Type.INTEGER);
			case CURRENT_TIME:
				return ReadResponse.success(id, clock);
			case TIMEZONE:
				return ReadResponse.success(id, timezone);
			case BINDING:
				return ReadResponse.success(id, "U");
			default:
				return super.read(from, id);
			}
		}

		@Override
		public synchronized WriteResponse write(LwM2mServer from, boolean replace, int id,
				LwM2mResource value) {
			if (id != TIMEZONE)
				return super.write(from, replace, id, value);
			timezone = (String) value.getValue();
			report("written", Map.of("path", "/3/0/" + id, "value", timezone));
			return WriteResponse.success();
		}

		@Override
		public ExecuteResponse execute(LwM2mServer from, int id, Arguments arguments) {
			if (id != REBOOT)
				return super.execute(from, id, arguments);
			report("executed", Map.of("path", "/3/0/" + id));
			return ExecuteResponse.success();
		}

		@Override
		public List<Integer> getAvailableResourceIds(ObjectModel model) {
			return Arrays.asList(MANUFACTURER, MODEL, SERIAL, REBOOT, ERROR_CODE, CURRENT_TIME,
					TIMEZONE, BINDING);
		}
	}

	private static final class Reporter extends LwM2mClientObserverAdapter {
		@Override
		public void onRegistrationSuccess(LwM2mServer server, RegisterRequest request, String id) {
			report("registered", Map.of("id", id));
		}

		@Override
		public void onRegistrationFailure(LwM2mServer server, RegisterRequest request,
				ResponseCode code, String message, Exception why) {
			failure("registration_failed", code, message, why);
		}

		@Override
		public void onRegistrationTimeout(LwM2mServer server, RegisterRequest request) {
			report("registration_timeout", Map.of());
		}

		@Override
		public void onUpdateSuccess(LwM2mServer server, UpdateRequest request) {
			report("updated", Map.of());
		}

		@Override
		public void onUpdateFailure(LwM2mServer server, UpdateRequest request, ResponseCode code,
				String message, Exception why) {
			failure("update_failed", code, message, why);
		}

		@Override
		public void onUpdateTimeout(LwM2mServer server, UpdateRequest request) {
			report("update_timeout", Map.of());
		}

		@Override
		public void onDeregistrationSuccess(LwM2mServer server, DeregisterRequest request) {
			report("deregistered", Map.of());
		}

		@Override
		public void onDeregistrationFailure(LwM2mServer server, DeregisterRequest request,
				ResponseCode code, String message, Exception why) {
			failure("deregistration_failed", code, message, why);
		}

		@Override
		public void onDeregistrationTimeout(LwM2mServer server, DeregisterRequest request) {
			report("deregistration_timeout", Map.of());
		}

		@Override
		public void onUnexpectedError(Throwable why) {
			report("error", Map.of("why", String.valueOf(why)));
		}

		private static void failure(String event, ResponseCode code, String message, Exception why) {
			Map<String, Object> facts = new LinkedHashMap<>();
			facts.put("code", code == null ? null : code.getCode());
			facts.put("message", message);
			facts.put("why", why == null ? null : why.toString());
			report(event, facts);
		}
	}
}
