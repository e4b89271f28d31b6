#!/bin/sh
# Debian with runit: build.sh ROOT MACHINE
set -eu
umask 022
. "$(dirname "$0")/../../../images/debian.sh"

DEBIAN_BASE='runit-init iproute2 ca-certificates'
debian_root "$1" "$2" trixie
debian_seal "$1"
echo "Debian $(cat "$1/etc/debian_version") with runit"
