/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"

#include <stdint.h>
#include <string.h>

/*
 * What has read or written a secret last (memcpy(), the library's AES-GCM) leaves some of it in
 * vector registers that nothing else may use for minutes, and a core dump has the registers of all
 * threads. The halves above 128 bits are cleared by that code itself (vzeroupper), as they would
 * slow down what follows.
 */
static void wipe_registers(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\t"
			 "pxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
			 "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
			 "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\t"
			 "pxor %%xmm8, %%xmm8\n\tpxor %%xmm9, %%xmm9\n\t"
			 "pxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
			 "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\t"
			 "pxor %%xmm14, %%xmm14\n\tpxor %%xmm15, %%xmm15"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	/* memcpy() has sixteen more where the processor has; our own code knows nothing of them. */
	if (__builtin_cpu_supports("avx512vl"))
		__asm__ volatile("vpxord %xmm16, %xmm16, %xmm16\n\t"
				 "vpxord %xmm17, %xmm17, %xmm17\n\t"
				 "vpxord %xmm18, %xmm18, %xmm18\n\t"
				 "vpxord %xmm19, %xmm19, %xmm19\n\t"
				 "vpxord %xmm20, %xmm20, %xmm20\n\t"
				 "vpxord %xmm21, %xmm21, %xmm21\n\t"
				 "vpxord %xmm22, %xmm22, %xmm22\n\t"
				 "vpxord %xmm23, %xmm23, %xmm23\n\t"
				 "vpxord %xmm24, %xmm24, %xmm24\n\t"
				 "vpxord %xmm25, %xmm25, %xmm25\n\t"
				 "vpxord %xmm26, %xmm26, %xmm26\n\t"
				 "vpxord %xmm27, %xmm27, %xmm27\n\t"
				 "vpxord %xmm28, %xmm28, %xmm28\n\t"
				 "vpxord %xmm29, %xmm29, %xmm29\n\t"
				 "vpxord %xmm30, %xmm30, %xmm30\n\t"
				 "vpxord %xmm31, %xmm31, %xmm31");
#elif defined(__aarch64__)
	__asm__ volatile("movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\t"
			 "movi v3.2d, #0\n\tmovi v4.2d, #0\n\tmovi v5.2d, #0\n\t"
			 "movi v6.2d, #0\n\tmovi v7.2d, #0\n\tmovi v16.2d, #0\n\t"
			 "movi v17.2d, #0\n\tmovi v18.2d, #0\n\tmovi v19.2d, #0\n\t"
			 "movi v20.2d, #0\n\tmovi v21.2d, #0\n\tmovi v22.2d, #0\n\t"
			 "movi v23.2d, #0\n\tmovi v24.2d, #0\n\tmovi v25.2d, #0\n\t"
			 "movi v26.2d, #0\n\tmovi v27.2d, #0\n\tmovi v28.2d, #0\n\t"
			 "movi v29.2d, #0\n\tmovi v30.2d, #0\n\tmovi v31.2d, #0"
			 :
			 :
			 : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18",
			 "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
			 "v29", "v30", "v31");
#endif
}

void wipe(void *secret, size_t n)
{
	if (n == 0)
		return;
	explicit_bzero(secret, n);
	wipe_registers();
}

bool same_secret(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *const x = a;
	const volatile uint8_t *const y = b;
	uint8_t differ = 0;
	for (size_t i = 0; i < n; i++)
		differ = (uint8_t)(differ | (x[i] ^ y[i]));
	return differ == 0;
}
