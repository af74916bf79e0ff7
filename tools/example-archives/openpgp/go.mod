module restorable.example/walg-openpgp

go 1.22.0

require github.com/ProtonMail/go-crypto v1.3.0

require (
	github.com/cloudflare/circl v1.6.0 // indirect
	golang.org/x/crypto v0.33.0 // indirect
	golang.org/x/sys v0.30.0 // indirect
)
