/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tpm.h"

/* The libraries of tpm2-tss decide, as the Makefile found them: nothing in base/ knows them. */
#ifdef LWG_TPM

#include "base/rd.h"
#include "base/wipe.h"
#include "store/tpm_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

enum {
	NV_FIRST = 0x01000000, /* part 2, 7.4: TPM_HT_NV_INDEX */
	NV_LAST = 0x01ffffff,
	COUNTER = 8, /* octets; part 2, 13.2: TPM_NT_COUNTER */
	RSA_BITS = 2048,
	AES_BITS = 128,
	DRAW = 48, /* more than the answer to TPM2_Unseal holds */
};

static const TPMT_SYM_DEF_OBJECT parent_cipher = {
	.algorithm = TPM2_ALG_AES, .keyBits.aes = AES_BITS, .mode.aes = TPM2_ALG_CFB
};

struct tpm {
	const char *name;
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR primary, session, object; /* ESYS_TR_NONE: not there */
	struct store_error *error;
};

/* --- words ------------------------------------------------------------------------------------ */

/* The number of the handle, parameter or session that a code complains of says nothing to an
   operator; part 2, 6.6.2. */
static TSS2_RC plain_code(TSS2_RC rc)
{
	const TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;
	if (layer != 0 && layer != TSS2_RESMGR_TPM_RC_LAYER)
		return rc;
	const TSS2_RC code = rc & ~(TSS2_RC)TSS2_RC_LAYER_MASK;
	return code & TPM2_RC_FMT1 ? code & (TPM2_RC_FMT1 | 0x3f) : code;
}

static const char *remedy_of(TSS2_RC rc)
{
	switch (plain_code(rc)) {
	case TPM2_RC_INTEGRITY:
		return "only the TPM that sealed it opens it, and not after it was cleared";
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_AUTH_FAIL:
		return "the owner hierarchy or the index has a password; lwgate wants none "
		       "(tpm2_changeauth -c owner)";
	case TPM2_RC_LOCKOUT:
		return "it is locked after wrong passwords; wait, or use tpm2_dictionarylockout";
	case TPM2_RC_NV_SPACE:
		return "its non-volatile memory is full; remove an index (tpm2_nvundefine)";
	case TPM2_RC_OBJECT_MEMORY:
	case TPM2_RC_SESSION_MEMORY:
	case TPM2_RC_SESSION_HANDLES:
		return "others hold all its handles; use the resource manager, /dev/tpmrm0";
	case TPM2_RC_INITIALIZE:
		return "the firmware has not started it; a swtpm wants --flags startup-clear";
	default:
		break;
	}
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER)
		return "is its name right, as in \"device:/dev/tpmrm0\", and may this user open it "
		       "(group tss)?";
	return "look at it with tpm2_getcap";
}

static bool refuse(const struct tpm *t, const char *what, const char *remedy)
{
	(void)snprintf(t->error->text, sizeof(t->error->text), "TPM \"%s\": %s; %s", t->name, what,
		remedy);
	return false;
}

/* True when rc says that it went well. */
static bool went(const struct tpm *t, TSS2_RC rc, const char *what)
{
	if (rc == TSS2_RC_SUCCESS)
		return true;
	(void)snprintf(t->error->text, sizeof(t->error->text), "TPM \"%s\": %s: %s (0x%x); %s",
		t->name, what, Tss2_RC_Decode(rc), rc, remedy_of(rc));
	return false;
}

/* --- life ------------------------------------------------------------------------------------- */

static void flush(const struct tpm *t, ESYS_TR handle)
{
	if (handle != ESYS_TR_NONE)
		(void)Esys_FlushContext(t->esys, handle);
}

static void shut(struct tpm *t)
{
	if (t->esys) {
		flush(t, t->object);
		flush(t, t->session);
		flush(t, t->primary);
		Esys_Finalize(&t->esys);
	}
	Tss2_TctiLdr_Finalize(&t->tcti);
}

/* The library writes to stderr what we answer in words; it listens to nothing but its environment,
   and reads it at its first call. */
static void quiet(void)
{
	if (!getenv("TSS2_LOG"))
		(void)setenv("TSS2_LOG", "all+NONE", 1);
}

/* Whatever it answers, shut() must follow. */
static bool reach(struct tpm *t, const char *tcti, struct store_error *error)
{
	const bool named = tcti && tcti[0] != '\0';
	*t = (struct tpm){ .name = named ? tcti : "default",
		.primary = ESYS_TR_NONE,
		.session = ESYS_TR_NONE,
		.object = ESYS_TR_NONE,
		.error = error };
	quiet();
	return went(t, Tss2_TctiLdr_Initialize(named ? tcti : NULL, &t->tcti),
		       "it cannot be reached") &&
	       went(t, Esys_Initialize(&t->esys, t->tcti, NULL), "it does not answer");
}

/* --- the parent, and the session that hides what crosses the bus ------------------------------ */

/* The storage root key of TCG's provisioning guidance, 7.5.1: the same each time that it is made
   from the owner's seed, so that it needs no place in the TPM. */
static TPM2B_PUBLIC parent_template(bool ecc)
{
	TPM2B_PUBLIC p = { .publicArea = {
				   .nameAlg = TPM2_ALG_SHA256,
				   .objectAttributes = TPMA_OBJECT_FIXEDTPM |
						       TPMA_OBJECT_FIXEDPARENT |
						       TPMA_OBJECT_SENSITIVEDATAORIGIN |
						       TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
						       TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
			   } };
	if (ecc) {
		p.publicArea.type = TPM2_ALG_ECC;
		p.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){
			.symmetric = parent_cipher,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		};
		return p;
	}
	p.publicArea.type = TPM2_ALG_RSA;
	p.publicArea.parameters.rsaDetail = (TPMS_RSA_PARMS){
		.symmetric = parent_cipher, .scheme.scheme = TPM2_ALG_NULL, .keyBits = RSA_BITS
	};
	return p;
}

static TSS2_RC make_parent(struct tpm *t, bool ecc)
{
	static const TPM2B_SENSITIVE_CREATE no_secret;
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	const TPM2B_PUBLIC template = parent_template(ecc);
	return Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		ESYS_TR_NONE, &no_secret, &template, &no_data, &no_pcrs, &t->primary, NULL, NULL,
		NULL, NULL);
}

/* Only "it cannot do that" lets RSA take the place: the choice must be the same each time. */
static bool lacks_ecc(TSS2_RC rc)
{
	switch (plain_code(rc)) {
	case TPM2_RC_ASYMMETRIC:
	case TPM2_RC_CURVE:
	case TPM2_RC_TYPE:
	case TPM2_RC_VALUE:
		return true;
	default:
		return false;
	}
}

static bool open_parent(struct tpm *t)
{
	TSS2_RC rc = make_parent(t, true);
	if (lacks_ecc(rc))
		rc = make_parent(t, false);
	return went(t, rc, "the storage root key cannot be made");
}

/* Salted with the parent: who listens on the bus does not learn the key of the session. */
static bool open_session(struct tpm *t)
{
	static const TPMT_SYM_DEF cipher = {
		.algorithm = TPM2_ALG_AES, .keyBits.aes = AES_BITS, .mode.aes = TPM2_ALG_CFB
	};
	return open_parent(t) &&
	       went(t,
		       Esys_StartAuthSession(t->esys, t->primary, ESYS_TR_NONE, ESYS_TR_NONE,
			       ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &cipher,
			       TPM2_ALG_SHA256, &t->session),
		       "no session can be opened");
}

/* decrypt: the first parameter to the TPM is hidden; encrypt: the first one from it. */
static bool hide(const struct tpm *t, TPMA_SESSION which)
{
	return went(t,
		Esys_TRSess_SetAttributes(t->esys, t->session,
			(TPMA_SESSION)(which | TPMA_SESSION_CONTINUESESSION), 0xff),
		"the session cannot be set");
}

/* --- sealing ---------------------------------------------------------------------------------- */

static bool marshal(const struct tpm *t, const TPM2B_PUBLIC *open, const TPM2B_PRIVATE *hidden,
	uint8_t object[TPM_OBJECT_MAX], size_t *len)
{
	struct tpm_object parts;
	*len = 0;
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(open, object, TPM_OBJECT_MAX, len) == TSS2_RC_SUCCESS &&
		Tss2_MU_TPM2B_PRIVATE_Marshal(hidden, object, TPM_OBJECT_MAX, len) ==
			TSS2_RC_SUCCESS &&
		tpm_object_parse(object, *len, &parts))
		return true;
	return refuse(t, "what it has sealed is not in the form of TPM 2.0, part 2",
		"use another TPM, or keep the key in a file");
}

static bool create(const struct tpm *t, const TPM2B_SENSITIVE_CREATE *secret,
	uint8_t object[TPM_OBJECT_MAX], size_t *len)
{
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	const TPM2B_PUBLIC template = { .publicArea = {
						.type = TPM2_ALG_KEYEDHASH,
						.nameAlg = TPM2_ALG_SHA256,
						.objectAttributes = TPM_OBJECT_ATTRIBUTES,
						.parameters.keyedHashDetail.scheme.scheme =
							TPM2_ALG_NULL,
					} };
	TPM2B_PRIVATE *hidden = NULL;
	TPM2B_PUBLIC *open = NULL;
	const bool good = hide(t, TPMA_SESSION_DECRYPT) &&
			  went(t,
				  Esys_Create(t->esys, t->primary, t->session, ESYS_TR_NONE,
					  ESYS_TR_NONE, secret, &template, &no_data, &no_pcrs,
					  &hidden, &open, NULL, NULL, NULL),
				  "the key cannot be sealed") &&
			  marshal(t, open, hidden, object, len);
	Esys_Free(hidden);
	Esys_Free(open);
	return good;
}

/* The library keeps copies of what passes through it, and wipes none of them. What takes the same
   way, on its heap and on the stack below us, takes the place of the secret. */
static void bury_sealed(const struct tpm *t)
{
	static const TPM2B_SENSITIVE_CREATE nothing = { .sensitive.data.size = TPM_SECRET };
	uint8_t object[TPM_OBJECT_MAX];
	size_t len;
	struct store_error ignored;
	struct tpm mute = *t;
	mute.error = &ignored;
	(void)!create(&mute, &nothing, object, &len);
}

bool tpm_seal(const char *tcti, const uint8_t secret[TPM_SECRET], uint8_t object[TPM_OBJECT_MAX],
	size_t *len, struct store_error *error)
{
	struct tpm t;
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.data.size = TPM_SECRET };
	memcpy(sensitive.sensitive.data.buffer, secret, TPM_SECRET);
	*len = 0;
	const bool good =
		reach(&t, tcti, error) && open_session(&t) && create(&t, &sensitive, object, len);
	wipe(&sensitive, sizeof(sensitive));
	if (t.session != ESYS_TR_NONE)
		bury_sealed(&t);
	shut(&t);
	return good;
}

static bool load(struct tpm *t, const uint8_t *object, size_t len)
{
	struct tpm_object parts;
	TPM2B_PUBLIC open = { .size = 0 };
	TPM2B_PRIVATE hidden = { .size = 0 };
	size_t at = 0;
	size_t and_at = 0;
	if (!tpm_object_parse(object, len, &parts) ||
		Tss2_MU_TPM2B_PUBLIC_Unmarshal(parts.public_part, parts.public_len, &at, &open) !=
			TSS2_RC_SUCCESS ||
		Tss2_MU_TPM2B_PRIVATE_Unmarshal(
			parts.private_part, parts.private_len, &and_at, &hidden) != TSS2_RC_SUCCESS)
		return refuse(t, "this is nothing that lwgate has had sealed",
			"bring the file back from a copy");
	return hide(t, 0) && went(t,
				     Esys_Load(t->esys, t->primary, t->session, ESYS_TR_NONE,
					     ESYS_TR_NONE, &hidden, &open, &t->object),
				     "the sealed key cannot be loaded");
}

static bool unseal(const struct tpm *t, uint8_t secret[TPM_SECRET])
{
	TPM2B_SENSITIVE_DATA *data = NULL;
	if (!hide(t, TPMA_SESSION_ENCRYPT) || !went(t,
						      Esys_Unseal(t->esys, t->object, t->session,
							      ESYS_TR_NONE, ESYS_TR_NONE, &data),
						      "the sealed key cannot be opened"))
		return false;
	const bool good = data->size == TPM_SECRET;
	if (good)
		memcpy(secret, data->buffer, TPM_SECRET);
	wipe(data, sizeof(*data));
	Esys_Free(data);
	return good || refuse(t, "what was sealed is no key of 32 octets",
			       "bring the file back from a copy");
}

/* As bury_sealed(). */
static void bury_unsealed(const struct tpm *t)
{
	TPM2B_DIGEST *drawn = NULL;
	if (Esys_GetRandom(t->esys, t->session, ESYS_TR_NONE, ESYS_TR_NONE, DRAW, &drawn) ==
		TSS2_RC_SUCCESS)
		Esys_Free(drawn);
}

bool tpm_unseal(const char *tcti, const uint8_t *object, size_t len, uint8_t secret[TPM_SECRET],
	struct store_error *error)
{
	struct tpm t;
	const bool good = reach(&t, tcti, error) && open_session(&t) && load(&t, object, len) &&
			  unseal(&t, secret);
	if (t.object != ESYS_TR_NONE)
		bury_unsealed(&t);
	shut(&t);
	return good;
}

/* --- counters --------------------------------------------------------------------------------- */

/* Without a password: who may speak to the TPM as its owner could remove the index anyhow. One that
   is made anew begins above all counters that the TPM ever had (part 1, 37.2.4). */
static bool define(const struct tpm *t, uint32_t index, ESYS_TR *nv)
{
	static const TPM2B_AUTH no_password;
	const TPM2B_NV_PUBLIC want = { .nvPublic = {
					       .nvIndex = index,
					       .nameAlg = TPM2_ALG_SHA256,
					       .attributes =
						       TPMA_NV_OWNERREAD | TPMA_NV_OWNERWRITE |
						       TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE |
						       TPMA_NV_NO_DA |
						       (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT),
					       .dataSize = COUNTER,
				       } };
	return went(t,
		Esys_NV_DefineSpace(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			ESYS_TR_NONE, &no_password, &want, nv),
		"the counter cannot be made");
}

static bool increment(const struct tpm *t, ESYS_TR nv)
{
	return went(t,
		Esys_NV_Increment(t->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
		"the counter cannot be raised");
}

static bool is_counter(const struct tpm *t, ESYS_TR nv, bool *written)
{
	TPM2B_NV_PUBLIC *is = NULL;
	if (!went(t,
		    Esys_NV_ReadPublic(
			    t->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &is, NULL),
		    "the index cannot be looked at"))
		return false;
	const TPMA_NV has = is->nvPublic.attributes;
	const bool good = (has & TPMA_NV_TPM2_NT_MASK) >> TPMA_NV_TPM2_NT_SHIFT == TPM2_NT_COUNTER;
	*written = (has & TPMA_NV_WRITTEN) != 0;
	Esys_Free(is);
	return good || refuse(t, "the index is used for something else than a counter",
			       "name another one for the anchor");
}

static bool read_value(const struct tpm *t, ESYS_TR nv, uint64_t *value)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	if (!went(t,
		    Esys_NV_Read(t->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
			    COUNTER, 0, &data),
		    "the counter cannot be read"))
		return false;
	struct rd r = rd_from(data->buffer, data->size);
	*value = rd_u64(&r);
	const bool good = rd_end(&r);
	Esys_Free(data);
	return good || refuse(t, "the counter has not eight octets", "name another index");
}

/* A counter that was never raised cannot be read. */
static bool open_counter(const struct tpm *t, uint32_t index, ESYS_TR *nv)
{
	bool written = false;
	if (index < NV_FIRST || index > NV_LAST)
		return refuse(t, "a counter's index lies in 0x01000000 .. 0x01ffffff",
			"take one of the owner's, from 0x01500000");
	const TSS2_RC rc =
		Esys_TR_FromTPMPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nv);
	if (plain_code(rc) == TPM2_RC_HANDLE)
		return define(t, index, nv) && increment(t, *nv);
	return went(t, rc, "the index cannot be looked at") && is_counter(t, *nv, &written) &&
	       (written || increment(t, *nv));
}

bool tpm_counter_read(const char *tcti, uint32_t index, uint64_t *value, struct store_error *error)
{
	struct tpm t;
	ESYS_TR nv = ESYS_TR_NONE;
	const bool good =
		reach(&t, tcti, error) && open_counter(&t, index, &nv) && read_value(&t, nv, value);
	shut(&t);
	return good;
}

bool tpm_counter_increment(
	const char *tcti, uint32_t index, uint64_t *value, struct store_error *error)
{
	struct tpm t;
	ESYS_TR nv = ESYS_TR_NONE;
	const bool good = reach(&t, tcti, error) && open_counter(&t, index, &nv) &&
			  increment(&t, nv) && read_value(&t, nv, value);
	shut(&t);
	return good;
}

#endif
