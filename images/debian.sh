# What the recipes of Debian share; a build.sh reads it with ".". Nothing but Debian's packages is fetched.
#
#   debian_root ROOT MACHINE SUITE PACKAGE…   makes a system that boots in a container
#   debian_seal ROOT                          takes away what two builds of the same packages would differ in
#
# Lines "I: …" on standard error are shown as progress.
# shellcheck shell=sh

# What every system container has: an init with sessions of users, and enough to look at its network.
DEBIAN_BASE='systemd-sysv dbus libpam-systemd iproute2 iputils-ping ca-certificates netbase'

debian_root() {
  root=$1 machine=$2 suite=$3
  shift 3
  case $machine in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) echo "Debian is not built here for $machine" >&2; return 1 ;;
  esac
  mirror=$(debian_mirror)
  include=$(echo "$DEBIAN_BASE $*" | tr ' ' ,)
  # A file's age tells what packages brought from what was made here.
  stamp=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C
  unset LANGUAGE LANG
  if command -v mmdebstrap >/dev/null; then
    debian_mmdebstrap
  elif command -v debootstrap >/dev/null; then
    debian_debootstrap
  else
    echo 'mmdebstrap or debootstrap is needed: apt-get install mmdebstrap' >&2
    return 1
  fi
  # Only for the build: what a guest installs later comes whole, and starts.
  rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/apt/apt.conf.d/99mmdebstrap"
  debian_sources
  debian_configure
}

# That programs of another machine run has been looked at before.
debian_mmdebstrap() {
  proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null)"
  set -- --mode=root --variant=minbase --format=directory --skip=output/dev,check/qemu --architectures="$arch" \
    --include="$include" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*'
  [ -z "$proxy" ] || set -- "$@" --aptopt="Acquire::http::Proxy \"$proxy\""
  [ -z "${DEBCONF_SEED-}" ] || set -- "$@" --essential-hook='chroot "$1" debconf-set-selections <"$DEBCONF_SEED"'
  debian_sources_of | mmdebstrap "$@" "$suite" "$root" - >&2
}

# Without security updates at first: debootstrap takes one archive.
debian_debootstrap() {
  echo "I: building with debootstrap from $mirror" >&2
  debootstrap --arch="$arch" --variant=minbase --include="$include" "$suite" "$root" "$mirror" >&2
  [ -z "${DEBCONF_SEED-}" ] || chroot "$root" debconf-set-selections <"$DEBCONF_SEED"
}

# The mirror of Debian that this host fetches from.
debian_mirror() {
  at=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's|^Debian \(https*://[^ ]*/debian\)/$|\1|p' | head -n 1)
  echo "${at:-http://deb.debian.org/debian}"
}

# Beside a mirror's "debian" lies its "debian-security", wherever there is one; Debian's own has both names.
debian_sources_of() {
  security=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's|^Debian-Security \(https*://[^ ]*\)/$|\1|p' | head -n 1)
  echo "deb $mirror $suite main"
  echo "deb $mirror $suite-updates main"
  echo "deb ${security:-http://deb.debian.org/debian-security} $suite-security main"
}

debian_sources() {
  rm -f "$root"/etc/apt/sources.list.d/*
  debian_sources_of >"$root/etc/apt/sources.list"
}

# Units that wait for, or look after, what a container does not have.
DEBIAN_MASKED='
  systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service
  systemd-udevd-kernel.socket systemd-udevd-control.socket
  systemd-networkd-wait-online.service systemd-timesyncd.service systemd-hwdb-update.service
  systemd-modules-load.service systemd-remount-fs.service
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount
  dev-hugepages.mount proc-sys-fs-binfmt_misc.automount
  getty-static.service
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
  e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer'

debian_configure() {
  units=$root/etc/systemd/system
  mkdir -p "$units"
  for unit in $DEBIAN_MASKED; do ln -sf /dev/null "$units/$unit"; done
  rm -f "$units"/getty.target.wants/getty@tty1.service
  ln -sf /usr/lib/systemd/system/multi-user.target "$units/default.target"
  echo LANG=C.UTF-8 >"$root/etc/default/locale"
  ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"
  printf '127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
  # There is no disk to check or mount. Root has no password, as Debian makes it: the way in is vzctl enter.
  : >"$root/etc/fstab"
  # Each container gets an id of its own when it first boots (machine-id(5)).
  : >"$root/etc/machine-id"
  mkdir -p "$root/var/lib/dbus"
  ln -sf /etc/machine-id "$root/var/lib/dbus/machine-id"
  [ "$machine" = "$(uname -m)" ] || debian_emulated
}

# QEMU refuses the clone(2) with which systemd prepares credentials, and takes in no descriptor that comes without data,
# as namespaces do that units may share: every unit that asks for these would fail.
debian_emulated() {
  mkdir -p "$units/service.d"
  {
    echo '[Service]'
    printf '%s=\n' ImportCredential LoadCredential LoadCredentialEncrypted SetCredential SetCredentialEncrypted
    printf '%s=no\n' PrivateNetwork PrivateIPC
  } >"$units/service.d/emulated.conf"
}

debian_seal() {
  root=$1
  find "$root/var/log" -type f -delete
  rm -rf "$root"/tmp/* "$root"/var/tmp/* "$root"/run/* "$root"/dev/* "$root/root/.bash_history"
  rm -rf "$root/var/lib/apt/lists" "$root"/var/cache/apt/* "$root"/var/cache/ldconfig/* "$root"/var/cache/debconf/*-old
  rm -f "$root"/etc/*- "$root"/var/lib/dpkg/*-old "$root/etc/hostname" "$root/etc/resolv.conf"
  # Secrets that every container would share.
  rm -f "$root/var/lib/systemd/random-seed" "$root"/etc/ssh/ssh_host_* \
    "$root"/etc/ssl/private/ssl-cert-snakeoil.key "$root"/etc/ssl/certs/ssl-cert-snakeoil.pem
  # apt and dpkg expect these.
  mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
  find "$root/etc/ssl/certs" -xtype l -delete
  # Nothing is to be rebuilt at first boot (systemd-update-done.service(8)).
  : >"$root/etc/.updated"
  : >"$root/var/.updated"
  # What was made here gets the time of the newest file that came from a package.
  newest=$(find "$root" -xdev -type f ! -newer "$stamp" -printf '%T@\n' | sort -n | tail -n 1)
  find "$root" -xdev -newer "$stamp" -exec touch --no-dereference --date="@$newest" {} +
  touch --reference="$root/usr" "$root/etc/.updated" "$root/var/.updated"
  rm -f "$stamp"
}
