#!/usr/bin/env bash
# Makes the archives of examples/archives with the real tools, from a real PostgreSQL. What is there already stays as it
# is: delete a file to have it made again (keys too, but then everything made with them has to go).
#
# Needs PostgreSQL 15 or newer, gpg, openssl, lz4, tar, a C compiler with libsodium's headers, and Go (for the OpenPGP
# library that WAL-G uses). The pgBackRest repository has a script of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
out=$here/examples/archives
keys=$out/keys
sources=$here/tools/example-archives
umask 022

work=$(mktemp -d)
chmod 755 "$work"
cleanup() {
  [ ! -d "$work/data" ] || as_postgres "$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

bin=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1 || command -v initdb)")
as_postgres() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# 1. Keys: made for the examples, published with them, good for nothing else.
mkdir -p "$keys" "$work/gnupg"
chmod 700 "$work/gnupg"
export GNUPGHOME=$work/gnupg
[ -f "$keys/gpg-passphrase.txt" ] || openssl rand -base64 24 >"$keys/gpg-passphrase.txt"
[ -f "$keys/openssl-passphrase.txt" ] || openssl rand -base64 24 >"$keys/openssl-passphrase.txt"
[ -f "$keys/wal-g-sodium.hex" ] || openssl rand -hex 32 >"$keys/wal-g-sodium.hex"
# A date of the past, so that no machine whose clock is behind finds a key of tomorrow.
gpg() { command gpg --batch --quiet --faked-system-time 20250101T000000 "$@"; }
make_openpgp() { # FILE NAME PRIMARY SUBKEY
  [ ! -f "$1" ] || return 0
  gpg --passphrase '' --quick-generate-key "$2" "$3" cert,sign never
  gpg --passphrase '' --quick-add-key \
    "$(gpg --with-colons --list-keys "$2" | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | head -n 1)" "$4" encr never
  gpg --armor --comment 'Made for the examples of Restorable, published with them: protects nothing' \
    --export-secret-keys "$2" >"$1"
}
make_openpgp "$keys/backup-team.private.asc" 'Restorable example, backup team' rsa3072 rsa3072
make_openpgp "$keys/wal-g-openpgp.private.asc" 'Restorable example, WAL-G' ed25519 cv25519
gpg --import "$keys/backup-team.private.asc"

walg=part_001.tar.lz4
missing=0
for it in shop.dump.gpg shop.sql.gz.gpg shop.sql.gz.enc "wal-g-sodium/$walg" "wal-g-openpgp/$walg"; do
  [ -f "$out/$it" ] || missing=1
done
[ "$missing" = 1 ] || exit 0

# 2. A PostgreSQL with a small shop in it.
[ "$(id -u)" != 0 ] || chown postgres "$work"
as_postgres "$bin/initdb" -D "$work/data" --no-sync --encoding UTF8 --locale C --data-checksums -U postgres >/dev/null
as_postgres "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" \
  -o "-c listen_addresses='' -c unix_socket_directories=$work -c fsync=off -c wal_level=replica" start >/dev/null
query() { as_postgres "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$work" -U postgres "$@"; }
query -c 'CREATE DATABASE shop' postgres
query -f - shop <"$sources/shop.sql"
dump() { as_postgres "$bin/pg_dump" -h "$work" -U postgres "$@" shop; }

# 3. Dumps encrypted by hand, as countless scripts do.
if [ ! -f "$out/shop.dump.gpg" ]; then
  dump --format=custom | gpg --pinentry-mode loopback --passphrase-file "$keys/gpg-passphrase.txt" \
    --symmetric --cipher-algo AES256 --output "$out/shop.dump.gpg"
fi
if [ ! -f "$out/shop.sql.gz.gpg" ]; then
  dump --format=plain | gzip -9n | gpg --trust-model always \
    --recipient 'Restorable example, backup team' --encrypt --output "$out/shop.sql.gz.gpg"
fi
if [ ! -f "$out/shop.sql.gz.enc" ]; then
  dump --format=plain | gzip -9n |
    openssl enc -aes-256-cbc -pbkdf2 -salt -pass "file:$keys/openssl-passphrase.txt" -out "$out/shop.sql.gz.enc"
fi

# 4. A part of a base backup as WAL-G stores it: a tar of the cluster's files (names begin with a slash), lz4, encrypted.
make_part() {
  as_postgres "$bin/pg_basebackup" -h "$work" -U postgres -D "$work/base" -X none --checkpoint=fast 2>/dev/null
  local database
  database=$(query -At -c "SELECT oid FROM pg_database WHERE datname = 'shop'" postgres)
  local files
  files=$(query -At -c "SELECT pg_relation_filepath(oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') ORDER BY 1" shop)
  (cd "$work/base" && tar --create --absolute-names --format=ustar --owner=0 --group=0 --sort=name \
    --transform='s,^,/,' PG_VERSION global/pg_control global/pg_filenode.map "base/$database/PG_VERSION" $files) |
    lz4 -q -c >"$work/part_001.tar.lz4"
}
for it in wal-g-sodium wal-g-openpgp; do
  [ ! -f "$out/$it/$walg" ] || continue
  mkdir -p "$out/$it/$(dirname "$walg")"
  [ -f "$work/part_001.tar.lz4" ] || make_part
  case $it in
  wal-g-sodium)
    cc -O2 -o "$work/walg-sodium" "$sources/walg-sodium.c" -lsodium
    "$work/walg-sodium" "$keys/wal-g-sodium.hex" <"$work/part_001.tar.lz4" >"$out/$it/$walg"
    ;;
  wal-g-openpgp)
    (cd "$sources/openpgp" && go build -o "$work/walg-openpgp" .)
    "$work/walg-openpgp" "$keys/wal-g-openpgp.private.asc" <"$work/part_001.tar.lz4" >"$out/$it/$walg"
    ;;
  esac
done

find "$out" -type f -size +1000k -not -path '*/pgbackrest/*' -print | while read -r it; do
  echo "$it is larger than an example should be" >&2
done
