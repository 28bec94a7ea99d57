#include "device_test.hpp"

#include <ptx/cluster.cuh>
#include <ptx/memory.cuh>
#include <ptx/tma.cuh>

#include <cuda.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

// These tests hold mbarriers and the tensor memory accelerator to the manual's rules.

namespace qlinear::emulated_device::test {
namespace {

constexpr std::int64_t kColumns = 200;
constexpr std::int64_t kRows = 21;
constexpr std::int64_t kPitch = 208;
constexpr unsigned kBoxRows = 16;

struct Mode {
  CUtensorMapSwizzle swizzle;
  unsigned row_bytes;  ///< The box's rows and the swizzle's pattern have this length.
};

/// GoogleTest prints the parameter so.
void PrintTo(const Mode& mode, std::ostream* stream) { *stream << mode.row_bytes << "-byte rows"; }

/// Returns the driver's function.
decltype(&cuTensorMapEncodeTiled) encode_tiled() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  EXPECT_EQ(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                             cudaEnableDefault, &found),
            cudaSuccess);
  EXPECT_EQ(found, cudaDriverEntryPointSuccess);
  return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
}

/// Makes a map of a kRows x kColumns matrix of bytes with rows of kPitch.
CUresult encode(CUtensorMap& map, void* base, const Mode& mode, cuuint64_t pitch = kPitch) {
  const cuuint64_t sizes[2] = {kColumns, kRows};
  const cuuint64_t strides[1] = {pitch};
  const cuuint32_t box[2] = {mode.row_bytes, kBoxRows};
  const cuuint32_t element_strides[2] = {1, 1};
  return encode_tiled()(&map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, base, sizes, strides, box,
                        element_strides, CU_TENSOR_MAP_INTERLEAVE_NONE, mode.swizzle,
                        CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

/// Loads one box and copies the shared memory unchanged to `out`.
__global__ void load_box(const __grid_constant__ CUtensorMap map, int column, int row,
                         unsigned bytes, std::uint8_t* out) {
  unsigned char* shared = ptx::dynamic_shared_memory();
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(shared + bytes);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, 1);
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    ptx::mbarrier_arrive_expect_tx(barrier, bytes);
    ptx::tma_load_2d(shared, &map, column, row, barrier, ptx::L2Policy::EvictNormal);
  }
  ptx::mbarrier_wait_parity(barrier, 0);
  for (unsigned i = threadIdx.x; i < bytes; i += blockDim.x) {
    ptx::st_global(out + i, ptx::ld_shared(shared + i));
  }
}

/// Returns where byte `column` of row `row` of a box lies: the tables of "Swizzling modes" as a
/// formula.
unsigned place(const Mode& mode, unsigned row, unsigned column) {
  const unsigned chunks = mode.row_bytes / 16;
  const unsigned chunk = column / 16;
  const unsigned pattern_row = (row * mode.row_bytes + column) / 128;
  const unsigned swizzled =
      mode.swizzle == CU_TENSOR_MAP_SWIZZLE_NONE ? chunk : chunk ^ (pattern_row % chunks);
  return row * mode.row_bytes + swizzled * 16 + column % 16;
}

void check_box(const Mode& mode, int column, int row) {
  const std::vector<std::uint8_t> matrix = test_bytes(kRows * kPitch);
  const DeviceBuffer<std::uint8_t> in(matrix);
  const unsigned bytes = mode.row_bytes * kBoxRows;
  const DeviceBuffer<std::uint8_t> out(bytes);
  CUtensorMap map;
  ASSERT_EQ(encode(map, in.data(), mode), CUDA_SUCCESS);
  ASSERT_EQ((kernels::launch_kernel<&load_box>(one_block("load_box", 64, bytes + 8), map, column,
                                               row, bytes, out.data())),
            cudaSuccess);
  const std::vector<std::uint8_t> result = out.read();
  for (unsigned r = 0; r < kBoxRows; ++r) {
    for (unsigned c = 0; c < mode.row_bytes; ++c) {
      const std::int64_t from_row = row + static_cast<std::int64_t>(r);
      const std::int64_t from_column = column + static_cast<std::int64_t>(c);
      const bool inside =
          from_row >= 0 && from_row < kRows && from_column >= 0 && from_column < kColumns;
      const std::uint8_t expected =
          inside ? matrix[static_cast<std::size_t>(from_row * kPitch + from_column)] : 0;
      ASSERT_EQ(result[place(mode, r, c)], expected) << "row " << r << " column " << c;
    }
  }
}

class Tma : public ::testing::TestWithParam<Mode> {};

TEST_P(Tma, LoadsABox) {
  if (compute_capability() < 90) return;  // no such instruction there
  with_seeds(5, [] { check_box(GetParam(), 16, 3); });
}

TEST_P(Tma, ZeroesWhatIsOutside) {
  if (compute_capability() < 90) return;  // no such instruction there
  with_seeds(3, [] {
    check_box(GetParam(), 192, 10);
    check_box(GetParam(), -16, -5);
    check_box(GetParam(), 112, 21);
  });
}

INSTANTIATE_TEST_SUITE_P(Swizzles, Tma,
                         ::testing::Values(Mode{CU_TENSOR_MAP_SWIZZLE_NONE, 48},
                                           Mode{CU_TENSOR_MAP_SWIZZLE_32B, 32},
                                           Mode{CU_TENSOR_MAP_SWIZZLE_64B, 64},
                                           Mode{CU_TENSOR_MAP_SWIZZLE_128B, 128}),
                         [](const ::testing::TestParamInfo<Mode>& mode) {
                           return "RowsOf" + std::to_string(mode.param.row_bytes) + "Bytes";
                         });

TEST(TensorMap, RefusesWhatTheManualForbids) {
  if (compute_capability() < 90) return;  // no tensor maps there
  const DeviceBuffer<std::uint8_t> in(kRows * kPitch + 16);
  const Mode swizzled{CU_TENSOR_MAP_SWIZZLE_128B, 128};
  CUtensorMap map;
  EXPECT_EQ(encode(map, in.data(), swizzled), CUDA_SUCCESS);
  EXPECT_EQ(encode(map, in.data() + 8, swizzled), CUDA_ERROR_INVALID_VALUE) << "base";
  EXPECT_EQ(encode(map, in.data(), swizzled, 201), CUDA_ERROR_INVALID_VALUE) << "stride";
  EXPECT_EQ(encode(map, in.data(), {CU_TENSOR_MAP_SWIZZLE_128B, 144}), CUDA_ERROR_INVALID_VALUE)
      << "box wider than the swizzle";
  EXPECT_EQ(encode(map, in.data(), {CU_TENSOR_MAP_SWIZZLE_NONE, 24}), CUDA_ERROR_INVALID_VALUE)
      << "box of no whole 16 bytes";
}

/// Loads a box of four dimensions.
__global__ void load_box_4d(const __grid_constant__ CUtensorMap map, int column, int block,
                            unsigned bytes, std::uint8_t* out) {
  unsigned char* shared = ptx::dynamic_shared_memory();
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(shared + bytes);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, 1);
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    ptx::mbarrier_arrive_expect_tx(barrier, bytes);
    ptx::tma_load_4d(shared, &map, column, block, barrier, ptx::L2Policy::EvictNormal);
  }
  ptx::mbarrier_wait_parity(barrier, 0);
  for (unsigned i = threadIdx.x; i < bytes; i += blockDim.x) {
    ptx::st_global(out + i, ptx::ld_shared(shared + i));
  }
}

// Blocks of four rows of the first and of the second half of a matrix in turns: the third
// dimension's stride is more than the last one's.
TEST(Tma, LoadsDimensionsInAnyOrderOfStrides) {
  if (compute_capability() < 90) return;  // no such instruction there
  constexpr unsigned kHalf = 12;
  constexpr unsigned kBlock = 4;
  constexpr unsigned kBytes = 128 * kBoxRows;
  const Mode mode{CU_TENSOR_MAP_SWIZZLE_128B, 128};
  const std::vector<std::uint8_t> matrix = test_bytes(2 * kHalf * kPitch);
  const DeviceBuffer<std::uint8_t> in(matrix);
  const DeviceBuffer<std::uint8_t> out(kBytes);
  const cuuint64_t sizes[4] = {kColumns, kBlock, 2, kHalf / kBlock};
  const cuuint64_t strides[3] = {kPitch, kHalf * kPitch, kBlock * kPitch};
  const cuuint32_t box[4] = {128, kBlock, 2, kBoxRows / kBlock / 2};
  const cuuint32_t element_strides[4] = {1, 1, 1, 1};
  CUtensorMap map;
  ASSERT_EQ(encode_tiled()(&map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 4, in.data(), sizes, strides, box,
                           element_strides, CU_TENSOR_MAP_INTERLEAVE_NONE, mode.swizzle,
                           CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            CUDA_SUCCESS);
  for (const unsigned block : {0U, 2U}) {
    ASSERT_EQ(
        (kernels::launch_kernel<&load_box_4d>(one_block("load_box_4d", 64, kBytes + 8), map, 16,
                                              static_cast<int>(block), kBytes, out.data())),
        cudaSuccess);
    const std::vector<std::uint8_t> result = out.read();
    for (unsigned r = 0; r < kBoxRows; ++r) {
      const unsigned in_half = (block + r / (2 * kBlock)) * kBlock + r % kBlock;
      const unsigned row = in_half + (r / kBlock % 2) * kHalf;
      for (unsigned c = 0; c < 128; ++c) {
        ASSERT_EQ(result[place(mode, r, c)], in_half < kHalf ? matrix[row * kPitch + 16 + c] : 0)
            << "row " << r << " column " << c;
      }
    }
  }
}

/// Each block of a pair loads half of the rows for both.
__global__ void multicast(const __grid_constant__ CUtensorMap map, std::uint8_t* out) {
  constexpr unsigned kHalf = 128 * kBoxRows;
  unsigned char* shared = ptx::dynamic_shared_memory();
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(shared + 2 * kHalf);
  const unsigned rank = ptx::cluster_ctarank();
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, 1);
    ptx::fence_mbarrier_init();
  }
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
  if (threadIdx.x == 0) {
    ptx::mbarrier_arrive_expect_tx(barrier, 2 * kHalf);
    ptx::tma_load_2d_multicast(shared + rank * kHalf, &map, 0, static_cast<int>(rank * kBoxRows),
                               barrier, 0b11, ptx::L2Policy::EvictNormal);
  }
  ptx::mbarrier_wait_parity(barrier, 0);
  for (unsigned i = threadIdx.x; i < 2 * kHalf; i += blockDim.x) {
    ptx::st_global(out + rank * 2 * kHalf + i, ptx::ld_shared(shared + i));
  }
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
}

TEST(Tma, MulticastsToACluster) {
  if (compute_capability() < 90) return;  // no such instruction there
  with_seeds(10, [] {
    const Mode mode{CU_TENSOR_MAP_SWIZZLE_128B, 128};
    const std::vector<std::uint8_t> matrix = test_bytes(kRows * kPitch);
    const DeviceBuffer<std::uint8_t> in(matrix);
    const DeviceBuffer<std::uint8_t> out(4 * 128 * kBoxRows);
    CUtensorMap map;
    ASSERT_EQ(encode(map, in.data(), mode), CUDA_SUCCESS);
    kernels::LaunchConfig config = one_block("multicast", 32, 2 * 128 * kBoxRows + 8);
    config.grid = dim3(2);
    config.cluster = dim3(2);
    ASSERT_EQ((kernels::launch_kernel<&multicast>(config, map, out.data())), cudaSuccess);
    const std::vector<std::uint8_t> result = out.read();
    for (unsigned block = 0; block < 2; ++block) {
      for (unsigned r = 0; r < 2 * kBoxRows; ++r) {
        for (unsigned c = 0; c < 128; ++c) {
          const std::uint8_t expected = r < kRows ? matrix[r * kPitch + c] : 0;
          ASSERT_EQ(result[block * 2 * 128 * kBoxRows + place(mode, r, c)], expected)
              << "block " << block << " row " << r << " column " << c;
        }
      }
    }
  });
}

// ---- mbarrier ----

/// Runs a pipeline of two stages between a producing and a consuming warp.
__global__ void pass_through_ring(const int* in, int count, int* out) {
  int* slots = reinterpret_cast<int*>(ptx::dynamic_shared_memory());
  auto* full = reinterpret_cast<ptx::Mbarrier*>(ptx::dynamic_shared_memory() + 256);
  auto* empty = full + 2;
  if (threadIdx.x == 0) {
    for (int slot = 0; slot < 2; ++slot) {
      ptx::mbarrier_init(full + slot, 32);
      ptx::mbarrier_init(empty + slot, 32);
    }
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int i = 0; i < count; ++i) {
    const int slot = i % 2;
    const auto parity = static_cast<unsigned>(i / 2 % 2);
    if (threadIdx.x < 32) {
      ptx::mbarrier_wait_parity(empty + slot, parity ^ 1U);
      ptx::st_shared(slots + slot * 32 + lane, ptx::ld_global(in + i * 32 + lane));
      ptx::mbarrier_arrive(full + slot);
    } else {
      ptx::mbarrier_wait_parity(full + slot, parity);
      ptx::st_global(out + i * 32 + lane, ptx::ld_shared(slots + slot * 32 + 31 - lane));
      ptx::mbarrier_arrive(empty + slot);
    }
  }
}

TEST(Mbarrier, PassesSlotsFromWarpToWarp) {
  if (compute_capability() < 90) return;  // no such instruction there
  with_seeds(20, [] {
    constexpr int kCount = 9;
    std::vector<int> values(kCount * 32);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
    const DeviceBuffer<int> in(values);
    const DeviceBuffer<int> out(values.size());
    ASSERT_EQ((kernels::launch_kernel<&pass_through_ring>(one_block("ring", 64, 256 + 32),
                                                          static_cast<const int*>(in.data()),
                                                          static_cast<int>(kCount), out.data())),
              cudaSuccess);
    const std::vector<int> result = out.read();
    for (std::size_t i = 0; i < result.size(); ++i) {
      EXPECT_EQ(result[i], values[i / 32 * 32 + 31 - i % 32]);
    }
  });
}

}  // namespace
}  // namespace qlinear::emulated_device::test
