#!/usr/bin/env bash
# Builds the real WAL-G with libsodium, brotli and lzo, and prints where it is. Done once per machine (four minutes on two
# cores); the result is kept in ~/.cache/restorable. Sources: $WALG_SOURCE (a git repository), a mirror beside the checkout,
# or GitHub (the Go proxy has WAL-G itself only up to 1.1, which cannot back up PostgreSQL 15). Its modules come from the Go
# proxy. Exits with 3 where none of these has the sources.
#
# Needs Go 1.25 or newer, a C compiler, git, and the headers: libsodium-dev libbrotli-dev liblzo2-dev pkg-config.
set -euo pipefail
version=3.0.9
cache=${XDG_CACHE_HOME:-$HOME/.cache}/restorable
program=$cache/wal-g-$version
if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi
PATH=$PATH:/usr/local/go/bin
checkout=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

source=${WALG_SOURCE:-$checkout/../.mirror/wal-g+wal-g/repo}
if [ ! -d "$source" ]; then
  if ! timeout 120 git clone --quiet --bare --depth 1 --branch "v$version" https://github.com/wal-g/wal-g "$work/git" >&2; then
    echo "the sources of WAL-G $version cannot be had here: not built before, no mirror, and no way to GitHub" >&2
    exit 3
  fi
  source=$work/git
fi
mkdir "$work/src" "$work/kms" "$work/kms/v1"
git -C "$source" archive "v$version" -- go.mod go.sum main cmd internal pkg utility testtools \
  ':(exclude)*testdata*' ':(exclude)*_test.go' | tar -x -C "$work/src"

# Yandex KMS is not on every proxy, and no test needs it.
cat >"$work/kms/go.mod" <<'EOF'
module github.com/yandex-cloud/go-sdk/services/kms
go 1.25
EOF
cat >"$work/kms/v1/client.go" <<'EOF'
package kms

import (
	"context"
	"errors"

	"github.com/yandex-cloud/go-genproto/yandex/cloud/kms/v1"
)

type client struct{}

var errAbsent = errors.New("built without Yandex KMS")

func NewSymmetricCryptoClient(any) client { return client{} }

func (client) Decrypt(context.Context, *kms.SymmetricDecryptRequest) (*kms.SymmetricDecryptResponse, error) {
	return nil, errAbsent
}

func (client) GenerateDataKey(context.Context, *kms.GenerateDataKeyRequest) (*kms.GenerateDataKeyResponse, error) {
	return nil, errAbsent
}
EOF
cd "$work/src"
go mod edit -replace "github.com/yandex-cloud/go-sdk/services/kms=$work/kms"
mkdir -p "$cache"
export GOFLAGS='' GOEXPERIMENT=jsonv2 CGO_ENABLED=1
go build -mod=mod -tags 'brotli libsodium lzo' -o "$work/wal-g" ./main/pg >&2
mv "$work/wal-g" "$program"
echo "$program"
