#include <gemm/wgmma/gemm.cuh>

namespace qlinear::kernels {

template cudaError_t launch_wgmma_gemm_for<__nv_bfloat16>(int, const GemmProblem&, cudaStream_t);

}  // namespace qlinear::kernels
