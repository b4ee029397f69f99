/* SPDX-License-Identifier: Apache-2.0 */

/** A check of a case did not hold. */
final class Wrong extends RuntimeException {
	private static final long serialVersionUID = 1L;

	Wrong(String why) {
		super(why);
	}
}
