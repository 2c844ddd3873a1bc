#!/usr/bin/env bash
# The certificates of the tests: an authority, a server that it vouches for, and one with another name. They guard nothing,
# and are valid for a hundred years so that nobody has to come back.
set -euo pipefail
cd "$(dirname "$0")"
authority=$(mktemp -d)
trap 'rm -r "$authority"' EXIT
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

key "$authority/key"
openssl req -x509 -new -key "$authority/key" -days 36500 -subj "/CN=loadgen test authority" -out authority.pem \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
key server.key
sign() { # FILE NAMES
  openssl req -new -key server.key -subj "/CN=loadgen test server" |
    openssl x509 -req -CA authority.pem -CAkey "$authority/key" -days 36500 -out "$1" -extfile <(
      printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n'
      printf 'subjectAltName=%s\n' "$2"
    )
}
sign server.pem DNS:localhost,IP:127.0.0.1
sign other.pem DNS:elsewhere.example
