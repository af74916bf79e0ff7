// Encrypts stdin to stdout with OpenPGP by the call that WAL-G makes: go-crypto with a nil configuration, for the keys
// of the armored file that the first argument names.
package main

import (
	"io"
	"log"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("walg-openpgp: ")
	if len(os.Args) != 2 {
		log.Fatal("the first argument must name an armored key")
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	keyring, err := openpgp.ReadArmoredKeyRing(file)
	if err != nil {
		log.Fatal(err)
	}
	writer, err := openpgp.Encrypt(os.Stdout, keyring, nil, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(writer, os.Stdin); err != nil {
		log.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		log.Fatal(err)
	}
}
