#!/bin/sh
# Makes the root file system of the busybox template in the directory given; says what it is made from.
# No network, but for another machine than this one: then Debian's package is fetched.
set -eu
umask 022
root=$1
busybox=/bin/busybox
if [ "$2" != "$(uname -m)" ]; then
  . "$(dirname "$0")/../debian.sh"
  command -v mmdebstrap >/dev/null || { echo 'mmdebstrap is needed: apt-get install mmdebstrap' >&2; exit 1; }
  case $2 in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
  fetched=$(mktemp -d)
  trap 'rm -rf "$fetched"' EXIT
  suite=bookworm mirror=$(debian_mirror) proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null)"
  [ -z "$proxy" ] && set -- || set -- --aptopt="Acquire::http::Proxy \"$proxy\""
  debian_sources_of | mmdebstrap --mode=root --variant=extract --format=directory --skip=output/dev,check/qemu \
    --architectures="$arch" --include=busybox-static "$@" "$suite" "$fetched" - >&2
  busybox=$fetched/bin/busybox
fi

# An empty root shows whether it needs libraries: the dynamic flavour cannot start there.
mkdir -p "$root/bin"
if ! cp "$busybox" "$root/bin/busybox" 2>/dev/null || ! chroot "$root" /bin/busybox true 2>/dev/null; then
  echo "a static $busybox is needed: apt-get install busybox-static" >&2
  exit 1
fi

for directory in dev etc home mnt opt proc run sbin srv sys usr/bin usr/sbin var/log var/spool; do
  mkdir -p "$root/$directory"
done
mkdir -m 700 "$root/root"
mkdir -m 1777 "$root/tmp" "$root/var/tmp"
ln -s /run "$root/var/run"

"$busybox" --list-full | while read -r applet; do
  case $applet in bin/busybox) continue ;; esac
  mkdir -p "$root/${applet%/*}"
  ln -s /bin/busybox "$root/$applet"
done
[ -e "$root/sbin/init" ] || [ -L "$root/sbin/init" ] || ln -s /bin/busybox "$root/sbin/init"

"$busybox" --help 2>&1 | head -n 1
