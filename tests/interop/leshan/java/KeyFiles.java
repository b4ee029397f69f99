/* SPDX-License-Identifier: Apache-2.0 */
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;

/** Keys of elliptic curves and certificates, in DER. */
final class KeyFiles {
	private KeyFiles() {
	}

	static byte[] octets(String file) throws IOException {
		return Files.readAllBytes(Path.of(file));
	}

	static PrivateKey privateKey(String file) throws IOException, GeneralSecurityException {
		return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(octets(file)));
	}

	static PublicKey publicKey(byte[] spki) throws GeneralSecurityException {
		return KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(spki));
	}

	static X509Certificate certificate(String file) throws IOException, GeneralSecurityException {
		return (X509Certificate) CertificateFactory.getInstance("X.509")
				.generateCertificate(new ByteArrayInputStream(octets(file)));
	}

	/** The SHA-256 of the SubjectPublicKeyInfo. */
	static String digest(PublicKey key) {
		try {
			return HexFormat.of().formatHex(
					MessageDigest.getInstance("SHA-256").digest(key.getEncoded()));
		} catch (GeneralSecurityException e) {
			throw new IllegalStateException(e);
		}
	}
}
