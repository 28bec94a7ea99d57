#include <harness/cuda_check.hpp>
#include <peers/peers.hpp>

#include <cuda_runtime_api.h>

namespace qlinear::benchmark {

TimedCases make_peers() {
  TimedCases cases;
  add_two_read_quantize(cases);
#ifdef QLINEAR_BENCHMARK_CUBLASLT
  add_cublaslt_bf16(cases);
  add_cublaslt_fp8(cases);
  add_cublaslt_int8(cases);
#endif
#ifdef QLINEAR_BENCHMARK_CUTLASS
  add_cutlass_int8(cases);
#endif
  add_portable(cases);
  return cases;
}

int compute_capability_major() {
  int device = 0;
  int major = 0;
  check(cudaGetDevice(&device));
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  return major;
}

}  // namespace qlinear::benchmark
