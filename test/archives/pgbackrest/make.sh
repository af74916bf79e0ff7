#!/usr/bin/env bash
# Makes the repositories beside this file anew, with real pgBackRest from a data directory of PostgreSQL 15 that was
# thinned to a few files: backups are made offline, so that no server has to run and every repository stays small.
# Each archive holds a repository, its configuration, and for every backup what `pgbackrest restore` made of it: kind,
# mode, time, SHA-256, and the name in hexadecimal.
#   usage (not as root): PGBACKREST=/usr/bin/pgbackrest bash test/archives/pgbackrest/make.sh TARGET
set -euo pipefail
target=$(realpath -m "${1:?name the folder that the repositories shall be written to}")
bin=${PGBIN:-/usr/lib/postgresql/15/bin}
program=${PGBACKREST:-pgbackrest}
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
export TZ=UTC LC_ALL=C.UTF-8
umask 077
cd "$work"
mkdir log lock spool
started=$(date +%s)
pass="a pass for tests only, that opens nothing else"

# name, compress-type, cipher?, options of the repository
kinds=(
  "plain-none none no"
  "aes-gz gz yes"
  "aes-lz4 lz4 yes"
  "aes-bz2 bz2 yes"
  "hardlink-zst zst no hardlink=y symlink=n"
  "bundle-gz gz no bundle=y bundle-limit=16KiB"
  "aes-bundle-zst zst yes bundle=y"
  "block-none none no bundle=y block=y"
  "aes-block-gz gz yes bundle=y block=y bundle-limit=8KiB"
  "aes-block-lz4 lz4 yes bundle=y block=y block-size-map=16KiB=8KiB block-checksum-size-map=8KiB=12 block-size-super=32KiB block-size-super-full=64KiB"
  "aes-block-zst zst yes bundle=y block=y"
  "block-bz2 bz2 no bundle=y block=y"
)

"$bin/initdb" -D full --wal-segsize=1 --data-checksums -E UTF8 --locale=C -A trust -U postgres --no-sync >/dev/null
data() { # what the cluster has before the first backup
  mkdir -p pg/base/1 pg/base/16384 pg/global "pg/empty folder" pg/pg_tblspc pg/pg_wal/archive_status space dir/sub conf
  chmod 770 "pg/empty folder"
  cp -p full/PG_VERSION full/postgresql.auto.conf pg/
  cp -p full/global/{pg_control,1260,1262,pg_filenode.map} pg/global/
  cp -p full/base/1/{PG_VERSION,112,2601,pg_filenode.map} pg/base/1/
  cp -p full/base/1/{PG_VERSION,2600} pg/base/16384/
  printf "recovery_target_name = 'an earlier restore'\n" >> pg/postgresql.auto.conf
  # Pages of zeros are valid, others are not: these have wrong checksums.
  head -c 73728 /dev/zero | tr '\0' 'x' > pg/base/16384/3000
  head -c 49152 full/base/1/1255 > pg/base/16384/3001
  : > pg/base/16384/3002
  mkdir -p space/PG_15_202209061/16384
  head -c 32768 full/base/1/1255 > space/PG_15_202209061/16384/4000
  ln -s "$work/space" pg/pg_tblspc/16500
  echo 'in a linked folder' > dir/sub/a.txt
  ln -s ../dir pg/linked
  echo 'a linked file' > conf/my.conf
  ln -s ../conf/my.conf pg/linked.conf
  echo 'x' > 'pg/a = "b", {ünïcode}'
  printf 'l' > "$(printf 'pg/latin1-\xe9\xff')"
  printf '#!/bin/sh\n' > pg/run.sh
  chmod 755 pg/run.sh
  # Whole seconds, and young: pgBackRest stores what has not changed for weeks without blocks.
  find pg space dir conf -exec touch -h -d "@$((started - 86400))" {} +
}
change() { # what happens between two backups
  case $1 in
    1) printf 'changed in the diff' | dd of=pg/base/16384/3001 bs=1 seek=20000 conv=notrunc status=none
       head -c 16384 full/base/1/2600 >> space/PG_15_202209061/16384/4000
       echo 'new' > pg/base/16384/5000 ;;
    2) printf 'changed in the incr' | dd of=space/PG_15_202209061/16384/4000 bs=1 seek=9000 conv=notrunc status=none
       truncate -s 40960 pg/base/16384/3000
       rm pg/base/16384/5000 ;;
    3) printf 'changed again' | dd of=pg/base/16384/3001 bs=1 seek=100 conv=notrunc status=none
       printf 'no longer empty' > pg/base/16384/3002
       : > dir/sub/a.txt ;;
  esac
  find pg space dir -newer full/PG_VERSION -type f -exec touch -d "@$((started - 50000 + $1 * 1000))" {} +
}
tree() { # kind, mode, time, digest or text of the link, name; pg_tblspc/OID stands for its folder
  (cd "$1" && find . -mindepth 1 -printf '%P\0' && find -L pg_tblspc -mindepth 2 -printf '%p\0') |
    while IFS= read -r -d '' name; do
      place="$1/$name"
      if [ -L "$place" ]; then kind=l; what=-; mode=-; time=-
      elif [ -d "$place" ]; then kind=d; what=-; mode=$(stat -c %a "$place"); time=-
      else kind=f; what=$(sha256sum < "$place" | cut -c1-64); mode=$(stat -c %a "$place"); time=$(stat -c %Y "$place")
      fi
      [ "$name" = postgresql.auto.conf ] && { time=-; what=$(sed 's/ on [-0-9]* [:0-9]* # / # /' "$place" | sha256sum | cut -c1-64); }
      printf '%s %s %s %s %s\n' "$kind" "$mode" "$time" "$what" "$(printf %s "$name" | od -An -v -tx1 | tr -d ' \n')"
    done | sort -k5,5
}
segment() { # a segment of WAL as the archive gets it: a header of this cluster, and zeros
  local id; id=$(od -An -tx1 -N8 pg/global/pg_control | tr -d ' \n')
  { printf '\x10\xd1\x02\x00\x01\x00\x00\x00'; printf '\0%.0s' {1..16}; printf "$(sed 's/../\\x&/g' <<< "$id")"
    printf '\x00\x00\x10\x00\x00\x20\x00\x00'; head -c 1048536 /dev/zero; } > "pg/pg_wal/$1"
}

mkdir -p "$target" packed
for kind in "${kinds[@]}"; do
  read -r name compression cipher options <<< "$kind"
  chmod -R u+rwX pg 2>/dev/null || true
  rm -rf pg space dir conf repo
  data
  {
    printf '[global]\nrepo1-path=%s/repo\nrepo1-retention-full=9\ncompress-type=%s\n' "$work" "$compression"
    if [ "$cipher" = yes ]; then printf 'repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=%s\n' "$pass"; fi
    for option in $options; do echo "repo1-$option"; done
    printf 'log-path=%s/log\nlock-path=%s/lock\nspool-path=%s/spool\n' "$work" "$work" "$work"
    printf 'log-level-console=error\nlog-level-file=off\nprocess-max=2\n[demo]\npg1-path=%s/pg\n' "$work"
  } > pgbackrest.conf
  backrest() { "$program" --config="$work/pgbackrest.conf" --stanza=demo "$@"; }
  backrest --no-online stanza-create
  for it in 000000010000000000000001 000000010000000000000002; do
    segment $it
    backrest --compress-type=zst archive-push "$work/pg/pg_wal/$it"
  done
  rm pg/pg_wal/0*
  step=0
  for type in full diff incr incr; do
    [ $step = 0 ] || change $step
    backrest --no-online --type=$type backup --annotation="step=$step"
    step=$((step + 1))
    sleep 1
  done
  rm -rf packed/*
  for label in $(ls repo/backup/demo | grep -E '^[0-9]{8}-[0-9]{6}F'); do
    rm -rf restored spaces
    backrest --pg1-path="$work/restored" --tablespace-map-all="$work/spaces" --set="$label" restore
    tree restored > "packed/$label.tree"
  done
  rm -f repo/backup/demo/latest
  mv repo packed/repo
  grep -vE '^(log|lock|spool)|^process' pgbackrest.conf | sed "s|=$work/|=/var/lib/|" > packed/pgbackrest.conf
  chmod -R u+rwX,go+rX packed
  # GNU tar: the same bytes for the same files.
  tar --sort=name --owner=0 --group=0 --numeric-owner -C packed -cf - . | gzip -9n > "$target/$name.tar.gz"
done
"$program" version > "$target/VERSION"
ls -l "$target"
