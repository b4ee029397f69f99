/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/old.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "store/schema.h"

/* Its KEK is 32 times 07. */
struct old_row {
	unsigned table;          /* enum key_table of that time */
	const char *key, *value; /* hexadecimal */
};

static const char old_keyring[] =
	"6c77676b01f4b4cc1fd7d4b27e65c69b0f1583dd98b5014f5a9f98e9c12eb4b8ed49a82e2387"
	"483dd05bede2f729a1415d5017d3e50767e8a115332a2af5a4c7e093c4be45b062c1897bf0a4"
	"51f6aabb7a9c2c72e125aaef230e26c97960bac6bd60ecb0d4ab3ad8d38674087c096ed42904"
	"52671efcc20a6a9d2e50ee13ab9149776a1ff216fb202cca7ca7387c9d8f35156b28c89e";

static const struct old_row old_rows[] = {
	{ 0, "6d657461",
		"01f4b4cc1fd7d4b27e65c69b0f1583dd98893b3077092603f23a23e0b4047fc68d0000000101"
		"0000000000000000000000000000000004000000010000000000000000000000000000000400"
		"0000000000000900000000000000030000019254d38002b5902dc42f89f1fa" },
	{ 0, "736368656d61", "00000001" },
	{ 1, "00000001",
		"0100000000000000040164f92578abb7c0570100000001f4c193fd2d56a83c98eaa2a038cc45"
		"b3e2ba3628ad060a86aa383220927cd4edb0339df87c5784db6edf2a8a3f8a2b8be1572391b6"
		"8f8c948c983c55fd7c9f49c9f4e749b4e7150d" },
	{ 1, "00000002",
		"010000000000000002004ea8a4a8cf8f30af01000000010d59cf254e5bdd1afb52383527518a"
		"4c22497d83a07c5ab3925e1e85e33f42fcb49e0c510a787309c9130eea4bed0246683b91d51a"
		"8e969031e17401202867cfeaa1256887f2afb1c26fa25cb804c13f811b1f6b9e5e322c5f17f5"
		"e8389319e9755a" },
	{ 1, "00000003",
		"010000000000000003001aa34ae17483ec5c010000000134ccc3896edd6f748a7bddacff21bc"
		"6e476e7519b615da06cfe4da8170c65d926fd096b3ae3016dfcd952366a70f24372da89ffc3c"
		"bd545ddea3119d6772c2fd9441f2b3bb91b2f6e864ac83b2cb748e9428fb48edeca280c71276"
		"f39e02a6a5c240dd7fe3f6ac98001dacf97ba20f47570473caa3ce82617d724fe46f1e370ecb"
		"7af420" },
	{ 2, "1939b175efe801cf00000003", "" },
	{ 2, "26f815bb1e3ef01700000002", "" },
	{ 2, "5442da5724038bf300000003", "" },
	{ 2, "82f35db7e205f42200000003", "" },
	{ 2, "886a69b440aa957100000001", "" },
	{ 2, "939264d87e080f5500000002", "" },
	{ 2, "c7cb18cda36a2cea00000003", "" },
	{ 2, "daabb1b7d5088e4100000003", "" },
	{ 2, "fb10ae2e7cd8371700000002", "" },
	{ 3, "00000000",
		"017efbc400fbdccb53a809ceffef27659400000002000000000000000243cd7c290fb389f701"
		"00000001efbaa5239ee0a5398fcb62994b27bd04be63e5eb9b01417bdf84a9329617a34d2fdf"
		"f3a82c663603fdea75fe6167647b93d950c23a8ec2336557895a75c44a100dbc134fd97f83e3"
		"376c3950073544eabc2499e1d58821cb54f13c751af087d8c948e6bbc13d2174b58eafa26e14"
		"556fcbcb167a37e88b55048167974eb47f3b73be5e08170142b2c8dfc2bd36d1f7b37a530719"
		"caed02f5afdcc435af831309b7156df61b6d5c75d1532d88c10044eab9e5" },
	{ 4, "00000000",
		"017efbc400fbdccb53a809ceffef276594000000010000000100000000000000000000000000"
		"000100ffffffffffff00000000000000007d76a8cdf1978b52" },
	{ 5, "43cd7c290fb389f7", "00000000" },
	{ 6, "0000000200000000", "" },
	{ 8, "00000002",
		"01000000000000006301010000000139d0d0b444570b865a7ee4a5693d75e65805e1dad1754e"
		"59fc31060b83e48caeccce2a81cbaba19f47deb6508998484799bf17ed04470c78dc25d9e791"
		"57cb323a0429ff4d0f90174dee2a7b395abad375c6" },
	{ 9, "000000000000006300000002", "" },
	{ 10, "00000003",
		"01040102030400000000000000037fffffffffffffff000100000001f843c4858a77d1c897d8"
		"8d922f1b6796e797518262bd220cfe209f1ff59fa4fbb1d263a9f6fdd7313a2a7282bf549a41"
		"eeb2c417ac07733cf90a2c4ad40cc2e3d5d3e9653988b55ba84d73a0d0121a3e74ea6a33616d"
		"55ce616336262fd3c8542cdddfd131f257ea681ddc9abba98211" },
	{ 11, "01020304", "00000003" },
	{ 12, "007fffffffffffffff00000003", "" },
};

static size_t octets(const char *hex, uint8_t *out)
{
	const size_t len = strlen(hex) / 2;
	for (size_t i = 0; i < len; i++) {
		const char two[3] = { hex[2 * i], hex[2 * i + 1] };
		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return len;
}

static void put_old(struct kv *kv, uint32_t version)
{
	struct kv_txn *t;
	assert_int_equal(kv_begin(kv, KV_WRITE, &t), STORE_OK);
	for (size_t i = 0; i < COUNT_OF(old_rows); i++) {
		uint8_t key[64], value[1024];
		const struct kv_slice k = { key, octets(old_rows[i].key, key) };
		const struct kv_slice v = { value, octets(old_rows[i].value, value) };
		assert_int_equal(kv_put(t, old_rows[i].table, k, v), STORE_OK);
	}
	assert_int_equal(schema_write(t, version), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
}

struct depot *old_depot(uint32_t version)
{
	struct depot *const d = depot_new();
	const struct schema_steps steps = schema_steps();
	uint32_t is = 0;
	struct store_error e;
	d->keyring_len = octets(old_keyring, d->keyring);
	d->disk = kv_open_ram(key_tables(), KEY_TABLES);
	assert_non_null(d->disk);
	put_old(d->disk, version);
	assert_int_equal(schema_read(d->disk, &is), STORE_OK);
	assert_int_equal(is, version);
	assert_true(schema_bring_up(d->disk, &steps, "x", &e));
	assert_int_equal(schema_read(d->disk, &is), STORE_OK);
	assert_int_equal(is, STORE_SCHEMA);
	depot_start(d);
	return d;
}
