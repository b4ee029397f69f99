/* SPDX-License-Identifier: Apache-2.0 */
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;

/**
 * What cases have in common. After each, what one side has sent must be what the other has
 * received: as many messages, each with its type, code, token, options and payload; and with its
 * message id, but for a constant by which those of the device's own may be shifted.
 */
abstract class Cases {
	static final long NS_PER_MS = 1_000_000;
	static final long WAIT_MS = 10_000;
	private static final long SETTLE_MS = 5_000;
	private static final int MIDS = 1 << 16;
	private static final Set<Integer> SHIFTS = new HashSet<>();

	/** Steps of a case; anything that is thrown is why it failed. */
	interface Steps {
		void run() throws Exception;
	}

	/** A case; run() says null, or why it failed. */
	record Case(String name, Cases of, boolean endToEnd, Steps steps) {
		String run() {
			of.server.witness.clear();
			of.device.witness.clear();
			try {
				steps.run();
				if (endToEnd)
					of.agree();
				return null;
			} catch (Exception e) {
				return e instanceof Wrong ? e.getMessage() : e.toString();
			}
		}
	}

	protected final PlugtestServer server;
	protected final PlugtestDevice device;
	private final List<Case> cases = new ArrayList<>();

	Cases(PlugtestServer server, PlugtestDevice device) {
		this.server = server;
		this.device = device;
	}

	/** Of another association it may be another. */
	static void forgetShift() {
		SHIFTS.clear();
	}

	final List<Case> cases() {
		return cases;
	}

	protected final void add(String name, Steps steps) {
		cases.add(new Case("TD_COAP_" + name, this, true, steps));
	}

	/** A case of one hop, which the other side may know nothing of. */
	protected final void addHop(String name, Steps steps) {
		cases.add(new Case("TD_COAP_" + name, this, false, steps));
	}

	protected static void need(boolean condition, String why) {
		if (!condition)
			throw new Wrong(why);
	}

	protected static <T> void same(T expected, T actual, String what) {
		need(expected.equals(actual), what + " is " + actual + ", not " + expected);
	}

	protected static Request ask(Code code, Type type, String... path) {
		Request request = new Request(code, type);
		for (String segment : path)
			request.getOptions().addUriPath(segment);
		return request;
	}

	protected static Request text(Request request, String payload) {
		request.getOptions().setContentFormat(MediaTypeRegistry.TEXT_PLAIN);
		request.setPayload(payload);
		return request;
	}

	/** Sends it; the answer, which must have one of these codes. */
	protected final Response answer(Request request, ResponseCode... codes)
			throws InterruptedException {
		server.send(request);
		Response response = request.waitForResponse(WAIT_MS);
		need(response != null, "no answer to " + request);
		need(List.of(codes).contains(response.getCode()),
				"the answer is " + response + ", not " + List.of(codes));
		if (request.getPayloadSize() <= Endpoints.BLOCK_OCTETS)  // else each block has its own
			same(request.getToken(), response.getToken(), "the token");
		return response;
	}

	/** The answer was 2.05 with a payload that says its format. */
	protected static void hasContent(Response response) {
		need(response.getPayloadSize() > 0 && response.getOptions().hasContentFormat(),
				"no payload or no format: " + response);
	}

	protected static Predicate<Witness.Seen> in(Predicate<Witness.Seen> which) {
		return seen -> !seen.sent() && which.test(seen);
	}

	protected static Predicate<Witness.Seen> out(Predicate<Witness.Seen> which) {
		return seen -> seen.sent() && which.test(seen);
	}

	private void agree() throws InterruptedException {
		long deadline = System.nanoTime() + SETTLE_MS * NS_PER_MS;
		for (;;) {
			String why = difference();
			if (why == null)
				return;
			need(System.nanoTime() < deadline, why);
			synchronized (this) {
				wait(1);
			}
		}
	}

	private String difference() {
		String down = difference("server", server.witness.all(Witness.Seen::sent),
				device.witness.all(in(seen -> true)), true);
		if (down != null)
			return down;
		return difference("device", device.witness.all(Witness.Seen::sent),
				server.witness.all(in(seen -> true)), false);
	}

	private static String difference(String who, List<Witness.Seen> sent,
			List<Witness.Seen> received, boolean keepsIds) {
		List<String> left = contents(sent, keepsIds);
		List<String> come = contents(received, keepsIds);
		if (!left.equals(come))
			return "the " + who + " sent " + left + ", received was " + come;
		SHIFTS.addAll(shifts(sent, received, !keepsIds));
		return SHIFTS.size() <= 1 ? null : "ids of the device's are shifted by " + SHIFTS;
	}

	/** In any order: two threads of one side may pass each other. */
	private static List<String> contents(List<Witness.Seen> messages, boolean server) {
		List<String> contents = new ArrayList<>();
		for (Witness.Seen seen : messages) {
			boolean kept = seen.isNumberedBySender() == server;
			contents.add((kept ? "id " + seen.mid() + " " : "") + seen.content());
		}
		Collections.sort(contents);
		return contents;
	}

	/** By how much the ids of the device's own differ on the two sides. */
	private static Set<Integer> shifts(List<Witness.Seen> sent, List<Witness.Seen> received,
			boolean fromDevice) {
		Set<Integer> shifts = new HashSet<>();
		for (Witness.Seen one : sent) {
			if (one.isNumberedBySender() != fromDevice)
				continue;
			Set<Integer> possible = new HashSet<>();
			for (Witness.Seen other : received)
				if (other.content().equals(one.content()))
					possible.add(Math.floorMod(
							fromDevice ? other.mid() - one.mid() : one.mid() - other.mid(), MIDS));
			if (possible.size() == 1)
				shifts.addAll(possible);
			else if (!SHIFTS.isEmpty() && Collections.disjoint(possible, SHIFTS))
				shifts.addAll(possible);
		}
		return shifts;
	}
}
