/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;

import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.coap.Token;

/** TD_COAP_CORE: methods, separate responses, tokens, options, loss, ping. */
final class CoreCases extends Cases {
	CoreCases(PlugtestServer server, PlugtestDevice device) {
		super(server, device);
		addMethods();
		addExchanges();
		addOptions();
		addHop("CORE_31", this::ping);
	}

	private void addMethods() {
		add("CORE_01", () -> method(Code.GET, Type.CON, ResponseCode.CONTENT));
		add("CORE_02", () -> method(Code.DELETE, Type.CON, ResponseCode.DELETED));
		add("CORE_03", () -> method(Code.PUT, Type.CON, ResponseCode.CHANGED));
		add("CORE_04", () -> method(Code.POST, Type.CON, ResponseCode.CREATED));
		add("CORE_05", () -> method(Code.GET, Type.NON, ResponseCode.CONTENT));
		add("CORE_06", () -> method(Code.DELETE, Type.NON, ResponseCode.DELETED));
		add("CORE_07", () -> method(Code.PUT, Type.NON, ResponseCode.CHANGED));
		add("CORE_08", () -> method(Code.POST, Type.NON, ResponseCode.CREATED));
	}

	private void addExchanges() {
		add("CORE_09", () -> separate(Type.CON, null));
		add("CORE_10", () -> token(new Token(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 })));
		add("CORE_11", () -> separate(Type.CON, new Token(new byte[] { 9 })));
		add("CORE_12", () -> token(Token.EMPTY));
		add("CORE_15", this::lossy);
		add("CORE_16", this::lossySeparate);
		add("CORE_17", () -> separate(Type.NON, null));
	}

	private void addOptions() {
		add("CORE_13", this::path);
		add("CORE_14", this::query);
		add("CORE_18", this::locationPath);
		add("CORE_19", this::locationQuery);
		add("CORE_20", this::accept);
		add("CORE_21", this::etag);
		add("CORE_22", this::ifMatch);
		add("CORE_23", this::ifNoneMatch);
	}

	private void method(Code code, Type type, ResponseCode expected) throws Exception {
		Request request = ask(code, type, "test");
		if (code == Code.PUT || code == Code.POST)
			text(request, "given");
		Response response = answer(request, expected);
		same(type == Type.CON ? Type.ACK : Type.NON, response.getType(), "the type");
		if (type == Type.CON)
			same(request.getMID(), response.getMID(), "the message id");
		if (code == Code.GET)
			hasContent(response);
		Witness.Seen asked = device.witness.await("the request", in(Witness.Seen::isRequest));
		need(asked.type() == type && asked.code() == code.value, "the device was asked " + asked);
	}

	private void separate(Type type, Token token) throws Exception {
		Request request = ask(Code.GET, type, "separate");
		if (token != null)
			request.setToken(token);
		Response response = answer(request, ResponseCode.CONTENT);
		hasContent(response);
		same(type, response.getType(), "the type of the response");
		List<Witness.Seen> empty = server.witness.all(in(Witness.Seen::isEmpty));
		if (type == Type.NON) {
			need(empty.isEmpty(), "also received: " + empty);
			return;
		}
		need(empty.size() == 1 && empty.get(0).type() == Type.ACK
				&& empty.get(0).mid() == request.getMID(), "instead of an ACK: " + empty);
		Witness.Seen last = server.witness.await("the server's ACK", out(Witness.Seen::isEmpty));
		need(last.type() == Type.ACK && last.mid() == response.getMID(), "the server's: " + last);
	}

	private void token(Token token) throws Exception {
		Request request = ask(Code.GET, Type.CON, "test");
		request.setToken(token);
		hasContent(answer(request, ResponseCode.CONTENT));
		Witness.Seen asked = device.witness.await("the request", in(Witness.Seen::isRequest));
		same(token.getAsString(), asked.token(), "the token at the device");
	}

	private void path() throws Exception {
		Response response = answer(ask(Code.GET, Type.CON, "seg1", "seg2", "seg3"),
				ResponseCode.CONTENT);
		same("three segments", response.getPayloadString(), "the payload");
	}

	private void query() throws Exception {
		Request request = ask(Code.GET, Type.CON, "query");
		List<String> parts = List.of("first=1", "second=2", "third=3");
		for (String part : parts)
			request.getOptions().addUriQuery(part);
		Response response = answer(request, ResponseCode.CONTENT);
		same(String.join("|", parts), response.getPayloadString(), "the query at the device");
	}

	private void locationPath() throws Exception {
		Response response = answer(text(ask(Code.POST, Type.CON, "test"), "new"),
				ResponseCode.CREATED);
		same(List.of("location1", "location2", "location3"),
				response.getOptions().getLocationPath(), "Location-Path");
	}

	private void locationQuery() throws Exception {
		Response response = answer(text(ask(Code.POST, Type.CON, "location-query"), "new"),
				ResponseCode.CREATED);
		same(List.of("first=1", "second=2"), response.getOptions().getLocationQuery(),
				"Location-Query");
	}

	private void accept() throws Exception {
		for (int format : new int[] { MediaTypeRegistry.TEXT_PLAIN,
				MediaTypeRegistry.APPLICATION_XML }) {
			Request request = ask(Code.GET, Type.CON, "multi-format");
			request.getOptions().setAccept(format);
			Response response = answer(request, ResponseCode.CONTENT);
			same(format, response.getOptions().getContentFormat(), "the format");
		}
		Request request = ask(Code.GET, Type.CON, "multi-format");
		request.getOptions().setAccept(MediaTypeRegistry.APPLICATION_CBOR);
		answer(request, ResponseCode.NOT_ACCEPTABLE);
	}

	private byte[] tag() throws Exception {
		Response response = answer(ask(Code.GET, Type.CON, "validate"), ResponseCode.CONTENT);
		hasContent(response);
		same(1, response.getOptions().getETagCount(), "the number of ETags");
		return response.getOptions().getETags().get(0);
	}

	private Request change(byte[] tag, String to) {
		Request request = text(ask(Code.PUT, Type.CON, "validate"), to);
		request.getOptions().addIfMatch(tag);
		return request;
	}

	private void etag() throws Exception {
		byte[] tag = tag();
		Request again = ask(Code.GET, Type.CON, "validate");
		again.getOptions().addETag(tag);
		Response response = answer(again, ResponseCode.VALID);
		need(response.getPayloadSize() == 0 && response.getOptions().containsETag(tag),
				"to what is known: " + response);
		answer(change(tag, "changed"), ResponseCode.CHANGED);
		Request old = ask(Code.GET, Type.CON, "validate");
		old.getOptions().addETag(tag);
		response = answer(old, ResponseCode.CONTENT);
		need(response.getPayloadString().equals("changed")
				&& !response.getOptions().containsETag(tag), "after a change: " + response);
	}

	private void ifMatch() throws Exception {
		byte[] tag = tag();
		answer(change(tag, "by its tag"), ResponseCode.CHANGED);
		byte[] next = tag();
		answer(text(ask(Code.PUT, Type.CON, "validate"), "whatever it was"), ResponseCode.CHANGED);
		answer(change(next, "by a tag of before"), ResponseCode.PRECONDITION_FAILED);
		Response response = answer(ask(Code.GET, Type.CON, "validate"), ResponseCode.CONTENT);
		same("whatever it was", response.getPayloadString(), "the payload");
	}

	private void ifNoneMatch() throws Exception {
		for (ResponseCode code : List.of(ResponseCode.CREATED, ResponseCode.PRECONDITION_FAILED)) {
			Request request = text(ask(Code.PUT, Type.CON, "create1"), "new");
			request.getOptions().setIfNoneMatch(true);
			answer(request, code);
		}
	}

	/** The first request does not come; then it comes and its answer does not. */
	private void lossy() throws Exception {
		device.witness.lose(1, Witness.Seen::isRequest);
		hasContent(answer(ask(Code.GET, Type.CON, "test"), ResponseCode.CONTENT));
		server.witness.lose(1, Witness.Seen::isResponse);
		hasContent(answer(ask(Code.GET, Type.CON, "test"), ResponseCode.CONTENT));
		need(device.witness.leftToLose() == 0 && server.witness.leftToLose() == 0,
				"nothing was lost");
		same(4, device.witness.all(in(Witness.Seen::isRequest)).size(), "the requests that came");
	}

	/** Each of the four messages is lost once; a response ends what an ACK would have ended. */
	private void lossySeparate() throws Exception {
		device.witness.lose(1, Witness.Seen::isRequest);
		hasContent(answer(ask(Code.GET, Type.CON, "separate"), ResponseCode.CONTENT));
		server.witness.lose(1, Witness.Seen::isEmpty);
		hasContent(answer(ask(Code.GET, Type.CON, "separate"), ResponseCode.CONTENT));
		server.witness.lose(1, Witness.Seen::isResponse);
		hasContent(answer(ask(Code.GET, Type.CON, "separate"), ResponseCode.CONTENT));
		device.witness.await("the server's ACKs", 3, in(Witness.Seen::isEmpty));
		device.witness.lose(1, Witness.Seen::isEmpty);
		Request request = ask(Code.GET, Type.CON, "separate");
		hasContent(answer(request, ResponseCode.CONTENT));
		List<Witness.Seen> twice = server.witness.await("the response again", 2,
				in(seen -> seen.isResponse() && seen.token().equals(request.getTokenString())));
		same(twice.get(0).mid(), twice.get(1).mid(), "the message id of the copy");
		device.witness.await("an ACK for each", 5, in(Witness.Seen::isEmpty));
		same(5, device.witness.all(in(Witness.Seen::isRequest)).size(), "the requests that came");
	}

	private void ping() throws Exception {
		Request request = Request.newPing();
		request.setToken(Token.EMPTY);
		server.send(request);
		Witness.Seen answer = server.witness.await("the answer", in(Witness.Seen::isEmpty));
		need(answer.type() == Type.RST && answer.mid() == request.getMID(), "instead: " + answer);
	}
}
