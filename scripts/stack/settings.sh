# shellcheck shell=bash
# What the settings of the stack are, for the scripts in it.

# Prints what docker compose takes for a setting, or the default: setting NAME [DEFAULT]
# The environment wins over .env, in which a value may stand between quotes and have a comment after it.
setting() {
  local value
  value=$(printenv "$1") || value=$(in_env "$1")
  printf '%s\n' "${value:-${2:-}}"
}

# Prints the value of a name in .env, read as Compose reads it; the last one counts.
in_env() {
  [[ " ${reading:-} " != *" $1 "* ]] || return 0  # a value that names itself
  local reading="${reading:-} $1" value quoted='^"(([^"\]|\\.)*)"' mark=$'\xef\xbb\xbf'
  value=$(sed -nE "1s/^$mark//; s/\r$//; s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:][[:space:]]*//p" .env 2>/dev/null |
    tail -n 1) || true
  if [[ $value == \'*\'* ]]; then
    value=${value#\'}
    printf '%s\n' "${value%%\'*}"
  elif [[ $value =~ $quoted ]]; then
    expand "${BASH_REMATCH[1]}" \\
  else
    expand "$(sed -E 's/[[:space:]]+#.*//; s/[[:space:]]+$//' <<<"$value")" ''
  fi
}

# Puts values in the place of $NAME and ${NAME}; a character after the escape, if there is one, stands for itself:
# expand TEXT ESCAPE
expand() {
  # shellcheck disable=SC2016  # a pattern
  local rest=$1 escape=$2 done='' name='^\$(\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))'
  while [[ -n $rest ]]; do
    if [[ -n $escape && $rest == "$escape"?* || $rest == \$\$* ]]; then
      done+=${rest:1:1} rest=${rest:2}
    elif [[ $rest =~ $name ]]; then
      done+=$(setting "${BASH_REMATCH[2]}${BASH_REMATCH[3]}") rest=${rest:${#BASH_REMATCH[0]}}
    else
      done+=${rest:0:1} rest=${rest:1}
    fi
  done
  printf '%s\n' "$done"
}

# Prints the folder of the secrets; as for Compose, it may begin with ~/.
secrets_folder() {
  local folder
  folder=$(setting SECRETS_DIR ./secrets)
  if [[ $folder == *\$\{* ]]; then
    printf '%s\n' "${0##*/}: SECRETS_DIR: write \${NAME} without anything else between the braces" >&2
    return 1
  fi
  if [[ $folder == \~/* ]]; then folder=~/${folder:2}; fi
  printf '%s\n' "$folder"
}

# Lets every user read what the containers mount from here: each reads as a user of its own, and a strict umask closes
# what git writes. Prints what was closed.
open_mounts() {
  local folder
  while IFS= read -r folder; do
    [[ -z $(find "$folder" \( -type d ! -perm -555 -o -type f ! -perm -444 \) 2>/dev/null) ]] && continue
    chmod -R a+rX "$folder"
    printf ' %s' "$folder"
  done < <(grep -oE '\./[^:"]+:/[^:]+:ro' docker-compose.yml | cut -d : -f 1 | sort -u)
}
