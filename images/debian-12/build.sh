#!/bin/sh
# Debian 12 as a system container: build.sh ROOT MACHINE
set -eu
umask 022
. "$(dirname "$0")/../debian.sh"

debian_root "$1" "$2" bookworm
debian_seal "$1"
echo "Debian $(cat "$1/etc/debian_version") (bookworm), minimal"
