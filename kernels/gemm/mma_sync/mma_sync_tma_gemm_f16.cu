#include <gemm/mma_sync/tma_gemm.cuh>

namespace qlinear::kernels {

template cudaError_t launch_mma_sync_tma_gemm_for<__half>(int, const GemmProblem&, cudaStream_t);

}  // namespace qlinear::kernels
