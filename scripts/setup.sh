#!/usr/bin/env bash
# Prepares the stack: writes .env and the files of secrets with random values. Then: docker compose up -d
#
#   scripts/setup.sh [--help]
#
# Run it as often as you like. It overwrites nothing: settings that .env lacks are added at its end, files that are
# missing are written, all else is left as it is. SECRETS_DIR (in the environment or in .env; ./secrets) is the folder.
# To change a secret, write into its file and restart who reads it; or delete the file and run this again.
#
# The folder is closed to all but its owner. The files in it are readable to all, because each container mounts its own
# and reads it as a user of its own. What they mount of this tree is made readable to all as well.
set -euo pipefail

say() { printf '%s\n' "setup: $*"; }
die() { printf '%s\n' "setup: $*" >&2; exit 1; }

case ${1:-} in
  '') ;;
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  *) die "unknown argument $1; try --help" ;;
esac

cd "$(dirname "$0")/.."
umask 077
# shellcheck source=scripts/stack/settings.sh
source scripts/stack/settings.sh

# Copies .env.example, or adds the settings that .env does not name, not even in a comment.
write_env() {
  local line name added=
  if [[ ! -e .env ]]; then
    cp .env.example .env
    chmod 600 .env
    say "wrote .env"
    return
  fi
  while IFS= read -r line; do
    name=${line%%=*}
    grep -qE "^[[:space:]]*#?[[:space:]]*(export[[:space:]]+)?${name}[[:space:]]*[=:]" .env && continue
    [[ -z $(tail -c 1 .env) ]] || printf '\n' >>.env
    [[ -n $added ]] || printf '\n# Added by scripts/setup.sh; .env.example says what they mean.\n' >>.env
    printf '%s\n' "$line" >>.env
    added+=" $name"
  done < <(grep -E '^[A-Z_]+=' .env.example)
  say "left .env as it was${added:+, but for what it lacked:$added}"
}

random() {
  local hex
  hex=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')
  [[ ${#hex} == 64 ]] || die "/dev/urandom gives no random bytes"
  printf '%s\n' "$hex"
}

operator_tokens() {
  local token
  token=$(random)
  printf 'admin:%s\n' "$token"
}

# The exporter takes passwords by the address that it asks.
exporter_password() {
  local password
  password=$(random)
  printf '{"redis://exporter@redis:6379": "%s"}\n' "$password"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

# Redis knows the passwords of its users by their digests.
redis_users() {
  local autolog exporter
  autolog=$(tr -d '\n' <"$folder/redis_password" | sha256)
  exporter=$(sed -E 's/.*"([^"]*)"\}$/\1/' "$folder/redis_exporter_password" | tr -d '\n' | sha256)
  sed "s/#PASSWORD_OF_AUTOLOG/#$autolog/; s/#PASSWORD_OF_EXPORTER/#$exporter/" stack/redis/users.acl
}

# Writes what a command prints to a secret file, unless there is one: secret NAME COMMAND
secret() {
  local file=$folder/$1
  if [[ -e $file ]]; then
    [[ -f $file ]] || die "$file is no file; remove it and run this again"
    [[ -s $file || $2 == : ]] || die "$file is empty; write a secret into it, or remove it, and run this again"
    kept+=" $1"
    [[ -n $(find "$file" -perm -444) ]] || { chmod a+r "$file"; say "made $file readable to the containers"; }
    return
  fi
  [[ -w $folder ]] || die "cannot write $1 into $folder"
  "$2" >"$folder/.new"
  chmod 444 "$folder/.new"
  mv -n "$folder/.new" "$file"
  wrote+=" $1"
}

write_secrets() {
  local wrote='' kept=''
  mkdir -p "$folder" || die "cannot make the folder $folder for the secrets"
  [[ -n $(find "$folder" -maxdepth 0 -perm 700) ]] || chmod 700 "$folder" || die "cannot close $folder to other users"
  [[ ! -e $folder/.new ]] || rm -f "$folder/.new"
  secret autolog_webhook_secret random
  secret autolog_operator_tokens operator_tokens
  secret autolog_app_tokens random
  secret redis_password random
  secret redis_exporter_password exporter_password
  secret redis_users redis_users
  secret grafana_admin_password random
  secret smtp_password :
  [[ -z $wrote ]] || say "wrote in $folder:$wrote"
  [[ -z $kept ]] || say "left in $folder as they were:$kept"
  [[ $(redis_users) == "$(<"$folder/redis_users")" ]] ||
    say "$folder/redis_users is not what stack/redis/users.acl and the two passwords make; to renew it, delete it," \
      "run this again, and restart redis"
}

report() {
  local address host
  address=$(setting BIND_ADDRESS 127.0.0.1)
  host=$(setting DOMAIN localhost)
  cat <<TEXT

Next: docker compose up -d

Grafana     https://$host/ as admin, password in $folder/grafana_admin_password
API         http://$address:5000, and https://$host/api/autolog/
            operator's token in $folder/autolog_operator_tokens (after "admin:")
            applications' token in $folder/autolog_app_tokens
Telemetry   OTLP to $address:4317 (gRPC) or :4318 (HTTP)
Settings    .env; what they mean: docs/stack.md
TEXT
  [[ -n $(setting SMTP_SMARTHOST) ]] || printf '\nNo e-mail is sent: SMTP_SMARTHOST is not set.\n'
  [[ -n $(setting WATCHDOG_WEBHOOK_URL) ]] || printf '\n%s\n%s\n' \
    "No external dead man's switch is set: if this machine or its alerting dies, nobody is told." \
    "Set WATCHDOG_WEBHOOK_URL."
}

[[ ! -e .env || -f .env && -r .env ]] || die ".env is no file that can be read"
write_env
opened=$(open_mounts)
[[ -z $opened ]] || say "made readable to the containers:$opened"
folder=$(secrets_folder)
write_secrets
report
