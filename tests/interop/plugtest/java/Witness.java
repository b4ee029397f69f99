/* SPDX-License-Identifier: Apache-2.0 */
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Predicate;

import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.EmptyMessage;
import org.eclipse.californium.core.coap.Message;
import org.eclipse.californium.core.coap.Option;
import org.eclipse.californium.core.coap.OptionSet;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.network.interceptors.MessageInterceptorAdapter;

/** Sees each message that an endpoint sends and receives, and loses what it is told to lose. */
final class Witness extends MessageInterceptorAdapter {
	private static final int CODE_CLASS_BITS = 5;

	/** One message as it was when it passed. */
	record Seen(boolean sent, Type type, int code, int mid, String token, OptionSet options,
			String payload) {
		boolean isRequest() {
			return code > 0 && code >> CODE_CLASS_BITS == 0;
		}

		boolean isResponse() {
			return code >> CODE_CLASS_BITS != 0;
		}

		boolean isEmpty() {
			return code == 0;
		}

		/** Who numbered it: an ACK or RST has the number of what it is for. */
		boolean isNumberedBySender() {
			return type == Type.CON || type == Type.NON;
		}

		/** All but the number, octet by octet. */
		String content() {
			StringBuilder text = new StringBuilder();
			text.append(type).append(' ').append(code).append(" token ").append(token);
			for (Option option : options.asSortedList())
				text.append(' ').append(option.getNumber()).append('=')
						.append(HexFormat.of().formatHex(option.getValue()));
			return text.append(" payload ").append(payload).toString();
		}
	}

	private final List<Seen> all = new ArrayList<>();
	private Predicate<Seen> lost = seen -> false;
	private int toLose;

	/** Forgets what it has seen, and loses nothing any more. */
	synchronized void clear() {
		all.clear();
		toLose = 0;
	}

	synchronized List<Seen> all() {
		return List.copyOf(all);
	}

	synchronized List<Seen> all(Predicate<Seen> which) {
		return all.stream().filter(which).toList();
	}

	/** Does not let pass the next of those that come in and are such. */
	synchronized void lose(int times, Predicate<Seen> which) {
		lost = which;
		toLose = times;
	}

	synchronized int leftToLose() {
		return toLose;
	}

	/** The first such message; waits for it. */
	synchronized Seen await(String what, Predicate<Seen> which) throws InterruptedException {
		return await(what, 1, which).get(0);
	}

	/** So many such messages; waits for them. */
	synchronized List<Seen> await(String what, int count, Predicate<Seen> which)
			throws InterruptedException {
		long deadline = System.nanoTime() + Cases.WAIT_MS * Cases.NS_PER_MS;
		for (;;) {
			List<Seen> found = all(which);
			if (found.size() >= count)
				return found;
			long left = (deadline - System.nanoTime()) / Cases.NS_PER_MS;
			if (left <= 0)
				throw new Wrong(what + ": " + found.size() + " of " + count + " in " + all);
			wait(left);
		}
	}

	private synchronized void saw(boolean sent, Message message) {
		Seen seen = new Seen(sent, message.getType(), message.getRawCode(), message.getMID(),
				message.getTokenString(), new OptionSet(message.getOptions()),
				HexFormat.of().formatHex(message.getPayload()));
		all.add(seen);
		notifyAll();
		if (!sent && toLose > 0 && lost.test(seen)) {
			toLose--;
			message.cancel();
		}
	}

	@Override
	public void sendRequest(Request request) {
		saw(true, request);
	}

	@Override
	public void sendResponse(Response response) {
		saw(true, response);
	}

	@Override
	public void sendEmptyMessage(EmptyMessage message) {
		saw(true, message);
	}

	@Override
	public void receiveRequest(Request request) {
		saw(false, request);
	}

	@Override
	public void receiveResponse(Response response) {
		saw(false, response);
	}

	@Override
	public void receiveEmptyMessage(EmptyMessage message) {
		saw(false, message);
	}
}
