#include <benchmark/cutlass_int8.cuh>

namespace qlinear::benchmark {

// vLLM takes it for M of 65 to 128.
cudaError_t launch_cutlass_64x128x128_cluster_2x1_pingpong(const CutlassProblem& problem,
                                                           cudaStream_t stream) {
  return CutlassInt8<cute::Shape<cute::_64, cute::_128, cute::_128>,
                     cute::Shape<cute::_2, cute::_1, cute::_1>,
                     cutlass::gemm::KernelTmaWarpSpecializedPingpong>::launch(problem, stream);
}

}  // namespace qlinear::benchmark
