// One face for the decoders of zstd, lz4 and zlib, as WebAssembly sees it: open, step until the input is used up,
// close. The libraries are Debian's; build.sh says which, and how this becomes engine/src/compress/codecModule.ts.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LZ4F_STATIC_LINKING_ONLY
#include "lz4frame_static.h"
#include "zlib.h"
#include "zstd.h"
#include "zstd_errors.h"

enum kind { ZSTD = 1, LZ4 = 2, GZIP = 3, ZLIB = 4 };

enum status {
  MORE = 0,
  /** The frame, stream or member has come to its end; what is left of the input was not looked at. */
  END = 1,
  DAMAGED = 2,
  /** A checksum over the contents, or over a block as it is stored. */
  WRONG_CHECKSUM = 3,
  WRONG_SIZE = 4,
  WINDOW_TOO_LARGE = 5,
  NO_MEMORY = 6,
};

/** The first six words are read and written by the caller. */
struct codec {
  uint8_t *input;
  uint32_t inputBytes;
  uint32_t inputUsed;
  uint8_t *output;
  uint32_t outputBytes;
  uint32_t outputFilled;
  enum kind kind;
  int isOpen;
  ZSTD_DCtx *zstd;
  LZ4F_dctx *lz4;
  z_stream zlib;
};

void codec_close(struct codec *codec);

/** Begins a new input; whatever came of the one before. Returns a status. */
int codec_reset(struct codec *codec) {
  codec->inputUsed = codec->inputBytes = codec->outputFilled = 0;
  switch (codec->kind) {
    case ZSTD:
      ZSTD_DCtx_reset(codec->zstd, ZSTD_reset_session_only);
      return MORE;
    case LZ4:
      LZ4F_resetDecompressionContext(codec->lz4);
      return MORE;
    default:
      return inflateReset(&codec->zlib) == Z_OK ? MORE : NO_MEMORY;
  }
}

/** 0 when there is no memory. */
struct codec *codec_open(enum kind kind, uint32_t inputBytes, uint32_t outputBytes) {
  struct codec *codec = calloc(1, sizeof *codec);
  if (codec == NULL) return NULL;
  codec->kind = kind;
  codec->outputBytes = outputBytes;
  codec->input = malloc(inputBytes);
  codec->output = malloc(outputBytes);
  int isMade = codec->input != NULL && codec->output != NULL;
  if (kind == ZSTD) isMade = isMade && (codec->zstd = ZSTD_createDCtx()) != NULL;
  if (kind == LZ4) isMade = isMade && !LZ4F_isError(LZ4F_createDecompressionContext(&codec->lz4, LZ4F_VERSION));
  if (kind == GZIP || kind == ZLIB) {
    codec->isOpen = inflateInit2(&codec->zlib, kind == GZIP ? 15 + 16 : 15) == Z_OK;
    isMade = isMade && codec->isOpen;
  }
  if (isMade && codec_reset(codec) == MORE) return codec;
  codec_close(codec);
  return NULL;
}

void codec_close(struct codec *codec) {
  ZSTD_freeDCtx(codec->zstd);
  LZ4F_freeDecompressionContext(codec->lz4);
  if (codec->isOpen) inflateEnd(&codec->zlib);
  free(codec->input);
  free(codec->output);
  free(codec);
}

static int zstdStatus(size_t result) {
  if (!ZSTD_isError(result)) return result == 0 ? END : MORE;
  switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_checksum_wrong:
      return WRONG_CHECKSUM;
    case ZSTD_error_frameParameter_windowTooLarge:
      return WINDOW_TOO_LARGE;
    case ZSTD_error_memory_allocation:
      return NO_MEMORY;
    default:
      return DAMAGED;
  }
}

static int lz4Status(size_t result) {
  if (!LZ4F_isError(result)) return result == 0 ? END : MORE;
  switch (LZ4F_getErrorCode(result)) {
    case LZ4F_ERROR_blockChecksum_invalid:
    case LZ4F_ERROR_contentChecksum_invalid:
      return WRONG_CHECKSUM;
    case LZ4F_ERROR_frameSize_wrong:
      return WRONG_SIZE;
    case LZ4F_ERROR_allocation_failed:
      return NO_MEMORY;
    default:
      return DAMAGED;
  }
}

/** Works until the input is used up, the output is full, or something is to be told. Returns a status. */
int codec_step(struct codec *codec) {
  const uint32_t inputLeft = codec->inputBytes - codec->inputUsed;
  switch (codec->kind) {
    case ZSTD: {
      ZSTD_inBuffer input = {codec->input, codec->inputBytes, codec->inputUsed};
      ZSTD_outBuffer output = {codec->output, codec->outputBytes, 0};
      const size_t result = ZSTD_decompressStream(codec->zstd, &output, &input);
      codec->inputUsed = input.pos;
      codec->outputFilled = output.pos;
      return zstdStatus(result);
    }
    case LZ4: {
      size_t used = inputLeft;
      size_t filled = codec->outputBytes;
      const size_t result =
          LZ4F_decompress(codec->lz4, codec->output, &filled, codec->input + codec->inputUsed, &used, NULL);
      codec->inputUsed += used;
      codec->outputFilled = filled;
      return lz4Status(result);
    }
    default: {
      z_stream *stream = &codec->zlib;
      stream->next_in = codec->input + codec->inputUsed;
      stream->avail_in = inputLeft;
      stream->next_out = codec->output;
      stream->avail_out = codec->outputBytes;
      const int result = inflate(stream, Z_NO_FLUSH);
      codec->inputUsed = codec->inputBytes - stream->avail_in;
      codec->outputFilled = codec->outputBytes - stream->avail_out;
      if (result == Z_STREAM_END) return END;
      if (result == Z_MEM_ERROR) return NO_MEMORY;
      return result == Z_OK || result == Z_BUF_ERROR ? MORE : DAMAGED;
    }
  }
}
