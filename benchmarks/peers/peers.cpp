#include <peers/peers.hpp>

namespace qlinear::benchmark {

TimedCases make_peers() {
  TimedCases cases;
  add_two_read_quantize(cases);
#ifdef QLINEAR_BENCHMARK_CUBLASLT
  add_cublaslt_bf16(cases);
  add_cublaslt_int8(cases);
#endif
#ifdef QLINEAR_BENCHMARK_CUTLASS
  add_cutlass_int8(cases);
#endif
  add_portable(cases);
  return cases;
}

}  // namespace qlinear::benchmark
