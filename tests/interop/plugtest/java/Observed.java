/* SPDX-License-Identifier: Apache-2.0 */
import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.observe.ObserveRelation;
import org.eclipse.californium.core.server.resources.CoapExchange;

/** A resource that can be observed; it changes when it is told to. */
final class Observed extends CoapResource {
	static final int MAX_AGE_S = 2;

	private volatile String text = "as it was";
	private int format = MediaTypeRegistry.TEXT_PLAIN;

	Observed(String name, boolean confirmed) {
		super(name);
		setObservable(true);
		setObserveType(confirmed ? Type.CON : Type.NON);
		getAttributes().setObservable();
	}

	/** Everybody who observes is told. */
	void become(String next) {
		text = next;
		changed();
	}

	/** As one does that has been off: the state is there, and who observed is not. */
	void forgetObservers() {
		clearObserveRelations();
	}

	synchronized void awaitObservers(int count) throws InterruptedException {
		long deadline = System.nanoTime() + Cases.WAIT_MS * Cases.NS_PER_MS;
		while (getObserverCount() != count) {
			long left = (deadline - System.nanoTime()) / Cases.NS_PER_MS;
			if (left <= 0)
				throw new Wrong(getObserverCount() + " observers, not " + count);
			wait(left);
		}
	}

	@Override
	public void addObserveRelation(ObserveRelation relation) {
		super.addObserveRelation(relation);
		tellCount();
	}

	@Override
	public void removeObserveRelation(ObserveRelation relation) {
		super.removeObserveRelation(relation);
		tellCount();
	}

	private synchronized void tellCount() {
		notifyAll();
	}

	@Override
	public void handleGET(CoapExchange exchange) {
		exchange.setMaxAge(MAX_AGE_S);
		exchange.respond(ResponseCode.CONTENT, text, format);
	}

	/** In another format it is not what was observed any more (RFC 7641, 4.2). */
	@Override
	public void handlePUT(CoapExchange exchange) {
		int given = exchange.getRequestOptions().getContentFormat();
		exchange.respond(ResponseCode.CHANGED);
		text = exchange.getRequestText();
		if (given == format) {
			changed();
			return;
		}
		format = given;
		clearAndNotifyObserveRelations(ResponseCode.NOT_ACCEPTABLE);
	}

	@Override
	public void handleDELETE(CoapExchange exchange) {
		exchange.respond(ResponseCode.DELETED);
		clearAndNotifyObserveRelations(ResponseCode.NOT_FOUND);
		format = MediaTypeRegistry.TEXT_PLAIN;
	}
}
