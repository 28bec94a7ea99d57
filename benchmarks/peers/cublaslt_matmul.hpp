#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <harness/device_buffer.hpp>
#include <harness/graph_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>

namespace qlinear::benchmark {

/// The types of `d[M,N] = a[M,K] · b[N,K]ᵀ`. With `outer_scales`, a row of `a` and a row of `b`
/// have a float each that multiplies what becomes of them, and sums are kept as FP8 matmuls of
/// PyTorch keep them ("fast accumulation").
struct CublasLtTypes {
  cudaDataType_t input;
  cudaDataType_t output;
  cublasComputeType_t compute;
  cudaDataType_t scale;
  bool outer_scales = false;
};
inline constexpr CublasLtTypes kBf16Matmul{CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F,
                                           CUDA_R_32F};
inline constexpr CublasLtTypes kInt8Matmul{CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, CUDA_R_32I};
/// N and K are multiples of 16.
inline constexpr CublasLtTypes kE4m3Matmul{CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F,
                                           CUDA_R_32F, true};

/// Floats that `m` scales take where more follow them: any vector of them is aligned.
constexpr std::int64_t padded_scales(std::int64_t m) {
  constexpr std::int64_t kVector = 64;
  return (m + kVector - 1) / kVector * kVector;
}

struct CublasLtOperands {
  const void* a;
  const void* b;
  void* d;
  const float* a_scale = nullptr;  ///< [M], 16-byte aligned, of matmuls with outer scales.
  const float* b_scale = nullptr;  ///< [N], likewise.
};

/// Owns a library handle, which is dear to make.
class CublasLtHandle {
 public:
  CublasLtHandle();
  cublasLtHandle_t get() const noexcept { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(cublasLtHandle_t handle) const noexcept { (void)cublasLtDestroy(handle); }
  };
  std::unique_ptr<std::remove_pointer_t<cublasLtHandle_t>, Destroy> handle_;
};

/// One matmul with the fastest of the algorithms that cuBLASLt's heuristic proposes, as timed here.
class CublasLtMatmul {
 public:
  /// `handle` must outlive it.
  CublasLtMatmul(const CublasLtHandle& handle, const CublasLtTypes& types, std::int64_t m,
                 std::int64_t n, std::int64_t k);

  /// `operands(call)` rotate with period `rotation`. Throws where no algorithm does the problem.
  void search(const GraphTimer& timer, int rotation,
              const std::function<CublasLtOperands(int call)>& operands);
  void enqueue(const CublasLtOperands& operands, cudaStream_t stream) const;

 private:
  struct Destroy {
    void operator()(cublasLtMatmulDesc_t desc) const noexcept {
      (void)cublasLtMatmulDescDestroy(desc);
    }
    void operator()(cublasLtMatrixLayout_t layout) const noexcept {
      (void)cublasLtMatrixLayoutDestroy(layout);
    }
  };
  template <class Pointer>
  using Owned = std::unique_ptr<std::remove_pointer_t<Pointer>, Destroy>;

  static Owned<cublasLtMatrixLayout_t> make_layout(cudaDataType_t type, std::int64_t rows,
                                                   std::int64_t columns);

  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) const;
  /// Descriptors hold the scales' addresses, which differ from call to call.
  void set_scales(const CublasLtOperands& operands) const;

  cudaDataType_t scale_type_;
  bool outer_scales_;
  cublasLtHandle_t handle_;
  Owned<cublasLtMatmulDesc_t> operation_;
  Owned<cublasLtMatrixLayout_t> a_;
  Owned<cublasLtMatrixLayout_t> b_;
  Owned<cublasLtMatrixLayout_t> d_;
  DeviceBuffer<std::byte> workspace_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace qlinear::benchmark
