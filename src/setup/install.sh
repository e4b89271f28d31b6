#!/bin/sh
# Installs what is missing: Debian packages, npm packages, the native addon, the compiled TypeScript.
# usage: install.sh [--with-tests]; does nothing where nothing is missing.
# CELLA_NO_APT=1: leaves Debian packages alone and says which are missing.
set -eu
cd "$(dirname "$0")/../.."

fail() { echo "cella: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "root is needed"
command -v node >/dev/null || fail "Node.js 20 or newer is needed"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  fail "Node.js 20 or newer is needed, this is $(node --version)"

packages="make g++ python3 busybox-static"
[ "${1-}" != --with-tests ] || packages="$packages cmake strace procps iproute2 util-linux gcc libc6-dev
  qemu-utils fdisk attr e2fsprogs xfsprogs btrfs-progs mmdebstrap qemu-user-static binfmt-support zstd quota
  man-db groff zsh"
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ] && [ "${CELLA_NO_APT-}" = 1 ]; then
  echo "cella: these Debian packages are missing and are not being installed:$missing" >&2
elif [ -n "$missing" ]; then
  echo "Installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
# Where no service manager runs, nobody else tells the kernel of the emulator.
if [ "${1-}" = --with-tests ] && command -v update-binfmts >/dev/null; then
  update-binfmts --enable qemu-aarch64 2>/dev/null || true
fi

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
if newer_than build/Release/cella.node binding.gyp native/core native/addon native/sources.txt ||
  [ ! -x build/Release/cella-launcher ]; then
  echo "Building the native addon"
  log=$(npm run --silent install 2>&1) || { printf '%s\n' "$log" >&2; fail "the native addon could not be built"; }
fi
if newer_than dist/index.js src tsconfig.json; then
  echo "Compiling"
  npm run --silent build
  touch dist/index.js
fi
