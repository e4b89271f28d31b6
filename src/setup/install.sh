#!/bin/sh
# Installs what is missing: Debian packages, npm packages, the native addon, the compiled TypeScript.
# usage: install.sh [--with-tests]; does nothing where nothing is missing.
# CELLA_NO_APT=1: leaves Debian packages alone and says which are missing.
set -eu
cd "$(dirname "$0")/../.."

# register_emulator ""|anew: where no service manager does it. The kernel goes on with the file that it was told of.
register_emulator() {
  at=/proc/sys/fs/binfmt_misc format=/usr/lib/binfmt.d/qemu-aarch64.conf
  [ -e "$format" ] || return 0
  [ -e "$at/status" ] || mount -t binfmt_misc binfmt_misc "$at" || return 0
  [ "$1" != anew ] || [ ! -e "$at/qemu-aarch64" ] || echo -1 >"$at/qemu-aarch64"
  [ -e "$at/qemu-aarch64" ] || grep '^:' "$format" >"$at/register" || true
}

fail() { echo "cella: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "root is needed"
command -v node >/dev/null || fail "Node.js 20 or newer is needed"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  fail "Node.js 20 or newer is needed, this is $(node --version)"

packages="make g++ python3 busybox-static nftables iproute2"
[ "${1-}" != --with-tests ] || packages="$packages cmake strace procps util-linux gcc libc6-dev
  qemu-utils fdisk attr e2fsprogs xfsprogs btrfs-progs mmdebstrap zstd quota
  man-db groff zsh lxcfs"
version() { dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p'; }
missing= qemu= register=
for package in $packages; do
  [ -n "$(version "$package")" ] || missing="$missing $package"
done
# systemd of another machine does not run under the emulator of Debian 12, which is of QEMU 7.2.
older=$(version qemu-user-static)
[ "${1-}" != --with-tests ] || dpkg --compare-versions "$older" ge 1:10 || qemu=qemu-user-static
if [ -n "$missing$qemu" ] && [ "${CELLA_NO_APT-}" = 1 ]; then
  echo "cella: these Debian packages are missing and are not being installed:$missing${qemu:+ $qemu}" >&2
elif [ -n "$missing$qemu" ]; then
  echo "Installing$missing${qemu:+ $qemu}"
  . src/setup/apt.sh
  # shellcheck disable=SC2086
  [ -z "$missing" ] || apt_install $missing
  if [ -n "$qemu" ]; then
    apt_install_qemu "$qemu" || echo "cella: there is no newer emulator: tests that need one are skipped" >&2
    register=${older:+anew}
  fi
fi
[ "${1-}" != --with-tests ] || register_emulator "$register"
[ "${1-}" != --with-tests ] || [ "${CELLA_NO_APT-}" = 1 ] || sh src/setup/criu.sh

# newer_than FILE PATH…: whether anything below the paths has changed since FILE was made.
newer_than() { stamp=$1; shift; [ ! -e "$stamp" ] || [ -n "$(find "$@" -newer "$stamp" -type f -print -quit)" ]; }

if newer_than node_modules/.package-lock.json package.json package-lock.json; then
  echo "Installing npm packages"
  quietly="--ignore-scripts --no-audit --no-fund --loglevel=error"
  # npm ci refuses a lock file without the optional packages of other platforms; npm install keeps its versions.
  # shellcheck disable=SC2086
  if [ ! -e package-lock.json ]; then
    npm install $quietly
  elif ! npm ci $quietly >/dev/null 2>&1; then
    echo "npm ci does not accept package-lock.json here: npm install instead"
    npm install --no-save $quietly
  fi
  touch node_modules/.package-lock.json
fi
if newer_than build/Release/cella.node binding.gyp native/core native/addon native/tar native/sources.txt ||
  [ ! -x build/Release/cella-launcher ] || [ ! -x build/Release/criu/tar ]; then
  echo "Building the native addon"
  log=$(npm run --silent install 2>&1) || { printf '%s\n' "$log" >&2; fail "the native addon could not be built"; }
fi
if newer_than dist/index.js src tsconfig.json; then
  echo "Compiling"
  npm run --silent build
  touch dist/index.js
fi
