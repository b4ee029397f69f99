/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

import org.eclipse.californium.core.coap.BlockOption;
import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.OptionSet;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;

/** TD_COAP_BLOCK: long payloads, either way and both (RFC 7959). */
final class BlockCases extends Cases {
	private static final int SMALLEST = 16;

	BlockCases(PlugtestServer server, PlugtestDevice device) {
		super(server, device);
		add("BLOCK_01", () -> get(Endpoints.BLOCK_OCTETS));
		add("BLOCK_02", () -> get(0));
		add("BLOCK_03", this::put);
		add("BLOCK_04", this::create);
		add("BLOCK_05", this::both);
		add("BLOCK_06", () -> get(SMALLEST));
	}

	/** The blocks that came, each once and in turn, all of this size and the last one ending it. */
	private static void inTurn(String what, List<Witness.Seen> messages,
			Function<OptionSet, BlockOption> option, int octets, int size) {
		List<BlockOption> blocks = messages.stream().map(seen -> option.apply(seen.options()))
				.filter(block -> block != null).toList();
		int count = (octets + size - 1) / size;
		List<Integer> numbers = blocks.stream().map(BlockOption::getNum).toList();
		same(IntStream.range(0, count).boxed().toList(), numbers, what);
		for (BlockOption block : blocks)
			need(block.getSize() == size && block.isM() == (block.getNum() < count - 1),
					what + ": " + blocks);
	}

	private void given(List<Witness.Seen> messages, int octets, int size) {
		inTurn("the blocks that are given", messages, OptionSet::getBlock2, octets, size);
	}

	private void taken(int octets) {
		inTurn("the blocks that are taken", device.witness.all(in(Witness.Seen::isRequest)),
				OptionSet::getBlock1, octets, Endpoints.BLOCK_OCTETS);
		inTurn("their answers", server.witness.all(in(Witness.Seen::isResponse)),
				OptionSet::getBlock1, octets, Endpoints.BLOCK_OCTETS);
	}

	/** Asked for by blocks of this size from the beginning, or the server is told so (0). */
	private void get(int wanted) throws Exception {
		Request request = ask(Code.GET, Type.CON, "large");
		if (wanted > 0)
			request.getOptions().setBlock2(BlockOption.size2Szx(wanted), false, 0);
		Response response = answer(request, ResponseCode.CONTENT);
		same(PlugtestDevice.LARGE, response.getPayloadString(), "the payload");
		given(server.witness.all(in(Witness.Seen::isResponse)), PlugtestDevice.LARGE.length(),
				wanted > 0 ? wanted : Endpoints.BLOCK_OCTETS);
		Witness.Seen first = device.witness.await("the request", in(Witness.Seen::isRequest));
		same(wanted > 0, first.options().hasBlock2(), "whether the first request says a size");
	}

	private void put() throws Exception {
		String text = PlugtestDevice.largeText("an update", 1024);
		answer(text(ask(Code.PUT, Type.CON, "large-update"), text), ResponseCode.CHANGED);
		taken(text.length());
		Response response = answer(ask(Code.GET, Type.CON, "large-update"), ResponseCode.CONTENT);
		same(text, response.getPayloadString(), "read back");
	}

	private void create() throws Exception {
		String text = PlugtestDevice.largeText("something new", 1025);
		Response response = answer(text(ask(Code.POST, Type.CON, "large-create"), text),
				ResponseCode.CREATED);
		taken(text.length());
		String[] path = response.getOptions().getLocationPath().toArray(String[]::new);
		need(path.length > 0, "it is nowhere: " + response);
		response = answer(ask(Code.GET, Type.CON, path), ResponseCode.CONTENT);
		same(text, response.getPayloadString(), "read back");
	}

	private void both() throws Exception {
		String text = PlugtestDevice.largeText("there and back", 700);
		Response response = answer(text(ask(Code.POST, Type.CON, "large-post"), text),
				ResponseCode.CHANGED);
		taken(text.length());
		same(text.toUpperCase(), response.getPayloadString(), "the answer");
		given(server.witness.all(in(Witness.Seen::isResponse)), text.length(),
				Endpoints.BLOCK_OCTETS);
	}
}
