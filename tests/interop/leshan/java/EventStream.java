/* SPDX-License-Identifier: Apache-2.0 */
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;

/** Server-sent events: every subscriber is given all events after its subscription, in order. */
final class EventStream {
	private final Set<BlockingQueue<String>> subscribers = ConcurrentHashMap.newKeySet();
	private final ObjectMapper mapper = new ObjectMapper();

	synchronized void publish(String name, Object data) {
		String frame;
		try {
			frame = "event: " + name + "\ndata: " + mapper.writeValueAsString(data) + "\n\n";
		} catch (JsonProcessingException e) {
			throw new IllegalStateException(e);
		}
		for (BlockingQueue<String> queue : subscribers)
			queue.add(frame);
	}

	/** Serves one subscriber until it leaves; the first frame, a comment, says that it is heard. */
	void serve(HttpExchange exchange) throws IOException {
		BlockingQueue<String> queue = new LinkedBlockingQueue<>();
		queue.add(": subscribed\n\n");
		subscribers.add(queue);
		exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
		exchange.sendResponseHeaders(200, 0);
		try (OutputStream out = exchange.getResponseBody()) {
			while (true) {
				out.write(queue.take().getBytes(StandardCharsets.UTF_8));
				out.flush();
			}
		} catch (InterruptedException e) {
			Thread.currentThread().interrupt();
		} finally {
			subscribers.remove(queue);
		}
	}
}
