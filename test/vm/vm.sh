#!/bin/sh
# The second lane: a Debian 13 server in QEMU. usage: vm.sh test|shell|stop|build [--help]
set -eu
cd "$(dirname "$0")/../.."
sh src/setup/install.sh --with-tests
sh test/vm/install.sh
# In one file each: an emulated processor takes 12 s to find and link the modules of a command.
node_modules/.bin/esbuild test/vm/main.ts test/helpers/in-network.mjs --bundle --platform=node --format=cjs \
  --target=node20 --log-level=warning --external:prom-client --define:import.meta.url=importMetaUrl \
  --outdir=build/vm --entry-names='[name]' --out-extension:.js=.cjs \
  '--banner:js=const importMetaUrl = require("node:url").pathToFileURL(__filename).href;'
exec node build/vm/main.cjs "$@"
