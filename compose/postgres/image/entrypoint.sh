#!/bin/bash
# Makes a database cluster at the first start, as the upstream image's entry point does, and
# becomes the server. Read: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (or each with _FILE),
# POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA, /docker-entrypoint-initdb.d.
set -euo pipefail

UNFINISHED=.unfinished

fail() {
  echo "error: $*" >&2
  exit 1
}

# NAME DEFAULT: exports NAME from NAME, from the file that NAME_FILE names, or as DEFAULT.
setting() {
  local name=$1 file_name="${1}_FILE"
  local value=${!name:-} file=${!file_name:-}
  if [[ -n $value && -n $file ]]; then fail "both $name and $file_name are set"; fi
  if [[ -n $file ]]; then value=$(<"$file"); fi
  export "$name=${value:-$2}"
  unset "$file_name"
}

settings() {
  setting POSTGRES_PASSWORD ""
  setting POSTGRES_USER postgres
  setting POSTGRES_DB "$POSTGRES_USER"
  setting POSTGRES_INITDB_ARGS ""
  setting POSTGRES_HOST_AUTH_METHOD ""
}

# The folders belong to the server's user; a volume may come with any owner.
own_folders() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  chmod 3775 /var/run/postgresql
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres:postgres '{}' +
}

demand_password() {
  [[ -n $POSTGRES_PASSWORD || $POSTGRES_HOST_AUTH_METHOD == trust ]] ||
    fail "POSTGRES_PASSWORD is not set: give the superuser a password"
}

make_cluster() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256} arguments=()
  read -r -a arguments <<<"$POSTGRES_INITDB_ARGS"
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    "${arguments[@]}"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

sql() {
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password "$@"
}

make_database() {
  [[ $POSTGRES_DB == postgres ]] ||
    sql --dbname postgres --set name="$POSTGRES_DB" <<<'CREATE DATABASE :"name";'
}

run_init_file() {
  case $1 in
    *.sh) if [[ -x $1 ]]; then "$1"; else
      # shellcheck disable=SC1090 # the user's own file
      . "$1"
    fi ;;
    *.sql) sql --dbname "$POSTGRES_DB" --file "$1" ;;
    *.sql.gz) gunzip --stdout "$1" | sql --dbname "$POSTGRES_DB" ;;
    *) echo "ignored: $1" ;;
  esac
}

# The first server listens on the socket only: nobody sees a half-made database.
fill_database() {
  local file
  export PGPASSWORD=$POSTGRES_PASSWORD
  pg_ctl --wait --silent --options="-c listen_addresses='' -p 5432" start
  make_database
  for file in /docker-entrypoint-initdb.d/*; do
    if [[ -f $file ]]; then run_init_file "$file"; fi
  done
  pg_ctl --mode=fast --wait --silent stop
  unset PGPASSWORD
}

# The cluster is made aside and moved into place, PG_VERSION last: a container that is killed
# meanwhile leaves no volume that looks whole and is not. The next start begins anew.
initialise() {
  local place=$PGDATA
  if [[ -d $place/$UNFINISHED ]]; then find "$place" -mindepth 1 -delete; fi
  export PGDATA=$place/$UNFINISHED
  demand_password
  make_cluster
  fill_database
  find "$PGDATA" -mindepth 1 -maxdepth 1 \! -name PG_VERSION -exec mv -t "$place" '{}' +
  mv "$PGDATA/PG_VERSION" "$place/"
  rmdir "$PGDATA"
  export PGDATA=$place
}

main() {
  if [[ ${1:-} == -* ]]; then set -- postgres "$@"; fi
  if [[ ${1:-} != postgres ]]; then exec "$@"; fi
  if [[ $(id -u) == 0 ]]; then
    own_folders
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "${BASH_SOURCE[0]}" "$@"
  fi
  if [[ ! -s $PGDATA/PG_VERSION ]]; then
    settings
    initialise
  fi
  exec "$@"
}

main "$@"
