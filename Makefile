# SPDX-License-Identifier: MIT
# Thin door to Meson and the test programs; nothing is decided here.
BUILD ?= build
MESON_ARGS ?=
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PACKAGES = meson ninja-build gcc pkg-config python3 libjson-c-dev libyaml-dev libsqlite3-dev zlib1g-dev libpcre2-dev libexpat1-dev libvirt-dev opencl-headers libegl-dev libgles-dev libcmocka-dev scdoc gnuplot-nox
TEST_PACKAGES = clpeak ffmpeg stress-ng sysbench pocl-opencl-icd ocl-icd-libopencl1 libegl1 libgles2 libegl-mesa0 libgl1-mesa-dri python3-scipy python3-torch python3-venv libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 libxml2-utils util-linux \
  python3-jsonschema golang-github-container-orchestrated-devices-container-device-interface-dev podman crun busybox-static iproute2 openssh-client openssh-server
EXTRA_PACKAGES = $(TEST_PACKAGES) clang clang-format mdevctl hyperfine libclblast1 codespell universal-ctags valgrind
LAB_PACKAGES = qemu-system-x86 busybox-static e2fsprogs cpio kmod make gcc libc6-dev binutils xz-utils bc bison flex libelf-dev mmdebstrap
# Installs only what is missing, so that a build on a prepared machine needs neither root nor a network.
install = @need=$$(for p in $(1); do dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$need" ]; then $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$need; fi

.PHONY: all deps deps-test deps-dev deps-lab build demo check bench campaign lab lab-short gpu-check gpu-workloads install clean
all: build

deps:
	$(call install,$(PACKAGES))

deps-test: deps
	$(call install,$(TEST_PACKAGES))

deps-dev: deps
	$(call install,$(EXTRA_PACKAGES))

deps-lab: deps
	$(call install,$(LAB_PACKAGES))

$(BUILD)/build.ninja:
	meson setup $(BUILD) $(MESON_ARGS)

build: deps
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) $(MESON_ARGS)
	@ninja -C $(BUILD)

demo: build
	@rm -rf $(BUILD)/demo-report
	@scripts/demo $(BUILD)/src/openforbc $(BUILD)/demo-report

check: deps-test build
	@tests/run $(BUILD)

bench: build deps-dev
	@bench/run $(BUILD)

campaign: deps-test build
	@tests/campaign/run $(BUILD)

# A real kernel under QEMU: see docs/lab.md. Without the packages of deps-lab it says what is missing.
lab: build
	@tests/lab/all $(BUILD)

lab-short: build
	@tests/lab/all --short $(BUILD)

gpu-check: build
	@scripts/gpu-check $(BUILD)

gpu-workloads: build
	@scripts/gpu-workloads $(BUILD)

install: build
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)
