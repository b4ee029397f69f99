/* SPDX-License-Identifier: Apache-2.0 */
/* Prints instances of the object 0 as Leshan 2.0.0-M15 writes them, in hexadecimal: the vectors of
   vectors.h beside this. Run with its jars: java -cp "LIB/*" SecurityVectors.java */

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.node.codec.DefaultLwM2mEncoder;
import org.eclipse.leshan.core.request.ContentFormat;

public final class SecurityVectors {
	private static final LwM2mModel MODEL = new StaticModel(ObjectLoader.loadDefault());
	private static final ContentFormat[] FORMATS = {
		ContentFormat.TLV, ContentFormat.JSON, ContentFormat.SENML_JSON, ContentFormat.SENML_CBOR
	};

	private static LwM2mObjectInstance instance(int id, long mode, byte[] identity, byte[] secret) {
		List<LwM2mResource> all = new ArrayList<>();
		all.add(LwM2mSingleResource.newStringResource(0, "coaps://gw.example:5684"));
		all.add(LwM2mSingleResource.newBooleanResource(1, false));
		all.add(LwM2mSingleResource.newIntegerResource(2, mode));
		all.add(LwM2mSingleResource.newBinaryResource(3, identity));
		all.add(LwM2mSingleResource.newBinaryResource(4, new byte[] {}));
		all.add(LwM2mSingleResource.newBinaryResource(5, secret));
		all.add(LwM2mSingleResource.newIntegerResource(10, 300));
		return new LwM2mObjectInstance(id, all);
	}

	private static void print(String name, LwM2mPath path, LwM2mNode node) {
		for (ContentFormat f : FORMATS) {
			byte[] octets = new DefaultLwM2mEncoder().encode(node, f, path, MODEL);
			StringBuilder hex = new StringBuilder();
			for (byte octet : octets)
				hex.append(String.format("%02x", octet));
			System.out.println(name + " " + f.getCode() + " " + hex);
		}
	}

	public static void main(String[] args) {
		byte[] identity = "dev-1".getBytes(StandardCharsets.UTF_8);
		byte[] secret = new byte[16];
		for (int i = 0; i < secret.length; i++)
			secret[i] = (byte)(0xf0 + i);
		byte[] spki = new byte[300];
		for (int i = 0; i < spki.length; i++)
			spki[i] = (byte)(i * 7);
		LwM2mObjectInstance psk = instance(1, 0, identity, secret);
		LwM2mObjectInstance raw = instance(2, 1, spki, secret);
		Map<Integer, LwM2mObjectInstance> both = new LinkedHashMap<>();
		print("instance", new LwM2mPath(0, 1), psk);
		print("raw", new LwM2mPath(0, 2), raw);
		print("resource", new LwM2mPath(0, 1, 5), psk.getResource(5));
		print("object", new LwM2mPath(0), new LwM2mObject(0, List.of(psk, raw)));
	}
}
