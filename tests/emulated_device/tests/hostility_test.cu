#include "device_test.hpp"

#include <emulated_device/emulated_device.hpp>
#include <ptx/cluster.cuh>
#include <ptx/cp_async.cuh>
#include <ptx/griddepcontrol.cuh>
#include <ptx/mbarrier.cuh>
#include <ptx/memory.cuh>
#include <ptx/wgmma.cuh>

#include <functional>
#include <vector>

// These kernels lack one synchronising instruction each, which a GPU would forgive nearly always.
// The emulated device must not: with at least one of a few seeds it shows a wrong result.

namespace qlinear::emulated_device::test {
namespace {

constexpr std::uint64_t kSeeds = 20;

/// Counts the runs, of `kSeeds`, that give something other than `expected` or a failure.
template <class T>
int wrong_runs(const std::vector<T>& expected, const std::function<std::vector<T>()>& run) {
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    set_seed(seed);
    if (run() != expected || !last_failure().empty()) ++wrong;
    clear_failure();
  }
  return wrong;
}

// ---- Barriers ----

/// Reverses a block's values through shared memory.
template <bool kBarrier>
__global__ void reverse(int* values) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  ptx::st_shared(shared + threadIdx.x, ptx::ld_global(values + threadIdx.x));
  if (kBarrier) __syncthreads();
  const int value = ptx::ld_shared(shared + blockDim.x - 1 - threadIdx.x);
  ptx::st_global(values + threadIdx.x, value);
}

template <bool kBarrier>
int wrong_reversals() {
  std::vector<int> values(64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
  const std::vector<int> reversed(values.rbegin(), values.rend());
  return wrong_runs<int>(reversed, [&values] {
    const DeviceBuffer<int> buffer(values);
    EXPECT_EQ(
        (kernels::launch_kernel<&reverse<kBarrier>>(one_block("reverse", 64, 256), buffer.data())),
        cudaSuccess);
    return buffer.read();
  });
}

TEST(Hostility, FindsAMissingBarrier) {
  EXPECT_EQ(wrong_reversals<true>(), 0);
  EXPECT_GT(wrong_reversals<false>(), 0);
}

/// Overwrites shared memory that neighbours still read unless the second barrier is there.
template <bool kBarrier>
__global__ void rotate_twice(int* values) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  int value = ptx::ld_global(values + threadIdx.x);
  for (int i = 0; i < 2; ++i) {
    ptx::st_shared(shared + threadIdx.x, value);
    __syncthreads();
    value = ptx::ld_shared(shared + (threadIdx.x + 1) % blockDim.x);
    if (kBarrier) __syncthreads();
  }
  ptx::st_global(values + threadIdx.x, value);
}

template <bool kBarrier>
int wrong_rotations() {
  std::vector<int> values(64);
  std::vector<int> rotated(64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<int>(i);
    rotated[i] = static_cast<int>((i + 2) % 64);
  }
  return wrong_runs<int>(rotated, [&values] {
    const DeviceBuffer<int> buffer(values);
    EXPECT_EQ((kernels::launch_kernel<&rotate_twice<kBarrier>>(one_block("rotate", 64, 256),
                                                               buffer.data())),
              cudaSuccess);
    return buffer.read();
  });
}

TEST(Hostility, FindsAnOverwriteWithoutABarrier) {
  EXPECT_EQ(wrong_rotations<true>(), 0);
  EXPECT_GT(wrong_rotations<false>(), 0);
}

template <bool kBarrier>
__global__ void exchange_in_warp(int* values) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  ptx::st_shared(shared + threadIdx.x, ptx::ld_global(values + threadIdx.x));
  if (kBarrier) __syncwarp();
  ptx::st_global(values + threadIdx.x, ptx::ld_shared(shared + (threadIdx.x ^ 1U)));
}

template <bool kBarrier>
int wrong_exchanges() {
  std::vector<int> values(32);
  std::vector<int> exchanged(32);
  for (unsigned i = 0; i < 32; ++i) {
    values[i] = static_cast<int>(i);
    exchanged[i] = static_cast<int>(i ^ 1U);
  }
  return wrong_runs<int>(exchanged, [&values] {
    const DeviceBuffer<int> buffer(values);
    EXPECT_EQ((kernels::launch_kernel<&exchange_in_warp<kBarrier>>(one_block("exchange", 32, 128),
                                                                   buffer.data())),
              cudaSuccess);
    return buffer.read();
  });
}

TEST(Hostility, FindsAMissingSyncwarp) {
  EXPECT_EQ(wrong_exchanges<true>(), 0);
  EXPECT_GT(wrong_exchanges<false>(), 0);
}

// ---- cp.async ----

/// Waits for all groups but `kPending`, of two.
template <int kPending>
__global__ void copy_async(const int4* in, int* out) {
  int4* shared = reinterpret_cast<int4*>(ptx::dynamic_shared_memory());
  for (unsigned i = 0; i < 2; ++i) {
    ptx::cp_async_16(shared + i, in + i, 16);
    ptx::cp_async_commit_group();
  }
  ptx::cp_async_wait_group<kPending>();
  for (unsigned i = 0; i < 8; ++i) {
    ptx::st_global(out + i, ptx::ld_shared(reinterpret_cast<const int*>(shared) + i));
  }
}

template <int kPending>
int wrong_copies() {
  const std::vector<int> values = {1, 2, 3, 4, 5, 6, 7, 8};
  return wrong_runs<int>(values, [&values] {
    const DeviceBuffer<int> in(values);
    const DeviceBuffer<int> out(values.size());
    EXPECT_EQ((kernels::launch_kernel<&copy_async<kPending>>(
                  one_block("copy", 1, 32), reinterpret_cast<const int4*>(in.data()), out.data())),
              cudaSuccess);
    return out.read();
  });
}

TEST(Hostility, FindsAMissingWaitForACopy) {
  EXPECT_EQ(wrong_copies<0>(), 0);
  EXPECT_GT(wrong_copies<1>(), 0);
  EXPECT_GT(wrong_copies<2>(), 0);
}

// ---- Programmatic dependent launch ----

__global__ void produce(int* values) {
  ptx::griddepcontrol_launch_dependents();
  ptx::st_global(values + blockIdx.x, 1);
}

template <bool kWait>
__global__ void consume(const int* values, int* out) {
  if (kWait) ptx::griddepcontrol_wait();
  ptx::st_global(out + blockIdx.x, ptx::ld_global(values + blockIdx.x));
}

template <bool kWait>
int wrong_dependents() {
  return wrong_runs<int>(std::vector<int>(8, 1), [] {
    const DeviceBuffer<int> values(std::vector<int>(8, 0));
    const DeviceBuffer<int> out(8);
    kernels::LaunchConfig config{"produce", dim3(8), dim3(1)};
    EXPECT_EQ((kernels::launch_kernel<&produce>(config, values.data())), cudaSuccess);
    config.name = "consume";
    config.programmatic_dependent = true;
    EXPECT_EQ((kernels::launch_kernel<&consume<kWait>>(
                  config, static_cast<const int*>(values.data()), out.data())),
              cudaSuccess);
    return out.read();
  });
}

TEST(Hostility, FindsAMissingWaitForThePreviousGrid) {
  EXPECT_EQ(wrong_dependents<true>(), 0);
  EXPECT_GT(wrong_dependents<false>(), 0);
}

// ---- Clusters ----

/// Reads the other block's shared memory; without the second barrier that block may be gone.
template <bool kFirst, bool kSecond>
__global__ void read_neighbour(int* out) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  const unsigned rank = ptx::cluster_ctarank();
  ptx::st_shared(shared, static_cast<int>(rank) + 1);
  if (kFirst) {
    ptx::barrier_cluster_arrive();
    ptx::barrier_cluster_wait();
  }
  ptx::st_global(out + rank, ptx::ld_shared_cluster(shared, 1 - rank));
  if (kSecond) {
    ptx::barrier_cluster_arrive();
    ptx::barrier_cluster_wait();
  }
}

template <bool kFirst, bool kSecond>
int wrong_neighbours() {
  return wrong_runs<int>({2, 1}, [] {
    const DeviceBuffer<int> out(2);
    kernels::LaunchConfig config{"read_neighbour", dim3(2), dim3(1)};
    config.dynamic_shared_bytes = 4;
    config.cluster = dim3(2);
    EXPECT_EQ((kernels::launch_kernel<&read_neighbour<kFirst, kSecond>>(config, out.data())),
              cudaSuccess);
    std::vector<int> result(2, 0);
    cudaMemcpy(result.data(), out.data(), 8, cudaMemcpyDeviceToHost);
    return result;
  });
}

TEST(Hostility, FindsAMissingClusterBarrier) {
  EXPECT_EQ((wrong_neighbours<true, true>()), 0);
  EXPECT_GT((wrong_neighbours<false, true>()), 0);
  EXPECT_GT((wrong_neighbours<true, false>()), 0);
}

// ---- mbarrier and wgmma ----

/// Warp 0 hands a value to warp 1 through an mbarrier.
template <bool kFull>
__global__ void hand_over(int* out) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  auto* full = reinterpret_cast<ptx::Mbarrier*>(ptx::dynamic_shared_memory() + 128);
  if (threadIdx.x == 0) ptx::mbarrier_init(full, 32);
  __syncthreads();
  const unsigned lane = threadIdx.x % 32;
  if (threadIdx.x < 32) {
    ptx::st_shared(shared + lane, 5);
    ptx::mbarrier_arrive(full);
  } else {
    if (kFull) ptx::mbarrier_wait_parity(full, 0);
    ptx::st_global(out + lane, ptx::ld_shared(shared + 31 - lane));
  }
}

template <bool kFull>
int wrong_handovers() {
  return wrong_runs<int>(std::vector<int>(32, 5), [] {
    const DeviceBuffer<int> out(32);
    EXPECT_EQ(
        (kernels::launch_kernel<&hand_over<kFull>>(one_block("hand_over", 64, 136), out.data())),
        cudaSuccess);
    return out.read();
  });
}

TEST(Hostility, FindsAMissingWaitForAnMbarrier) {
  EXPECT_EQ(wrong_handovers<true>(), 0);
  EXPECT_GT(wrong_handovers<false>(), 0);
}

/// Computes 64 x 8 sums of 32 products of 1, then reuses the operands' memory. With `kPending` 1 it
/// does so, and reads the sums, while the wgmma may still run.
template <int kPending>
__global__ void reuse_operands(int* out) {
  unsigned char* shared = ptx::dynamic_shared_memory();
  for (unsigned i = threadIdx.x; i < 8192; i += 128) ptx::st_shared<unsigned char>(shared + i, 1);
  __syncthreads();
  int d[4] = {};
  ptx::wgmma_fence();
  const std::uint64_t descriptor = ptx::wgmma_descriptor(shared);
  ptx::wgmma_m64k32<8, false, false>(d, descriptor, descriptor, false);
  ptx::wgmma_commit_group();
  ptx::wgmma_wait_group<kPending>();
  __syncthreads();
  for (unsigned i = threadIdx.x; i < 8192; i += 128) ptx::st_shared<unsigned char>(shared + i, 2);
  __syncthreads();
  ptx::wgmma_wait_group<0>();
  for (unsigned i = 0; i < 4; ++i) ptx::st_global(out + threadIdx.x * 4 + i, d[i]);
}

template <int kPending>
int wrong_multiplies() {
  return wrong_runs<int>(std::vector<int>(512, 32), [] {
    const DeviceBuffer<int> out(512);
    EXPECT_EQ((kernels::launch_kernel<&reuse_operands<kPending>>(
                  one_block("reuse_operands", 128, 8192), out.data())),
              cudaSuccess);
    return out.read();
  });
}

TEST(Hostility, FindsOperandsOverwrittenDuringAWgmma) {
  EXPECT_EQ(wrong_multiplies<0>(), 0);
  EXPECT_GT(wrong_multiplies<1>(), 0);
}

// ---- Streams ----

__global__ void store(int* value, int number) { ptx::st_global(value, number); }

/// Two streams write and copy a value, with or without an event between them.
template <bool kEvent>
int wrong_streams() {
  return wrong_runs<int>({7}, [] {
    const DeviceBuffer<int> value(std::vector<int>{0});
    const DeviceBuffer<int> copy(1);
    cudaStream_t writer = nullptr;
    cudaStream_t reader = nullptr;
    cudaEvent_t written = nullptr;
    EXPECT_EQ(cudaStreamCreateWithFlags(&writer, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaStreamCreateWithFlags(&reader, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaEventCreateWithFlags(&written, cudaEventDisableTiming), cudaSuccess);
    kernels::LaunchConfig config{"store", dim3(1), dim3(1)};
    config.stream = writer;
    EXPECT_EQ((kernels::launch_kernel<&store>(config, value.data(), 7)), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(written, writer), cudaSuccess);
    if (kEvent) {
      EXPECT_EQ(cudaStreamWaitEvent(reader, written, 0), cudaSuccess);
    }
    EXPECT_EQ(cudaMemcpyAsync(copy.data(), value.data(), 4, cudaMemcpyDeviceToDevice, reader),
              cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(reader), cudaSuccess);
    std::vector<int> result = copy.read();
    EXPECT_EQ(cudaEventDestroy(written), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(writer), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(reader), cudaSuccess);
    return result;
  });
}

TEST(Hostility, FindsAMissingEventBetweenStreams) {
  EXPECT_EQ(wrong_streams<true>(), 0);
  EXPECT_GT(wrong_streams<false>(), 0);
}

// ---- Poison ----

__global__ void read_uninitialised(const int* global, int* out) {
  int local;
  const int* shared = reinterpret_cast<const int*>(ptx::dynamic_shared_memory());
  ptx::st_global(out, ptx::ld_global(global));
  ptx::st_global(out + 1, ptx::ld_shared(shared));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
  ptx::st_global(out + 2, local);
#pragma GCC diagnostic pop
}

TEST(Hostility, FillsFreshMemoryWithGarbage) {
  const DeviceBuffer<int> global(1);
  const DeviceBuffer<int> out(3);
  ASSERT_EQ((kernels::launch_kernel<&read_uninitialised>(one_block("read_uninitialised", 1, 4),
                                                         static_cast<const int*>(global.data()),
                                                         out.data())),
            cudaSuccess);
  for (const int value : out.read()) EXPECT_NE(value, 0);
}

}  // namespace
}  // namespace qlinear::emulated_device::test
