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
export DEBIAN_FRONTEND=noninteractive
list=/etc/apt/sources.list.d/cella-backports.list
trap 'rm -f "$list"' EXIT
# QEMU 10 runs the guest's processes twice as fast as Debian 12's 7.2: taken from backports where there are any.
suite=
if grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release; then
  archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
  [ -z "$archive" ] || {
    echo "deb $archive bookworm-backports main" > "$list"
    suite='-t bookworm-backports'
  }
fi
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $suite qemu-system-x86 >/dev/null ||
  apt-get install -y -qq --no-install-recommends qemu-system-x86 >/dev/null
apt-get install -y -qq --no-install-recommends mmdebstrap openssh-client e2fsprogs util-linux >/dev/null
