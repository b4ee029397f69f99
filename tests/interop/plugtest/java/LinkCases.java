/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

import org.eclipse.californium.core.WebLink;
import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.LinkFormat;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;

/** TD_COAP_LINK: discovery, and its filters (RFC 6690). */
final class LinkCases extends Cases {
	private static final String TYPE = LinkFormat.RESOURCE_TYPE;

	LinkCases(PlugtestServer server, PlugtestDevice device) {
		super(server, device);
		add("LINK_01", () -> need(listed(null).size() > 1, "nothing is listed"));
		add("LINK_02", () -> filtered("rt=Type1", link -> values(link, TYPE).contains("Type1")));
		add("LINK_03", () -> filtered("rt=*", link -> !values(link, TYPE).isEmpty()));
		add("LINK_04", () -> filtered("rt=Type2", link -> values(link, TYPE).contains("Type2")));
		add("LINK_05", () -> filtered("if=If*",
				link -> values(link, LinkFormat.INTERFACE_DESCRIPTION).stream()
						.anyMatch(value -> value.startsWith("If"))));
		add("LINK_06", () -> filtered("sz=*",
				link -> !values(link, LinkFormat.MAX_SIZE_ESTIMATE).isEmpty()));
		add("LINK_07", () -> filtered("href=/link1", link -> link.getURI().equals("/link1")));
		add("LINK_08", () -> filtered("href=/link*", link -> link.getURI().startsWith("/link")));
		add("LINK_09", this::hierarchy);
	}

	private static List<String> values(WebLink link, String attribute) {
		return link.getAttributes().getAttributeValues(attribute);
	}

	private Set<WebLink> listed(String filter, String... path) throws Exception {
		Request request = ask(Code.GET, Type.CON,
				path.length == 0 ? new String[] { ".well-known", "core" } : path);
		if (filter != null)
			request.getOptions().addUriQuery(filter);
		Response response = answer(request, ResponseCode.CONTENT);
		same(MediaTypeRegistry.APPLICATION_LINK_FORMAT, response.getOptions().getContentFormat(),
				"the format");
		return LinkFormat.parse(response.getPayloadString());
	}

	private static Set<String> targets(Set<WebLink> links, Predicate<WebLink> which) {
		Set<String> targets = new TreeSet<>();
		links.stream().filter(which).forEach(link -> targets.add(link.getURI()));
		return targets;
	}

	/** What is listed is what of all fits, and that is something and not all. */
	private void filtered(String filter, Predicate<WebLink> fits) throws Exception {
		Set<WebLink> all = listed(null);
		Set<String> expected = targets(all, fits);
		need(!expected.isEmpty() && expected.size() < all.size(), "of no use: " + expected);
		same(expected, targets(listed(filter), link -> true), "what is listed");
	}

	private void hierarchy() throws Exception {
		filtered("ct=40", link -> values(link, LinkFormat.CONTENT_TYPE).contains("40"));
		Set<String> below = targets(listed(null, "path"), link -> true);
		same(Set.of("/path/sub1", "/path/sub2"), below, "what is below");
		for (String target : below) {
			String[] path = target.substring(1).split("/");
			hasContent(answer(ask(Code.GET, Type.CON, path), ResponseCode.CONTENT));
		}
	}
}
