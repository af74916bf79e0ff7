#!/usr/bin/env bash
# Makes repo/ and pgbackrest.conf anew with the real tools: PostgreSQL 15 and pgBackRest 2.45 (Debian 12).
# Runs as the user postgres in a folder of its own, on a unix socket, and stops the server it has started.
#   usage (as root): runuser -u postgres -- bash examples/archives/pgbackrest/make.sh TARGET
set -euo pipefail
target=$(realpath -m "${1:?name the folder that repo/ and pgbackrest.conf shall be written to}")
bin=${PGBIN:-/usr/lib/postgresql/15/bin}
work=$(mktemp -d)
trap '[ -f "$work/pg/postmaster.pid" ] && "$bin/pg_ctl" -D "$work/pg" -m immediate -w stop >/dev/null; rm -rf "$work"' EXIT
export PGOPTIONS='-c client_min_messages=warning' PGHOST=$work PGPORT=5432 PGUSER=postgres TZ=UTC
cd "$work"
mkdir log

"$bin/initdb" -D "$work/pg" --wal-segsize=1 --data-checksums -E UTF8 --locale=C -A trust -U postgres --no-sync >/dev/null
cat > "$work/pgbackrest.conf" <<CONF
[global]
repo1-path=$work/repo
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=$(openssl rand -base64 48)
repo1-retention-full=2
repo1-bundle=y
compress-type=gz
compress-level=9
log-path=$work/log
lock-path=$work/lock
spool-path=$work/spool
log-level-console=warn
start-fast=y

[demo]
pg1-path=$work/pg
pg1-socket-path=$work
pg1-database=shop
CONF
cat >> "$work/pg/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$work'
archive_mode = on
archive_command = '/bin/true'
max_wal_senders = 3
min_wal_size = 2MB
max_wal_size = 8MB
autovacuum = off
CONF
"$bin/pg_ctl" -D "$work/pg" -l "$work/server.log" -w start >/dev/null
backrest() { pgbackrest --config="$work/pgbackrest.conf" --stanza=demo "$@"; }
sql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -d "$1"; }

# One database and few catalogs: the archive shall be small.
sql postgres <<'SQL'
create database shop;
SQL
sql shop <<'SQL'
update pg_database set datistemplate = false where datname in ('template0', 'template1');
drop database template0;
drop database template1;
drop database postgres;
drop schema information_schema cascade;
drop extension plpgsql;
delete from pg_description;
delete from pg_collation where collprovider = 'i';
create table orders (id int primary key, customer text not null, total numeric(9,2) not null);
insert into orders select i, 'customer ' || i % 97, (i * 37 % 10000) / 100.0 from generate_series(1, 2000) i;
vacuum full;
checkpoint;
select pg_switch_wal() \g /dev/null
SQL
backrest stanza-create
# Only now: the WAL of making the archive small is larger than the archive.
sql shop <<SQL
alter system set archive_command = 'pgbackrest --config=$work/pgbackrest.conf --stanza=demo archive-push %p';
select pg_reload_conf() \g /dev/null
SQL
backrest backup --type=full
sql shop <<'SQL'
insert into orders select i, 'customer ' || i % 97, (i * 37 % 10000) / 100.0 from generate_series(2001, 2400) i;
SQL
backrest backup --type=incr
"$bin/pg_ctl" -D "$work/pg" -m fast -w stop >/dev/null
backrest info

mkdir -p "$target"
rm -rf "$target/repo"
cp -r "$work/repo" "$target/repo"
# A link that pgBackRest keeps for people; not every checkout can hold one.
rm -f "$target/repo/backup/demo/latest"
{
  echo "# The configuration of the repository beside this file (repo/ is a copy of repo1-path)."
  echo "# The pass was made for this example and opens nothing else."
  sed -e "s|^repo1-path=.*|repo1-path=/var/lib/pgbackrest|" -e "s|^pg1-path=.*|pg1-path=/var/lib/postgresql/15/main|" \
    -e "/^\(log-path\|lock-path\|spool-path\|pg1-socket-path\|log-level-console\)=/d" "$work/pgbackrest.conf"
} > "$target/pgbackrest.conf"
