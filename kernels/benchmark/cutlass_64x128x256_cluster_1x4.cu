#include <benchmark/cutlass_int8.cuh>

namespace qlinear::benchmark {

// vLLM takes it for M <= 32 and N >= 8192.
cudaError_t launch_cutlass_64x128x256_cluster_1x4(const CutlassProblem& problem,
                                                  cudaStream_t stream) {
  return CutlassInt8<cute::Shape<cute::_64, cute::_128, cute::_256>,
                     cute::Shape<cute::_1, cute::_4, cute::_1>,
                     cutlass::gemm::KernelTmaWarpSpecialized>::launch(problem, stream);
}

}  // namespace qlinear::benchmark
