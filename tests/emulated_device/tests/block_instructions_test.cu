#include "device_test.hpp"

#include <ptx/memory.cuh>

#include <climits>
#include <cstdint>
#include <vector>

namespace qlinear::emulated_device::test {
namespace {

// ---- Barriers ----

__global__ void barrier_predicates(int* out) {
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  int* own = out + thread * 5;
  ptx::st_global(own + 0, __syncthreads_count(thread % 3 == 0));
  ptx::st_global(own + 1, __syncthreads_or(thread == threads - 1) != 0 ? 1 : 0);
  ptx::st_global(own + 2, __syncthreads_or(0) != 0 ? 1 : 0);
  ptx::st_global(own + 3, __syncthreads_and(1) != 0 ? 1 : 0);
  ptx::st_global(own + 4, __syncthreads_and(thread != 5) != 0 ? 1 : 0);
}

TEST(Barrier, CombinesPredicates) {
  with_seeds(10, [] {
    constexpr unsigned kThreads = 100;
    const DeviceBuffer<int> out(kThreads * 5);
    ASSERT_EQ((kernels::launch_kernel<&barrier_predicates>(one_block("predicates", kThreads),
                                                           out.data())),
              cudaSuccess);
    const std::vector<int> result = out.read();
    for (std::size_t i = 0; i < result.size(); i += 5) {
      const auto own = result.begin() + static_cast<std::ptrdiff_t>(i);
      EXPECT_EQ(std::vector<int>(own, own + 5), (std::vector<int>{34, 1, 0, 1, 0}));
    }
  });
}

/// Each block reverses its values through shared memory, several times over.
__global__ void reverse_repeatedly(const int* in, int* out) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  const unsigned base = blockIdx.x * blockDim.x;
  int value = ptx::ld_global(in + base + threadIdx.x);
  for (int i = 0; i < 5; ++i) {
    ptx::st_shared(shared + threadIdx.x, value);
    __syncthreads();
    value = ptx::ld_shared(shared + blockDim.x - 1 - threadIdx.x);
    __syncthreads();
  }
  ptx::st_global(out + base + threadIdx.x, value);
}

TEST(Barrier, OrdersSharedMemory) {
  with_seeds(20, [] {
    constexpr unsigned kBlocks = 7;
    constexpr unsigned kThreads = 96;
    std::vector<int> values(kBlocks * kThreads);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
    const DeviceBuffer<int> in(values);
    const DeviceBuffer<int> out(values.size());
    kernels::LaunchConfig config{"reverse", dim3(kBlocks), dim3(kThreads)};
    config.dynamic_shared_bytes = kThreads * sizeof(int);
    ASSERT_EQ((kernels::launch_kernel<&reverse_repeatedly>(
                  config, static_cast<const int*>(in.data()), out.data())),
              cudaSuccess);
    const std::vector<int> result = out.read();
    for (unsigned i = 0; i < result.size(); ++i) {
      const unsigned mirrored = i / kThreads * kThreads + kThreads - 1 - i % kThreads;
      EXPECT_EQ(result[i], static_cast<int>(mirrored));
    }
  });
}

// ---- Coordinates ----

__global__ void mark(int* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  atomicAdd(out + block * (blockDim.x * blockDim.y * blockDim.z) + thread, 1);
}

TEST(Grid, RunsEveryThreadOfEveryBlockOnce) {
  with_seeds(10, [] {
    const DeviceBuffer<int> out(std::vector<int>(5 * 3 * 2 * 9 * 2 * 4, 0));
    const kernels::LaunchConfig config{"mark", dim3(5, 3, 2), dim3(9, 2, 4)};
    ASSERT_EQ((kernels::launch_kernel<&mark>(config, out.data())), cudaSuccess);
    EXPECT_EQ(out.read(), std::vector<int>(out.size(), 1));
  });
}

// ---- Atomics ----

__global__ void change(int* s32, unsigned* u32, unsigned long long* u64) {
  const int i = static_cast<int>(threadIdx.x);
  const auto u = static_cast<unsigned>(i);
  atomicAdd(s32 + 0, i);
  atomicSub(s32 + 1, i);
  atomicMax(s32 + 2, i - 50);
  atomicMin(s32 + 3, i - 50);
  atomicAdd(u32 + 0, u);
  atomicMax(u32 + 1, u);
  atomicMin(u32 + 2, u);
  atomicOr(u32 + 3, 1U << (u % 32));
  atomicInc(u32 + 4, 6U);
  atomicAdd(u64 + 0, 0x100000000ULL);
  atomicMax(u64 + 1, static_cast<unsigned long long>(u) << 40);
  for (unsigned old = ptx::ld_global(u32 + 5);;) {
    const unsigned seen = atomicCAS(u32 + 5, old, old + 2);
    if (seen == old) break;
    old = seen;
  }
}

TEST(Atomic, AddsUpOverAllThreads) {
  with_seeds(10, [] {
    const DeviceBuffer<int> s32(std::vector<int>{INT_MAX, 0, INT_MIN, INT_MAX});
    const DeviceBuffer<unsigned> u32(std::vector<unsigned>{7, 0, 77, 0, 0, 0});
    const DeviceBuffer<unsigned long long> u64(std::vector<unsigned long long>{1, 0});
    ASSERT_EQ((kernels::launch_kernel<&change>(one_block("change", 100), s32.data(), u32.data(),
                                               u64.data())),
              cudaSuccess);
    EXPECT_EQ(s32.read(), (std::vector<int>{INT_MIN + 4949, -4950, 49, -50}));
    EXPECT_EQ(u32.read(), (std::vector<unsigned>{4957, 99, 0, 0xffffffffU, 100 % 7, 200}));
    EXPECT_EQ(u64.read(), (std::vector<unsigned long long>{(100ULL << 32) + 1, 99ULL << 40}));
  });
}

/// The last block to arrive adds up what the others left, by threadfence and a counter.
__global__ void sum_by_last_block(const int* in, int* partial, unsigned* counter, int* out) {
  const int sum = __syncthreads_count(ptx::ld_global(in + blockIdx.x * blockDim.x + threadIdx.x));
  unsigned* is_last = reinterpret_cast<unsigned*>(ptx::dynamic_shared_memory());
  if (threadIdx.x == 0) {
    ptx::st_global(partial + blockIdx.x, sum);
    __threadfence();
    ptx::st_shared(is_last, atomicInc(counter, gridDim.x - 1) == gridDim.x - 1 ? 1U : 0U);
  }
  __syncthreads();
  if (ptx::ld_shared(is_last) == 0 || threadIdx.x != 0) return;
  __threadfence();
  int total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += ptx::ld_global(partial + i);
  ptx::st_global(out, total);
}

TEST(Atomic, FindsTheLastBlock) {
  with_seeds(20, [] {
    constexpr unsigned kBlocks = 9;
    constexpr unsigned kThreads = 64;
    const DeviceBuffer<int> in(std::vector<int>(kBlocks * kThreads, 1));
    const DeviceBuffer<int> partial(kBlocks);
    const DeviceBuffer<unsigned> counter(std::vector<unsigned>{0});
    const DeviceBuffer<int> out(1);
    kernels::LaunchConfig config{"sum_by_last_block", dim3(kBlocks), dim3(kThreads)};
    config.dynamic_shared_bytes = sizeof(unsigned);
    ASSERT_EQ(
        (kernels::launch_kernel<&sum_by_last_block>(config, static_cast<const int*>(in.data()),
                                                    partial.data(), counter.data(), out.data())),
        cudaSuccess);
    EXPECT_EQ(out.read()[0], static_cast<int>(kBlocks * kThreads));
    EXPECT_EQ(counter.read()[0], 0U);
  });
}

}  // namespace
}  // namespace qlinear::emulated_device::test
