#include <benchmark/device_code.hpp>
#include <benchmark/grid.hpp>
#include <ptx/memory.cuh>

#include <type_traits>

// What stands between the linears of a decoder layer, as kernels of its own: the baseline of fused
// sources, and, quantizing what they compute, the producers that engines put before their GEMMs. A
// block has a row (or a piece of it, where nothing is reduced), a thread 16 bytes of it at a time,
// and a row is read once.

namespace qlinear::benchmark {
namespace {

constexpr int kVector = 8;
constexpr unsigned kMostNormThreads = 512;
constexpr unsigned kMostThreads = 1024;
constexpr int kMostVectors = 4;  // Of a thread.
constexpr unsigned kWarp = 32;
// A sum and a maximum for each warp.
constexpr unsigned kSharedBytes = 2 * kWarp * sizeof(float);

struct alignas(16) Bf16Vector {
  __nv_bfloat16 value[kVector];
};

/// How `kVector` numbers become elements of type `T`, whose largest is `kPeak`.
template <class T>
struct Rounding;

template <>
struct Rounding<std::int8_t> {
  static constexpr float kPeak = 127;
  struct alignas(8) Vector {
    std::int8_t value[kVector];
  };
  static __device__ __forceinline__ Vector round(const float (&x)[kVector]) {
    Vector result;
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      result.value[i] = static_cast<std::int8_t>(min(max(__float2int_rn(x[i]), -127), 127));
    }
    return result;
  }
};

template <>
struct Rounding<__nv_fp8_e4m3> {
  static constexpr float kPeak = 448;
  struct alignas(8) Vector {
    __nv_fp8x2_storage_t pair[kVector / 2];
  };
  static __device__ __forceinline__ Vector round(const float (&x)[kVector]) {
    Vector result;
#pragma unroll
    for (int i = 0; i < kVector / 2; ++i) {
      result.pair[i] =
          __nv_cvt_float2_to_fp8x2(make_float2(x[2 * i], x[2 * i + 1]), __NV_SATFINITE, __NV_E4M3);
    }
    return result;
  }
};

__device__ __forceinline__ Bf16Vector load_vector(const __nv_bfloat16* x) {
  return ptx::ld_global(reinterpret_cast<const Bf16Vector*>(x));
}

__device__ __forceinline__ float block_sum(float value) {
  auto* sums = reinterpret_cast<float*>(ptx::dynamic_shared_memory());
  for (unsigned offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  if (threadIdx.x % kWarp == 0) ptx::st_shared(&sums[threadIdx.x / kWarp], value);
  __syncthreads();
  float sum = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) sum += ptx::ld_shared(&sums[warp]);
  return sum;
}

__device__ __forceinline__ float block_max(float value) {
  auto* largest = reinterpret_cast<float*>(ptx::dynamic_shared_memory()) + kWarp;
  for (unsigned offset = kWarp / 2; offset > 0; offset /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  }
  if (threadIdx.x % kWarp == 0) ptx::st_shared(&largest[threadIdx.x / kWarp], value);
  __syncthreads();
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) {
    value = fmaxf(value, ptx::ld_shared(&largest[warp]));
  }
  return value;
}

/// Calls `body(i, column)` for each vector of the row that this thread has, its i-th.
template <int kVectors, class Body>
__device__ __forceinline__ void for_vectors(int k, const Body& body) {
  const int first = static_cast<int>(blockIdx.y * blockDim.x) * kVectors * kVector;
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int column = first + static_cast<int>(i * blockDim.x + threadIdx.x) * kVector;
    if (column < k) body(i, column);
  }
}

/// Writes the row that the block holds, quantized where `T` is not bf16.
template <class T, int kVectors>
__device__ __forceinline__ void store_row(const Bf16Vector (&held)[kVectors], int k,
                                          const RowOutput<T>& output) {
  T* to = output.rows + static_cast<std::int64_t>(blockIdx.x) * k;
  if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    for_vectors<kVectors>(k, [&](int i, int column) {
      ptx::st_global(reinterpret_cast<Bf16Vector*>(to + column), held[i]);
    });
  } else {
    float amax = 0;
    for_vectors<kVectors>(k, [&](int i, int) {
#pragma unroll
      for (int j = 0; j < kVector; ++j) {
        amax = fmaxf(amax, fabsf(__bfloat162float(held[i].value[j])));
      }
    });
    amax = block_max(amax);
    if (threadIdx.x == 0) {
      ptx::st_global(output.scale + blockIdx.x, __fdiv_rn(amax, Rounding<T>::kPeak));
    }
    const float inverse = amax > 0 ? __fdiv_rn(Rounding<T>::kPeak, amax) : 0.0f;
    for_vectors<kVectors>(k, [&](int i, int column) {
      float scaled[kVector];
#pragma unroll
      for (int j = 0; j < kVector; ++j) {
        scaled[j] = __fmul_rn(__bfloat162float(held[i].value[j]), inverse);
      }
      using Vector = typename Rounding<T>::Vector;
      ptx::st_global(reinterpret_cast<Vector*>(to + column), Rounding<T>::round(scaled));
    });
  }
}

template <class T>
__global__ void __launch_bounds__(kMostNormThreads)
    add_rms_norm_kernel(const __nv_bfloat16* x, const __nv_bfloat16* residual,
                        const __nv_bfloat16* weight, int k, float eps, __nv_bfloat16* residual_out,
                        RowOutput<T> normed) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * k;
  Bf16Vector held[kMostVectors];
  float squares = 0;
  for_vectors<kMostVectors>(k, [&](int i, int column) {
    const Bf16Vector a = load_vector(x + row + column);
    const Bf16Vector b = load_vector(residual + row + column);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      const float sum = __bfloat162float(a.value[j]) + __bfloat162float(b.value[j]);
      held[i].value[j] = __float2bfloat16_rn(sum);
      const float r = __bfloat162float(held[i].value[j]);
      squares += r * r;
    }
    ptx::st_global(reinterpret_cast<Bf16Vector*>(residual_out + row + column), held[i]);
  });
  const float factor = 1.0f / sqrtf(block_sum(squares) / static_cast<float>(k) + eps);
  for_vectors<kMostVectors>(k, [&](int i, int column) {
    const Bf16Vector w = load_vector(weight + column);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      held[i].value[j] = __float2bfloat16_rn(__bfloat162float(held[i].value[j]) * factor *
                                             __bfloat162float(w.value[j]));
    }
  });
  store_row(held, k, normed);
}

template <class T, int kVectors>
__global__ void __launch_bounds__(kMostThreads)
    silu_multiply_kernel(const __nv_bfloat16* gate_up, int k, RowOutput<T> output) {
  const __nv_bfloat16* gates = gate_up + static_cast<std::int64_t>(blockIdx.x) * 2 * k;
  Bf16Vector held[kVectors];
  for_vectors<kVectors>(k, [&](int i, int column) {
    held[i] = load_vector(gates + column);
    const Bf16Vector ups = load_vector(gates + k + column);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      const float gate = __bfloat162float(held[i].value[j]);
      const float activated = gate / (1.0f + expf(-gate));
      held[i].value[j] = __float2bfloat16_rn(activated * __bfloat162float(ups.value[j]));
    }
  });
  store_row(held, k, output);
}

template <class T>
__global__ void __launch_bounds__(kMostThreads)
    quantize_rows_kernel(const __nv_bfloat16* x, int k, RowOutput<T> output) {
  const __nv_bfloat16* row = x + static_cast<std::int64_t>(blockIdx.x) * k;
  Bf16Vector held[kMostVectors];
  for_vectors<kMostVectors>(k, [&](int i, int column) { held[i] = load_vector(row + column); });
  store_row(held, k, output);
}

/// A block of at most `most_threads` for each row of `vectors`, as many vectors for each thread.
/// `config` stays as it is where a row is too long to be held.
cudaError_t block_for_each_row(std::int64_t m, std::int64_t vectors, unsigned most_threads,
                               kernels::LaunchConfig& config) {
  if (vectors > static_cast<std::int64_t>(most_threads) * kMostVectors) {
    return cudaErrorInvalidValue;
  }
  const auto count = static_cast<unsigned>(vectors);
  const unsigned of_thread = (count + most_threads - 1) / most_threads;
  const unsigned threads = (count + of_thread - 1) / of_thread;
  config.grid = dim3(static_cast<unsigned>(m));
  config.block = dim3((threads + kWarp - 1) / kWarp * kWarp);
  return cudaSuccess;
}

}  // namespace

template <class T>
cudaError_t add_rms_norm(const __nv_bfloat16* x, const __nv_bfloat16* residual,
                         const __nv_bfloat16* weight, std::int64_t m, std::int64_t k, float eps,
                         __nv_bfloat16* residual_out, const RowOutput<T>& normed,
                         cudaStream_t stream) {
  kernels::LaunchConfig config{"benchmark_add_rms_norm", dim3(), dim3(), kSharedBytes, stream};
  const cudaError_t error = block_for_each_row(m, k / kVector, kMostNormThreads, config);
  if (error != cudaSuccess) return error;
  return kernels::launch_kernel<&add_rms_norm_kernel<T>>(
      config, x, residual, weight, static_cast<int>(k), eps, residual_out, normed);
}

template <class T>
cudaError_t silu_multiply(const __nv_bfloat16* gate_up, std::int64_t m, std::int64_t k,
                          const RowOutput<T>& output, cudaStream_t stream) {
  kernels::LaunchConfig config{"benchmark_silu_multiply", dim3(), dim3(), kSharedBytes, stream};
  const std::int64_t vectors = k / kVector;
  if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    // Nothing is reduced, so that a row may spread over many multiprocessors.
    config.grid =
        dim3(static_cast<unsigned>(m), static_cast<unsigned>((vectors + kThreads - 1) / kThreads));
    config.block = dim3(kThreads);
    return kernels::launch_kernel<&silu_multiply_kernel<T, 1>>(config, gate_up, static_cast<int>(k),
                                                               output);
  } else {
    const cudaError_t error = block_for_each_row(m, vectors, kMostThreads, config);
    if (error != cudaSuccess) return error;
    return kernels::launch_kernel<&silu_multiply_kernel<T, kMostVectors>>(
        config, gate_up, static_cast<int>(k), output);
  }
}

cudaError_t quantize_rows(const __nv_bfloat16* x, std::int64_t m, std::int64_t k,
                          const RowOutput<__nv_fp8_e4m3>& output, cudaStream_t stream) {
  kernels::LaunchConfig config{"benchmark_quantize_rows", dim3(), dim3(), kSharedBytes, stream};
  const cudaError_t error = block_for_each_row(m, k / kVector, kMostThreads, config);
  if (error != cudaSuccess) return error;
  return kernels::launch_kernel<&quantize_rows_kernel<__nv_fp8_e4m3>>(config, x,
                                                                      static_cast<int>(k), output);
}

#define QLINEAR_INSTANTIATE_PRODUCERS(T)                                                     \
  template cudaError_t add_rms_norm(const __nv_bfloat16*, const __nv_bfloat16*,              \
                                    const __nv_bfloat16*, std::int64_t, std::int64_t, float, \
                                    __nv_bfloat16*, const RowOutput<T>&, cudaStream_t);      \
  template cudaError_t silu_multiply(const __nv_bfloat16*, std::int64_t, std::int64_t,       \
                                     const RowOutput<T>&, cudaStream_t)

QLINEAR_INSTANTIATE_PRODUCERS(__nv_bfloat16);
QLINEAR_INSTANTIATE_PRODUCERS(std::int8_t);
QLINEAR_INSTANTIATE_PRODUCERS(__nv_fp8_e4m3);

#undef QLINEAR_INSTANTIATE_PRODUCERS

}  // namespace qlinear::benchmark
