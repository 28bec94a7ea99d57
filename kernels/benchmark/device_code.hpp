#pragma once

#include <cuda_bf16.h>
#include <cuda_fp8.h>
#include <cuda_runtime_api.h>

#include <cstdint>

// Only the benchmark needs this device code: data, comparisons, the passes of baselines, and the
// loops that measure this machine's rates. Matrices are row-major without padding; pointers to them
// are 16-byte aligned and their rows a multiple of 16 elements.

namespace qlinear::benchmark {

/// Fills with standard normal numbers; `seed` makes buffers differ.
cudaError_t fill_gaussian(__nv_bfloat16* x, std::int64_t count, std::uint32_t seed, cudaStream_t);
/// Fills with normal numbers whose standard deviation is a quarter of the range, rounded and
/// clamped to +-127.
cudaError_t fill_gaussian(std::int8_t* x, std::int64_t count, std::uint32_t seed, cudaStream_t);
/// Fills with weight scales, uniform in [0.5, 1.5) / 256.
cudaError_t fill_scales(float* x, std::int64_t count, std::uint32_t seed, cudaStream_t);

/// Adds to `*count` the number of 32-bit words in which `a` and `b` differ.
cudaError_t count_differences(const void* a, const void* b, std::int64_t words,
                              unsigned long long* count, cudaStream_t);
/// Writes `kSquareErrorSums` pairs that add up to sum((a - b)^2) and sum(b^2).
inline constexpr unsigned kSquareErrorSums = 4096;
cudaError_t sum_square_errors(const __nv_bfloat16* a, const __nv_bfloat16* b, std::int64_t count,
                              float2* sums, cudaStream_t);

/// Writes output[m,n] = bf16((a_scale[m] * b_scale[n]) * float(acc[m,n])): the separate pass that a
/// bare int8 GEMM needs.
cudaError_t dequantize(const std::int32_t* acc, const float* a_scale, const float* b_scale,
                       std::int64_t m, std::int64_t n, __nv_bfloat16* output, cudaStream_t);
/// Writes output[n,k] = bf16(weight[n,k] * scale[n]).
cudaError_t dequantize_weight(const std::int8_t* weight, const float* scale, std::int64_t n,
                              std::int64_t k, __nv_bfloat16* output, cudaStream_t);
/// Writes the numbers of an int8 weight as e4m3, without their scales.
cudaError_t weight_to_e4m3(const std::int8_t* weight, std::int64_t count, __nv_fp8_e4m3* output,
                           cudaStream_t);
/// Quantizes as vLLM does: one block of 256 threads a row, which reads the row twice. For rows that
/// are finite and not all zero it gives the bits of the contract.
cudaError_t two_read_quantize(const __nv_bfloat16* x, std::int64_t m, std::int64_t k,
                              std::int8_t* q, float* scale, cudaStream_t);

/// Where a kernel writes rows without padding. Those of bf16 are rounded and stored; those of int8
/// and e4m3 are rounded to bf16 and quantized per token, with scale[M] the largest magnitude of the
/// row over 127 or 448.
template <class T>
struct RowOutput {
  T* rows;
  float* scale = nullptr;
};

/// Writes residual_out = x + residual and normed, its RMSNorm, all [M, K]; K is at most 16384. `T`
/// is bf16, int8 or e4m3.
template <class T>
cudaError_t add_rms_norm(const __nv_bfloat16* x, const __nv_bfloat16* residual,
                         const __nv_bfloat16* weight, std::int64_t m, std::int64_t k, float eps,
                         __nv_bfloat16* residual_out, const RowOutput<T>& normed, cudaStream_t);
/// Writes output[M,K] = silu(gate) * up from rows of K gates and K ups. `T` is bf16, or, where K is
/// at most 32768, int8 or e4m3.
template <class T>
cudaError_t silu_multiply(const __nv_bfloat16* gate_up, std::int64_t m, std::int64_t k,
                          const RowOutput<T>& output, cudaStream_t);
/// Writes x[M,K] quantized per token; K is at most 32768.
cudaError_t quantize_rows(const __nv_bfloat16* x, std::int64_t m, std::int64_t k,
                          const RowOutput<__nv_fp8_e4m3>& output, cudaStream_t);

/// Moves `bytes` (a multiple of 16) from `from` to `to`.
cudaError_t copy_bytes(void* to, const void* from, std::int64_t bytes, int blocks, cudaStream_t);
/// Reads `bytes` (a multiple of 16); `sink` keeps the compiler from dropping the loads.
cudaError_t read_bytes(const void* from, std::int64_t bytes, int blocks, unsigned* sink,
                       cudaStream_t);

/// `operands` holds at least `kTensorRateOperandBytes` of int8 data like the GEMM's. Each launch
/// runs `iterations` rounds on `blocks` blocks; `operations` receives how many operations they are.
inline constexpr std::int64_t kTensorRateOperandBytes = 48 * 1024;
cudaError_t run_mma_sync(const std::int8_t* operands, int iterations, int blocks, unsigned* sink,
                         double* operations, cudaStream_t);
/// Runs likewise with wgmma, on sm_90a only.
cudaError_t run_wgmma(const std::int8_t* operands, int iterations, int blocks, unsigned* sink,
                      double* operations, cudaStream_t);

}  // namespace qlinear::benchmark
