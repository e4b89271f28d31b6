# Debian packages, for the scripts that install what is missing; read with ".".
# shellcheck shell=sh

# apt_install [OPTION…] PACKAGE…
apt_install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# apt_install_qemu PACKAGE…: QEMU 10, which Debian 12 has in its backports; without those, what there is.
apt_install_qemu() {
  backports=/etc/apt/sources.list.d/cella-backports.list
  trap 'rm -f "$backports"' EXIT
  if grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release; then
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
    if [ -n "$archive" ]; then
      echo "deb $archive bookworm-backports main" >"$backports"
      apt_install -t bookworm-backports "$@" && rm "$backports" && return
      rm "$backports"
    fi
  fi
  apt_install "$@"
}
