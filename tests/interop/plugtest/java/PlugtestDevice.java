/* SPDX-License-Identifier: Apache-2.0 */
import java.net.InetAddress;

import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.core.server.resources.Resource;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;

/** A device that has registered, with the resources that the ETSI cases ask for. */
final class PlugtestDevice {
	/** 20 blocks and a bit of 64 octets. */
	static final String LARGE = largeText("the large resource", 1300);
	private static final int LIFETIME_S = 3600;

	final Witness witness = new Witness();
	final Observed observed = new Observed("obs", true);
	final Observed observedNon = new Observed("obs-non", false);
	final Observed observedLarge = new Observed("obs-large", true);
	private final CoapEndpoint endpoint;

	PlugtestDevice(String identity, String key) {
		Configuration configuration = Endpoints.configuration();
		endpoint = Endpoints.device(configuration, identity, key);
		endpoint.addInterceptor(witness);
		CoapServer server = new CoapServer(configuration);
		server.addEndpoint(endpoint);
		addBasic(server);
		addConditional(server);
		addLarge(server);
		addLinks(server);
		server.add(observed, observedNon, observedLarge);
		server.start();
	}

	void register(int port, String name) throws InterruptedException {
		Request request = Request.newPost();
		request.setURI("coaps://" + InetAddress.getLoopbackAddress().getHostAddress() + ":" + port
				+ "/rd?lwm2m=1.1&b=U&lt=" + LIFETIME_S + "&ep=" + name);
		request.getOptions().setContentFormat(MediaTypeRegistry.APPLICATION_LINK_FORMAT);
		request.setPayload("</1/0>,</3/0>");
		request.send(endpoint);
		Response response = request.waitForResponse(Cases.WAIT_MS);
		if (response == null || response.getCode() != ResponseCode.CREATED
				|| !response.getOptions().getLocationPathString().equals("rd/1"))
			throw new Wrong("the device's registration: " + response);
	}

	/** What it sends next begins with a handshake, in full. */
	void forgetAssociation() {
		((DTLSConnector) endpoint.getConnector()).clearConnectionState();
	}

	static String largeText(String what, int octets) {
		StringBuilder text = new StringBuilder();
		for (int line = 0; text.length() < octets; line++)
			text.append(what).append(", line ").append(line).append('\n');
		return text.substring(0, octets);
	}

	private static void addBasic(CoapServer server) {
		server.add(new Simple("test"), new Separate(), new Query(), new MultiFormat(),
				new Located());
		CoapResource third = new Text("seg3", "three segments");
		server.add(new Text("seg1", "one").add(new Text("seg2", "two").add(third)));
	}

	private static void addConditional(CoapServer server) {
		server.add(new Validated(), new Created());
	}

	private static void addLarge(CoapServer server) {
		server.add(new Text("large", LARGE), new Large("large-update"), new Large("large-create"),
				new Large("large-post"));
	}

	private static void addLinks(CoapServer server) {
		server.add(described(new Text("link1", "first"), "Type1 Type2", "If1"),
				described(new Text("link2", "second"), "Type2 Type3", "If2"),
				described(new Text("link3", "third"), "Type1 Type3", "foo"));
		Parent path = new Parent();
		path.getAttributes().addContentType(MediaTypeRegistry.APPLICATION_LINK_FORMAT);
		path.add(new Text("sub1", "below").setHidden(), new Text("sub2", "below").setHidden());
		server.add(path);
	}

	private static CoapResource described(CoapResource resource, String types, String uses) {
		for (String type : types.split(" "))
			resource.getAttributes().addResourceType(type);
		resource.getAttributes().addInterfaceDescription(uses);
		return resource;
	}

	/** A text that does not change. */
	private static final class Text extends CoapResource {
		private final byte[] text;

		Text(String name, String text) {
			super(name);
			this.text = text.getBytes();
			getAttributes().setMaximumSizeEstimate(text.length());
		}

		Text setHidden() {
			setVisible(false);
			return this;
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			exchange.respond(ResponseCode.CONTENT, text, MediaTypeRegistry.TEXT_PLAIN);
		}
	}

	/** All four methods; what is created says where it is. */
	private static final class Simple extends CoapResource {
		Simple(String name) {
			super(name);
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			exchange.respond(ResponseCode.CONTENT, "a test", MediaTypeRegistry.TEXT_PLAIN);
		}

		@Override
		public void handlePUT(CoapExchange exchange) {
			exchange.respond(ResponseCode.CHANGED);
		}

		@Override
		public void handlePOST(CoapExchange exchange) {
			exchange.setLocationPath("location1/location2/location3");
			exchange.respond(ResponseCode.CREATED);
		}

		@Override
		public void handleDELETE(CoapExchange exchange) {
			exchange.respond(ResponseCode.DELETED);
		}
	}

	/** Acknowledges first. */
	private static final class Separate extends CoapResource {
		Separate() {
			super("separate");
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			exchange.accept();
			exchange.respond(ResponseCode.CONTENT, "by itself", MediaTypeRegistry.TEXT_PLAIN);
		}
	}

	/** Says what was in the query. */
	private static final class Query extends CoapResource {
		Query() {
			super("query");
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			String text = String.join("|", exchange.getRequestOptions().getUriQuery());
			exchange.respond(ResponseCode.CONTENT, text, MediaTypeRegistry.TEXT_PLAIN);
		}
	}

	private static final class Located extends CoapResource {
		Located() {
			super("location-query");
		}

		@Override
		public void handlePOST(CoapExchange exchange) {
			exchange.setLocationQuery("first=1&second=2");
			exchange.respond(ResponseCode.CREATED);
		}
	}

	/** Text and XML; nothing else. */
	private static final class MultiFormat extends CoapResource {
		MultiFormat() {
			super("multi-format");
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			int wanted = exchange.getRequestOptions().getAccept();
			if (wanted == MediaTypeRegistry.UNDEFINED || wanted == MediaTypeRegistry.TEXT_PLAIN)
				exchange.respond(ResponseCode.CONTENT, "text", MediaTypeRegistry.TEXT_PLAIN);
			else if (wanted == MediaTypeRegistry.APPLICATION_XML)
				exchange.respond(ResponseCode.CONTENT, "<t>text</t>", wanted);
			else
				exchange.respond(ResponseCode.NOT_ACCEPTABLE);
		}
	}

	/** Has an ETag, by which it is validated and changed. */
	private static final class Validated extends CoapResource {
		private byte[] text = "first".getBytes();
		private byte version;

		Validated() {
			super("validate");
		}

		private byte[] tag() {
			return new byte[] { 0, version };
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			exchange.setETag(tag());
			if (exchange.getRequestOptions().containsETag(tag()))
				exchange.respond(ResponseCode.VALID);
			else
				exchange.respond(ResponseCode.CONTENT, text, MediaTypeRegistry.TEXT_PLAIN);
		}

		@Override
		public void handlePUT(CoapExchange exchange) {
			if (!exchange.getRequestOptions().isIfMatch(tag())) {
				exchange.respond(ResponseCode.PRECONDITION_FAILED);
				return;
			}
			text = exchange.getRequestPayload();
			version++;
			exchange.setETag(tag());
			exchange.respond(ResponseCode.CHANGED);
		}
	}

	/** Is not there until somebody makes it. */
	private static final class Created extends CoapResource {
		private boolean there;

		Created() {
			super("create1");
		}

		@Override
		public void handlePUT(CoapExchange exchange) {
			if (there && exchange.getRequestOptions().hasIfNoneMatch()) {
				exchange.respond(ResponseCode.PRECONDITION_FAILED);
				return;
			}
			exchange.respond(there ? ResponseCode.CHANGED : ResponseCode.CREATED);
			there = true;
		}
	}

	/** Keeps what it is given, and gives a text as long. */
	private static final class Large extends CoapResource {
		private byte[] kept = new byte[0];

		Large(String name) {
			super(name);
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			exchange.respond(ResponseCode.CONTENT, kept, MediaTypeRegistry.TEXT_PLAIN);
		}

		@Override
		public void handlePUT(CoapExchange exchange) {
			kept = exchange.getRequestPayload();
			exchange.respond(ResponseCode.CHANGED);
		}

		@Override
		public void handlePOST(CoapExchange exchange) {
			kept = exchange.getRequestPayload();
			if (getName().equals("large-create")) {
				exchange.setLocationPath("large-create");
				exchange.respond(ResponseCode.CREATED);
				return;
			}
			String upper = new String(kept).toUpperCase();
			exchange.respond(ResponseCode.CHANGED, upper, MediaTypeRegistry.TEXT_PLAIN);
		}
	}

	/** Lists what is below it. */
	private static final class Parent extends CoapResource {
		Parent() {
			super("path");
		}

		@Override
		public void handleGET(CoapExchange exchange) {
			StringBuilder links = new StringBuilder();
			for (Resource child : getChildren())
				links.append(links.isEmpty() ? "<" : ",<").append(child.getURI()).append('>');
			exchange.respond(ResponseCode.CONTENT, links.toString(),
					MediaTypeRegistry.APPLICATION_LINK_FORMAT);
		}
	}
}
