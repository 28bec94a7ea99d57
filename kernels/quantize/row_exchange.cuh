#pragma once

#include <ptx/cluster.cuh>
#include <ptx/mbarrier.cuh>
#include <quantize/quantize_row.cuh>
#include <quantize/row_quantizer.cuh>
#include <runtime/cluster_occupancy.hpp>

namespace qlinear::kernels {

/// A block has at most this many threads, so that each has the registers that it needs: with a row
/// in registers,
template <class TIn>
inline constexpr unsigned kRegisterRowThreads = sizeof(TIn) > 2 ? 512 : 1024;
/// and with a row in memory always so many, whose warps post the sums of 32 columns of groups.
template <class C>
inline constexpr unsigned kMemoryRowThreads = sizeof(C) == 8 ? 256 : 512;
template <class C>
inline constexpr unsigned kPostedSums = 32 / (kMemoryRowThreads<C> / 32);

/// What a warp tells the others of its part of a row: its range, and sums of the contract's
/// groups, which are the 32 chunks of a warp.
template <class C>
struct alignas(16) WarpPost {
  RowRange<C> range;
  C sum[kPostedSums<C>] = {};
};

/// Adds up c over the lanes of a warp in the contract's order; every lane gets the sum.
template <class T>
__device__ __forceinline__ T tree_sum(T c) {
#pragma unroll
  for (int d = 16; d > 0; d /= 2) {
    const T other = __shfl_xor_sync(~0u, c, d);
    if constexpr (std::is_integral_v<T>) {
      c += other;
    } else {
      c = add_rn(c, other);
    }
  }
  return c;
}

/// Lets the warps that share a row exchange posts, in phases: those of a block or, with `kCluster`,
/// those of all blocks of a cluster. Every phase has memory of its own, so that none waits for the
/// readers of the one before.
template <class C, bool kCluster>
class RowExchange {
 public:
  static constexpr int kPhases = 4;
  static constexpr unsigned kMaxWarps = kCluster ? kFewThreads / 32 * kMaxClusterBlocks : 1024 / 32;
  static constexpr std::size_t kSharedBytes =
      kPhases * (kMaxWarps * sizeof(WarpPost<C>) + sizeof(ptx::Mbarrier));

  /// Every thread that shares the row constructs it once.
  __device__ RowExchange()
      : posts_(reinterpret_cast<WarpPost<C>*>(ptx::dynamic_shared_memory())),
        received_(reinterpret_cast<ptx::Mbarrier*>(posts_ + kPhases * kMaxWarps)),
        blocks_(kCluster ? ptx::cluster_nctarank() : 1),
        rank_(kCluster ? ptx::cluster_ctarank() : 0) {
    if constexpr (kCluster) {
      if (threadIdx.x == 0) {
        for (int phase = 0; phase < kPhases; ++phase) ptx::mbarrier_init(received_ + phase, 1);
        ptx::fence_mbarrier_init();
      }
      __syncthreads();
      ptx::barrier_cluster_arrive_relaxed();
    }
  }

  __device__ unsigned thread() const { return rank_ * blockDim.x + threadIdx.x; }
  __device__ unsigned threads() const { return blocks_ * blockDim.x; }
  __device__ unsigned warps() const { return threads() / 32; }

  /// Waits until every block has initialised its barriers; before the first `share`.
  __device__ void begin() const {
    if constexpr (kCluster) ptx::barrier_cluster_wait();
  }

  /// Gives every warp the posts of all. Each thread calls it once a phase, with its warp's post.
  __device__ __forceinline__ void share(int phase, const WarpPost<C>& post) const {
    WarpPost<C>* target = posts_ + phase * kMaxWarps + thread() / 32;
    constexpr int kPieces = static_cast<int>(sizeof(WarpPost<C>) / sizeof(uint4));
    const auto* pieces = reinterpret_cast<const uint4*>(&post);
    if constexpr (kCluster) {
      if (threadIdx.x == 0) {
        ptx::mbarrier_arrive_expect_tx(received_ + phase,
                                       warps() * static_cast<unsigned>(sizeof(WarpPost<C>)));
      }
      const unsigned lane = threadIdx.x % 32;
      if (lane < blocks_) {
#pragma unroll
        for (int i = 0; i < kPieces; ++i) {
          ptx::st_async(reinterpret_cast<uint4*>(target) + i, pieces[i], received_ + phase, lane);
        }
      }
      ptx::mbarrier_wait_parity_cluster(received_ + phase, 0);
    } else {
      if (threadIdx.x % 32 == 0) {
#pragma unroll
        for (int i = 0; i < kPieces; ++i) {
          ptx::st_shared(reinterpret_cast<uint4*>(target) + i, pieces[i]);
        }
      }
      __syncthreads();
    }
  }

  /// Returns the range of the whole row; without `asymmetric` only its `high`.
  __device__ __forceinline__ RowRange<C> range(int phase, bool asymmetric) const {
    RowRange<C> range;
    each_of_lane([&](unsigned warp) {
      range.high = max(range.high, ptx::ld_shared(&post(phase, warp).range.high));
      if (asymmetric) {
        range.minus_low = max(range.minus_low, ptx::ld_shared(&post(phase, warp).range.minus_low));
      }
    });
    range.high = warp_max(range.high);
    if (asymmetric) range.minus_low = warp_max(range.minus_low);
    return range;
  }

  /// Adds up sums in the contract's order, of the groups that warp after warp has posted. Columns
  /// of every 32nd group come first, then a tree over the columns.
  __device__ __forceinline__ C sum_of_groups(int phase) const {
    C column = C(0);
    each_of_lane(
        [&](unsigned warp) { column = add_rn(column, ptx::ld_shared(&post(phase, warp).sum[0])); });
    return tree_sum(column);
  }

  /// The same of columns, of which warp w of a row in memory has posted w, w + `warps()` and so on.
  __device__ __forceinline__ C sum_of_columns(int phase) const {
    constexpr unsigned kWarps = kMemoryRowThreads<C> / 32;
    const unsigned column = threadIdx.x % 32;
    return tree_sum(ptx::ld_shared(&post(phase, column % kWarps).sum[column / kWarps]));
  }

  /// Adds up integers, one a thread.
  __device__ __forceinline__ int integer_sum(int phase, int value) const {
    WarpPost<C> post_of_warp;
    post_of_warp.range.high = tree_sum(value);
    share(phase, post_of_warp);
    int sum = 0;
    each_of_lane([&](unsigned warp) {
      sum += static_cast<int>(ptx::ld_shared(&post(phase, warp).range.high));
    });
    return tree_sum(sum);
  }

 private:
  __device__ WarpPost<C>& post(int phase, unsigned warp) const {
    return posts_[phase * static_cast<int>(kMaxWarps) + static_cast<int>(warp)];
  }

  /// Calls `read(warp)` for every 32nd warp from the lane's own number on.
  template <class Read>
  __device__ __forceinline__ void each_of_lane(Read read) const {
#pragma unroll
    for (unsigned i = 0; i < kMaxWarps; i += 32) {
      const unsigned warp = i + threadIdx.x % 32;
      if (warp < warps()) read(warp);
    }
  }

  WarpPost<C>* posts_;
  ptx::Mbarrier* received_;
  unsigned blocks_;
  unsigned rank_;
};

}  // namespace qlinear::kernels
