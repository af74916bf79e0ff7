/*
 * Encrypts stdin to stdout as WAL-G does with libsodium: a 24-byte header, chunks of 8192 bytes of plaintext tagged as
 * messages, and a last one of 0 to 8191 bytes tagged as final. The first argument names a file with 64 hex digits.
 *
 * cc -O2 -o walg-sodium walg-sodium.c -lsodium
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { chunk_bytes = 8192 };

static int read_key(const char *path, unsigned char key[static crypto_secretstream_xchacha20poly1305_KEYBYTES]) {
  char hex[2 * crypto_secretstream_xchacha20poly1305_KEYBYTES + 1];
  FILE *file = fopen(path, "r");
  size_t length;
  if (file == NULL) return -1;
  length = fread(hex, 1, sizeof hex - 1, file);
  fclose(file);
  size_t key_length = 0;
  if (sodium_hex2bin(key, crypto_secretstream_xchacha20poly1305_KEYBYTES, hex, length, NULL, &key_length, NULL) != 0) return -1;
  return key_length == crypto_secretstream_xchacha20poly1305_KEYBYTES ? 0 : -1;
}

int main(int count, char **arguments) {
  unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
  unsigned char header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
  unsigned char plain[chunk_bytes];
  unsigned char sealed[chunk_bytes + crypto_secretstream_xchacha20poly1305_ABYTES];
  crypto_secretstream_xchacha20poly1305_state state;

  if (sodium_init() < 0) return 1;
  if (count != 2 || read_key(arguments[1], key) != 0) {
    fputs("walg-sodium: the first argument must name a file with 64 hex digits\n", stderr);
    return 2;
  }
  crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
  fwrite(header, 1, sizeof header, stdout);
  for (;;) {
    size_t length = fread(plain, 1, chunk_bytes, stdin);
    unsigned char tag = length < chunk_bytes ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                             : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    unsigned long long sealed_length = 0;
    crypto_secretstream_xchacha20poly1305_push(&state, sealed, &sealed_length, plain, length, NULL, 0, tag);
    fwrite(sealed, 1, (size_t)sealed_length, stdout);
    if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) break;
  }
  sodium_memzero(key, sizeof key);
  return ferror(stdin) || fflush(stdout) != 0 ? 1 : 0;
}
