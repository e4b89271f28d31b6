#!/bin/sh
# Debian with sysvinit, and OpenRC's init beside it: build.sh ROOT MACHINE
set -eu
umask 022
. "$(dirname "$0")/../../../images/debian.sh"

DEBIAN_BASE='sysvinit-core openrc iproute2 ca-certificates'
debian_root "$1" "$2" trixie
# A container has no terminals to log in at.
sed -i '/getty/d' "$1/etc/inittab"
debian_seal "$1"
echo "Debian $(cat "$1/etc/debian_version") with sysvinit"
