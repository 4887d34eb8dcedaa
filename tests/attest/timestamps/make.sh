#!/bin/sh
# Makes the tokens beside it anew with OpenSSL's own time stamp authority (3.0.19 on 2026-11-27). Keys are thrown away.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf 'the signature that was stamped' > stamped
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 36500 \
  -subj "/O=Example Trust/CN=Example Root" -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n' > extensions
for kind in rsa ec; do
  case $kind in rsa) new="rsa:2048" ;; ec) new="ec -pkeyopt ec_paramgen_curve:P-384" ;; esac
  # shellcheck disable=SC2086
  openssl req -newkey $new -nodes -keyout $kind.key -out $kind.csr -subj "/O=Example Trust/CN=Example Time $kind"
  openssl x509 -req -in $kind.csr -CA root.pem -CAkey root.key -CAcreateserial -days 36500 -extfile extensions -out $kind.pem
  cat > $kind.cnf <<CONFIG
[tsa]
default_tsa = authority
[authority]
serial = ./serial
signer_cert = ./$kind.pem
certs = ./root.pem
signer_key = ./$kind.key
signer_digest = sha384
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512
accuracy = secs:1, millisecs:500
tsa_name = yes
ess_cert_id_alg = sha256
CONFIG
  echo 1F > serial
  openssl ts -query -data stamped -sha256 -cert -out $kind.tsq
  openssl ts -reply -config $kind.cnf -queryfile $kind.tsq -token_out -out $kind.tst
  cp $kind.tst $kind.pem "$here"
done
cp root.pem stamped "$here"
