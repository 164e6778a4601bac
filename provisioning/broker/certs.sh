#!/bin/sh
# Certificates for a broker and its boards, with openssl. Everything is made in DIR; keys are readable by you alone.
#   sh provisioning/broker/certs.sh ca DIR                       the authority, once; ca.key stays off the broker
#   sh provisioning/broker/certs.sh server DIR NAME [NAME ...]   the broker's: every name and address boards dial
#   sh provisioning/broker/certs.sh board DIR SITE BOARD         a board's: CN is SITE/BOARD, which is also its rights
#   sh provisioning/broker/certs.sh board DIR SITE BOARD CSR     the same for a request made on the board (its key stays)
#   sh provisioning/broker/certs.sh request DIR SITE BOARD       on the board: a key and the request for it
#   sh provisioning/broker/certs.sh person DIR NAME              the collector's (NAME collector) or an operator's
# DAYS=825 in the environment sets how long what is signed is valid (the authority: ten years).
set -eu
umask 077

die() {
  echo "certs: $1" >&2
  exit 2
}

usage() {
  sed -n '3,8s/^# *//p' "$0" >&2
  exit 2
}

# A key for curve P-256: small, quick, understood by every TLS 1.2 library.
new_key() {
  [ ! -e "$1" ] || die "$1 is there already; no key is ever overwritten"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

id_ok() {
  printf '%s' "$1" | grep -Eq '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$' || die "$1: small letters a-z, digits and - only"
}

board_name() {
  id_ok "$1"
  id_ok "$2"
  name="$1/$2"
  [ "${#name}" -le 64 ] || die "$name: a certificate's name (CN) has at most 64 characters; choose shorter ids"
}

# request KEY NAME OUT
request() {
  openssl req -new -key "$1" -subj "/CN=$(printf '%s' "$2" | sed 's,/,\\/,g')" -out "$3"
}

# sign CSR OUT EXTENSIONS: the name is taken from the request, so it is looked at before
sign() {
  [ -e "$dir/ca.key" ] || die "$dir: no authority here yet: sh $0 ca $dir"
  printf '%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' "$3" >"$2.ext"
  openssl x509 -req -in "$1" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
    -days "${DAYS:-825}" -sha256 -extfile "$2.ext" -out "$2" 2>/dev/null
  rm -f "$2.ext"
}

client_ext='basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth'

[ $# -ge 2 ] || usage
what=$1
dir=$2
shift 2
mkdir -p "$dir"

case $what in
ca)
  new_key "$dir/ca.key"
  openssl req -x509 -new -key "$dir/ca.key" -subj "/CN=standpipe authority" -days 3650 -sha256 -out "$dir/ca.pem" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
  chmod 644 "$dir/ca.pem"
  echo "$dir/ca.pem goes to the broker, boards and operators; $dir/ca.key to none of them"
  ;;
server)
  [ $# -ge 1 ] || usage
  alt=
  for name in "$@"; do
    case $name in
    *[!0-9.]*) case $name in *:*) alt="$alt,IP:$name" ;; *) alt="$alt,DNS:$name" ;; esac ;;
    *) alt="$alt,IP:$name" ;;
    esac
  done
  new_key "$dir/server.key"
  request "$dir/server.key" "$1" "$dir/server.csr"
  sign "$dir/server.csr" "$dir/server.pem" "basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=${alt#,}"
  rm -f "$dir/server.csr"
  echo "$dir/server.pem and $dir/server.key go to the broker"
  ;;
request)
  [ $# -eq 2 ] || usage
  board_name "$1" "$2"
  new_key "$dir/board.key"
  request "$dir/board.key" "$name" "$dir/board.csr"
  echo "$dir/board.csr goes to the authority; $dir/board.key stays here"
  ;;
board)
  [ $# -eq 2 ] || [ $# -eq 3 ] || usage
  board_name "$1" "$2"
  out="$dir/$1.$2"
  if [ $# -eq 3 ]; then
    openssl req -in "$3" -noout -verify 2>/dev/null || die "$3: no request, or not signed with its own key"
    said=$(openssl req -in "$3" -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= //p')
    [ "$said" = "$name" ] || die "$3 asks for the name $said, not $name"
    sign "$3" "$out.pem" "$client_ext"
  else
    new_key "$out.key"
    request "$out.key" "$name" "$out.csr"
    sign "$out.csr" "$out.pem" "$client_ext"
    rm -f "$out.csr"
  fi
  echo "$out.pem: [uplink] cert of board $name"
  ;;
person)
  [ $# -eq 1 ] || usage
  id_ok "$1"
  new_key "$dir/$1.key"
  request "$dir/$1.key" "$1" "$dir/$1.csr"
  sign "$dir/$1.csr" "$dir/$1.pem" "$client_ext"
  rm -f "$dir/$1.csr"
  if [ "$1" = collector ]; then
    echo "$dir/collector.pem, $dir/collector.key: standpipe collect --ca ca.pem --cert collector.pem --key collector.key"
  else
    echo "$dir/$1.pem, $dir/$1.key: standpipe command --ca ca.pem --cert $1.pem --cert-key $1.key"
    echo "and in the broker's acl (a site's name instead of + keeps $1 to that site):"
    printf 'user %s\ntopic write standpipe/+/+/command\ntopic read standpipe/+/+/presence\n' "$1"
    printf 'topic read standpipe/+/+/result\ntopic read standpipe/+/+/state/#\n'
  fi
  ;;
*) usage ;;
esac
