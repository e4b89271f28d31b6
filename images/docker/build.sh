#!/bin/sh
# Debian 13 with Docker: build.sh ROOT MACHINE
# A container of it needs "--features nesting:on".
set -eu
umask 022
. "$(dirname "$0")/../debian.sh"

debian_root "$1" "$2" trixie docker.io docker-cli iptables busybox-static
debian_seal "$1"
echo "Debian $(cat "$1/etc/debian_version") (trixie), Docker"
