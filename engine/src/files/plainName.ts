/** The endings that people and programs give to encrypted files. */
const ENCRYPTED_ENDING = /\.(gpg|pgp|asc|enc|aes|aes256|openssl|ssl|sodium|p7m|p7|cms|smime|pkcs7|encrypted|crypt)$/i;

/** The name that a file has when it is decrypted; WAL-G gives encrypted objects no ending of their own. */
export function plainName(name: string): string {
  const plain = name.replace(ENCRYPTED_ENDING, '');
  return plain === '' ? name : plain;
}
