#!/bin/sh
# The second lane: a Debian 13 server in QEMU. usage: vm.sh test|shell|stop|build [--help]
set -eu
cd "$(dirname "$0")/../.."
sh src/setup/install.sh --with-tests
sh test/vm/install.sh
node_modules/.bin/esbuild test/vm/main.ts --bundle --platform=node --format=cjs --target=node20 --log-level=warning \
  --define:import.meta.url=importMetaUrl --outfile=build/vm/main.cjs \
  '--banner:js=const importMetaUrl = require("node:url").pathToFileURL(__filename).href;'
exec node build/vm/main.cjs "$@"
