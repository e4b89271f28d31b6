#!/bin/sh
# Installs CRIU 4.2 or newer, which Linux 6.16 and newer need, where the host's own is older: Debian's package of a newer
# suite and the libraries that it needs, run by the dynamic linker that comes with them. Nothing of the host's changes.
# usage: criu.sh [PREFIX]; does nothing where PREFIX/criu is new enough.
set -eu
prefix=${1-/usr/local/lib/cella/criu}
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
wanted=4.2

# is_new CRIU: whether it runs here and is new enough.
is_new() {
  version=$("$1" --version 2>/dev/null | sed -n 's/^Version: //p')
  [ -n "$version" ] && dpkg --compare-versions "$version" ge "$wanted"
}

fail() { echo "cella: $*" >&2; exit 1; }

! is_new "$prefix/criu" || exit 0
[ "$(id -u)" = 0 ] || fail "root is needed"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" | head -n 1)
[ -n "$archive" ] || fail "apt has no sources of this Debian"

new=$prefix.new
mkdir -p "$(dirname "$prefix")"
# Of one that was killed.
rm -rf "$new" "$prefix.old"
mkdir -p "$new/apt/lists/partial" "$new/apt/archives/partial"
: >"$new/apt/status"
# apt's state, beside which it takes its locks, is all in there: what it thinks is installed is nothing.
cat >"$new/apt/apt.conf" <<EOF
Dir::Etc::sourcelist "$new/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$new/apt";
Dir::State::status "$new/apt/status";
Dir::Cache "$new/apt";
APT::Install-Recommends "0";
EOF
# fetch SUITE: the packages, into apt/archives.
fetch() {
  echo "deb [signed-by=$keyring] $archive $1 main" >"$new/apt/sources.list"
  APT_CONFIG=$new/apt/apt.conf apt-get update -qq &&
    APT_CONFIG=$new/apt/apt.conf apt-get install -y -qq --download-only criu >/dev/null
}
fetch forky || fetch sid || fail "CRIU cannot be fetched"
for package in "$new"/apt/archives/*.deb; do dpkg-deb -x "$package" "$new"; done
rm -r "$new/apt"

# The linker and where libraries are come with the package too: none of the host's is loaded. Nor are plugins of the
# host's CRIU, in whose place there is a directory without any.
mkdir -p "$new/usr/lib/criu"
cat >"$new/criu" <<'EOF'
#!/bin/sh
at=${0%/*}
for linker in "$at"/usr/lib/*/ld-linux*.so.*; do break; done
CRIU_LIBS_DIR=$at/usr/lib/criu exec "$linker" --library-path "${linker%/*}" "$at/usr/sbin/criu" "$@"
EOF
chmod 755 "$new/criu"
is_new "$new/criu" || fail "the CRIU that this Debian's archive has does not run here, or is older than $wanted"
[ ! -e "$prefix" ] || mv "$prefix" "$prefix.old"
mv "$new" "$prefix"
rm -rf "$prefix.old"
