#include <peers/peers.hpp>

namespace qlinear::benchmark {

Subjects make_peers() {
  Subjects subjects;
  add_two_read_quantize(subjects);
#ifdef QLINEAR_BENCHMARK_CUBLASLT
  add_cublaslt_bf16(subjects);
  add_cublaslt_int8(subjects);
#endif
#ifdef QLINEAR_BENCHMARK_CUTLASS
  add_cutlass_int8(subjects);
#endif
  add_portable(subjects);
  return subjects;
}

}  // namespace qlinear::benchmark
