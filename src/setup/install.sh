#!/bin/sh
# Installs what is missing: Debian packages, npm packages, the native addon, the compiled TypeScript.
# usage: install.sh [--with-tests]; does nothing where nothing is missing. CELLA_NO_APT=1: only says what is.
set -eu
cd "$(dirname "$0")/../.."

fail() { echo "cella: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "root is needed"
command -v node >/dev/null || fail "Node.js 20 or newer is needed"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  fail "Node.js 20 or newer is needed, this is $(node --version)"

packages="make g++ python3 busybox-static"
[ "${1-}" != --with-tests ] || packages="$packages cmake"
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  [ -z "${CELLA_NO_APT-}" ] || fail "these Debian packages are missing:$missing"
  echo "Installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# newer_than FILE PATH…: whether anything below the paths has changed since FILE was made.
newer_than() { stamp=$1; shift; [ ! -e "$stamp" ] || [ -n "$(find "$@" -newer "$stamp" -type f -print -quit)" ]; }

if newer_than node_modules/.package-lock.json package.json package-lock.json; then
  echo "Installing npm packages"
  npm ci --ignore-scripts --no-audit --no-fund
  touch node_modules/.package-lock.json
fi
if newer_than build/Release/cella.node binding.gyp native/core native/addon native/sources.txt ||
  [ ! -x build/Release/cella-launcher ]; then
  echo "Building the native addon"
  npm run --silent install >build.log 2>&1 || { cat build.log >&2; fail "the native addon could not be built"; }
  rm -f build.log
fi
if newer_than dist/index.js src tsconfig.json; then
  echo "Compiling"
  npm run --silent build
  touch dist/index.js
fi
