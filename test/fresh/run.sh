#!/bin/sh
# The two commands on a fresh Debian 12 with this machine's Node.js and nothing else: quickstart twice, then every test.
# usage: run.sh [--quickstart-only]
# Needs root and mmdebstrap. The root is pivoted into, not chrooted: containers are made by pivot_root(2),
# which the kernel refuses below a chroot.
set -eu
cd "$(dirname "$0")/../.."
only=${1-}
prefix=$(node -p 'path.dirname(path.dirname(process.execPath))')

[ "$(id -u)" = 0 ] || { echo "test:fresh: root is needed" >&2; exit 1; }
command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
for group in /sys/fs/cgroup/*/cella/101 /sys/fs/cgroup/cella/101; do
  [ ! -e "$group" ] || { echo "test:fresh: container 101 of this machine would share $group: stop it first" >&2; exit 1; }
done

root=$(mktemp -d "${TMPDIR:-/tmp}/cella-fresh-XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM
mmdebstrap --quiet --variant=minbase --skip=output/dev bookworm "$root"

# carry FILE…: to the same place in the new root.
carry() { for file; do [ ! -e "$file" ] || tar -chC / "${file#/}" | tar -xC "$root"; done; }
carry /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt "$HOME/.npmrc" \
  "$prefix/bin/node" "$prefix/include/node" "$prefix/lib/node_modules/npm"
for tool in npm npx; do ln -s "../lib/node_modules/npm/bin/$tool-cli.js" "$root$prefix/bin/$tool"; done
mkdir "$root/srv/cella"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -xC "$root/srv/cella"

# The namespace's end takes the mounts along.
root="$root" only="$only" unshare --mount --propagation private sh -eu <<'INSIDE'
mount --bind "$root" "$root"
cd "$root"
for directory in proc sys dev; do mount --rbind "/$directory" "$directory"; done
mkdir .host
pivot_root . .host
umount -l /.host
rmdir /.host
cd /srv/cella
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trap 'node dist/bin/vzctl.cjs stop 101 --fast && node dist/bin/vzctl.cjs destroy 101' EXIT
npm run quickstart
npm run quickstart
[ "$only" = --quickstart-only ] || npm test
INSIDE
