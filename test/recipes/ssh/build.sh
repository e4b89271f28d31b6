#!/bin/sh
# Debian 13 as people log into it: build.sh ROOT MACHINE
set -eu
umask 022
. "$(dirname "$0")/../../../images/debian.sh"

debian_root "$1" "$2" trixie openssh-server
# Each container makes keys of its own.
mkdir -p "$1/etc/systemd/system/sshd-keygen.service.d"
printf '[Unit]\nConditionFirstBoot=\n' >"$1/etc/systemd/system/sshd-keygen.service.d/always.conf"
debian_seal "$1"
echo "Debian $(cat "$1/etc/debian_version") with sshd"
