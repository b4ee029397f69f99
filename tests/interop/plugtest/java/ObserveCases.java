/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.coap.Token;
import org.eclipse.californium.core.observe.NotificationListener;

/** TD_COAP_OBS: observations, and each way in which they end (RFC 7641). */
final class ObserveCases extends Cases {
	private static final int NOTIFICATIONS = 3;
	private static final int ROUNDS = 3;

	ObserveCases(PlugtestServer server, PlugtestDevice device) {
		super(server, device);
		add("OBS_01", () -> notifications(device.observed, Type.CON));
		add("OBS_02", () -> notifications(device.observedNon, Type.NON));
		add("OBS_04", this::deviceGone);
		add("OBS_05", this::serverGone);
		add("OBS_06", this::reset);
		add("OBS_07", this::deleted);
		add("OBS_08", this::otherFormat);
		add("OBS_09", this::updated);
		add("OBS_10", this::plainGet);
		add("OBS_11", this::lossy);
		add("OBS_12", this::cancelled);
		add("OBS_13", () -> large(1000, 1000, 1000));
		add("OBS_14", () -> large(1000, 300, 30, 700));
	}

	/** The server's side of one observation. */
	private final class Observation implements NotificationListener, AutoCloseable {
		private final Observed resource;
		private final BlockingQueue<Response> come = new LinkedBlockingQueue<>();
		private final Request request;
		private int order;

		Observation(Observed resource) throws Exception {
			this(resource, null);
		}

		/** Anew with the token of one before, or with a token of its own (null). */
		Observation(Observed resource, Token token) throws Exception {
			this.resource = resource;
			request = ask(Code.GET, Type.CON, resource.getName());
			request.setObserve();
			if (token != null)
				request.setToken(token);
			server.endpoint.addNotificationListener(this);
			Response response = answer(request, ResponseCode.CONTENT);
			need(response.getOptions().hasObserve(), "not observed: " + response);
			order = response.getOptions().getObserve();
			resource.awaitObservers(1);
		}

		@Override
		public void onNotification(Request of, Response response) {
			if (of.getToken().equals(request.getToken()))
				come.add(response);
		}

		Response next() throws InterruptedException {
			Response response = come.poll(WAIT_MS, TimeUnit.MILLISECONDS);
			need(response != null, "no notification");
			return response;
		}

		/** The next is this, and newer than the one before. */
		Response next(String text) throws InterruptedException {
			Response response = next();
			same(text, response.getPayloadString(), "the notification");
			need(response.getOptions().hasObserve() && response.getOptions().getObserve() > order,
					"after " + order + ": " + response);
			order = response.getOptions().getObserve();
			return response;
		}

		/** The last one, which ends it. */
		void ends(ResponseCode code) throws InterruptedException {
			Response response = next();
			need(response.getCode() == code && !response.getOptions().hasObserve(),
					"instead of an end: " + response);
			resource.awaitObservers(0);
		}

		/** Nobody is told of a change. What would be told would come before the answer. */
		void silent() throws Exception {
			resource.awaitObservers(0);
			int before = device.witness.all(out(Witness.Seen::isResponse)).size();
			resource.become("told to nobody");
			answer(ask(Code.GET, Type.CON, "test"), ResponseCode.CONTENT);
			same(before + 1, device.witness.all(out(Witness.Seen::isResponse)).size(),
					"what the device has sent");
			need(come.isEmpty(), "also notified: " + come);
		}

		/** By Observe = 1. */
		void cancel() throws Exception {
			Request cancel = ask(Code.GET, Type.CON, resource.getName());
			cancel.setToken(request.getToken());
			cancel.setObserveCancel();
			Response response = answer(cancel, ResponseCode.CONTENT);
			need(!response.getOptions().hasObserve(), "still observed: " + response);
			resource.awaitObservers(0);
		}

		/** What is left of it on either side ends here, without a message. */
		@Override
		public void close() {
			server.endpoint.cancelObservation(request.getToken());
			server.endpoint.removeNotificationListener(this);
			resource.forgetObservers();
		}
	}

	private boolean isNotification(Witness.Seen seen) {
		return seen.isResponse() && seen.isNumberedBySender();
	}

	private void notifications(Observed resource, Type type) throws Exception {
		try (Observation observation = new Observation(resource)) {
			for (int i = 0; i < NOTIFICATIONS; i++) {
				resource.become("state " + i);
				Response response = observation.next("state " + i);
				same(type, response.getType(), "the type");
				same((long) Observed.MAX_AGE_S, response.getOptions().getMaxAge(), "Max-Age");
			}
			if (type == Type.CON)
				device.witness.await("an ACK for each", NOTIFICATIONS, in(Witness.Seen::isEmpty));
			observation.cancel();
			observation.silent();
		}
	}

	/** The device has been off; the server knows by Max-Age that it must ask anew. */
	private void deviceGone() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			device.observed.become("before it is off");
			Response last = observation.next("before it is off");
			device.observed.forgetObservers();
			device.observed.become("while nobody is known");
			Response none = observation.come.poll(last.getOptions().getMaxAge(), TimeUnit.SECONDS);
			need(none == null, "notified all the same: " + none);
			try (Observation again = new Observation(device.observed, last.getToken())) {
				device.observed.become("known again");
				again.next("known again");
				again.cancel();
			}
		}
	}

	/** Nothing comes to the server any more; the device gives up. */
	private void serverGone() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			server.witness.lose(Integer.MAX_VALUE, this::isNotification);
			device.observed.become("into silence");
			device.observed.awaitObservers(0);
			List<Witness.Seen> copies = device.witness.all(out(this::isNotification));
			same(1 + Endpoints.RETRANSMISSIONS, copies.size(), "how often it was sent");
			server.witness.lose(0, this::isNotification);
			observation.silent();
		}
	}

	private void reset() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			device.observed.become("wanted");
			observation.next("wanted");
			server.endpoint.cancelObservation(observation.request.getToken());
			device.observed.become("not wanted");
			Witness.Seen reset = device.witness.await("the RST",
					in(seen -> seen.isEmpty() && seen.type() == Type.RST));
			List<Witness.Seen> told = device.witness.all(out(this::isNotification));
			same(told.get(told.size() - 1).mid(), reset.mid(), "the message id of the RST");
			observation.silent();
		}
	}

	private void deleted() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			answer(ask(Code.DELETE, Type.CON, "obs"), ResponseCode.DELETED);
			observation.ends(ResponseCode.NOT_FOUND);
			observation.silent();
		}
	}

	private void put(int format, String payload) throws Exception {
		Request request = ask(Code.PUT, Type.CON, "obs");
		request.getOptions().setContentFormat(format);
		request.setPayload(payload);
		answer(request, ResponseCode.CHANGED);
	}

	private void otherFormat() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			put(MediaTypeRegistry.APPLICATION_JSON, "[]");
			observation.ends(ResponseCode.NOT_ACCEPTABLE);
			observation.silent();
			put(MediaTypeRegistry.TEXT_PLAIN, "as before");
		}
	}

	private void updated() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			put(MediaTypeRegistry.TEXT_PLAIN, "put by the server");
			observation.next("put by the server");
			observation.cancel();
		}
	}

	private void plainGet() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			Response response = answer(ask(Code.GET, Type.CON, "obs"), ResponseCode.CONTENT);
			need(!response.getOptions().hasObserve(), "observed: " + response);
			device.observed.become("observed as before");
			observation.next("observed as before");
			observation.cancel();
		}
	}

	/**
	 * A notification is lost, then the ACK of one; each is taken once. Each round has an
	 * observation of its own, as Californium counts over all notifications of one what it has sent
	 * again.
	 */
	private void lossy() throws Exception {
		for (int i = 0; i < ROUNDS; i++) {
			try (Observation observation = new Observation(device.observed)) {
				server.witness.lose(1, this::isNotification);
				device.observed.become("lost " + i);
				observation.next("lost " + i);
				acknowledged(3 * i + 1);
				device.witness.lose(1, Witness.Seen::isEmpty);
				device.observed.become("not acknowledged " + i);
				observation.next("not acknowledged " + i);
				acknowledged(3 * i + 3);
				observation.cancel();
				need(observation.come.isEmpty(), "twice: " + observation.come);
			}
		}
		same(4 * ROUNDS, device.witness.all(out(this::isNotification)).size(),
				"what was sent, with copies");
	}

	/** So many ACKs have come to the device, and it is done with them: it answers the next. */
	private void acknowledged(int count) throws Exception {
		device.witness.await("the ACKs", count, in(Witness.Seen::isEmpty));
		answer(ask(Code.GET, Type.CON, "test"), ResponseCode.CONTENT);
	}

	private void cancelled() throws Exception {
		try (Observation observation = new Observation(device.observed)) {
			device.observed.become("wanted");
			observation.next("wanted");
			observation.cancel();
			observation.silent();
		}
	}

	/** Each state in blocks; in between it is longer, shorter, or fits a message. */
	private void large(int... octets) throws Exception {
		device.observedLarge.become(PlugtestDevice.largeText("before", octets[0]));
		try (Observation observation = new Observation(device.observedLarge)) {
			for (int i = 1; i < octets.length; i++) {
				String text = PlugtestDevice.largeText("state " + i, octets[i]);
				device.observedLarge.become(text);
				observation.next(text);
			}
			observation.cancel();
		}
	}
}
