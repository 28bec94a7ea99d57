#include "device_test.hpp"

#include <ptx/elect_sync.cuh>
#include <ptx/memory.cuh>

#include <cstdint>
#include <numeric>
#include <vector>

namespace qlinear::emulated_device::test {
namespace {

constexpr unsigned kAll = 0xffffffffU;

/// Runs a kernel that writes `kResults` ints a lane and returns them, lane by lane.
template <auto kKernel, unsigned kResults>
std::vector<int> results_of_a_warp() {
  const DeviceBuffer<int> out(32 * kResults);
  EXPECT_EQ((kernels::launch_kernel<kKernel>(one_block("warp", 32), out.data())), cudaSuccess);
  return out.read();
}

// ---- Shuffles ----

template <int kWidth>
__global__ void shuffle(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  int* own = out + lane * 4;
  ptx::st_global(own + 0, __shfl_sync(kAll, lane, 3, kWidth));
  ptx::st_global(own + 1, __shfl_up_sync(kAll, lane, 3U, kWidth));
  ptx::st_global(own + 2, __shfl_down_sync(kAll, lane, 3U, kWidth));
  ptx::st_global(own + 3, __shfl_xor_sync(kAll, lane, 3, kWidth));
}

template <int kWidth>
void check_shuffles() {
  with_seeds(5, [] {
    const std::vector<int> result = results_of_a_warp<&shuffle<kWidth>, 4>();
    for (int lane = 0; lane < 32; ++lane) {
      const int first = lane / kWidth * kWidth;
      const int* own = &result[static_cast<std::size_t>(lane) * 4];
      EXPECT_EQ(own[0], first + 3 % kWidth) << lane;
      EXPECT_EQ(own[1], lane - 3 >= first ? lane - 3 : lane) << lane;
      EXPECT_EQ(own[2], lane + 3 < first + kWidth ? lane + 3 : lane) << lane;
      EXPECT_EQ(own[3], lane ^ 3) << lane;
    }
  });
}

TEST(Shuffle, OfTheWholeWarp) { check_shuffles<32>(); }
TEST(Shuffle, OfEightLanes) { check_shuffles<8>(); }

__global__ void shuffle_double(int* out) {
  const double value = __shfl_xor_sync(kAll, 1.5 + threadIdx.x, 16);
  const float single = __shfl_down_sync(kAll, 0.5F + static_cast<float>(threadIdx.x), 1U);
  ptx::st_global(out + threadIdx.x * 2, static_cast<int>(value * 2));
  ptx::st_global(out + threadIdx.x * 2 + 1, static_cast<int>(single * 2));
}

TEST(Shuffle, OfFloatingPointValues) {
  const std::vector<int> result = results_of_a_warp<&shuffle_double, 2>();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(result[static_cast<std::size_t>(lane) * 2], 3 + 2 * (lane ^ 16));
    EXPECT_EQ(result[static_cast<std::size_t>(lane) * 2 + 1], 1 + 2 * (lane < 31 ? lane + 1 : 31));
  }
}

__global__ void shuffle_halves(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const unsigned mask = lane < 16 ? 0x0000ffffU : 0xffff0000U;
  int value = 1;
  if (lane < 16) {
    for (int distance = 8; distance > 0; distance /= 2) {
      value += __shfl_xor_sync(mask, value, distance);
    }
  } else {
    value = __shfl_sync(mask, lane, 20);
  }
  ptx::st_global(out + lane, value);
}

TEST(Shuffle, OfTwoGroupsOfLanesApart) {
  with_seeds(5, [] {
    const std::vector<int> result = results_of_a_warp<&shuffle_halves, 1>();
    for (std::size_t lane = 0; lane < 32; ++lane) EXPECT_EQ(result[lane], lane < 16 ? 16 : 20);
  });
}

// ---- Votes and reductions ----

__global__ void vote(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  int* own = out + lane * 5;
  ptx::st_global(own + 0, static_cast<int>(__ballot_sync(kAll, lane % 3 == 0)));
  ptx::st_global(own + 1, __any_sync(kAll, lane == 31));
  ptx::st_global(own + 2, __any_sync(kAll, 0));
  ptx::st_global(own + 3, __all_sync(kAll, lane >= 0));
  ptx::st_global(own + 4, __all_sync(kAll, lane != 7));
}

TEST(Vote, CountsEveryLane) {
  with_seeds(5, [] {
    const std::vector<int> result = results_of_a_warp<&vote, 5>();
    for (std::size_t lane = 0; lane < 32; ++lane) {
      const std::vector<int> own(result.begin() + static_cast<std::ptrdiff_t>(lane * 5),
                                 result.begin() + static_cast<std::ptrdiff_t>(lane * 5 + 5));
      EXPECT_EQ(own, (std::vector<int>{0x49249249, 1, 0, 1, 0}));
    }
  });
}

__global__ void elect(int* out) {
  const unsigned half = threadIdx.x < 16 ? 0x0000ffffU : 0xffff0000U;
  int* own = out + threadIdx.x * 3;
  ptx::st_global(own + 0, static_cast<int>(ptx::elect_sync(kAll)));
  ptx::st_global(own + 1, static_cast<int>(ptx::elect_sync(half)));
  ptx::st_global(own + 2, static_cast<int>(ptx::elect_sync(1U << threadIdx.x)));
}

TEST(Elect, ChoosesOneLane) {
  if (compute_capability() < 90) return;  // no such instruction there
  with_seeds(5, [] {
    const std::vector<int> result = results_of_a_warp<&elect, 3>();
    std::vector<int> elected(3 * 2);  // Counts elected lanes in each half of the warp.
    for (std::size_t i = 0; i < 32 * 3; ++i) elected[i % 3 * 2 + i / (16 * 3)] += result[i];
    EXPECT_EQ(elected[0] + elected[1], 1);
    EXPECT_EQ(elected[2], 1);
    EXPECT_EQ(elected[3], 1);
    EXPECT_EQ(elected[4], 16);
    EXPECT_EQ(elected[5], 16);
  });
}

__global__ void reduce(int* out) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  const int lane = static_cast<int>(threadIdx.x);
  int* own = out + lane * 6;
  const unsigned bits = static_cast<unsigned>(lane - 5);
  ptx::st_global(own + 0, __reduce_add_sync(kAll, lane - 5));
  ptx::st_global(own + 1, __reduce_max_sync(kAll, lane - 5));
  ptx::st_global(own + 2, __reduce_min_sync(kAll, lane - 5));
  ptx::st_global(own + 3, static_cast<int>(__reduce_add_sync(kAll, bits)));
  ptx::st_global(own + 4, static_cast<int>(__reduce_max_sync(kAll, bits)));
  ptx::st_global(own + 5, static_cast<int>(__reduce_min_sync(kAll, bits)));
#endif
}

TEST(Reduce, TellsSignedFromUnsigned) {
  if (compute_capability() < 80) return;  // no such instruction there
  with_seeds(5, [] {
    const std::vector<int> result = results_of_a_warp<&reduce, 6>();
    for (std::size_t lane = 0; lane < 32; ++lane) {
      const std::vector<int> own(result.begin() + static_cast<std::ptrdiff_t>(lane * 6),
                                 result.begin() + static_cast<std::ptrdiff_t>(lane * 6 + 6));
      EXPECT_EQ(own, (std::vector<int>{336, 26, -5, 336, -1, 0}));
    }
  });
}

// ---- A partial warp ----

__global__ void sum_partial_warp(int* out) {
  int value = static_cast<int>(threadIdx.x);
  __syncwarp(0x7U);
  value += __shfl_sync(0x7U, value, 2);
  ptx::st_global(out + threadIdx.x, value);
}

TEST(Shuffle, OfAPartialWarp) {
  const DeviceBuffer<int> out(3);
  ASSERT_EQ((kernels::launch_kernel<&sum_partial_warp>(one_block("partial", 3), out.data())),
            cudaSuccess);
  EXPECT_EQ(out.read(), (std::vector<int>{2, 3, 4}));
}

}  // namespace
}  // namespace qlinear::emulated_device::test
