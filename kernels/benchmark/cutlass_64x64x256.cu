#include <benchmark/cutlass_int8.cuh>

namespace qlinear::benchmark {

// vLLM takes it for M of 33 to 64.
cudaError_t launch_cutlass_64x64x256(const CutlassProblem& problem, cudaStream_t stream) {
  return CutlassInt8<cute::Shape<cute::_64, cute::_64, cute::_256>,
                     cute::Shape<cute::_1, cute::_1, cute::_1>,
                     cutlass::gemm::KernelTmaWarpSpecialized>::launch(problem, stream);
}

}  // namespace qlinear::benchmark
