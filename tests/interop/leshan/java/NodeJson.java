/* SPDX-License-Identifier: Apache-2.0 */
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mChildNode;
import org.eclipse.leshan.core.node.LwM2mMultipleResource;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.util.Hex;

/** LwM2M nodes as the JSON that the REST API speaks; times are milliseconds, octets hex. */
final class NodeJson {
	private NodeJson() {
	}

	static Object of(LwM2mChildNode node) {
		if (node == null)
			return null;
		Map<String, Object> json = new LinkedHashMap<>();
		json.put("id", node.getId());
		if (node instanceof LwM2mObject object) {
			json.put("kind", "obj");
			json.put("instances", listOf(object.getInstances().values()));
			return json;
		}
		if (node instanceof LwM2mObjectInstance instance) {
			json.put("kind", "instance");
			json.put("resources", listOf(instance.getResources().values()));
			return json;
		}
		if (node instanceof LwM2mResourceInstance instance) {
			json.put("kind", "resourceInstance");
			json.put("type", typeName(instance.getType()));
			json.put("value", plain(instance.getValue()));
			return json;
		}
		ofResource((LwM2mResource) node, json);
		return json;
	}

	/** Of paths and what is there. */
	static Map<String, Object> of(Map<LwM2mPath, ? extends LwM2mNode> nodes) {
		Map<String, Object> json = new LinkedHashMap<>();
		nodes.forEach((path, node) -> json.put(path.toString(), of((LwM2mChildNode) node)));
		return json;
	}

	/** The resources of an instance, from a list of those. */
	static List<LwM2mResource> parseAll(JsonNode list) {
		List<LwM2mResource> resources = new ArrayList<>();
		list.forEach(json -> resources.add(json.has("values") ? parseMultiple(json) : parse(json)));
		return resources;
	}

	/* Of integers only, from {"id", "values": {KEY: NUMBER}}. */
	private static LwM2mResource parseMultiple(JsonNode json) {
		Map<Integer, Long> values = new LinkedHashMap<>();
		json.path("values").fields().forEachRemaining(
				one -> values.put(Integer.valueOf(one.getKey()), one.getValue().asLong()));
		return LwM2mMultipleResource.newIntegerResource(json.path("id").asInt(), values);
	}

	/** A single resource from {"id", "type", "value"}. */
	static LwM2mSingleResource parse(JsonNode json) {
		int id = json.path("id").asInt();
		JsonNode value = json.path("value");
		switch (Type.valueOf(json.path("type").asText().toUpperCase())) {
		case STRING:
			return LwM2mSingleResource.newStringResource(id, value.asText());
		case INTEGER:
			return LwM2mSingleResource.newIntegerResource(id, value.asLong());
		case FLOAT:
			return LwM2mSingleResource.newFloatResource(id, value.asDouble());
		case BOOLEAN:
			return LwM2mSingleResource.newBooleanResource(id, value.asBoolean());
		case TIME:
			return LwM2mSingleResource.newDateResource(id, new Date(value.asLong()));
		case OPAQUE:
			return LwM2mSingleResource.newBinaryResource(id,
					Hex.decodeHex(value.asText().toCharArray()));
		default:
			throw new IllegalArgumentException("type not supported: " + json.path("type"));
		}
	}

	private static List<Object> listOf(Iterable<? extends LwM2mChildNode> nodes) {
		List<Object> list = new ArrayList<>();
		for (LwM2mChildNode node : nodes)
			list.add(of(node));
		return list;
	}

	private static void ofResource(LwM2mResource resource, Map<String, Object> json) {
		json.put("type", typeName(resource.getType()));
		if (!resource.isMultiInstances()) {
			json.put("kind", "singleResource");
			json.put("value", plain(resource.getValue()));
			return;
		}
		Map<String, Object> values = new LinkedHashMap<>();
		resource.getInstances().forEach((id, one) -> values.put("" + id, plain(one.getValue())));
		json.put("kind", "multiResource");
		json.put("values", values);
	}

	private static String typeName(Type type) {
		return type.name().toLowerCase();
	}

	private static Object plain(Object value) {
		if (value instanceof Date date)
			return date.getTime();
		if (value instanceof byte[] octets)
			return Hex.encodeHexString(octets);
		if (value instanceof Number || value instanceof Boolean)
			return value;
		return String.valueOf(value);
	}
}
