#!/bin/sh
# Makes a Debian 13 server to be booted in QEMU: OUT/root.img, vmlinuz, initrd, key, known_hosts, packages.
# usage: build.sh OUT; needs root, mmdebstrap and e2fsprogs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
root=$out/root
packages=$(tr '\n' , < "$here/packages.txt")

ssh-keygen -q -t ed25519 -N '' -C cella-vm -f "$out/key"
ssh-keygen -q -t ed25519 -N '' -C cella-vm -f "$out/host_key"
printf '%s %s\n' 'vm1,vm2' "$(cut -d ' ' -f 1,2 < "$out/host_key.pub")" > "$out/known_hosts"

# The initial RAM disk holds the disk's driver and little else: it is unpacked by an emulated processor.
early='mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d" &&
  echo MODULES=list > "$1/etc/initramfs-tools/conf.d/cella" &&
  printf "virtio_pci\nvirtio_blk\next4\n" > "$1/usr/share/initramfs-tools/modules.d/cella"'
mmdebstrap --quiet --variant=minbase --skip=output/dev --include="${packages%,}" --essential-hook="$early" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$root"

cp -R "$here/files/." "$root/"
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/machine-id"
install -m 600 "$out/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
mkdir -p -m 700 "$root/root/.ssh"
install -m 600 "$out/key" "$root/root/.ssh/id_ed25519"
install -m 600 "$out/key.pub" "$root/root/.ssh/authorized_keys"
install -m 600 "$out/known_hosts" "$root/root/.ssh/known_hosts"
mkdir -p "$root/srv/cella"
units=$root/etc/systemd/system
mkdir -p "$units/multi-user.target.wants"
for unit in systemd-networkd cella-idle; do
  [ -e "$units/$unit.service" ] && at=/etc/systemd/system || at=/usr/lib/systemd/system
  ln -s "$at/$unit.service" "$units/multi-user.target.wants/"
done
# What would wake up in the middle of a test, or wait for what is not there.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-networkd-wait-online.service serial-getty@ttyS0.service getty@tty1.service; do
  ln -sf /dev/null "$units/$unit"
done

chroot "$root" dpkg-query -W > "$out/packages"
mv "$root"/boot/vmlinuz-* "$out/vmlinuz"
mv "$root"/boot/initrd.img-* "$out/initrd"
mkfs.ext4 -q -L cella-root -E root_owner=0:0 -d "$root" "$out/root.img" 8G >/dev/null
rm -rf --one-file-system "$root" "$out/host_key" "$out/host_key.pub"
