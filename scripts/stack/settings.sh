# shellcheck shell=bash
# What the settings of the stack are, for the scripts in it.

# Prints what docker compose takes for a setting, or the default: setting NAME [DEFAULT]
# The environment wins over .env, in which a value may stand between quotes and have a comment after it.
setting() {
  local value
  value=$(printenv "$1") ||
    value=$(sed -nE "s/\r$//; s/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*[=:][[:space:]]*//p" .env 2>/dev/null | tail -n 1 |
      sed -E "s/^'([^']*)'.*/\1/; t; s/^\"([^\"]*)\".*/\1/; t; s/[[:space:]]+#.*//; s/[[:space:]]+$//") || true
  printf '%s\n' "${value:-${2:-}}"
}

# Prints the folder of the secrets; as for Compose, it may begin with ~/.
secrets_folder() {
  local folder
  folder=$(setting SECRETS_DIR ./secrets)
  if [[ $folder == \~/* ]]; then folder=~/${folder:2}; fi
  printf '%s\n' "$folder"
}
