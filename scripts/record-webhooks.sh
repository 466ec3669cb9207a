#!/usr/bin/env bash
# Records anew what real Alertmanagers post to the webhook: scripts/record-webhooks.sh
#
# Writes tests/data/alertmanager/VERSION/*.json, byte for byte as received. Look at `git diff` afterwards: the tests
# read these files, and a change means that Alertmanager, or the alerts that record.py posts, changed.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/tools.sh stack stack-old >/dev/null
for version in 0.25 0.33; do
  mkdir -p "tests/data/alertmanager/$version"
  python3 tests/e2e/record.py "$version" "tests/data/alertmanager/$version"
done
