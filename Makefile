# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive but for VARIANT. A room is an archive; a test links its room and those below it, so that
# a call upwards is a link error. `make help` lists the targets.

# VARIANT: release, asan (ASan+UBSan), tsan, fuzz (clang's libFuzzer), keylog (writes TLS secrets: captures in tests only)
VARIANT ?= release
# OPENSSL: auto (3.2 or newer: the system's, else the one that deploy/setup builds) or system
OPENSSL ?= auto
export OPENSSL
FUZZ_S ?= 60
# V=1 shows the whole commands
V ?=
Q := $(if $(V),,@)
# A TPM 2.0 can keep the store's key where tpm2-tss is there; TPM= builds without.
TPM ?= $(shell pkg-config --exists tss2-esys tss2-tctildr tss2-mu tss2-rc && echo 1)
LIBS_TPM := $(if $(TPM),-ltss2-esys -ltss2-tctildr -ltss2-mu -ltss2-rc)
# libseccomp confines the daemons where it is there; SECCOMP= builds without.
SECCOMP ?= $(shell pkg-config --exists libseccomp && echo 1)
LIBS_SECCOMP := $(if $(SECCOMP),-lseccomp)
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo 0.1)
# A clock that is before this is not trusted.
BUILT_S := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y Makefile))

B := build/$(VARIANT)$(if $(filter system,$(OPENSSL)),-sys)
# make gives $(shell) neither exported nor command-line variables.
OSSL := $(shell OPENSSL='$(OPENSSL)' deploy/openssl-prefix)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wpointer-arith \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough -Wframe-larger-than=8192 -Wconversion -Wswitch-enum
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection
HARDEN_LD := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2
OPT_keylog := $(OPT_release) -DLWG_KEYLOG=1
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT := $(OPT_$(VARIANT))
$(if $(OPT),,$(error VARIANT=$(VARIANT) is unknown: release, asan, tsan, fuzz or keylog))
INCLUDES := -I. -Igateway -Itests
CPPFLAGS_ALL := $(INCLUDES) -D_GNU_SOURCE -DLWG_VERSION='"$(VERSION)"' -DLWG_BUILT_S=$(BUILT_S) $(if $(TPM),-DLWG_TPM=1) -DLWG_SECCOMP=$(or $(SECCOMP),0) $(if $(OSSL),-isystem $(OSSL)/include) $(CPPFLAGS)
CFLAGS_ALL := -std=c11 $(WARN) $(HARDEN) $(OPT) $(CFLAGS)
SAN_asan := -fsanitize=address,undefined
SAN_tsan := -fsanitize=thread
SAN_fuzz := -fsanitize=address,undefined
LDFLAGS_ALL := $(HARDEN_LD) $(SAN_$(VARIANT)) $(LDFLAGS)
# DT_RPATH, ours only: the library that we built wins over the system's in our programs and nowhere else.
, := ,
RPATH := $(OSSL)/lib
LIBS_SSL = $(if $(OSSL),-L$(OSSL)/lib -Wl$(,)--disable-new-dtags$(,)-rpath$(,)$(RPATH)) -lssl -lcrypto
LIBS = $(LIBS_SSL) -lcoap-3-notls -lconfig -lnng -lev -llmdb -lcurl $(LIBS_TPM) $(LIBS_SECCOMP) -lpthread

# --- rooms -----------------------------------------------------------------------------------------------------
# NEED_ lines are the arrows of ARCHITECTURE.md, no others; in link order, a room before those below it.
ROOMS := base confine dtls proxy store conf policy learn io ctl web sms gba wire pdu smpp modem smsd gateway doctor lab
DIR_base := gateway/base
DIR_confine := gateway/confine
DIR_dtls := gateway/dtls
DIR_conf := gateway/conf
DIR_learn := gateway/learn
DIR_io := gateway/io
DIR_ctl := gateway/ctl
DIR_doctor := gateway/doctor
DIR_web := gateway/web
DIR_lab := tests/lab
DIR_sms := gateway/sms
DIR_gba := gateway/gba
DIR_wire := sms-bridge/wire
DIR_pdu := sms-bridge/pdu
DIR_smpp := sms-bridge/smpp
DIR_modem := sms-bridge/modem
DIR_smsd := sms-bridge/smsd
NEED_base :=
NEED_confine := base
NEED_dtls := base
NEED_proxy := base
NEED_store := base
NEED_conf := base
NEED_policy := conf base
NEED_learn := proxy base
NEED_io := base
NEED_ctl := policy learn proxy conf base
NEED_sms := base
NEED_gba := base
NEED_wire := base
NEED_pdu := wire base
NEED_smpp := pdu wire base
NEED_modem := pdu wire base
NEED_smsd := smpp modem pdu wire conf confine base
NEED_gateway := web ctl io dtls store policy learn proxy sms gba wire conf confine base
NEED_web := ctl policy learn proxy conf base
NEED_doctor := gateway $(NEED_gateway)
NEED_lab := io dtls store conf base

path = $(or $(DIR_$(1)),$(1))
lib = $(B)/lib$(1).a
sources = $(filter-out %main.c,$(wildcard $(call path,$(1))/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call sources,$(1)))
libs = $(foreach r,$(1) $(NEED_$(1)),$(call lib,$(r)))
UNITS := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(UNITS:%.c=$(B)/%)
# What the tests of one room share: files beside them that are not named test_*.c.
shared = $(patsubst %.c,$(B)/%.o,$(filter-out tests/unit/$(1)/test_%,$(wildcard tests/unit/$(1)/*.c)))
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_NAMES := $(FUZZ:tests/fuzz/fuzz_%.c=%)
REPLAYS := $(FUZZ_NAMES:%=$(B)/tests/fuzz/replay_%)

PROGRAMS := $(B)/lwgated $(B)/lwgatectl $(B)/lwgate-smsd
# Our side of the interoperability tests, and a peer where there is a wolfSSL (deploy/wolfssl), which is under the GPL:
# nothing that is installed is linked with it.
WOLF := $(shell deploy/wolfssl prefix)
# The same of Mbed TLS (deploy/mbedtls): a device of make bench-wakeup.
MBED := $(shell deploy/mbedtls prefix)
INTEROP_PROGRAMS := $(B)/dtls-peer $(if $(WOLF),$(B)/wolfssl-peer) \
	$(if $(wildcard $(MBED)/lib/libmbedtls.a),$(B)/mbedtls-device)
LAB_PROGRAMS := $(B)/lwgate-labserver $(B)/lwgate-fleet $(B)/impair $(B)/sink $(B)/watch $(B)/ask-bsf
# What `make bench-NAME` runs: the files of tests/bench that have no suffix.
BENCHES := $(patsubst tests/bench/%,bench-%,$(filter-out %.c %.py,$(wildcard tests/bench/[a-z]*[a-z])))
BENCH_PROGRAMS := $(patsubst tests/bench/%_main.c,$(B)/bench-%,$(wildcard tests/bench/*_main.c))

.PHONY: FORCE all programs units check check-unit check-system asan tsan fuzz fuzz-run lab soak soak-restart soak-power soak-roam soak-sms soak-sms-keys interop conformance lint lint-parts install dist deb check-packages check-ports check-musl check-arm64 check-docker clean help setup $(BENCHES)
.DELETE_ON_ERROR:
.SECONDARY:

all:
	@deploy/setup -q build openssl
	@$(MAKE) --no-print-directory programs

programs: $(PROGRAMS) $(LAB_PROGRAMS) $(INTEROP_PROGRAMS) $(BENCH_PROGRAMS)
	@:

# What has the version in it is made anew when that is another.
$(addprefix $(B)/gateway/,main.o clock.o upgrade.o web_facts.o ctl/lwgatectl_main.o ctl/show_status.o) $(B)/sms-bridge/smsd_main.o: $(B)/version
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(BUILT_S)' | cmp -s - $@ || echo '$(VERSION) $(BUILT_S)' >$@

$(B)/gateway/web/page.o: gateway/web/page.html
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo '  cc   $@')
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define room
$(call lib,$(1)): $(call objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$(AR) rcs $$@ $$^
$(filter $(B)/tests/unit/$(1)/%,$(UNIT_BINS)): $(B)/%: $(B)/%.o $(call shared,$(1)) $(call libs,$(1))
	$(if $(V),,@echo '  link $$@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(LIBS) -lcmocka
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))
# Keys and certificates for tests of the gateway, too.
$(filter $(B)/tests/unit/gateway/%,$(UNIT_BINS)): $(B)/tests/unit/dtls/pki.o
# Tables that a man page has.
$(filter %/conf/test_table %/policy/test_table %/gateway/test_events %/gateway/test_web_metrics,$(UNIT_BINS)): $(B)/tests/unit/base/man_page.o

# The installed programs find an OpenSSL that we built beside them, not in a builder's cache.
$(B)/install/%: RPATH := $(PREFIX)/lib/lwgate
$(B)/lwgated $(B)/install/lwgated: $(B)/gateway/main.o $(call libs,gateway)
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/lwgatectl $(B)/install/lwgatectl: $(B)/gateway/ctl/lwgatectl_main.o $(call libs,doctor)
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
# It shares two files of the gateway's, and no room: dropping privileges and telling the service manager.
SMSD_SHARED := $(B)/gateway/privilege.o $(B)/gateway/notify.o
$(B)/lwgate-smsd $(B)/install/lwgate-smsd: $(B)/sms-bridge/smsd_main.o $(SMSD_SHARED) $(call libs,smsd)
	@mkdir -p $(@D)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/lwgate-fleet: $(B)/tests/lab/fleet_main.o $(foreach r,lab smpp pdu wire sms,$(call lib,$(r))) $(call libs,lab)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/sink: $(B)/tests/lab/sink_main.o $(call libs,lab)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/watch: $(B)/tests/lab/watch_main.o $(call libs,lab)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/ask-bsf: $(B)/tests/lab/ask_bsf_main.o $(call libs,gateway)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/impair: $(B)/tests/lab/impair_main.o $(call libs,lab)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
# The upstream's DTLS is libcoap's own over the system's OpenSSL: another implementation than ours.
$(B)/lwgate-labserver: $(B)/tests/lab/labserver_main.o $(call lib,lab) $(call lib,base)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcoap-3-openssl -lcrypto
$(B)/dtls-peer: $(patsubst %.c,$(B)/%.o,$(wildcard tests/interop/*.c)) $(call libs,lab)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/tests/interop/wolfssl/%.o: CPPFLAGS_ALL += -DWOLFSSL_USER_SETTINGS -isystem $(WOLF)/include
$(B)/wolfssl-peer: $(B)/tests/interop/wolfssl/peer_main.o $(WOLF)/lib/libwolfssl.a
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lm
$(B)/tests/bench/mbedtls/%.o: CPPFLAGS_ALL += -isystem $(MBED)/include
$(B)/mbedtls-device: $(B)/tests/bench/mbedtls/device_main.o
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(MBED)/lib/libmbedtls.a $(MBED)/lib/libmbedx509.a $(MBED)/lib/libmbedcrypto.a
# Its device has the identities of the interoperability tests.
$(B)/bench-wakeup: $(B)/tests/interop/identity.o
$(BENCH_PROGRAMS): $(B)/bench-%: $(B)/tests/bench/%_main.o $(call lib,policy) $(call lib,sms) $(call libs,lab)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# --- tests -----------------------------------------------------------------------------------------------------
FUZZ_LIBS := $(foreach r,smsd smpp modem pdu doctor,$(call lib,$(r))) $(call libs,gateway)
$(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay_main.o $(FUZZ_LIBS)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
$(B)/tests/fuzz/run_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_LIBS)
	$(if $(V),,@echo '  link $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# RUNNER: what runs programs of another processor, as qemu-aarch64.
RUNNER ?=
UNIT_RUN := $(foreach u,$(UNIT_BINS),"$(strip $(RUNNER) $(u))") $(foreach n,$(FUZZ_NAMES),"$(strip $(RUNNER) $(B)/tests/fuzz/replay_$(n)) tests/fuzz/corpus/$(n)")
SYSTEM_TESTS := $(sort $(wildcard tests/system/test_*.py))

check:
	@deploy/setup -q build peers prometheus browser openssl stacks
	@$(MAKE) --no-print-directory programs units
	@$(MAKE) --no-print-directory VARIANT=keylog build/keylog$(if $(filter system,$(OPENSSL)),-sys)/lwgated
	@BUILD=$(B) tests/run $(UNIT_RUN) $(SYSTEM_TESTS) "tests/conformance/conformance.py --tap"

# Which requirements have a test, by area.
conformance:
	@tests/conformance/conformance.py

units: $(UNIT_BINS) $(REPLAYS)
	@:

# The quick half, for every edit: unit tests and the seeds of every fuzz target.
check-unit: units
	@BUILD=$(B) tests/run $(UNIT_RUN)

check-system: programs
	@BUILD=$(B) tests/run $(SYSTEM_TESTS)

asan tsan:
	@deploy/setup -q build openssl
	@$(MAKE) --no-print-directory VARIANT=$@ check-unit

fuzz:
	@deploy/setup -q build lint openssl
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-run

fuzz-run: $(FUZZ_NAMES:%=$(B)/tests/fuzz/run_%)
	@for n in $(FUZZ_NAMES); do mkdir -p $(B)/corpus/$$n; echo "fuzz $$n $(FUZZ_S) s"; \
		$(B)/tests/fuzz/run_$$n -max_total_time=$(FUZZ_S) -max_len=4096 -print_final_stats=1 \
		-artifact_prefix=$(B)/crash-$$n- $(B)/corpus/$$n tests/fuzz/corpus/$$n 2>$(B)/fuzz-$$n.log \
		|| { tail -40 $(B)/fuzz-$$n.log; exit 1; }; tail -1 $(B)/fuzz-$$n.log; done

lab:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) tests/lab/lab

# as it is operated: upgrades in place, an interface that goes down, files that are rotated: SOAK_MIN=, DEVICES=
soak:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) tests/soak/operate

# 2,000 devices, and lwgated killed 100 times: DEVICES=, RESTARTS=
soak-restart:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) tests/soak/restart

# power losses and copies put back: every policy, every rate
soak-power:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) POWER_LOSS=all tests/run tests/system/test_power_loss.py

# moves of addresses, a thousand in each way
soak-roam:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) ROAM=all tests/run tests/system/test_roam.py

# lwgated, lwgate-smsd and the SMSC killed in any order: RESTARTS=
soak-sms:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) RESTARTS=$(or $(RESTARTS),100) tests/run tests/system/test_sms_restarts.py

# keys of 20 seconds for LIVES_S=400 seconds, and a rough network for ROUGH_S=
soak-sms-keys:
	@deploy/setup -q build peers openssl
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) KEY_S=20 LIVES_S=$(or $(LIVES_S),400) ROUGH_S=$(or $(ROUGH_S),60) DEVICES=$(or $(DEVICES),10) \
		tests/run tests/system/test_sms_keys.py

interop:
	@deploy/setup -q build peers java go openssl stacks
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) tests/interop/matrix --java Californium
	@BUILD=$(B) tests/interop/matrix --go pion
	@BUILD=$(B) tests/interop/plugtest/run --direct
	@BUILD=$(B) tests/interop/plugtest/run
	@BUILD=$(B) tests/interop/leshan/all

# Named one by one: as a pattern it would also match $(B)/bench-floor, with nothing to build first.
$(BENCHES): bench-%:
	@deploy/setup -q build peers openssl stacks
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) tests/bench/$*

# A version of its own: the real one changes with each commit and would empty the linter's cache.
lint:
	@deploy/setup -q build lint openssl stacks
	@$(MAKE) --no-print-directory lint-parts
lint-parts: export LINT_CFLAGS = $(INCLUDES) -D_GNU_SOURCE -DLWG_VERSION="lint" -DLWG_BUILT_S=0 $(if $(TPM),-DLWG_TPM=1) -DLWG_SECCOMP=$(or $(SECCOMP),0) $(if $(OSSL),-isystem $(OSSL)/include) \
	-DWOLFSSL_USER_SETTINGS -isystem $(WOLF)/include -isystem $(MBED)/include -std=c11 $(filter-out -Werror,$(WARN))
lint-parts: export CC := $(CC)
lint-parts:
	@tests/lint $(LINT_PARTS)

# --- installing ------------------------------------------------------------------------------------------------
install:
	@deploy/setup -q build openssl
	@$(MAKE) --no-print-directory $(B)/install/lwgated $(B)/install/lwgatectl $(B)/install/lwgate-smsd
	install -D -m 0755 $(B)/install/lwgated $(DESTDIR)$(PREFIX)/sbin/lwgated
	install -D -m 0755 $(B)/install/lwgatectl $(DESTDIR)$(PREFIX)/bin/lwgatectl
	install -D -m 0755 $(B)/install/lwgate-smsd $(DESTDIR)$(PREFIX)/sbin/lwgate-smsd
	$(if $(OSSL),install -d $(DESTDIR)$(PREFIX)/lib/lwgate && cp -a $(OSSL)/lib/libssl.so* $(OSSL)/lib/libcrypto.so* $(DESTDIR)$(PREFIX)/lib/lwgate/)
	for p in deploy/man/*.[1-8]; do install -D -m 0644 $$p $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; done
	install -D -m 0644 deploy/lwgate.conf $(DESTDIR)$(PREFIX)/share/lwgate/lwgate.conf
	install -D -m 0644 deploy/lwgate-smsd.conf $(DESTDIR)$(PREFIX)/share/lwgate/lwgate-smsd.conf
	install -D -m 0600 deploy/credentials.conf.example $(DESTDIR)$(PREFIX)/share/lwgate/credentials.conf.example
	install -D -m 0644 deploy/completion/lwgatectl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lwgatectl
	for p in deploy/prometheus/* deploy/grafana/*; do install -D -m 0644 $$p $(DESTDIR)$(PREFIX)/share/lwgate/$${p#deploy/}; done
	for p in deploy/policy/*; do install -D -m 0644 $$p $(DESTDIR)$(PREFIX)/share/lwgate/policy/$${p##*/}; done

dist:
	@mkdir -p build
	git archive --prefix=lwgate-$(VERSION)/ -o build/lwgate-$(VERSION).tar.gz HEAD

# Debian packages of this tree, for the release that this machine has, into build/deb.
deb:
	@deploy/setup -q build packages
	@deploy/deb build build/deb

# They are built and tried out in fresh Debian systems; RELEASES=trixie: in that one only.
check-packages:
	@deploy/setup -q packages
	@tests/packages/run $(RELEASES) || [ $$? = 77 ]

# Elsewhere than on the Debian of this machine: fresh systems; each says why where it cannot be done.
check-ports: check-musl check-arm64 check-docker
	@$(MAKE) --no-print-directory programs
	@BUILD=$(B) tests/run tests/system/test_openwrt.py
check-arm64 check-docker: check-%:
	@deploy/setup -q packages
	@tests/ports/$* || [ $$? = 77 ]
check-musl:
	@deploy/setup -q build ports openssl
	@tests/ports/musl || [ $$? = 77 ]

clean:
	rm -rf build

setup:
	deploy/setup build peers lint java prometheus browser openssl stacks

help:
	@echo 'all         the programs, in $(B)'
	@echo 'lab         a whole gateway at work, on this machine: LAB_S=, LAB_DEVICES=, LAB_IMPAIR=1, LAB_SMS=1'
	@echo 'check       every test; check-unit is its quick half'
	@echo 'asan tsan   the unit tests under sanitizers'
	@echo 'fuzz        every fuzz target for FUZZ_S seconds'
	@echo 'soak        as it is operated, for SOAK_MIN=30 minutes with DEVICES=5000'
	@echo 'soak-restart  sessions through RESTARTS=100 kills of lwgated, with DEVICES=2000'
	@echo 'soak-power  power losses and copies put back, under every policy'
	@echo 'soak-roam   devices with connection ids that move a thousand times, in every way'
	@echo 'soak-sms-keys  short messages under keys that live 20 seconds, for LIVES_S=400 seconds'
	@echo 'soak-sms    lwgated, lwgate-smsd and the SMSC killed RESTARTS=100 times in any order'
	@echo 'interop     other DTLS stacks against ours, and Eclipse Leshan on both sides'
	@echo 'bench-NAME  $(notdir $(wildcard tests/bench/*[a-z]))'
	@echo 'conformance  which requirements have a test, by area'
	@echo 'lint        format, clang-tidy, cppcheck, headers alone'
	@echo 'deb         Debian packages of this tree, in build/deb'
	@echo 'check-packages  these, in fresh Debian 12 and 13 systems: RELEASES='
	@echo 'check-ports  arm64 under qemu-user, musl, the steps of the container images, OpenWrt'"'"'s configuration'
	@echo 'install dist clean setup'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
