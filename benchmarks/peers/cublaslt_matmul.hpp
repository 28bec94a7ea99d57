#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <harness/device_buffer.hpp>
#include <harness/graph_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>

namespace qlinear::benchmark {

/// The types of `d[M,N] = a[M,K] · b[N,K]ᵀ`.
struct CublasLtTypes {
  cudaDataType_t input;
  cudaDataType_t output;
  cublasComputeType_t compute;
  cudaDataType_t scale;
};
inline constexpr CublasLtTypes kBf16Matmul{CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F,
                                           CUDA_R_32F};
inline constexpr CublasLtTypes kInt8Matmul{CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, CUDA_R_32I};

struct CublasLtOperands {
  const void* a;
  const void* b;
  void* d;
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

  cudaDataType_t scale_type_;
  cublasLtHandle_t handle_;
  Owned<cublasLtMatmulDesc_t> operation_;
  Owned<cublasLtMatrixLayout_t> a_;
  Owned<cublasLtMatrixLayout_t> b_;
  Owned<cublasLtMatrixLayout_t> d_;
  DeviceBuffer<std::byte> workspace_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace qlinear::benchmark
