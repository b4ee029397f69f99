/* SPDX-License-Identifier: Apache-2.0 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.scandium.config.DtlsConfig;

/**
 * Cases of the ETSI CoAP plugtests between a server and a registered device, both on Californium.
 *
 * -n ENDPOINT -i IDENTITY -p KEY (hex): the device, and what it shows; -I IDENTITY -P KEY: what is
 * shown to the server for it; -c NAME: only this case. Both are in this program, and have nothing
 * in common but the network. Says in JSON, a line each: {"event":"ready","coaps":PORT}, the
 * server's on 127.0.0.1; then it reads the port where the device is to register, and says
 * {"event":"registered"}, and for each case {"event":"case","name":...,"why":null or why not}, and
 * {"event":"end"}. With a further line the device shakes hands and registers anew, and all that is
 * said again is of the cases AGAIN. Ends with its input.
 */
public final class Plugtest {
	/** Of these messages the device numbers some. */
	private static final Set<String> AGAIN = Set.of("TD_COAP_CORE_09", "TD_COAP_CORE_16",
			"TD_COAP_CORE_17", "TD_COAP_OBS_01", "TD_COAP_OBS_02", "TD_COAP_OBS_06",
			"TD_COAP_OBS_11");

	private final Map<String, String> options;
	private final List<Cases.Case> cases = new ArrayList<>();

	private Plugtest(Map<String, String> options) {
		this.options = options;
	}

	public static void main(String[] args) throws Exception {
		Map<String, String> options = new HashMap<>();
		for (int i = 0; i + 1 < args.length; i += 2)
			options.put(args[i], args[i + 1]);
		CoapConfig.register();
		DtlsConfig.register();
		try {
			new Plugtest(options).run();
			System.exit(0);
		} catch (Exception e) {
			e.printStackTrace();
			System.exit(1);
		}
	}

	private void run() throws Exception {
		BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
		PlugtestServer server = new PlugtestServer(options.get("-I"), options.get("-P"));
		say("\"event\":\"ready\",\"coaps\":" + server.port());
		int port = Integer.parseInt(orders.readLine());
		PlugtestDevice device = new PlugtestDevice(options.get("-i"), options.get("-p"));
		cases.addAll(new CoreCases(server, device).cases());
		cases.addAll(new LinkCases(server, device).cases());
		cases.addAll(new BlockCases(server, device).cases());
		cases.addAll(new ObserveCases(server, device).cases());
		String only = options.get("-c");
		session(server, device, port, name -> only == null || only.equals(name));
		while (orders.readLine() != null) {
			device.forgetAssociation();
			session(server, device, port, AGAIN::contains);
		}
	}

	private void session(PlugtestServer server, PlugtestDevice device, int port,
			Predicate<String> which) throws Exception {
		Cases.forgetShift();
		device.register(port, options.get("-n"));
		server.awaitRegistration(options.get("-n"));
		say("\"event\":\"registered\"");
		for (Cases.Case one : cases)
			if (which.test(one.name()))
				tell(one);
		say("\"event\":\"end\"");
	}

	private static void tell(Cases.Case one) throws Exception {
		String why = one.run();
		say("\"event\":\"case\",\"name\":" + quoted(one.name()) + ",\"why\":"
				+ (why == null ? "null" : quoted(why)));
	}

	private static String quoted(String text) {
		return '"' + text.replace('\\', '/').replace('"', '\'').replaceAll("\\p{Cntrl}", " ") + '"';
	}

	private static void say(String facts) {
		System.out.println("{" + facts + "}");
	}
}
