/* What libsodium itself makes of a stream as WAL-G writes it: reads stdin, writes nothing when decrypting to /dev/null.
 * Usage: secretstream encrypt|decrypt KEYFILE < IN > OUT; the key file holds 32 bytes. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 8192
#define OVERHEAD crypto_secretstream_xchacha20poly1305_ABYTES
/* As many chunks at a time as fit in half a megabyte: a fair program does not call the system for every chunk. */
#define CHUNKS 64

static unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
static unsigned char header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
static unsigned char plain[CHUNKS * CHUNK];
static unsigned char sealed[CHUNKS * (CHUNK + OVERHEAD)];

static int encrypt(void) {
  crypto_secretstream_xchacha20poly1305_state state;
  crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
  if (fwrite(header, 1, sizeof header, stdout) != sizeof header) return 1;
  for (;;) {
    size_t length = fread(plain, 1, sizeof plain, stdin), done = 0, filled = 0;
    int is_last = length < sizeof plain;
    while (length - done >= CHUNK) {
      crypto_secretstream_xchacha20poly1305_push(&state, sealed + filled, NULL, plain + done, CHUNK, NULL, 0, 0);
      done += CHUNK;
      filled += CHUNK + OVERHEAD;
    }
    if (is_last) {
      crypto_secretstream_xchacha20poly1305_push(&state, sealed + filled, NULL, plain + done, length - done, NULL, 0,
                                                 crypto_secretstream_xchacha20poly1305_TAG_FINAL);
      filled += length - done + OVERHEAD;
    }
    if (fwrite(sealed, 1, filled, stdout) != filled) return 1;
    if (is_last) return 0;
  }
}

static int decrypt(void) {
  crypto_secretstream_xchacha20poly1305_state state;
  if (fread(header, 1, sizeof header, stdin) != sizeof header) return 1;
  if (crypto_secretstream_xchacha20poly1305_init_pull(&state, header, key)) return 1;
  for (;;) {
    size_t length = fread(sealed, 1, sizeof sealed, stdin), done = 0, filled = 0;
    unsigned char tag = 0;
    if (length == 0) return 1;
    while (done < length) {
      size_t chunk = length - done < CHUNK + OVERHEAD ? length - done : CHUNK + OVERHEAD;
      if (crypto_secretstream_xchacha20poly1305_pull(&state, plain + filled, NULL, &tag, sealed + done, chunk, NULL, 0)) return 1;
      done += chunk;
      filled += chunk - OVERHEAD;
    }
    if (fwrite(plain, 1, filled, stdout) != filled) return 1;
    if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) return 0;
  }
}

int main(int count, char **arguments) {
  FILE *file;
  if (count != 3 || sodium_init() < 0) return 2;
  file = fopen(arguments[2], "rb");
  if (!file || fread(key, 1, sizeof key, file) != sizeof key) return 2;
  fclose(file);
  return strcmp(arguments[1], "encrypt") == 0 ? encrypt() : decrypt();
}
