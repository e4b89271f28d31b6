#!/bin/sh
# Makes the root file system of the busybox template in the directory given; says what it is made from.
# No network.
set -eu
umask 022
root=$1
if [ "$2" != "$(uname -m)" ]; then
  echo "busybox is taken from this host, which is not $2" >&2
  exit 1
fi
busybox=/bin/busybox

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
