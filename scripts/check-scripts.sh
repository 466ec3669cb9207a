#!/usr/bin/env bash
# Checks every shell script with shellcheck, every Dockerfile with hadolint, and every Python file for syntax.
set -euo pipefail
cd "$(dirname "$0")/.."
lint=$(./scripts/tools.sh lint)

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
"$lint/shellcheck" --severity=style "${scripts[@]}"

mapfile -t images < <(git ls-files '*Dockerfile')
"$lint/hadolint" "${images[@]}"

mapfile -t programs < <(git ls-files '*.py')
for program in "${programs[@]}"; do
  python3 - "$program" <<'PYTHON'
import ast
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    ast.parse(file.read(), sys.argv[1])
PYTHON
done
echo "checked ${#scripts[@]} shell scripts, ${#images[@]} Dockerfiles and ${#programs[@]} Python files"
