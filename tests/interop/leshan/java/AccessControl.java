/* SPDX-License-Identifier: Apache-2.0 */
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.servers.LwM2mServer;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.response.WriteResponse;

/** Object 2, of which there may be several instances and which a server may create and delete. */
public final class AccessControl extends BaseInstanceEnabler {
	private static final int OBJECT = 0;
	private static final int INSTANCE = 1;
	private static final int LIST = 2;
	private static final int OWNER = 3;

	private final Map<Integer, Long> single = new TreeMap<>();
	private final Map<Integer, Long> list = new TreeMap<>();

	/** What Leshan wants of an object class, so that a server can create instances. */
	public AccessControl() {
		single.put(OBJECT, 0L);
		single.put(INSTANCE, 0L);
		single.put(OWNER, 0L);
	}

	@Override
	public synchronized ReadResponse read(LwM2mServer from, int id) {
		if (id == LIST && !list.isEmpty())
			return ReadResponse.success(id, list, Type.INTEGER);
		return single.containsKey(id) ? ReadResponse.success(id, single.get(id))
				: super.read(from, id);
	}

	@Override
	public synchronized WriteResponse write(LwM2mServer from, boolean replace, int id,
			LwM2mResource value) {
		if (id != LIST) {
			single.put(id, (Long) value.getValue());
			return WriteResponse.success();
		}
		if (replace)
			list.clear();
		value.getInstances().forEach((key, one) -> list.put(key, (Long) one.getValue()));
		return WriteResponse.success();
	}

	@Override
	public synchronized void reset(int id) {
		if (id == LIST)
			list.clear();
	}

	@Override
	public synchronized List<Integer> getAvailableResourceIds(ObjectModel model) {
		return list.isEmpty() ? List.of(OBJECT, INSTANCE, OWNER)
				: List.of(OBJECT, INSTANCE, LIST, OWNER);
	}
}
