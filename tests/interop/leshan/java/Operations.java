/* SPDX-License-Identifier: Apache-2.0 */
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

import org.eclipse.leshan.core.link.attributes.InvalidAttributeException;
import org.eclipse.leshan.core.link.lwm2m.attributes.DefaultLwM2mAttributeParser;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.CreateRequest;
import org.eclipse.leshan.core.request.DownlinkRequest;
import org.eclipse.leshan.core.request.ObserveCompositeRequest;
import org.eclipse.leshan.core.request.ReadCompositeRequest;
import org.eclipse.leshan.core.request.WriteAttributesRequest;
import org.eclipse.leshan.core.request.WriteCompositeRequest;
import org.eclipse.leshan.core.request.WriteRequest;

/** Requests to devices, from the JSON that the REST API takes. */
final class Operations {
	private static final ContentFormat FORMAT = ContentFormat.SENML_CBOR;

	private Operations() {
	}

	/**
	 * A resource from {"id", "type", "value"}, as text or octets; or an instance from {"format",
	 * "resources": [...]}.
	 */
	static WriteRequest write(WriteRequest.Mode mode, String target, JsonNode json) {
		if (!json.has("resources")) {
			LwM2mSingleResource value = NodeJson.parse(json);
			ContentFormat format = value.getValue() instanceof byte[] ? ContentFormat.OPAQUE
					: ContentFormat.TEXT;
			return new WriteRequest(mode, format, target, value);
		}
		String[] ids = target.split("/");
		LwM2mNode node = new LwM2mObjectInstance(Integer.parseInt(ids[2]),
				NodeJson.parseAll(json.path("resources")));
		return new WriteRequest(mode, format(json), target, node);
	}

	/** From {"format", "id", "resources": [...]}; the id may be absent. */
	static CreateRequest create(String target, JsonNode json) {
		if (!json.has("id"))
			return new CreateRequest(format(json), target,
					NodeJson.parseAll(json.path("resources")));
		return new CreateRequest(format(json), target, new LwM2mObjectInstance(
				json.path("id").asInt(), NodeJson.parseAll(json.path("resources"))));
	}

	/** From {"attributes": "pmin=1&pmax=2"}. */
	static WriteAttributesRequest attributes(String target, JsonNode json)
			throws InvalidAttributeException {
		return new WriteAttributesRequest(target, new LwM2mAttributeSet(
				new DefaultLwM2mAttributeParser().parseUriQuery(json.path("attributes").asText())));
	}

	/** From {"paths": [PATH...]}. */
	static DownlinkRequest<?> readComposite(JsonNode json) {
		return new ReadCompositeRequest(FORMAT, FORMAT, paths(json));
	}

	static DownlinkRequest<?> observeComposite(JsonNode json) {
		return new ObserveCompositeRequest(FORMAT, FORMAT, paths(json).toArray(String[]::new));
	}

	/** From {"nodes": {PATH: {"type", "value"}}}. */
	static WriteCompositeRequest writeComposite(JsonNode json) {
		Map<String, Object> values = new LinkedHashMap<>();
		json.path("nodes").fields().forEachRemaining(
				one -> values.put(one.getKey(), NodeJson.parse(one.getValue()).getValue()));
		return new WriteCompositeRequest(FORMAT, values);
	}

	private static ContentFormat format(JsonNode json) {
		return ContentFormat.fromName(json.path("format").asText());
	}

	private static List<String> paths(JsonNode json) {
		List<String> list = new ArrayList<>();
		json.path("paths").forEach(path -> list.add(path.asText()));
		return list;
	}
}
