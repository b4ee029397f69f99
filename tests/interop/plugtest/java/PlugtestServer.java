/* SPDX-License-Identifier: Apache-2.0 */
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.EndpointContext;
import org.eclipse.californium.elements.config.Configuration;

/** The server at which the device registers, and which then is the client of each case. */
final class PlugtestServer {
	final Witness witness = new Witness();
	final CoapEndpoint endpoint;
	private final BlockingQueue<Request> registrations = new LinkedBlockingQueue<>();
	private EndpointContext device;

	PlugtestServer(String identity, String key) {
		Configuration configuration = Endpoints.configuration();
		endpoint = Endpoints.server(configuration, identity, key);
		endpoint.addInterceptor(witness);
		CoapServer server = new CoapServer(configuration);
		server.addEndpoint(endpoint);
		server.add(new Registrations());
		server.start();
	}

	int port() {
		return endpoint.getAddress().getPort();
	}

	/** From now on it speaks to whom came with this name, by the association that was used. */
	void awaitRegistration(String name) throws InterruptedException {
		Request request = registrations.poll(Cases.WAIT_MS, TimeUnit.MILLISECONDS);
		if (request == null || !request.getOptions().getUriQuery().contains("ep=" + name))
			throw new Wrong("the server's registration: " + request);
		device = request.getSourceContext();
	}

	void send(Request request) {
		request.setDestinationContext(device);
		request.send(endpoint);
	}

	private final class Registrations extends CoapResource {
		Registrations() {
			super("rd");
		}

		@Override
		public void handlePOST(CoapExchange exchange) {
			registrations.add(exchange.advanced().getRequest());
			exchange.setLocationPath("rd/1");
			exchange.respond(ResponseCode.CREATED);
		}
	}
}
