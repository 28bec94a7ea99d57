#include "device_test.hpp"

#include <ptx/cluster.cuh>
#include <ptx/mbarrier.cuh>
#include <ptx/memory.cuh>

#include <vector>

namespace qlinear::emulated_device::test {
namespace {

/// Every block of a cluster leaves values in its shared memory, and every block reads them all.
__global__ void sum_over_cluster(int* out) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  const auto rank = static_cast<int>(ptx::cluster_ctarank());
  ptx::st_shared(shared + threadIdx.x, 1000 * rank + static_cast<int>(threadIdx.x));
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
  int sum = 0;
  for (unsigned other = 0; other < ptx::cluster_nctarank(); ++other) {
    sum += ptx::ld_shared_cluster(shared + threadIdx.x, other);
  }
  const unsigned block = blockIdx.y * gridDim.x + blockIdx.x;
  ptx::st_global(out + block * blockDim.x + threadIdx.x, sum);
  // No block exits while others read its shared memory.
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
}

void check_cluster(dim3 grid, dim3 cluster) {
  constexpr unsigned kThreads = 48;
  const unsigned blocks = grid.x * grid.y;
  const auto size = static_cast<int>(cluster.x * cluster.y);
  const DeviceBuffer<int> out(blocks * kThreads);
  kernels::LaunchConfig config{"sum_over_cluster", grid, dim3(kThreads)};
  config.dynamic_shared_bytes = kThreads * sizeof(int);
  config.cluster = cluster;
  ASSERT_EQ((kernels::launch_kernel<&sum_over_cluster>(config, out.data())), cudaSuccess);
  const std::vector<int> result = out.read();
  for (unsigned i = 0; i < result.size(); ++i) {
    const auto thread = static_cast<int>(i % kThreads);
    EXPECT_EQ(result[i], 1000 * size * (size - 1) / 2 + size * thread) << i;
  }
}

TEST(Cluster, SharesMemoryAmongItsBlocks) {
  if (compute_capability() < 90) return;  // no clusters there
  with_seeds(10, [] {
    check_cluster(dim3(8), dim3(4));
    check_cluster(dim3(4, 6), dim3(2, 2));
    check_cluster(dim3(8), dim3(8));
  });
}

__global__ void ranks(unsigned* out) {
  unsigned* own = out + (blockIdx.y * gridDim.x + blockIdx.x) * 2;
  ptx::st_global(own, ptx::cluster_ctarank());
  ptx::st_global(own + 1, ptx::cluster_nctarank());
}

TEST(Cluster, RanksBlocksXFirst) {
  if (compute_capability() < 90) return;  // no clusters there
  const DeviceBuffer<unsigned> out(8 * 2);
  kernels::LaunchConfig config{"ranks", dim3(4, 2), dim3(1)};
  config.cluster = dim3(2, 2);
  ASSERT_EQ((kernels::launch_kernel<&ranks>(config, out.data())), cudaSuccess);
  EXPECT_EQ(out.read(), (std::vector<unsigned>{0, 4, 1, 4, 0, 4, 1, 4, 2, 4, 3, 4, 2, 4, 3, 4}));
}

TEST(Cluster, OfOneBlockWithoutTheAttribute) {
  const DeviceBuffer<unsigned> out(2 * 2);
  ASSERT_EQ((kernels::launch_kernel<&ranks>(kernels::LaunchConfig{"ranks", dim3(2), dim3(1)},
                                            out.data())),
            cudaSuccess);
  EXPECT_EQ(out.read(), (std::vector<unsigned>{0, 1, 0, 1}));
}

/// Every block sends a value of each thread to every block, and adds up what it receives.
__global__ void send_to_cluster(unsigned* out) {
  auto* slots = reinterpret_cast<uint4*>(ptx::dynamic_shared_memory());
  const unsigned blocks = ptx::cluster_nctarank();
  auto* received = reinterpret_cast<ptx::Mbarrier*>(slots + blocks * blockDim.x);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(received, 1);
    ptx::fence_mbarrier_init();
    ptx::mbarrier_arrive_expect_tx(received,
                                   blocks * blockDim.x * static_cast<unsigned>(sizeof(uint4)));
  }
  __syncthreads();
  ptx::barrier_cluster_arrive_relaxed();
  ptx::barrier_cluster_wait();
  const unsigned rank = ptx::cluster_ctarank();
  for (unsigned other = 0; other < blocks; ++other) {
    ptx::st_async(slots + rank * blockDim.x + threadIdx.x,
                  make_uint4(rank, other, threadIdx.x, rank * threadIdx.x), received, other);
  }
  ptx::mbarrier_wait_parity_cluster(received, 0);
  uint4 sum = make_uint4(0, 0, 0, 0);
  for (unsigned other = 0; other < blocks; ++other) {
    const uint4 value = ptx::ld_shared(slots + other * blockDim.x + threadIdx.x);
    sum = make_uint4(sum.x + value.x, sum.y + value.y, sum.z + value.z, sum.w + value.w);
  }
  ptx::st_global(reinterpret_cast<uint4*>(out) + blockIdx.x * blockDim.x + threadIdx.x, sum);
}

TEST(Cluster, SendsWithStAsync) {
  if (compute_capability() < 90) return;  // no clusters there
  constexpr unsigned kThreads = 40;
  constexpr unsigned kBlocks = 5;
  with_seeds(20, [] {
    const DeviceBuffer<unsigned> out(2 * kBlocks * kThreads * 4);
    kernels::LaunchConfig config{"send_to_cluster", dim3(2 * kBlocks), dim3(kThreads)};
    config.cluster = dim3(kBlocks);
    config.dynamic_shared_bytes = kBlocks * kThreads * sizeof(uint4) + sizeof(ptx::Mbarrier);
    ASSERT_EQ((kernels::launch_kernel<&send_to_cluster>(config, out.data())), cudaSuccess);
    const std::vector<unsigned> result = out.read();
    for (unsigned i = 0; i < 2 * kBlocks * kThreads; ++i) {
      const unsigned rank = i / kThreads % kBlocks;
      const unsigned thread = i % kThreads;
      constexpr unsigned kRanks = kBlocks * (kBlocks - 1) / 2;  // The ranks add up to this.
      EXPECT_EQ(result[i * 4], kRanks);
      EXPECT_EQ(result[i * 4 + 1], kBlocks * rank);
      EXPECT_EQ(result[i * 4 + 2], kBlocks * thread);
      EXPECT_EQ(result[i * 4 + 3], kRanks * thread);
    }
  });
}

}  // namespace
}  // namespace qlinear::emulated_device::test
