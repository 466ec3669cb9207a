#!/bin/sh
# Renders alertmanager.yml with what .env says, and becomes Alertmanager: start.sh FLAGS…
# Alertmanager itself expands no variables. Its image has this shell and an awk, but no bash.
set -eu
umask 077
folder=$(dirname "$0")
config=${TMPDIR:-/tmp}/alertmanager.yml
LC_ALL=C awk -f "$folder/render.awk" "$folder/alertmanager.yml" >"$config"
exec alertmanager --config.file="$config" "$@"
