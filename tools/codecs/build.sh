#!/usr/bin/env bash
# Makes engine/src/compress/codecModule.ts: the decoders of zstd, lz4 and zlib as one WebAssembly module, from the
# sources that Debian 12 ships, with Debian's clang. Needs deb-src lines for apt, and the packages clang-14, lld-14,
# wasi-libc, libclang-rt-14-dev-wasm32 and nodejs. `--check` only says whether the module is what this script makes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
module=$here/../../engine/src/compress/codecModule.ts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

apt-get source --download-only libzstd lz4 zlib >/dev/null
sha256sum --check --quiet "$here/sources.sha256"
for it in *.orig.tar.*z *.orig.tar.bz2; do tar -xf "$it"; done
# A match at distance 0 is no match: lz4 takes for one what the last input left in the buffer, and damage would go unseen.
sed -Ei 's/^ +match = op - offset;/& if (offset == 0) goto _output_error;/' lz4-*/lib/lz4.c
grep -q 'offset == 0) goto _output_error' lz4-*/lib/lz4.c

target=(--target=wasm32-wasi)
flags=("${target[@]}" -O3 -msimd128 -mbulk-memory -DZSTD_DISABLE_ASM -DNDEBUG
  -fvisibility=hidden -ffunction-sections -fdata-sections -w)
compile() { # prefix of the object, sources…
  local prefix=$1
  shift
  for it in "$@"; do clang-14 "${flags[@]}" -I "$(dirname "$it")" -c "$it" -o "$prefix-$(basename "$it" .c).o"; done
}
zstd=$(echo zstd-*/lib) lz4=$(echo lz4-*/lib) zlib=$(dirname zlib*/inflate.c)
flags+=(-I "$zstd" -I "$zstd/common")
compile zstd "$zstd"/common/{entropy_common,error_private,fse_decompress,zstd_common,xxhash}.c \
  "$zstd"/decompress/{huf_decompress,zstd_ddict,zstd_decompress,zstd_decompress_block}.c
compile lz4 "$lz4"/{lz4,lz4frame,lz4hc,xxhash}.c
compile zlib "$zlib"/{inflate,inftrees,inffast,adler32,crc32,zutil}.c
clang-14 "${flags[@]}" -I "$lz4" -I "$zlib" -c "$here/codecs.c" -o codecs.o
clang-14 "${target[@]}" -mexec-model=reactor ./*.o -o codecs.wasm \
  -Wl,--export=codec_open,--export=codec_reset,--export=codec_step,--export=codec_close \
  -Wl,--gc-sections,--strip-all,-z,stack-size=262144,--max-memory=536870912

node "$here/pack.mjs" codecs.wasm >codecModule.ts
if [ "${1:-}" = --check ]; then
  cmp codecModule.ts "$module" && echo 'engine/src/compress/codecModule.ts is current'
else
  cp codecModule.ts "$module"
  ls -l codecs.wasm "$module"
fi
