#include <cluster_occupancy.hpp>
#include <dispatch_element.hpp>
#include <dynamic_range_quantize.hpp>
#include <ptx/cluster.cuh>
#include <ptx/launch.cuh>
#include <quantize_row.cuh>

namespace qlinear::kernels {
namespace {

constexpr unsigned kThreads = kFewThreads;

/// The largest of the `magnitude`s of a cluster's threads. Every thread of the cluster calls it,
/// and `barrier_cluster_wait` before it ends, since others read this block's shared memory.
template <class Magnitude>
__device__ Magnitude cluster_max(Magnitude magnitude) {
  auto* slot = reinterpret_cast<Magnitude*>(ptx::dynamic_shared_memory() + kRowMaxBytes);
  magnitude = row_max(magnitude);
  if (threadIdx.x == 0) ptx::st_shared(slot, magnitude);
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
  const unsigned other = threadIdx.x % 32 % ptx::cluster_nctarank();
  magnitude = warp_max(ptx::ld_shared_cluster(slot, other));
  ptx::barrier_cluster_arrive();
  return magnitude;
}

/// A cluster of blocks along y for each row, which they hold in registers between the two steps.
template <class TIn>
__global__ void __launch_bounds__(kThreads, 1)
    quantize_cluster(QuantizeProblem p, RowOptions options) {
  wait_and_let_gemm_in(options);
  const unsigned rank = ptx::cluster_ctarank();
  const unsigned threads = ptx::cluster_nctarank() * blockDim.x;
  const Row<TIn> row(p, blockIdx.x);
  const HeldChunks<TIn> held(row, rank * blockDim.x + threadIdx.x, threads, options);
  const auto scale = row.scale(p, cluster_max(held.magnitude()), rank == 0 && threadIdx.x == 0);
  held.quantize(scale, p.q_min, p.q_max);
  clear_counters(p);
  ptx::barrier_cluster_wait();
}

}  // namespace

int quantize_cluster_blocks(std::int64_t k) {
  const std::int64_t chunks = divide_up(k, kChunkElements);
  return static_cast<int>(
      std::clamp<std::int64_t>(divide_up(chunks, kThreads), 1, kMaxClusterBlocks));
}

std::int64_t quantize_cluster_max_k(ElementKind element) {
  std::int64_t max_k = 0;
  (void)dispatch_element(element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    max_k = std::int64_t{kMaxClusterBlocks} * kThreads * kHeldChunks<TIn> * kChunkElements;
    return cudaSuccess;
  });
  return max_k;
}

cudaError_t launch_quantize_cluster(const QuantizeProblem& p, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(quantize_cluster_blocks(p.k));
  LaunchConfig config{"quantize_cluster", dim3(static_cast<unsigned>(p.m), blocks), dim3(kThreads)};
  config.cluster = dim3(1, blocks);
  config.dynamic_shared_bytes = kRowMaxBytes + sizeof(unsigned long long);
  config.stream = stream;
  config.programmatic_dependent = p.programmatic_dependent;
  return dispatch_element(p.element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    return launch_kernel<&quantize_cluster<TIn>>(config, p, row_options<TIn>(p, kThreads));
  });
}

}  // namespace qlinear::kernels
