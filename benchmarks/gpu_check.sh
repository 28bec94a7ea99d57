#!/usr/bin/env bash
# Everything that only a GPU can show, in one command:
#
#   gpu_check.sh BINARIES OUTPUT [STAGE...]
#
# BINARIES  a directory with the test programs and qlinear_bench at any depth, such as a build
#           directory or one copied from another machine; --build compiles them first (build/gpu).
# OUTPUT    where logs and results go.
# STAGE     of: suite sanitizer soak bench tune torch ncu; all of them by default.
#
# Each stage has a time limit, which STAGE_SECONDS overrides; SANITIZER_TOOLS="memcheck racecheck"
# and QLINEAR_SOAK_CASES=10000 do what they say. A stage that fails keeps no other from running.
# The summary at the end, also in OUTPUT/summary.txt, says what became of each; the exit code counts
# the failures. Clocks and other settings of the GPU are left as they are.

set -uo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly source_dir
readonly all_stages=(suite sanitizer soak bench tune torch ncu)
declare -rA default_seconds=(
  [suite]=300 [sanitizer]=560 [soak]=300 [bench]=900 [tune]=1500 [torch]=420 [ncu]=180)

usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
}

say() { printf '== %s\n' "$*"; }

build() {
  local architecture
  architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
  [[ $architecture == 90 ]] && architecture=90a
  cmake -S "$source_dir" -B "$source_dir/build/gpu" -DCMAKE_BUILD_TYPE=Release \
    -DQLINEAR_DEVICE=cuda "-DQLINEAR_CUDA_ARCHITECTURES=$architecture-real" \
    -DQLINEAR_BUILD_TESTS=ON -DQLINEAR_BUILD_BENCHMARKS=ON &&
    cmake --build "$source_dir/build/gpu" --parallel "$(nproc)"
}

# The path of a program under BINARIES.
program() {
  local found
  found=$(find "$binaries" -type f -name "$1" -perm -u+x | head -n 1)
  [[ -n $found ]] || { echo "no program $1 under $binaries" >&2; return 1; }
  echo "$found"
}

test_programs() { find "$binaries" -type f -name '*_test' -perm -u+x | sort; }

# Copied binaries find cuBLASLt and Google Benchmark beside them, in the toolkit, or in PyTorch.
add_library_paths() {
  local from_python
  from_python=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null)
  export LD_LIBRARY_PATH="$binaries:$binaries/lib:${LD_LIBRARY_PATH:-}:/usr/local/cuda/lib64"
  [[ -n $from_python ]] && LD_LIBRARY_PATH+=":$from_python/cu13/lib:$from_python/cublas/lib"
}

stage_suite() {
  local failed=0 test hidden tests
  mapfile -t tests < <(test_programs)
  ((${#tests[@]})) || { echo "no test programs under $binaries" >&2; return 1; }
  for test in "${tests[@]}"; do
    echo "-- $(basename "$test")"
    hidden=()  # A test of machines without a GPU sees none.
    [[ $test == */no_gpu_test ]] && hidden=(CUDA_VISIBLE_DEVICES=)
    env "${hidden[@]}" "$test" --gtest_brief=1 || failed=1
  done
  return "$failed"
}

# A part of the suite that reaches every kernel, since the tools slow kernels down a hundredfold.
sanitized_runs=(
  "gemm_kernels_test GemmDepths.*:GemmExtremes.*"
  "quantize_kernels_test QuantizeFills.*:QuantizeLongRows.*"
  "plan_test *"
  "stream_test Graph.*"
  "soak_test *")

stage_sanitizer() {
  local failed=0 tool run test filter
  export QLINEAR_SOAK_CASES=${QLINEAR_SOAK_CASES:-40}
  for tool in ${SANITIZER_TOOLS:-memcheck racecheck synccheck initcheck}; do
    for run in "${sanitized_runs[@]}"; do
      read -r test filter <<<"$run"
      echo "-- $tool: $test $filter"
      test=$(program "$test") || { failed=1; continue; }
      compute-sanitizer --tool "$tool" --error-exitcode 1 --print-limit 20 \
        "$test" --gtest_brief=1 "--gtest_filter=$filter" || failed=1
    done
  done
  return "$failed"
}

stage_soak() {
  local test
  test=$(program soak_test) || return 1
  QLINEAR_SOAK_CASES=${QLINEAR_SOAK_CASES:-10000} "$test"
}

stage_bench() {
  local bench
  bench=$(program qlinear_bench) || return 1
  "$bench" --benchmark_out_format=json "--benchmark_out=$output/bench.json"
}

stage_tune() {
  local bench
  bench=$(program qlinear_bench) || return 1
  "$bench" --tune --benchmark_out_format=json "--benchmark_out=$output/tune.json"
}

stage_torch() {
  python3 "$source_dir/benchmarks/peers/torch_peers.py" --output "$output/torch.json"
}

# Counters of the kernels that the library chooses for a decode, a middle and a prefill problem.
stage_ncu() {
  local bench m kernel report failed=0
  bench=$(program qlinear_bench) || return 1
  for m in 1 128 4096; do
    for kernel in quantize gemm; do
      report=$output/ncu_${kernel}_m$m
      ncu --clock-control none --set full --force-overwrite --export "$report" \
        --kernel-name "regex:$kernel" --launch-count 2 \
        "$bench" --shapes=70b_o "--m=$m" --peers=none --rates=4e12,4e12,1e15 --row-ms=1 \
        --benchmark_filter=qlinear_linear || failed=1
      ncu --import "$report.ncu-rep" --page details >"$report.txt" || failed=1
    done
  done
  return "$failed"
}

# Runs one stage in a process of its own, so that its time limit ends all it started.
run_stage() {
  local stage=$1 seconds=${STAGE_SECONDS:-${default_seconds[$1]}} start=$SECONDS status
  say "$stage (at most $seconds s)"
  timeout --kill-after=10 "$seconds" bash "${BASH_SOURCE[0]}" --stage "$stage" "$binaries" \
    "$output" 2>&1 | tee "$output/$stage.log"
  status=${PIPESTATUS[0]}
  case $status in
    0) echo "$stage: passed in $((SECONDS - start)) s" >>"$output/summary.txt" ;;
    124 | 137) echo "$stage: STOPPED after $seconds s" >>"$output/summary.txt" ;;
    *) echo "$stage: FAILED with status $status" >>"$output/summary.txt" ;;
  esac
  return "$status"
}

if [[ ${1:-} == --stage ]]; then
  binaries=$3 output=$4
  "stage_$2"
  exit
fi

(($# >= 2)) || usage
binaries=$1
output=$2
stages=("${@:3}")
((${#stages[@]})) || stages=("${all_stages[@]}")
for stage in "${stages[@]}"; do
  [[ -n ${default_seconds[$stage]:-} ]] || usage
done
mkdir -p "$output" && output=$(cd "$output" && pwd)
if [[ $binaries == --build ]]; then
  say "build"
  build 2>&1 | tee "$output/build.log" || exit 1
  binaries=$source_dir/build/gpu
fi
binaries=$(cd "$binaries" && pwd) || exit 2
add_library_paths

{
  nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.draw --format=csv
  date --iso-8601=seconds
} | tee "$output/summary.txt"
failures=0
for stage in "${stages[@]}"; do
  run_stage "$stage" || failures=$((failures + 1))
done
say "summary"
cat "$output/summary.txt"
exit "$failures"
