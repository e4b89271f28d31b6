#!/bin/sh
# The addon and a container's life on other releases of Node.js than the installed one.
# usage: run.sh [MAJOR…]; default 22 24. Their binaries come from npm, into a directory that is gone at the end.
set -eu
cd "$(dirname "$0")/../.."
binaries=$(mktemp -d "${TMPDIR:-/tmp}/cella-nodes-XXXXXX")
trap 'rm -rf "$binaries"' EXIT
trap 'exit 130' INT TERM
package=$(node -p '`node-linux-${process.arch}`')

for major in ${*:-22 24}; do
  npm install --loglevel=error --no-audit --no-fund --no-save --ignore-scripts --prefix "$binaries/$major" "$package@$major"
  node=$binaries/$major/node_modules/$package/bin/node
  echo "Node.js $("$node" --version)"
  # What of the addon any release could do otherwise; networks are the kernel's affair.
  "$node" node_modules/vitest/vitest.mjs run test/native/binding test/native/guest-file test/native/merge \
    test/native/netlink test/native/tree test/e2e/lifecycle.test.ts test/e2e/exec.test.ts
done
