#!/bin/sh
# From a fresh checkout to a running container; may be run again.
set -eu
here=$(dirname "$0")
sh "$here/install.sh"
cd "$here/../.."

vz() { printf '\n# %s\n' "$*"; tool=$1; shift; node "dist/bin/$tool.cjs" "$@"; }
state() { node dist/bin/vzctl.cjs status 101; }

vz cella setup
case $(state) in *deleted*) vz vzctl create 101 --ostemplate busybox --hostname quick.example ;; esac
case $(state) in *running*) ;; *) vz vzctl start 101 --wait ;; esac
# shellcheck disable=SC2016
vz vzctl exec 101 'echo "hello from $(hostname), where pid 1 is $(cat /proc/1/comm)"'
vz vzlist
vz vzctl status 101

cat <<EOF

Container 101 runs. Next:
  node dist/bin/vzctl.cjs enter 101       a shell in it
  node dist/bin/vzctl.cjs stop 101        shut it down
  node dist/bin/vzctl.cjs destroy 101     remove it
"npm link" puts cella, vzctl and vzlist into PATH.
EOF
