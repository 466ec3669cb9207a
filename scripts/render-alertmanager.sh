#!/usr/bin/env bash
# Renders alertmanager/alertmanager.yml for Alertmanager before 0.28, which cannot send X-Webhook-Secret:
#
#   scripts/render-alertmanager.sh          writes alertmanager/alertmanager-bearer.yml
#   scripts/render-alertmanager.sh --check  fails when that file is not what would be written
set -euo pipefail
cd "$(dirname "$0")/../alertmanager"

# The secret goes as Authorization: Bearer, which autolog takes as well; all else is copied.
render() {
  awk '
    NR == 1 { print "# Written by scripts/render-alertmanager.sh from alertmanager.yml: edit that file."; print "#" }
    /^ *http_headers:$/ { indent = $0; sub(/http_headers:$/, "", indent); next }
    /^ *X-Webhook-Secret:$/ { next }
    /^ *files: \[.*\]$/ {
      sub(/^ *files: \[/, ""); sub(/\]$/, "")
      print indent "authorization:"; print indent "  type: Bearer"; print indent "  credentials_file: " $0
      rendered++
      next
    }
    { print }
    END { exit rendered == 1 ? 0 : 1 }
  ' alertmanager.yml
}

case ${1:-} in
  --check) diff -u alertmanager-bearer.yml <(render) ;;
  '') render >alertmanager-bearer.yml ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
