#!/bin/sh
# Installs what the VM lane needs on the machine that runs it; does nothing where nothing is missing.
# CELLA_NO_APT=1: leaves Debian packages alone and fails where something is missing.
set -eu
missing=
for tool in qemu-system-x86_64 mmdebstrap ssh mkfs.ext4 setpriv; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0
[ "${CELLA_NO_APT-}" != 1 ] || { echo "vm: missing, and not being installed:$missing" >&2; exit 1; }
echo "Installing what is missing of QEMU, mmdebstrap and ssh:$missing"
. "$(dirname "$0")/../../src/setup/apt.sh"
# QEMU 10 runs the guest's processes twice as fast as Debian 12's 7.2.
apt_install_qemu qemu-system-x86
apt_install mmdebstrap openssh-client e2fsprogs util-linux
