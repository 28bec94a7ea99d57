#include "strictness.hpp"

#include <ptx/bar_sync.cuh>
#include <ptx/cluster.cuh>
#include <ptx/mbarrier.cuh>
#include <ptx/memory.cuh>

namespace qlinear::emulated_device::test {
namespace {

// ---- Barriers and warps ----

__global__ void leave_before_barrier() {
  if (threadIdx.x < 5) return;
  __syncthreads();
}

TEST_F(Strictness, ThreadsThatExitBeforeABarrier) {
  expect_stopped<&leave_before_barrier>(
      one_block("test", 64), cudaErrorLaunchFailure,
      "diverged barrier: 59 threads of the block wait at __syncthreads and 5 have exited");
}

__global__ void mix_barriers() {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads_or(1);
  }
}

TEST_F(Strictness, DifferentBarriers) {
  expect_stopped<&mix_barriers>(one_block("test", 64), cudaErrorLaunchFailure, "diverged barrier");
}

__global__ void wait_for_different_things() {
  if (threadIdx.x == 0) {
    __syncwarp();
  } else {
    __syncthreads();
  }
}

TEST_F(Strictness, Deadlock) {
  ASSERT_EQ((kernels::launch_kernel<&wait_for_different_things>(one_block("test", 40))),
            cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_THAT(last_failure(),
              AllOf(HasSubstr("kernel 'test'"), HasSubstr("deadlock"),
                    HasSubstr("block (0,0,0): 39 threads at __syncthreads, 1 threads at "
                              "__syncwarp, 0 exited")));
}

__global__ void shuffle_with_exited_lane() {
  if (threadIdx.x == 7) return;
  __shfl_sync(0xffffffffU, 1, 0);
}

TEST_F(Strictness, ShuffleWithAnExitedLane) {
  expect_stopped<&shuffle_with_exited_lane>(one_block("test", 32), cudaErrorLaunchFailure,
                                            "__shfl_sync with mask 0xffffffff");
}

__global__ void shuffle_unnamed() { __shfl_sync(0xfffffffeU, 1, 1); }

TEST_F(Strictness, ShuffleOfALaneThatTheMaskDoesNotName) {
  ASSERT_EQ((kernels::launch_kernel<&shuffle_unnamed>(one_block("test", 1))), cudaSuccess);
  expect_stopped(cudaErrorLaunchFailure, "which does not name the calling lane 0");
}

__global__ void read_unnamed_lane() {
  if (threadIdx.x < 16) __shfl_sync(0xffffU, 1, 20);
}

TEST_F(Strictness, ShuffleFromALaneThatTheMaskDoesNotName) {
  expect_stopped<&read_unnamed_lane>(one_block("test", 32), cudaErrorLaunchFailure,
                                     "reads lane 20");
}

__global__ void diverge_within_warp() {
  if (threadIdx.x % 2 == 0) {
    __shfl_sync(0xffffffffU, 1, 0);
  } else {
    __ballot_sync(0xffffffffU, 1);
  }
}

TEST_F(Strictness, LanesAtDifferentInstructions) {
  expect_stopped<&diverge_within_warp>(one_block("test", 32), cudaErrorLaunchFailure,
                                       "diverged warp: lane ");
}

__global__ void stop() { __trap(); }

TEST_F(Strictness, Trap) {
  expect_stopped<&stop>(one_block("test", 1), cudaErrorLaunchFailure, "__trap");
}

__global__ void spin(int* flag) {
  while (atomicAdd(flag, 0) == 0) {
  }
}

TEST_F(Strictness, SpinningForEver) {
  const DeviceBuffer<int> flag(std::vector<int>{0});
  expect_stopped<&spin>(one_block("test", 1), cudaErrorLaunchTimeout, "no thread makes progress",
                        flag.data());
}

// ---- Clusters ----

__global__ void wait_without_arriving() { ptx::barrier_cluster_wait(); }
__global__ void arrive_twice() {
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_arrive();
}
__global__ void read_beyond_cluster(int* out) {
  const int* shared = reinterpret_cast<const int*>(ptx::dynamic_shared_memory());
  ptx::st_global(out, ptx::ld_shared_cluster(shared, 2));
}

__global__ void send_to_itself() {
  auto* slot = reinterpret_cast<uint4*>(ptx::dynamic_shared_memory());
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(slot + 1);
  ptx::mbarrier_init(barrier, 1);
  ptx::st_async(slot, make_uint4(1, 2, 3, 4), barrier, 0);
}

TEST_F(Strictness, StAsyncWithoutClusters) {
  expect_stopped<&send_to_itself>(one_block("test", 1, 32), cudaErrorIllegalInstruction,
                                  "st.async in a grid that was launched without clusters");
}

TEST_F(Strictness, ClusterBarrierWaitWithoutArrival) {
  expect_stopped<&wait_without_arriving>(one_block("test", 1), cudaErrorLaunchFailure,
                                         "barrier.cluster.wait without barrier.cluster.arrive");
}

TEST_F(Strictness, ClusterBarrierArrivalTwice) {
  expect_stopped<&arrive_twice>(one_block("test", 2), cudaErrorLaunchFailure,
                                "barrier.cluster.arrive twice");
}

TEST_F(Strictness, RankBeyondTheCluster) {
  const DeviceBuffer<int> out(1);
  kernels::LaunchConfig config = one_block("test", 1, 4);
  config.grid = dim3(2);
  config.cluster = dim3(2);
  expect_stopped<&read_beyond_cluster>(config, cudaErrorIllegalAddress,
                                       "block rank 2 in a cluster of 2 blocks", out.data());
}

// ---- Named barriers ----

__global__ void synchronise_threads(int id, int threads) { ptx::bar_sync(id, threads); }

TEST_F(Strictness, NamedBarrierThatDoesNotExist) {
  expect_stopped<&synchronise_threads>(one_block("test", 64), cudaErrorLaunchFailure,
                                       "bar.sync 16, 64: expected a barrier from 1 to 15", 16, 64);
}

TEST_F(Strictness, NamedBarrierOfPartOfAWarp) {
  expect_stopped<&synchronise_threads>(one_block("test", 64), cudaErrorLaunchFailure, "whole warps",
                                       1, 40);
}

__global__ void disagree_about_threads() { ptx::bar_sync(1, threadIdx.x < 32 ? 64 : 96); }

TEST_F(Strictness, NamedBarrierOfDifferentCounts) {
  expect_stopped<&disagree_about_threads>(one_block("test", 96), cudaErrorLaunchFailure,
                                          "but other threads wait there for");
}

}  // namespace
}  // namespace qlinear::emulated_device::test
