#!/bin/sh
# A mail server that keeps to itself: build.sh ROOT MACHINE
# Postfix takes mail for the user "mailbox" on port 25, Dovecot shows it on port 143, both on the loopback address.
set -eu
umask 022
. "$(dirname "$0")/../debian.sh"

DEBCONF_SEED=$(mktemp)
trap 'rm -f "$DEBCONF_SEED"' EXIT
export DEBCONF_SEED
# The configuration comes from files/: the package is to make none, which would name this host.
echo 'postfix postfix/main_mailer_type select No configuration' >"$DEBCONF_SEED"

debian_root "$1" "$2" trixie postfix dovecot-imapd
echo 'I: making the mailbox' >&2
chroot "$1" useradd --create-home --uid 1000 --shell /usr/sbin/nologin mailbox
# For trying it out: change it before anything else than the loopback address is listened on.
echo 'mailbox:{PLAIN}mailbox' >"$1/etc/dovecot/users"
chroot "$1" chown root:dovecot /etc/dovecot/users
chmod 640 "$1/etc/dovecot/users"
debian_seal "$1"
echo "Debian $(cat "$1/etc/debian_version") (trixie), Postfix and Dovecot"
