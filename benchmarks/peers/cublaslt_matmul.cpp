#include <peers/cublaslt_matmul.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

namespace qlinear::benchmark {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{64} << 20;
constexpr int kAlgorithms = 12;

void check_cublas(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw std::runtime_error(std::string("cuBLASLt: ") + cublasLtGetStatusString(status));
  }
}

cublasLtMatmulDesc_t make_operation(const CublasLtTypes& types) {
  cublasLtMatmulDesc_t operation = nullptr;
  check_cublas(cublasLtMatmulDescCreate(&operation, types.compute, types.scale));
  return operation;
}

}  // namespace

CublasLtHandle::CublasLtHandle() {
  cublasLtHandle_t handle = nullptr;
  check_cublas(cublasLtCreate(&handle));
  handle_.reset(handle);
}

CublasLtMatmul::Owned<cublasLtMatrixLayout_t> CublasLtMatmul::make_layout(cudaDataType_t type,
                                                                          std::int64_t rows,
                                                                          std::int64_t columns) {
  cublasLtMatrixLayout_t layout = nullptr;
  check_cublas(cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(rows),
                                          static_cast<std::uint64_t>(columns), rows));
  return Owned<cublasLtMatrixLayout_t>(layout);
}

// cuBLASLt is column-major: to it, row-major a[M,K] is a KxM matrix and d[M,N] an NxM one, so that
// d = bᵀ · a with b the first operand.
CublasLtMatmul::CublasLtMatmul(const CublasLtHandle& handle, const CublasLtTypes& types,
                               std::int64_t m, std::int64_t n, std::int64_t k)
    : scale_type_(types.scale),
      outer_scales_(types.outer_scales),
      handle_(handle.get()),
      operation_(make_operation(types)),
      a_(make_layout(types.input, k, m)),
      b_(make_layout(types.input, k, n)),
      d_(make_layout(types.output, n, m)),
      workspace_(kWorkspaceBytes) {
  set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  if (!outer_scales_) return;
  set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
  constexpr std::int32_t kOuterVector = CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
  set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, kOuterVector);
  set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, kOuterVector);
}

template <class T>
void CublasLtMatmul::set(cublasLtMatmulDescAttributes_t attribute, const T& value) const {
  check_cublas(cublasLtMatmulDescSetAttribute(operation_.get(), attribute, &value, sizeof(value)));
}

void CublasLtMatmul::set_scales(const CublasLtOperands& operands) const {
  if (!outer_scales_) return;
  // b is the first operand.
  set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, operands.b_scale);
  set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, operands.a_scale);
}

void CublasLtMatmul::search(const GraphTimer& timer, int rotation,
                            const std::function<CublasLtOperands(int call)>& operands) {
  set_scales(operands(0));
  cublasLtMatmulPreference_t preference = nullptr;
  check_cublas(cublasLtMatmulPreferenceCreate(&preference));
  std::array<cublasLtMatmulHeuristicResult_t, kAlgorithms> found{};
  int count = 0;
  (void)cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &kWorkspaceBytes, sizeof(kWorkspaceBytes));
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle_, operation_.get(), b_.get(), a_.get(), d_.get(),
                                     d_.get(), preference, kAlgorithms, found.data(), &count);
  (void)cublasLtMatmulPreferenceDestroy(preference);
  check_cublas(status);
  if (count == 0) throw std::runtime_error("cuBLASLt has no algorithm for this problem");

  constexpr TimingBudget kSearchBudget{0.0, 0.3e-3, 3, 3};
  cublasLtMatmulAlgo_t best{};
  double best_seconds = std::numeric_limits<double>::infinity();
  for (int i = 0; i < count; ++i) {
    algorithm_ = found[static_cast<std::size_t>(i)].algo;
    enqueue(operands(0), timer.stream());  // Loads the kernel, which a capture may not.
    const auto call = [&](cudaStream_t stream, int index) { enqueue(operands(index), stream); };
    const double seconds = timer.time(rotation, call, kSearchBudget).seconds_per_call.median;
    if (seconds < best_seconds) {
      best_seconds = seconds;
      best = algorithm_;
    }
  }
  algorithm_ = best;
}

void CublasLtMatmul::enqueue(const CublasLtOperands& operands, cudaStream_t stream) const {
  set_scales(operands);
  constexpr float kOneFloat = 1;
  constexpr float kZeroFloat = 0;
  constexpr std::int32_t kOneInt = 1;
  constexpr std::int32_t kZeroInt = 0;
  const bool integer = scale_type_ == CUDA_R_32I;
  const void* alpha = integer ? static_cast<const void*>(&kOneInt) : &kOneFloat;
  const void* beta = integer ? static_cast<const void*>(&kZeroInt) : &kZeroFloat;
  check_cublas(cublasLtMatmul(handle_, operation_.get(), alpha, operands.b, b_.get(), operands.a,
                              a_.get(), beta, operands.d, d_.get(), operands.d, d_.get(),
                              &algorithm_, workspace_.data(), workspace_.bytes(), stream));
}

}  // namespace qlinear::benchmark
