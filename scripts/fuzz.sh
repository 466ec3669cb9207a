#!/usr/bin/env bash
# Fuzzes everything that reads what others wrote: scripts/fuzz.sh [TARGET…]
#
# Each target runs for FUZZ_SECONDS (120), from the seeds in fuzz/seeds and from what earlier runs have found, which is
# kept in target/fuzz. A failing input is written there too, and named at the end; a test beside the code should keep it.
# cargo-fuzz wants the compiler's unstable switches: RUSTC_BOOTSTRAP lets the stable one take them.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$(./scripts/tools.sh fuzz):$PATH
export RUSTC_BOOTSTRAP=1

mapfile -t targets < <(cd fuzz/targets && printf '%s\n' *.rs | sed 's/\.rs$//')
(($#)) && targets=("$@")
# nothing here is unsafe code, so no sanitizer would find what the assertions do not
options=(--fuzz-dir fuzz --sanitizer none --target-dir target/fuzz/build)
cargo fuzz build "${options[@]}"
for target in "${targets[@]}"; do
  seeds=("fuzz/seeds/$target")
  [[ $target == webhook ]] && seeds+=(tests/data/alertmanager/0.25 tests/data/alertmanager/0.33)
  corpus=target/fuzz/corpus/$target
  mkdir -p "$corpus" target/fuzz/failures
  log=target/fuzz/$target.log
  cargo fuzz run "${options[@]}" "$target" "$corpus" "${seeds[@]}" -- \
    -max_total_time="${FUZZ_SECONDS:-120}" -timeout=5 -max_len=16384 -artifact_prefix="$PWD/target/fuzz/failures/$target-" \
    >"$log" 2>&1 || { tail -n 40 "$log" >&2; echo "fuzz: $target failed" >&2; exit 1; }
  sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/fuzz: '"$target"': \1 inputs in \2 s, none failed/p' "$log"
done
