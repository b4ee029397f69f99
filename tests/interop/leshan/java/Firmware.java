/* SPDX-License-Identifier: Apache-2.0 */
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.request.argument.Arguments;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.response.WriteResponse;

/**
 * Object 5. An image is pushed into it (/5/0/0), or it fetches the one to which /5/0/1 points; what
 * has come is told as event "image" with its length and digest. Update takes it, and is done.
 */
public final class Firmware extends BaseInstanceEnabler {
	private static final int PACKAGE = 0;
	private static final int PACKAGE_URI = 1;
	private static final int UPDATE = 2;
	private static final int STATE = 3;
	private static final int RESULT = 5;
	private static final int DELIVERY = 9;
	private static final long IDLE = 0;
	private static final long DOWNLOADING = 1;
	private static final long DOWNLOADED = 2;
	private static final long NO_RESULT = 0;
	private static final long UPDATED = 1;
	private static final long CONNECTION_LOST = 4;
	private static final long PULL_AND_PUSH = 2;

	/** How an image is fetched. */
	interface Fetcher {
		byte[] fetch(LwM2mServer from, String uri) throws Exception;
	}

	private final Fetcher fetcher;
	private String uri = "";
	private long state = IDLE;
	private long result = NO_RESULT;

	/** What Leshan wants of an object class, so that a server could create instances. */
	public Firmware() {
		this((from, uri) -> {
			throw new UnsupportedOperationException("nothing to fetch it with");
		});
	}

	Firmware(Fetcher fetcher) {
		this.fetcher = fetcher;
	}

	@Override
	public synchronized ReadResponse read(LwM2mServer from, int id) {
		switch (id) {
		case PACKAGE_URI:
			return ReadResponse.success(id, uri);
		case STATE:
			return ReadResponse.success(id, state);
		case RESULT:
			return ReadResponse.success(id, result);
		case DELIVERY:
			return ReadResponse.success(id, PULL_AND_PUSH);
		default:
			return super.read(from, id);
		}
	}

	@Override
	public synchronized WriteResponse write(LwM2mServer from, boolean replace, int id,
			LwM2mResource value) {
		if (id == PACKAGE) {
			has("push", (byte[]) value.getValue());
			return WriteResponse.success();
		}
		if (id != PACKAGE_URI)
			return super.write(from, replace, id, value);
		uri = (String) value.getValue();
		become(uri.isEmpty() ? IDLE : DOWNLOADING, NO_RESULT);
		if (!uri.isEmpty())
			new Thread(() -> fetch(from)).start();
		return WriteResponse.success();
	}

	@Override
	public synchronized ExecuteResponse execute(LwM2mServer from, int id, Arguments arguments) {
		if (id != UPDATE)
			return super.execute(from, id, arguments);
		if (state != DOWNLOADED)
			return ExecuteResponse.methodNotAllowed();
		InteropClient.report("executed", Map.of("path", "/5/0/" + id));
		become(IDLE, UPDATED);
		return ExecuteResponse.success();
	}

	@Override
	public List<Integer> getAvailableResourceIds(ObjectModel model) {
		return List.of(PACKAGE, PACKAGE_URI, UPDATE, STATE, RESULT, DELIVERY);
	}

	private void fetch(LwM2mServer from) {
		try {
			has("pull", fetcher.fetch(from, uri));
		} catch (Exception e) {
			InteropClient.report("image_failed", Map.of("why", String.valueOf(e.getMessage())));
			become(IDLE, CONNECTION_LOST);
		}
	}

	private void has(String how, byte[] image) {
		try {
			byte[] digest = MessageDigest.getInstance("SHA-256").digest(image);
			InteropClient.report("image", Map.of("how", how, "length", image.length, "sha256",
					HexFormat.of().formatHex(digest)));
		} catch (GeneralSecurityException e) {
			throw new IllegalStateException(e);
		}
		become(DOWNLOADED, NO_RESULT);
	}

	private void become(long next, long outcome) {
		synchronized (this) {
			state = next;
			result = outcome;
		}
		fireResourcesChange(getResourcePaths(STATE, RESULT));
	}
}
