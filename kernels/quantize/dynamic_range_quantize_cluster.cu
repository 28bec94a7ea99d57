#include <common/dispatch_element.hpp>
#include <ptx/cluster.cuh>
#include <ptx/mbarrier.cuh>
#include <quantize/dynamic_range_quantize.hpp>
#include <quantize/quantize_row.cuh>
#include <runtime/cluster_occupancy.hpp>
#include <runtime/launch.cuh>

namespace qlinear::kernels {
namespace {

constexpr unsigned kThreads = kFewThreads;

/// Exchanges maxima between the blocks of a cluster: each sends its own to a slot in every block,
/// and waits for theirs.
class ClusterExchange {
 public:
  static constexpr std::size_t kSharedBytes =
      kMaxClusterBlocks * sizeof(uint4) + sizeof(ptx::Mbarrier);

  /// Every thread of the cluster constructs it once.
  __device__ ClusterExchange()
      : slots_(reinterpret_cast<uint4*>(ptx::dynamic_shared_memory() + kRowMaxBytes)),
        received_(reinterpret_cast<ptx::Mbarrier*>(slots_ + kMaxClusterBlocks)),
        blocks_(ptx::cluster_nctarank()) {
    if (threadIdx.x == 0) {
      ptx::mbarrier_init(received_, 1);
      ptx::fence_mbarrier_init();
    }
    __syncthreads();
    ptx::barrier_cluster_arrive_relaxed();
  }

  __device__ unsigned blocks() const { return blocks_; }

  /// Returns the largest `magnitude` of all threads. Every thread of the cluster calls it once.
  template <class Magnitude>
  __device__ Magnitude max(Magnitude magnitude) const {
    magnitude = row_max(magnitude);
    ptx::barrier_cluster_wait();  // Wait until every block has initialised its barrier.
    if (threadIdx.x == 0) {
      ptx::mbarrier_arrive_expect_tx(received_, blocks_ * static_cast<unsigned>(sizeof(uint4)));
    }
    if (threadIdx.x < blocks_) {
      const auto bits = static_cast<unsigned long long>(magnitude);
      ptx::st_async(
          slots_ + ptx::cluster_ctarank(),
          make_uint4(static_cast<unsigned>(bits), static_cast<unsigned>(bits >> 32), 0, 0),
          received_, threadIdx.x);
    }
    ptx::mbarrier_wait_parity_cluster(received_, 0);
    const uint4 slot = ptx::ld_shared(slots_ + threadIdx.x % 32 % blocks_);
    const unsigned long long bits = slot.x | static_cast<unsigned long long>(slot.y) << 32;
    return warp_max(static_cast<Magnitude>(bits));
  }

 private:
  uint4* slots_;
  ptx::Mbarrier* received_;
  unsigned blocks_;
};

/// Runs a cluster of blocks along y for each row, which they hold in registers between the two
/// steps.
template <class TIn>
__global__ void __launch_bounds__(kThreads, 1)
    quantize_cluster(QuantizeProblem p, RowOptions options) {
  if (blockIdx.x >= options.row_blocks)
    return prefetch_weights(p.gemm.prefetch, options.row_blocks);
  const ClusterExchange exchange;
  const unsigned rank = ptx::cluster_ctarank();
  const unsigned thread = rank * blockDim.x + threadIdx.x;
  const unsigned threads = exchange.blocks() * blockDim.x;
  const Row<TIn> row(p, blockIdx.x);
  if (options.prefetches_rows) row.prefetch(thread, threads);
  wait_and_let_gemm_in(options);
  const HeldChunks<TIn> held(row, thread, threads, options);
  const auto scale = row.scale(p, exchange.max(held.magnitude()), rank == 0 && threadIdx.x == 0);
  held.quantize(scale, p.q_min, p.q_max);
  clear_counters(p, options);
}

}  // namespace

int quantize_cluster_blocks(std::int64_t k) {
  const std::int64_t chunks = divide_up(k, kChunkElements);
  constexpr std::int64_t kMinBlocks = 2;  // In a cluster of one block st.async is illegal.
  return static_cast<int>(
      std::clamp<std::int64_t>(divide_up(chunks, kThreads), kMinBlocks, kMaxClusterBlocks));
}

std::int64_t quantize_cluster_max_k(ElementKind element) {
  std::int64_t max_k = 0;
  (void)dispatch_element<kEveryPair>(element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    max_k = std::int64_t{kMaxClusterBlocks} * kThreads * kHeldChunks<TIn> * kChunkElements;
    return cudaSuccess;
  });
  return max_k;
}

cudaError_t launch_quantize_cluster(const QuantizeProblem& p, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(quantize_cluster_blocks(p.k));
  const auto row_clusters = static_cast<unsigned>(p.m);
  const auto clusters =
      row_clusters + static_cast<unsigned>(divide_up(p.gemm.prefetch.blocks, blocks));
  LaunchConfig config{"quantize_cluster", dim3(clusters, blocks), dim3(kThreads)};
  config.cluster = dim3(1, blocks);
  config.dynamic_shared_bytes = kRowMaxBytes + ClusterExchange::kSharedBytes;
  config.stream = stream;
  config.programmatic_dependent = p.programmatic_dependent;
  return dispatch_element<kEveryPair>(p.element, [&](auto tag) {
    using TIn = typename decltype(tag)::Type;
    return launch_kernel<&quantize_cluster<TIn>>(config, p,
                                                 row_options<TIn>(p, kThreads, row_clusters));
  });
}

}  // namespace qlinear::kernels
