/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/conf/samples: public keys and certificates of nobody, as texts.
 *
 * Source: openssl ecparam, openssl pkey -pubout, openssl req -x509.
 */
#ifndef LWG_UNIT_CONF_SAMPLES_H
#define LWG_UNIT_CONF_SAMPLES_H

/* SubjectPublicKeyInfo in hexadecimal. */
#define SAMPLE_P256                                                                                \
	"3059301306072a8648ce3d020106082a8648ce3d03010703420004c44e6989a1b27d4f47d197bda7"         \
	"591c796f76856a513682c3683bbfa58358fcb70c6d97573aa1af89906307f894b7f611eac07f96c5"         \
	"96ce1945fc8ff5442976f2"
#define SAMPLE_P384                                                                                \
	"3076301006072a8648ce3d020106052b810400220362000483dedd575e25c59ae8e497952f5f3453"         \
	"fb00d4a5711901248e1151668fdb6d88da2b185229ab96194abd8652b122cd1752b3c48947337058"         \
	"552676ca712d9fec0b413ce88a112e41d8a5d0bfd734b5c62eb31bae9637815bfbf9946f5f12a8ac"
#define SAMPLE_P521                                                                                \
	"30819b301006072a8648ce3d020106052b81040023038186000401fa82ad0437416b8b4ed8fdd390"         \
	"fbd0a8ea6002007001b23931654a07a6aca4168c2314974c79811265016d2e31289a7f859b948b15"         \
	"c397590d71f98676d2724c06010d0793fae1f9f3c030f4fd7795863ddce778b2806e05dde8fb0749"         \
	"dd1daf554a16e64cf408a884b95799bbd6f4279bf280d4875e0e192727b91eb058dfe2f4b068"
#define SAMPLE_P256_COMPRESSED                                                                     \
	"3039301306072a8648ce3d020106082a8648ce3d03010703220002c44e6989a1b27d4f47d197bda7"         \
	"591c796f76856a513682c3683bbfa58358fcb7"
#define SAMPLE_SECP256K1                                                                           \
	"3056301006072a8648ce3d020106052b8104000a03420004c11b250fe7cd4b582f1e8d96a084d7e4"         \
	"aaad00f5133f35e0bb77cf478665fa54307985be98cd0db4e4496e596288a28b503aa87c3d9856d4"         \
	"1f47d9c0cea81897"
#define SAMPLE_ED25519                                                                             \
	"302a300506032b65700321001afe907ae7490d5b24de11a3e575909da1395a0a31ec0723d13b3176"         \
	"51b1e069"
/* Of SAMPLE_P256. */
#define SAMPLE_P256_BASE64                                                                         \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExE5piaGyfU9H0Ze9p1kceW92hWpRNoLDaDu/pYNY/LcM"         \
	"bZdXOqGviZBjB/iUt/YR6sB/lsWWzhlF/I/1RCl28g=="
#define SAMPLE_P256_DIGEST "09de598d2e1fda56af425f326060756c38b36e2113a53b7f2a069796f435ee23"
#define SAMPLE_P256_NI     "Cd5ZjS4f2lavQl8yYGB1bDizbiETpTt_KgaXlvQ17iM"
/* Certificates with that key: with the common names outer and urn:dev:cert-1, and without one. */
#define SAMPLE_CERTIFICATE                                                                         \
	"308201cc30820173a003020102021478e2bac5c11a573be6e8a3098701ebaf168d5d28300a06082a"         \
	"8648ce3d040302303b3110300e060355040a0c074578616d706c65310e300c06035504030c056f75"         \
	"7465723117301506035504030c0e75726e3a6465763a636572742d313020170d3236313132323130"         \
	"323433325a180f32303831303832353130323433325a303b3110300e060355040a0c074578616d70"         \
	"6c65310e300c06035504030c056f757465723117301506035504030c0e75726e3a6465763a636572"         \
	"742d313059301306072a8648ce3d020106082a8648ce3d03010703420004c44e6989a1b27d4f47d1"         \
	"97bda7591c796f76856a513682c3683bbfa58358fcb70c6d97573aa1af89906307f894b7f611eac0"         \
	"7f96c596ce1945fc8ff5442976f2a3533051301d0603551d0e041604144026530736f6fceebdfcef"         \
	"fe4ca2b14ff2784c4a301f0603551d230418301680144026530736f6fceebdfceffe4ca2b14ff278"         \
	"4c4a300f0603551d130101ff040530030101ff300a06082a8648ce3d040302034700304402201a9f"         \
	"25a6c7f88db021a32a5b731abfb109fae2678a1977a1a86706598f32887002200b2e6666bd438adc"         \
	"e166028ef318161e0369a206111e8a0b51ec540a85f633d4"
#define SAMPLE_CERTIFICATE_NAMELESS                                                                \
	"3082017a30820121a00302010202141ba1a9b94c978c1554f8879fa7be48c114b0780c300a06082a"         \
	"8648ce3d04030230123110300e060355040a0c074578616d706c653020170d323631313232313032"         \
	"3433325a180f32303831303832353130323433325a30123110300e060355040a0c074578616d706c"         \
	"653059301306072a8648ce3d020106082a8648ce3d03010703420004c44e6989a1b27d4f47d197bd"         \
	"a7591c796f76856a513682c3683bbfa58358fcb70c6d97573aa1af89906307f894b7f611eac07f96"         \
	"c596ce1945fc8ff5442976f2a3533051301d0603551d0e041604144026530736f6fceebdfceffe4c"         \
	"a2b14ff2784c4a301f0603551d230418301680144026530736f6fceebdfceffe4ca2b14ff2784c4a"         \
	"300f0603551d130101ff040530030101ff300a06082a8648ce3d040302034700304402204b79fd3c"         \
	"478fac0ca926cf70c78ddaa8885523cec0c636ae668992c19e83084902203db15a2b7d0b0bcc0e30"         \
	"724b66a25fcd74b2cb87a840ca5ff03f3dcc3df4f704"
#define SAMPLE_CERTIFICATE_BASE64                                                                  \
	"MIIBzDCCAXOgAwIBAgIUeOK6xcEaVzvm6KMJhwHrrxaNXSgwCgYIKoZIzj0EAwIwOzEQMA4GA1UECgwH"         \
	"RXhhbXBsZTEOMAwGA1UEAwwFb3V0ZXIxFzAVBgNVBAMMDnVybjpkZXY6Y2VydC0xMCAXDTI2MTEyMjEw"         \
	"MjQzMloYDzIwODEwODI1MTAyNDMyWjA7MRAwDgYDVQQKDAdFeGFtcGxlMQ4wDAYDVQQDDAVvdXRlcjEX"         \
	"MBUGA1UEAwwOdXJuOmRldjpjZXJ0LTEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATETmmJobJ9T0fR"         \
	"l72nWRx5b3aFalE2gsNoO7+lg1j8twxtl1c6oa+JkGMH+JS39hHqwH+WxZbOGUX8j/VEKXbyo1MwUTAd"         \
	"BgNVHQ4EFgQUQCZTBzb2/O69/O/+TKKxT/J4TEowHwYDVR0jBBgwFoAUQCZTBzb2/O69/O/+TKKxT/J4"         \
	"TEowDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAanyWmx/iNsCGjKltzGr+xCfriZ4oZ"         \
	"d6GoZwZZjzKIcAIgCy5mZr1DitzhZgKO8xgWHgNpogYRHooLUexUCoX2M9Q="

#endif
