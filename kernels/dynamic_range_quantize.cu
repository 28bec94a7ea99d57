#include <dispatch_element.hpp>
#include <dynamic_range_quantize.hpp>
#include <ptx/griddepcontrol.cuh>
#include <ptx/launch.cuh>
#include <row_chunk.cuh>

#include <algorithm>

namespace qlinear::kernels {
namespace {

/// Chunks of a row that a thread keeps: 128 bytes, 32 registers.
template <class TIn>
inline constexpr int kHeldChunks = 8 / static_cast<int>(sizeof(TIn));

/// Threads of a block: as many as leave each the registers it needs.
template <class TIn>
constexpr unsigned max_threads() {
  return sizeof(TIn) == 8 ? 512 : 1024;
}

/// What the host knows of a launch.
struct RowOptions {
  bool x_aligned;
  bool q_aligned;
  /// Whether the GEMM may fill its rings while rows are still quantized. Beside blocks that leave
  /// it few registers it would find only some multiprocessors free, and stay unevenly placed.
  bool lets_gemm_in_early;
};

/// Threads of a block beside which two blocks of a GEMM still find registers.
constexpr unsigned kFewThreads = 256;

/// The largest of the `magnitude`s of the threads that share threadIdx.y. Every thread of the block
/// calls it.
template <class Magnitude>
__device__ Magnitude row_max(Magnitude magnitude) {
  for (int offset = 16; offset > 0; offset /= 2) {
    magnitude = max(magnitude, __shfl_xor_sync(~0u, magnitude, offset));
  }
  const unsigned warps_per_row = blockDim.x / 32;
  if (warps_per_row == 1) return magnitude;
  auto* slots = reinterpret_cast<Magnitude*>(ptx::dynamic_shared_memory());
  auto* row_slots = slots + threadIdx.y * warps_per_row;
  if (threadIdx.x % 32 == 0) ptx::st_shared(row_slots + threadIdx.x / 32, magnitude);
  __syncthreads();
  magnitude = ptx::ld_shared(row_slots + threadIdx.x % 32 % warps_per_row);
  for (int offset = 16; offset > 0; offset /= 2) {
    magnitude = max(magnitude, __shfl_xor_sync(~0u, magnitude, offset));
  }
  return magnitude;
}

__device__ void clear_counters(const QuantizeProblem& p) {
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x * blockDim.y;
  const std::int64_t block = std::int64_t{blockIdx.x} * blockDim.x * blockDim.y;
  for (std::int64_t i = block + threadIdx.y * blockDim.x + threadIdx.x; i < p.zero_count;
       i += threads) {
    ptx::st_global(p.zero + i, 0u);
  }
}

/// What every variant does around its row: blockDim.y rows a block, blockDim.x threads a row.
template <class TIn>
struct Row {
  std::int64_t index;
  std::int64_t k;  ///< 0 for a row beyond the last, which takes part in the barriers only.
  const TIn* x;
  std::int8_t* q;

  __device__ explicit Row(const QuantizeProblem& p)
      : index(std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y),
        k(index < p.m ? p.k : 0),
        x(static_cast<const TIn*>(p.x) + (k > 0 ? index * p.ldx : 0)),
        q(p.q + (k > 0 ? index * p.ldq : 0)) {}

  __device__ RowScale<scale_t<TIn>> scale(const QuantizeProblem& p,
                                          typename Element<TIn>::Magnitude magnitude) const {
    const auto scale = row_scale<TIn>(magnitude, p.q_max);
    if (index < p.m && threadIdx.x == 0) {
      ptx::st_global(static_cast<scale_t<TIn>*>(p.scale) + index, scale.act_scale);
    }
    return scale;
  }
};

/// One read of the row, held in registers between the two steps.
template <class TIn>
__global__ void __launch_bounds__(max_threads<TIn>(), 1)
    quantize_registers(QuantizeProblem p, RowOptions options) {
  ptx::griddepcontrol_wait();
  if (options.lets_gemm_in_early) ptx::griddepcontrol_launch_dependents();
  const Row<TIn> row(p);
  const auto first = [](int i) {
    return std::int64_t{i * blockDim.x + threadIdx.x} * kChunkElements;
  };
  Chunk<TIn> chunk[kHeldChunks<TIn>];
  typename Element<TIn>::Magnitude magnitude = 0;
#pragma unroll
  for (int i = 0; i < kHeldChunks<TIn>; ++i) {
    if (first(i) < row.k) load_chunk(chunk[i], row.x, first(i), row.k, options.x_aligned);
  }
#pragma unroll
  for (int i = 0; i < kHeldChunks<TIn>; ++i) {
    if (first(i) < row.k) magnitude = max_magnitude(chunk[i], magnitude);
  }
  const auto scale = row.scale(p, row_max(magnitude));
#pragma unroll
  for (int i = 0; i < kHeldChunks<TIn>; ++i) {
    if (first(i) < row.k) {
      store_chunk(row.q, first(i), row.k, options.q_aligned,
                  quantize_chunk(chunk[i], scale, p.q_min, p.q_max));
    }
  }
  clear_counters(p);
}

/// Rows of any length: read once for the maximum and again, from the L2 where it fits, to quantize.
template <class TIn>
__global__ void __launch_bounds__(max_threads<TIn>(), 1)
    quantize_two_pass(QuantizeProblem p, RowOptions options) {
  ptx::griddepcontrol_wait();
  if (options.lets_gemm_in_early) ptx::griddepcontrol_launch_dependents();
  const Row<TIn> row(p);
  const std::int64_t begin = std::int64_t{threadIdx.x} * kChunkElements;
  const std::int64_t step = std::int64_t{blockDim.x} * kChunkElements;
  Chunk<TIn> chunk;
  typename Element<TIn>::Magnitude magnitude = 0;
#pragma unroll 1
  for (std::int64_t first = begin; first < row.k; first += step) {
    load_chunk(chunk, row.x, first, row.k, options.x_aligned);
    magnitude = max_magnitude(chunk, magnitude);
  }
  const auto scale = row.scale(p, row_max(magnitude));
#pragma unroll 1
  for (std::int64_t first = begin; first < row.k; first += step) {
    load_chunk(chunk, row.x, first, row.k, options.x_aligned);
    store_chunk(row.q, first, row.k, options.q_aligned,
                quantize_chunk(chunk, scale, p.q_min, p.q_max));
  }
  clear_counters(p);
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Threads for a row of `k`: `held` chunks each where rows abound; fewer chunks where latency
/// counts, but no more threads for that than `kFewThreads`.
unsigned threads_per_row(std::int64_t m, std::int64_t k, int held, unsigned max_threads) {
  constexpr std::int64_t kManyRows = 512;
  const std::int64_t chunks = std::max<std::int64_t>(1, divide_up(k, kChunkElements));
  const std::int64_t fewest = divide_up(chunks, held);
  const std::int64_t quickest =
      std::max<std::int64_t>(fewest, std::min<std::int64_t>(chunks, kFewThreads));
  const std::int64_t wanted = m >= kManyRows ? fewest : quickest;
  return static_cast<unsigned>(std::min<std::int64_t>(max_threads, divide_up(wanted, 32) * 32));
}

LaunchConfig row_launch(const char* name, const QuantizeProblem& p, unsigned threads,
                        cudaStream_t stream) {
  constexpr unsigned kBlockThreads = 256;
  const unsigned rows = std::max(1u, kBlockThreads / threads);
  LaunchConfig config{name, dim3(static_cast<unsigned>(divide_up(p.m, rows))), dim3(threads, rows)};
  config.dynamic_shared_bytes = 32 * sizeof(unsigned long long);
  config.stream = stream;
  config.programmatic_dependent = p.programmatic_dependent;
  return config;
}

template <class TIn, auto kKernel>
cudaError_t launch_rows(const char* name, const QuantizeProblem& p, unsigned threads,
                        cudaStream_t stream) {
  const auto element_bytes = static_cast<std::int64_t>(sizeof(TIn));
  const RowOptions options{rows_are_16_byte_aligned(p.x, p.ldx * element_bytes),
                           rows_are_16_byte_aligned(p.q, p.ldq), threads <= kFewThreads};
  return launch_kernel<kKernel>(row_launch(name, p, threads, stream), p, options);
}

}  // namespace

std::int64_t quantize_registers_max_k(ElementKind element) {
  std::int64_t max_k = 0;
  (void)dispatch_element(element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    max_k = std::int64_t{max_threads<TIn>()} * kHeldChunks<TIn> * kChunkElements;
    return cudaSuccess;
  });
  return max_k;
}

cudaError_t launch_quantize_registers(const QuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element(p.element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    return launch_rows<TIn, &quantize_registers<TIn>>(
        "quantize_registers", p, threads_per_row(p.m, p.k, kHeldChunks<TIn>, max_threads<TIn>()),
        stream);
  });
}

cudaError_t launch_quantize_two_pass(const QuantizeProblem& p, cudaStream_t stream) {
  return dispatch_element(p.element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    return launch_rows<TIn, &quantize_two_pass<TIn>>(
        "quantize_two_pass", p, threads_per_row(p.m, p.k, 1, max_threads<TIn>()), stream);
  });
}

}  // namespace qlinear::kernels
