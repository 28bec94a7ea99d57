#include "device_test.hpp"

#include <ptx/cp_async.cuh>
#include <ptx/memory.cuh>

#include <cstdint>
#include <vector>

namespace qlinear::emulated_device::test {
namespace {

constexpr unsigned kThreads = 64;

/// Each thread copies the first `threadIdx.x % 17` bytes of its 16.
__global__ void copy_parts(const std::uint8_t* in, std::uint8_t* out) {
  unsigned char* shared = ptx::dynamic_shared_memory();
  const unsigned offset = threadIdx.x * 16;
  ptx::cp_async_16(shared + offset, in + offset, threadIdx.x % 17);
  ptx::cp_async_commit_group();
  ptx::cp_async_wait_group<0>();
  for (unsigned i = 0; i < 16; ++i) {
    ptx::st_global(out + offset + i, ptx::ld_shared(shared + offset + i));
  }
}

TEST(CpAsync, ZeroesWhatItDoesNotCopy) {
  with_seeds(20, [] {
    const std::vector<std::uint8_t> bytes = test_bytes(kThreads * 16);
    const DeviceBuffer<std::uint8_t> in(bytes);
    const DeviceBuffer<std::uint8_t> out(bytes.size());
    ASSERT_EQ((kernels::launch_kernel<&copy_parts>(one_block("copy_parts", kThreads, kThreads * 16),
                                                   static_cast<const std::uint8_t*>(in.data()),
                                                   out.data())),
              cudaSuccess);
    const std::vector<std::uint8_t> result = out.read();
    for (unsigned i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(result[i], i % 16 < i / 16 % 17 ? bytes[i] : 0) << i;
    }
  });
}

/// Runs a pipeline of three stages over `steps` tiles of 16 bytes a thread; every thread reads what
/// its neighbour has copied.
__global__ void stream_through_ring(const std::uint8_t* in, int steps, unsigned* out) {
  constexpr int kStages = 3;
  unsigned char* shared = ptx::dynamic_shared_memory();
  const unsigned tile_bytes = blockDim.x * 16;
  const auto load = [&](int step) {
    const unsigned place = static_cast<unsigned>(step % kStages) * tile_bytes + threadIdx.x * 16;
    if (step < steps) {
      ptx::cp_async_16(
          shared + place,
          in + static_cast<std::size_t>(step) * tile_bytes + std::size_t{threadIdx.x} * 16, 16);
    }
    ptx::cp_async_commit_group();
  };
  for (int step = 0; step < kStages - 1; ++step) load(step);
  const unsigned neighbour = (threadIdx.x + 1) % blockDim.x;
  unsigned sum = 0;
  for (int step = 0; step < steps; ++step) {
    ptx::cp_async_wait_group<kStages - 2>();
    __syncthreads();
    load(step + kStages - 1);
    const unsigned char* tile = shared + static_cast<unsigned>(step % kStages) * tile_bytes;
    for (unsigned i = 0; i < 16; ++i) sum = sum * 31 + ptx::ld_shared(tile + neighbour * 16 + i);
  }
  ptx::st_global(out + threadIdx.x, sum);
}

TEST(CpAsync, FeedsARing) {
  with_seeds(20, [] {
    constexpr int kSteps = 7;
    const std::vector<std::uint8_t> bytes = test_bytes(kSteps * kThreads * 16);
    const DeviceBuffer<std::uint8_t> in(bytes);
    const DeviceBuffer<unsigned> out(kThreads);
    ASSERT_EQ((kernels::launch_kernel<&stream_through_ring>(
                  one_block("stream_through_ring", kThreads, 3 * kThreads * 16),
                  static_cast<const std::uint8_t*>(in.data()), kSteps, out.data())),
              cudaSuccess);
    const std::vector<unsigned> result = out.read();
    for (unsigned thread = 0; thread < kThreads; ++thread) {
      unsigned expected = 0;
      for (unsigned step = 0; step < kSteps; ++step) {
        for (unsigned i = 0; i < 16; ++i) {
          expected = expected * 31 + bytes[step * kThreads * 16 + (thread + 1) % kThreads * 16 + i];
        }
      }
      EXPECT_EQ(result[thread], expected) << thread;
    }
  });
}

}  // namespace
}  // namespace qlinear::emulated_device::test
