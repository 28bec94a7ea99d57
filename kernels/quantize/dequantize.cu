#include <common/dispatch_element.hpp>
#include <gemm/load_k_chunk.cuh>
#include <quantize/dequantize.hpp>
#include <quantize/row_launch.hpp>
#include <quantize/source.cuh>
#include <runtime/launch.cuh>

namespace qlinear::kernels {
namespace {

template <class C>
__device__ __forceinline__ Values<C> dequantize_chunk(const uint4& q, int zero_point, C scale) {
  const unsigned word[4] = {q.x, q.y, q.z, q.w};
  Values<C> values;
#pragma unroll
  for (int e = 0; e < kChunkElements; ++e) {
    const int element = static_cast<std::int8_t>(word[e / 4] >> (e % 4 * 8));
    values.value[e] = multiply_rn(int_to_compute_rn<C>(element - zero_point), scale);
  }
  return values;
}

/// A block dequantizes a row.
template <class TIn>
__global__ void __launch_bounds__(kFewThreads) dequantize(DequantizeProblem p, bool y_aligned) {
  using C = scale_t<TIn>;
  const std::int64_t row = blockIdx.x;
  const auto* q = reinterpret_cast<const std::uint8_t*>(p.q + row * p.ldq);
  auto* y = static_cast<TIn*>(p.y) + row * p.ldy;
  const C scale = ptx::ld_global(static_cast<const C*>(p.scale) + row);
  const int zero_point = p.zero_point == nullptr ? 0 : ptx::ld_global(p.zero_point + row);
  for (std::int64_t first = threadIdx.x * kChunkElements; first < p.k;
       first += blockDim.x * kChunkElements) {
    const auto values = dequantize_chunk(load_k_chunk(q, first, p.k), zero_point, scale);
    const std::int64_t left = p.k - first;
    store_values(y + first, values, static_cast<int>(left < kChunkElements ? left : kChunkElements),
                 y_aligned);
  }
}

}  // namespace

cudaError_t launch_dequantize(const DequantizeProblem& p, cudaStream_t stream) {
  return dispatch_element<kEveryPair>(p.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    LaunchConfig config{"dequantize", dim3(static_cast<unsigned>(p.m)),
                        dim3(threads_per_row(p.m, p.k, 1, kFewThreads))};
    config.stream = stream;
    return launch_kernel<&dequantize<TIn>>(
        config, p, rows_are_16_byte_aligned(p.y, p.ldy * static_cast<std::int64_t>(sizeof(TIn))));
  });
}

}  // namespace qlinear::kernels
