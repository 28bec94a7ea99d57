#include <gemm/mma_sync/gemm.cuh>

namespace qlinear::kernels {

template cudaError_t launch_mma_sync_gemm_for<double, MmaShape::M16N8K32>(int, const GemmProblem&,
                                                                          cudaStream_t);

}  // namespace qlinear::kernels
