#!/bin/sh
# Makes the secrets that docker-compose.yml hands out, each in a file; what is there is kept.
set -eu
umask 077
cd "$(dirname "$0")/secrets"
# Containers read the files as users of their own; the folder keeps everybody else on this machine out.
chmod 700 .

secret() { # NAME VALUE
    [ -e "$1" ] && return
    printf '%s' "$2" >"$1"
    chmod 444 "$1"
    echo "made deploy/secrets/$1"
}
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

secret database_password "$(random)"
secret database_url "postgresql://cds:$(cat database_password)@database/cds"
secret hash_key "$(random)"
secret admin_password "$(random)"
secret grafana_password "$(random)"
