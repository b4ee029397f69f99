/* SPDX-License-Identifier: Apache-2.0 */
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.peer.LwM2mIdentity;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.peer.PskIdentity;
import org.eclipse.leshan.core.peer.RpkIdentity;
import org.eclipse.leshan.core.peer.X509Identity;
import org.eclipse.leshan.core.request.RegisterRequest;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.request.UplinkRequest;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.californium.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.server.californium.endpoint.coaps.CoapsServerProtocolProvider;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.queue.StaticClientAwakeTimeProvider;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.security.Authorization;
import org.eclipse.leshan.server.security.Authorizer;
import org.eclipse.leshan.server.security.DefaultAuthorizer;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;
import org.eclipse.leshan.server.send.SendListener;

/**
 * An LwM2M server on the Leshan libraries, over DTLS only, driven by the REST API of InteropApi.
 *
 * Both doors listen on 127.0.0.1 with ports of the system's choice, said in one line on stdout:
 * "ready coaps=PORT http=PORT". Ends when its standard input does.
 *
 * -w MS: how long a device in queue mode is awake, to this server's mind.
 *
 * -k KEY -K PUBLIC_KEY: what it shows of itself to clients with raw public keys;
 * -k KEY -c CERTIFICATE -a ANCHOR: to those with certificates, and whose it takes; files in DER.
 * -g NAME: a gateway, whose certificate has this common name and which may register each endpoint
 * that is known here as one with a certificate. Leshan itself wants the common name to be the
 * endpoint's, so a gateway's one certificate could serve one endpoint only.
 */
public final class InteropServer {
	private static final int CID_OCTETS = 6; /* as the Leshan demo server */
	private static final String AWAKE_MS = "93000";

	private final InMemorySecurityStore credentials = new InMemorySecurityStore();
	private final EventStream events = new EventStream();
	private final Map<String, String> options;

	private InteropServer(Map<String, String> options) {
		this.options = options;
	}

	public static void main(String[] args) throws Exception {
		Map<String, String> options = new HashMap<>();
		for (int i = 0; i + 1 < args.length; i += 2)
			options.put(args[i], args[i + 1]);
		new InteropServer(options).run();
	}

	private void run() throws Exception {
		LeshanServer server = build();
		server.getRegistrationService().addListener(new Registrations());
		server.getObservationService().addListener(new Notifications());
		server.getSendService().addListener(new Sends());
		server.getPresenceService().addListener(new Presence());
		server.start();
		InteropApi api = new InteropApi(server, credentials, events);
		int coaps = server.getEndpoint(Protocol.COAPS).getURI().getPort();
		System.out.printf("ready coaps=%d http=%d%n", coaps, api.start());
		while (System.in.read() >= 0)
			continue;
		System.exit(0);
	}

	private LeshanServer build() throws Exception {
		CoapsServerProtocolProvider coaps = new CoapsServerProtocolProvider(
				dtls -> dtls.setSessionListener(new DtlsTrace(f -> events.publish("DTLS", f))));
		CaliforniumServerEndpointsProvider.Builder endpoints =
				new CaliforniumServerEndpointsProvider.Builder(coaps);
		Configuration configuration = endpoints.createDefaultConfiguration();
		configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, CID_OCTETS);
		endpoints.setConfiguration(configuration);
		endpoints.addEndpoint(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
				Protocol.COAPS);
		LeshanServerBuilder builder = new LeshanServerBuilder();
		builder.setEndpointsProviders(endpoints.build());
		builder.setSecurityStore(credentials);
		builder.setClientAwakeTimeProvider(new StaticClientAwakeTimeProvider(
				Integer.parseInt(options.getOrDefault("-w", AWAKE_MS))));
		builder.setAuthorizer(new Witness(new GatewayAuthorizer()));
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

	/** Leshan's own judgement, but for what the gateway of -g asks for. */
	private final class GatewayAuthorizer implements Authorizer {
		private final Authorizer judge = new DefaultAuthorizer(credentials);

		@Override
		public Authorization isAuthorized(UplinkRequest<?> request, Registration registration,
				LwM2mPeer sender) {
			String endpoint = endpointOf(request, registration);
			SecurityInfo known = credentials.getByEndpoint(endpoint);
			if (known != null && known.useX509Cert()
					&& sender.getIdentity() instanceof X509Identity x509
					&& x509.getX509CommonName().equals(options.get("-g")))
				return Authorization.approved();
			return judge.isAuthorized(request, registration, sender);
		}
	}

	private static String endpointOf(UplinkRequest<?> request, Registration registration) {
		return request instanceof RegisterRequest register
				? register.getEndpointName() : registration.getEndpoint();
	}

	static String identityOf(LwM2mPeer peer) {
		LwM2mIdentity identity = peer.getIdentity();
		if (identity instanceof PskIdentity psk)
			return psk.getPskIdentity();
		if (identity instanceof RpkIdentity raw)
			return KeyFiles.digest(raw.getPublicKey());
		return identity instanceof X509Identity x509
				? x509.getX509CommonName() : identity.toString();
	}

	static Map<String, Object> json(Registration registration) {
		Map<String, Object> json = new LinkedHashMap<>();
		json.put("endpoint", registration.getEndpoint());
		json.put("registrationId", registration.getId());
		json.put("registrationDate", registration.getRegistrationDate().getTime());
		json.put("lastUpdate", registration.getLastUpdate().getTime());
		json.put("lifetime", registration.getLifeTimeInSec());
		json.put("lwM2mVersion", registration.getLwM2mVersion().toString());
		json.put("address", registration.getSocketAddress().toString());
		json.put("identity", identityOf(registration.getClientTransportData()));
		json.put("queueMode", registration.usesQueueMode());
		json.put("secure", registration.getClientTransportData().getIdentity().isSecure());
		json.put("objects", registration.getSupportedObject().keySet());
		return json;
	}

	/** Reports every request that reached the server, whether it was let in or not. */
	private final class Witness implements Authorizer {
		private final Authorizer judge;

		Witness(Authorizer judge) {
			this.judge = judge;
		}

		@Override
		public Authorization isAuthorized(UplinkRequest<?> request, Registration registration,
				LwM2mPeer sender) {
			Authorization verdict = judge.isAuthorized(request, registration, sender);
			Map<String, Object> json = new LinkedHashMap<>();
			json.put("request", request.getClass().getSimpleName());
			json.put("ep", endpointOf(request, registration));
			json.put("identity", identityOf(sender));
			json.put("approved", verdict.isApproved());
			events.publish("AUTHORIZE", json);
			return verdict;
		}
	}

	private final class Registrations implements RegistrationListener {
		@Override
		public void registered(Registration now, Registration before,
				Collection<Observation> lost) {
			events.publish("REGISTRATION", json(now));
		}

		@Override
		public void updated(RegistrationUpdate update, Registration now, Registration before) {
			events.publish("UPDATED", json(now));
		}

		@Override
		public void unregistered(Registration registration, Collection<Observation> lost,
				boolean expired, Registration replacement) {
			Map<String, Object> json = json(registration);
			json.put("expired", expired);
			events.publish("DEREGISTRATION", json);
		}
	}

	private final class Presence implements PresenceListener {
		@Override
		public void onAwake(Registration registration) {
			events.publish("AWAKE", Map.of("ep", registration.getEndpoint()));
		}

		@Override
		public void onSleeping(Registration registration) {
			events.publish("SLEEPING", Map.of("ep", registration.getEndpoint()));
		}
	}

	private final class Sends implements SendListener {
		@Override
		public void dataReceived(Registration registration, TimestampedLwM2mNodes data,
				SendRequest request) {
			events.publish("SEND", Map.of("ep", registration.getEndpoint(), "val",
					NodeJson.of(data.getNodes())));
		}

		@Override
		public void onError(Registration registration, String why, Exception error) {
			events.publish("SEND_ERROR", Map.of("ep", registration.getEndpoint(), "why",
					String.valueOf(why)));
		}
	}

	private final class Notifications implements ObservationListener {
		@Override
		public void onResponse(SingleObservation observation, Registration registration,
				ObserveResponse response) {
			Map<String, Object> json = new LinkedHashMap<>();
			json.put("ep", registration.getEndpoint());
			json.put("res", observation.getPath().toString());
			json.put("val", NodeJson.of(response.getContent()));
			events.publish("NOTIFICATION", json);
		}

		@Override
		public void onResponse(CompositeObservation observation, Registration registration,
				ObserveCompositeResponse response) {
			events.publish("NOTIFICATION", Map.of("ep", registration.getEndpoint(), "res",
					"composite", "val", NodeJson.of(response.getContent())));
		}

		@Override
		public void onError(Observation observation, Registration registration, Exception why) {
			Map<String, Object> json = new LinkedHashMap<>();
			json.put("ep", registration == null ? null : registration.getEndpoint());
			json.put("error", String.valueOf(why));
			events.publish("NOTIFICATION_ERROR", json);
		}

		@Override
		public void newObservation(Observation observation, Registration registration) {
			/* the REST caller asked for it */
		}

		@Override
		public void cancelled(Observation observation) {
			events.publish("CANCELLED", Map.of("registration", observation.getRegistrationId()));
		}
	}
}
