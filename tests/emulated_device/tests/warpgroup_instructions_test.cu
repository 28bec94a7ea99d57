#include "device_test.hpp"

#include <ptx/bar_sync.cuh>
#include <ptx/memory.cuh>
#include <ptx/setmaxnreg.cuh>
#include <ptx/wgmma.cuh>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace qlinear::emulated_device::test {
namespace {

constexpr unsigned kRows = 64;
constexpr unsigned kDepth = 128;  // This is four steps of K, one row of the 128-byte swizzle.

/// Copies rows of 128 bytes to shared memory as TMA would with the 128-byte swizzle.
__device__ void copy_swizzled(unsigned char* shared, const std::uint8_t* rows, unsigned count) {
  for (unsigned i = threadIdx.x; i < count * kDepth; i += blockDim.x) {
    const unsigned row = i / kDepth;
    const unsigned chunk = i % kDepth / 16 ^ row % 8;
    ptx::st_shared(shared + row * kDepth + chunk * 16 + i % 16, ptx::ld_global(rows + i));
  }
}

/// Computes d = a · bᵀ twice: two groups, of which the second adds to the first.
template <unsigned kN, bool kUnsignedA, bool kUnsignedB>
__global__ void multiply_64(const std::uint8_t* a, const std::uint8_t* b, int* d) {
  unsigned char* rows = ptx::dynamic_shared_memory();
  unsigned char* columns = rows + kRows * kDepth;
  copy_swizzled(rows, a, kRows);
  copy_swizzled(columns, b, kN);
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
  __syncthreads();
  int sums[kN / 2] = {};
  ptx::wgmma_fence_registers(sums);
  ptx::wgmma_fence();
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (unsigned step = 0; step < kDepth / 32; ++step) {
      ptx::wgmma_m64k32<kN, kUnsignedA, kUnsignedB>(sums, ptx::wgmma_descriptor(rows) + step * 2,
                                                    ptx::wgmma_descriptor(columns) + step * 2,
                                                    repeat > 0 || step > 0);
    }
    ptx::wgmma_commit_group();
  }
  ptx::wgmma_wait_group<0>();
  ptx::wgmma_fence_registers(sums);
  for (unsigned i = 0; i < kN / 2; ++i) ptx::st_global(d + threadIdx.x * (kN / 2) + i, sums[i]);
}

template <unsigned kN, bool kUnsignedA, bool kUnsignedB>
void check_product() {
  using ElementA = std::conditional_t<kUnsignedA, std::uint8_t, std::int8_t>;
  using ElementB = std::conditional_t<kUnsignedB, std::uint8_t, std::int8_t>;
  const std::vector<std::uint8_t> a = test_bytes(kRows * kDepth, 1);
  const std::vector<std::uint8_t> b = test_bytes(kN * kDepth, 2);
  const DeviceBuffer<std::uint8_t> device_a(a);
  const DeviceBuffer<std::uint8_t> device_b(b);
  const DeviceBuffer<int> device_d(128 * kN / 2);
  ASSERT_EQ((kernels::launch_kernel<&multiply_64<kN, kUnsignedA, kUnsignedB>>(
                one_block("multiply_64", 128, (kRows + kN) * kDepth),
                static_cast<const std::uint8_t*>(device_a.data()),
                static_cast<const std::uint8_t*>(device_b.data()), device_d.data())),
            cudaSuccess);
  const std::vector<int> d = device_d.read();
  for (unsigned thread = 0; thread < 128; ++thread) {
    for (unsigned i = 0; i < kN / 2; ++i) {
      // "Register fragments for wgmma.mma_async.m64nNk32": D.
      const unsigned row = 16 * (thread / 32) + thread % 32 / 4 + 8 * (i / 2 % 2);
      const unsigned column = 8 * (i / 4) + 2 * (thread % 4) + i % 2;
      int expected = 0;
      for (unsigned k = 0; k < kDepth; ++k) {
        expected += 2 * static_cast<ElementA>(a[row * kDepth + k]) *
                    static_cast<ElementB>(b[column * kDepth + k]);
      }
      ASSERT_EQ(d[thread * (kN / 2) + i], expected) << "thread " << thread << " register " << i;
    }
  }
}

bool has_wgmma() { return compute_capability() == 90; }

TEST(Wgmma, MultipliesSigned) {
  if (!has_wgmma()) return;
  with_seeds(3, [] {
    check_product<8, false, false>();
    check_product<24, false, false>();
    check_product<128, false, false>();
  });
}

TEST(Wgmma, MultipliesUnsigned) {
  if (!has_wgmma()) return;
  with_seeds(3, [] {
    check_product<16, true, false>();
    check_product<64, false, true>();
  });
}

template <unsigned... kN>
void check_products(std::integer_sequence<unsigned, kN...>) {
  (check_product<kN, false, false>(), ...);
}

TEST(Wgmma, MultipliesEveryWidth) {
  if (!has_wgmma()) return;
  check_products(std::integer_sequence<unsigned, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160,
                                       176, 192, 208, 224, 240, 256>{});
}

// ---- Named barriers ----

/// Two groups of two warps exchange values, each through a barrier of its own.
__global__ void exchange_in_groups(int* out) {
  int* shared = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  const unsigned group = threadIdx.x / 64;
  for (int i = 0; i < 3; ++i) {
    ptx::st_shared(shared + threadIdx.x, static_cast<int>(threadIdx.x) + i);
    ptx::bar_sync(static_cast<int>(group) + 1, 64);
    const int other = ptx::ld_shared(shared + (threadIdx.x ^ 32U));
    ptx::bar_sync(static_cast<int>(group) + 1, 64);
    ptx::st_global(out + threadIdx.x * 3 + i, other);
  }
}

TEST(BarSync, SynchronisesGroupsApart) {
  with_seeds(20, [] {
    const DeviceBuffer<int> out(128 * 3);
    ASSERT_EQ(
        (kernels::launch_kernel<&exchange_in_groups>(one_block("exchange", 128, 512), out.data())),
        cudaSuccess);
    const std::vector<int> result = out.read();
    for (unsigned i = 0; i < result.size(); ++i) {
      EXPECT_EQ(result[i], static_cast<int>((i / 3 ^ 32U) + i % 3));
    }
  });
}

}  // namespace
}  // namespace qlinear::emulated_device::test
