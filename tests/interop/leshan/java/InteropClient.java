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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.coap.BlockOption;
import org.eclipse.californium.core.coap.CoAP;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.network.interceptors.MessageInterceptorAdapter;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.leshan.client.LeshanClient;
import org.eclipse.leshan.client.LeshanClientBuilder;
import org.eclipse.leshan.client.californium.endpoint.CaliforniumClientEndpoint;
import org.eclipse.leshan.client.californium.endpoint.CaliforniumClientEndpointFactory;
import org.eclipse.leshan.client.californium.endpoint.CaliforniumClientEndpointsProvider;
import org.eclipse.leshan.client.californium.endpoint.coaps.CoapsClientEndpointFactory;
import org.eclipse.leshan.client.californium.endpoint.coaps.CoapsClientProtocolProvider;
import org.eclipse.leshan.client.engine.DefaultRegistrationEngineFactory;
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
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.ContentFormat;
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
 * -b FORMAT: the server is a bootstrap server; FORMAT (a name of Leshan's) is what it prefers. When
 * that has finished it waits for the command "go" before it speaks to whom it has been told of.
 * -q yes: queue mode.
 * -I IDENTITY -P KEY (hex): images are fetched by an association of their own, with this; without,
 * by that with the server which has said where they are.
 *
 * What happens is said in JSON, a line each, on stdout. Commands on stdin, a line each: "update"
 * sends a registration update, "tick" moves the device's clock on by an hour (and so notifies its
 * observers), "send PATH..." sends these (LwM2M Send), "go": see -b; "stop" de-registers and ends.
 * The end of stdin ends it without a word to the server. Besides the objects of its accounts it has
 * 3, 2 (AccessControl) and 5 (Firmware).
 */
public final class InteropClient {
	private static final int SHORT_SERVER_ID = 123;
	private static final int BLOCK_OCTETS = 512;
	private static final int IMAGE_OCTETS_MAX = 1 << 22;
	private static final long ANSWER_MS = 20_000;
	private static final long FETCH_MS = 120_000;
	private static final ObjectMapper MAPPER = new ObjectMapper();

	private final Map<String, String> options;
	private final Device device = new Device();
	private final CountDownLatch going = new CountDownLatch(1);
	private LeshanClient client;

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
					+ " [-b FORMAT] [-q yes] [-I IDENTITY -P KEY] -i IDENTITY -p KEY | -k KEY -K PUBLIC -s PUBLIC"
					+ " | -k KEY -c CERTIFICATE -s CERTIFICATE");
			System.exit(2);
		}
		new InteropClient(options).run();
	}

	private void run() throws Exception {
		client = build();
		client.addObserver(new Reporter());
		client.start();
		BufferedReader in = new BufferedReader(
				new InputStreamReader(System.in, StandardCharsets.UTF_8));
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			if (line.equals("update"))
				client.triggerRegistrationUpdate();
			if (line.equals("tick")) {
				device.tick();
				report("ticked", Map.of());
			}
			if (line.equals("go"))
				going.countDown();
			if (line.startsWith("send "))
				send(List.of(line.substring(5).split(" ")));
			if (line.equals("stop")) {
				client.destroy(true);
				report("stopped", Map.of());
				System.exit(0);
			}
		}
		System.exit(0);
	}

	private void send(List<String> paths) {
		for (LwM2mServer server : client.getRegisteredServers().values())
			client.getSendService().sendData(server, ContentFormat.SENML_CBOR, paths, ANSWER_MS,
					answer -> report("sent", Map.of("code", answer.getCode().getCode())),
					why -> report("send_failed", Map.of("why", String.valueOf(why))));
	}

	private CoapEndpoint endpointFor(LwM2mServer from) {
		if (!options.containsKey("-I"))
			return ((CaliforniumClientEndpoint) client.getEndpoint(from)).getCoapEndpoint();
		Configuration configuration = new Configuration();
		configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, IMAGE_OCTETS_MAX);
		configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.CLIENT_ONLY);
		DtlsConnectorConfig.Builder dtls = DtlsConnectorConfig.builder(configuration);
		dtls.setAdvancedPskStore(new AdvancedSinglePskStore(options.get("-I"),
				Hex.decodeHex(options.get("-P").toCharArray())));
		return new CoapEndpoint.Builder().setConfiguration(configuration)
				.setConnector(new DTLSConnector(dtls.build())).build();
	}

	private byte[] fetch(LwM2mServer from, String uri) throws Exception {
		CoapClient coap = new CoapClient(uri);
		CoapEndpoint endpoint = endpointFor(from);
		BlockCount blocks = new BlockCount();
		endpoint.addInterceptor(blocks);
		coap.setEndpoint(endpoint);
		coap.setTimeout(FETCH_MS);
		Request get = Request.newGet();
		get.getOptions().setBlock2(BlockOption.size2Szx(BLOCK_OCTETS), false, 0);
		CoapResponse answer = coap.advanced(get);
		endpoint.removeInterceptor(blocks);
		report("fetched", Map.of("blocks", blocks.ofSize));
		if (answer == null)
			throw new IOException("no answer");
		if (answer.getCode() != CoAP.ResponseCode.CONTENT)
			throw new IOException(answer.getCode().text);
		return answer.getPayload();
	}

	private Security security() throws IOException {
		String uri = options.get("-u");
		boolean bootstrap = options.containsKey("-b");
		if (options.containsKey("-p")) {
			byte[] identity = options.get("-i").getBytes(StandardCharsets.UTF_8);
			byte[] secret = Hex.decodeHex(options.get("-p").toCharArray());
			return bootstrap ? Security.pskBootstrap(uri, identity, secret)
					: Security.psk(uri, SHORT_SERVER_ID, identity, secret);
		}
		byte[] key = KeyFiles.octets(options.get("-k"));
		byte[] server = KeyFiles.octets(options.get("-s"));
		if (options.containsKey("-K")) {
			byte[] own = KeyFiles.octets(options.get("-K"));
			return bootstrap ? Security.rpkBootstrap(uri, own, key, server)
					: Security.rpk(uri, SHORT_SERVER_ID, own, key, server);
		}
		byte[] own = KeyFiles.octets(options.get("-c"));
		return bootstrap ? Security.x509Bootstrap(uri, own, key, server)
				: Security.x509(uri, SHORT_SERVER_ID, own, key, server);
	}

	private LeshanClient build() throws IOException {
		CaliforniumClientEndpointsProvider.Builder endpoints =
				new CaliforniumClientEndpointsProvider.Builder(new TracedCoaps());
		Configuration configuration = endpoints.createDefaultConfiguration();
		/* As the Leshan demo client: speaks connection ids, and needs none for itself. */
		configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, 0);
		configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, IMAGE_OCTETS_MAX);
		if (options.containsKey("-t"))
			configuration.set(DtlsConfig.DTLS_RETRANSMISSION_TIMEOUT,
					Integer.valueOf(options.get("-t")), TimeUnit.MILLISECONDS);
		endpoints.setConfiguration(configuration);
		endpoints.setClientAddress(InetAddress.getLoopbackAddress());
		ObjectsInitializer objects = new ObjectsInitializer();
		objects.setInstancesForObject(LwM2mId.SECURITY, security());
		LeshanClientBuilder builder = new LeshanClientBuilder(options.get("-n"));
		DefaultRegistrationEngineFactory engine = new DefaultRegistrationEngineFactory();
		engine.setQueueMode(options.containsKey("-q"));
		builder.setRegistrationEngineFactory(engine);
		if (options.containsKey("-b")) {
			objects.setClassForObject(LwM2mId.SERVER, ReportingServer.class);
			engine.setPreferredContentFormat(ContentFormat.fromName(options.get("-b")));
		} else {
			objects.setInstancesForObject(LwM2mId.SERVER,
					new ReportingServer(SHORT_SERVER_ID, Long.parseLong(options.get("-l"))));
		}
		objects.setInstancesForObject(LwM2mId.DEVICE, device);
		builder.setEndpointsProviders(endpoints.build());
		objects.setClassForObject(LwM2mId.ACCESS_CONTROL, AccessControl.class);
		objects.setInstancesForObject(LwM2mId.FIRMWARE, new Firmware(this::fetch));
		builder.setObjects(objects.create(LwM2mId.SECURITY, LwM2mId.SERVER, LwM2mId.DEVICE,
				LwM2mId.ACCESS_CONTROL, LwM2mId.FIRMWARE));
		return builder.build();
	}

	static synchronized void report(String event, Map<String, Object> facts) {
		Map<String, Object> json = new LinkedHashMap<>();
		json.put("event", event);
		json.putAll(facts);
		try {
			System.out.println(MAPPER.writeValueAsString(json));
		} catch (JsonProcessingException e) {
			throw new IllegalStateException(e);
		}
	}

	/** How many blocks of which size have come. */
	private static final class BlockCount extends MessageInterceptorAdapter {
		private final Map<Integer, Integer> ofSize = new ConcurrentHashMap<>();

		@Override
		public void receiveResponse(Response response) {
			if (response.getOptions().hasBlock2())
				ofSize.merge(response.getOptions().getBlock2().getSize(), 1, Integer::sum);
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

	private final class Reporter extends LwM2mClientObserverAdapter {
		@Override
		public void onBootstrapSuccess(LwM2mServer server, BootstrapRequest request) {
			report("bootstrapped", Map.of());
			try {
				going.await();
			} catch (InterruptedException e) {
				Thread.currentThread().interrupt();
			}
		}

		@Override
		public void onBootstrapFailure(LwM2mServer server, BootstrapRequest request,
				ResponseCode code, String message, Exception why) {
			failure("bootstrap_failed", code, message, why);
		}

		@Override
		public void onBootstrapTimeout(LwM2mServer server, BootstrapRequest request) {
			report("bootstrap_timeout", Map.of());
		}

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
