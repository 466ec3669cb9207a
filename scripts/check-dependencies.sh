#!/usr/bin/env bash
# Checks the dependencies: licences, sources, duplicates, and known vulnerabilities where their database is reached.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=${XDG_CACHE_HOME:-$HOME/.cache}/autolog/tools/bin:$PATH

# Nothing builds these two every day, so their locks would fall behind the service's own.
for part in bench fuzz; do
  cargo update --quiet --locked --workspace --manifest-path "$part/Cargo.toml"
done

cargo deny --locked --log-level error check bans licenses sources

# The database of vulnerabilities is a repository on the internet, which not every build machine reaches.
database=https://github.com/RustSec/advisory-db
if timeout 20 git ls-remote --exit-code "$database" HEAD >/dev/null 2>&1; then
  cargo deny --locked --log-level error check advisories
else
  echo "NOT CHECKED: advisories, since $database cannot be reached from here" >&2
fi
