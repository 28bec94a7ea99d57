#include <gemm/mma_sync/gemm.cuh>

namespace qlinear::kernels {

template cudaError_t launch_mma_sync_gemm_for<__half, MmaShape::M8N8K16>(int, const GemmProblem&,
                                                                         cudaStream_t);
template cudaError_t launch_mma_sync_gemm_for<__nv_bfloat16, MmaShape::M8N8K16>(int,
                                                                                const GemmProblem&,
                                                                                cudaStream_t);
template cudaError_t launch_mma_sync_gemm_for<float, MmaShape::M8N8K16>(int, const GemmProblem&,
                                                                        cudaStream_t);
template cudaError_t launch_mma_sync_gemm_for<double, MmaShape::M8N8K16>(int, const GemmProblem&,
                                                                         cudaStream_t);

}  // namespace qlinear::kernels
