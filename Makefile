# SPDX-License-Identifier: Apache-2.0
#
#   make           build/rowhouse
#   make demo      install what is missing, build, run apps/ads
#   make test      install what is missing, build plain and with sanitizers, run all tests
#   make bench     speed and size on this machine
#   make install   to PREFIX (/usr/local), below DESTDIR
#   make fuzz      the fuzz targets for longer: FUZZ_RUNS mutations each
#   make format    clang-format over all C
#   make clean
PREFIX ?= /usr/local
FUZZ_RUNS ?= 2000000
SANITIZE = -Db_sanitize=address,undefined -Doptimization=1

.PHONY: all demo test bench install fuzz format clean
.NOTPARALLEL:

all: build/build.ninja
	ninja -C build rowhouse

build/build.ninja:
	meson setup build --prefix=$(abspath $(PREFIX))

build-asan/build.ninja:
	meson setup build-asan $(SANITIZE)

demo:
	scripts/install-deps.sh
	$(MAKE) --no-print-directory all
	./build/rowhouse dev apps/ads

test:
	scripts/install-deps.sh test
	$(MAKE) --no-print-directory all build-asan/build.ninja
	ninja -C build-asan
	tests/run

bench:
	scripts/install-deps.sh bench
	$(MAKE) --no-print-directory all
	ninja -C build
	bench/run

install: all
	meson configure build -Dprefix=$(abspath $(PREFIX))
	ninja -C build rowhouse
	meson install -C build --no-rebuild

fuzz: build-asan/build.ninja
	ninja -C build-asan
	RH_FUZZ_RUNS=$(FUZZ_RUNS) meson test -C build-asan --suite fuzz --timeout-multiplier 0 --print-errorlogs

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build build-asan
