#include "strictness.hpp"

#include <ptx/memory.cuh>
#include <ptx/setmaxnreg.cuh>
#include <ptx/tma.cuh>
#include <ptx/wgmma.cuh>

namespace qlinear::emulated_device::test {
namespace {

// ---- mbarriers and tensor copies ----

/// One thread may do this wrong with an mbarrier at the start of shared memory.
enum class Misuse { NoInit, TwoInits, NoArrivals, TooManyArrivals, TooManyBytes, NoOneArrives };

__global__ void misuse_barrier(Misuse misuse) {
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(ptx::dynamic_shared_memory());
  if (misuse != Misuse::NoInit) ptx::mbarrier_init(barrier, misuse == Misuse::NoArrivals ? 0 : 1);
  if (misuse == Misuse::TwoInits) ptx::mbarrier_init(barrier, 1);
  if (misuse == Misuse::NoOneArrives) ptx::mbarrier_wait_parity(barrier, 0);
  ptx::mbarrier_arrive_expect_tx(barrier, misuse == Misuse::TooManyBytes ? 1U << 20 : 16);
  if (misuse == Misuse::TooManyArrivals) ptx::mbarrier_arrive(barrier);
}

TEST_F(Strictness, MbarrierThatIsNotInitialised) {
  expect_stopped<&misuse_barrier>(one_block("test", 1, 8), cudaErrorLaunchFailure,
                                  "where no mbarrier has been initialised", Misuse::NoInit);
}

TEST_F(Strictness, MbarrierInitialisedTwice) {
  expect_stopped<&misuse_barrier>(one_block("test", 1, 8), cudaErrorLaunchFailure,
                                  "there is an mbarrier already", Misuse::TwoInits);
}

TEST_F(Strictness, MbarrierWithoutArrivals) {
  expect_stopped<&misuse_barrier>(one_block("test", 1, 8), cudaErrorLaunchFailure,
                                  "mbarrier.init with 0 arrivals", Misuse::NoArrivals);
}

TEST_F(Strictness, MbarrierWithTooManyArrivals) {
  expect_stopped<&misuse_barrier>(one_block("test", 1, 8), cudaErrorLaunchFailure,
                                  "in a phase of 1 arrivals", Misuse::TooManyArrivals);
}

TEST_F(Strictness, MbarrierThatExpectsTooManyBytes) {
  expect_stopped<&misuse_barrier>(one_block("test", 1, 8), cudaErrorLaunchFailure,
                                  "expects 1048576 bytes in a phase", Misuse::TooManyBytes);
}

TEST_F(Strictness, MbarrierThatNobodyArrivesAt) {
  ASSERT_EQ(
      (kernels::launch_kernel<&misuse_barrier>(one_block("test", 1, 8), Misuse::NoOneArrives)),
      cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_THAT(last_failure(), HasSubstr("deadlock, no thread can run\n  block (0,0,0): 1 threads "
                                        "at mbarrier.try_wait, 0 exited"));
}

/// Makes a map of `rows` rows of 128 bytes, in boxes of eight.
CUtensorMap tensor_map(void* base, cuuint64_t rows) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  EXPECT_EQ(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                             cudaEnableDefault, &found),
            cudaSuccess);
  const cuuint64_t sizes[2] = {128, rows};
  const cuuint64_t strides[1] = {128};
  const cuuint32_t box[2] = {128, 8};
  const cuuint32_t element_strides[2] = {1, 1};
  CUtensorMap map;
  EXPECT_EQ(reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function)(
                &map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, base, sizes, strides, box, element_strides,
                CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            CUDA_SUCCESS);
  return map;
}

__global__ void load_box_within_16_bytes(const __grid_constant__ CUtensorMap map) {
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(ptx::dynamic_shared_memory() + 2048);
  ptx::mbarrier_init(barrier, 1);
  ptx::mbarrier_arrive_expect_tx(barrier, 1024);
  ptx::tma_load_2d(ptx::dynamic_shared_memory(), &map, 100, 0, barrier, ptx::L2Policy::EvictNormal);
}

__global__ void load_box(const __grid_constant__ CUtensorMap map, int offset, unsigned blocks,
                         bool wait) {
  unsigned char* shared = ptx::dynamic_shared_memory();
  auto* barrier = reinterpret_cast<ptx::Mbarrier*>(shared + 2048);
  ptx::mbarrier_init(barrier, 1);
  ptx::mbarrier_arrive_expect_tx(barrier, 1024);
  ptx::tma_load_2d_multicast(shared + offset, &map, 0, 0, barrier,
                             static_cast<unsigned short>(blocks), ptx::L2Policy::EvictNormal);
  if (wait) ptx::mbarrier_wait_parity(barrier, 0);
}

TEST_F(Strictness, TensorCopyOfMoreThanWasAllocated) {
  const DeviceBuffer<char> buffer(1000);
  expect_stopped<&load_box>(one_block("test", 1, 2056), cudaErrorIllegalAddress,
                            "cp.async.bulk.tensor of 1024 bytes", tensor_map(buffer.data(), 8), 0,
                            1U, true);
}

TEST_F(Strictness, TensorCopyPastTheEndOfSharedMemory) {
  const DeviceBuffer<char> buffer(1024);
  expect_stopped<&load_box>(one_block("test", 1, 2056), cudaErrorIllegalAddress,
                            "of 1024 bytes to offset 2048 of the block's 2056 bytes",
                            tensor_map(buffer.data(), 8), 2048, 1U, true);
}

TEST_F(Strictness, MisalignedTensorCopy) {
  const DeviceBuffer<char> buffer(1024);
  expect_stopped<&load_box>(one_block("test", 1, 2056), cudaErrorMisalignedAddress,
                            "to offset 128 of shared memory, expected a multiple of 1024",
                            tensor_map(buffer.data(), 8), 128, 1U, true);
}

TEST_F(Strictness, TensorCopyThatBeginsWithin16Bytes) {
  const DeviceBuffer<char> buffer(1024);
  expect_stopped<&load_box_within_16_bytes>(one_block("test", 1, 2056), cudaErrorIllegalInstruction,
                                            "from byte 100 of a row, expected a multiple of 16",
                                            tensor_map(buffer.data(), 8));
}

TEST_F(Strictness, TensorCopyBeyondTheCluster) {
  const DeviceBuffer<char> buffer(1024);
  expect_stopped<&load_box>(one_block("test", 1, 2056), cudaErrorLaunchFailure,
                            "to blocks 0x3 of a cluster of 1", tensor_map(buffer.data(), 8), 0, 3U,
                            true);
}

TEST_F(Strictness, TensorCopyThroughSomethingElse) {
  expect_stopped<&load_box>(one_block("test", 1, 2056), cudaErrorLaunchFailure,
                            "no tensor map of rank 2", CUtensorMap{}, 0, 1U, true);
}

TEST_F(Strictness, TensorCopyThatOutlivesItsBlock) {
  const DeviceBuffer<char> buffer(1024);
  bool stopped = false;
  for (std::uint64_t seed = 1; seed < 10 && !stopped; ++seed) {
    set_seed(seed);
    ASSERT_EQ((kernels::launch_kernel<&load_box>(one_block("test", 1, 2056),
                                                 tensor_map(buffer.data(), 8), 0, 1U, false)),
              cudaSuccess);
    stopped = cudaDeviceSynchronize() == cudaErrorLaunchFailure;
    if (stopped) {
      EXPECT_THAT(last_failure(), HasSubstr("exits while a copy to its shared memory"));
    }
    clear_failure();
  }
  EXPECT_TRUE(stopped);
}

// ---- wgmma ----

__global__ void multiply(std::uint64_t descriptor, bool fence) {
  int d[4] = {};
  if (fence) ptx::wgmma_fence();
  ptx::wgmma_m64k32<8, false, false>(d, descriptor, descriptor, false);
  ptx::wgmma_commit_group();
  ptx::wgmma_wait_group<0>();
}

/// Makes the descriptor that `wgmma_descriptor` would make for the start of shared memory.
constexpr std::uint64_t kDescriptor =
    (std::uint64_t{1} << 62) | (std::uint64_t{64} << 32) | (std::uint64_t{1} << 16) | 64;

TEST_F(Strictness, LegalWgmma) {
  ASSERT_EQ((kernels::launch_kernel<&multiply>(one_block("test", 128, 8192), kDescriptor, true)),
            cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Strictness, WgmmaWithoutFence) {
  expect_stopped<&multiply>(one_block("test", 128, 8192), cudaErrorLaunchFailure,
                            "without wgmma.fence", kDescriptor, false);
}

TEST_F(Strictness, WgmmaOfAnIncompleteWarpgroup) {
  expect_stopped<&multiply>(one_block("test", 96, 8192), cudaErrorLaunchFailure,
                            "a warpgroup of less than four warps", kDescriptor, true);
}

TEST_F(Strictness, WgmmaPastTheEndOfSharedMemory) {
  expect_stopped<&multiply>(one_block("test", 128, 8191), cudaErrorLaunchFailure,
                            "does not lie in the block's shared memory", kDescriptor, true);
}

TEST_F(Strictness, WgmmaWithinTheSwizzlesPattern) {
  expect_stopped<&multiply>(one_block("test", 128, 16384), cudaErrorLaunchFailure,
                            "does not start in the first row", kDescriptor + 8, true);
}

TEST_F(Strictness, WgmmaWithMeaninglessBits) {
  expect_stopped<&multiply>(one_block("test", 128, 8192), cudaErrorLaunchFailure,
                            "bits that have no meaning", kDescriptor | (std::uint64_t{1} << 14),
                            true);
}

__global__ void multiply_without_wait() {
  int d[4] = {};
  ptx::wgmma_fence();
  ptx::wgmma_m64k32<8, false, false>(d, kDescriptor, kDescriptor, false);
  ptx::wgmma_commit_group();
}

TEST_F(Strictness, WgmmaThatNobodyWaitsFor) {
  expect_stopped<&multiply_without_wait>(one_block("test", 128, 8192), cudaErrorLaunchFailure,
                                         "exits without a wait for its wgmma");
}

__global__ void multiply_in_three_warps() {
  int d[4] = {};
  if (threadIdx.x < 96) {
    ptx::wgmma_fence();
    ptx::wgmma_m64k32<8, false, false>(d, kDescriptor, kDescriptor, false);
    ptx::wgmma_commit_group();
    ptx::wgmma_wait_group<0>();
  }
}

TEST_F(Strictness, WgmmaThatOneWarpDoesNotIssue) {
  ASSERT_EQ((kernels::launch_kernel<&multiply_in_three_warps>(one_block("test", 128, 8192))),
            cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_THAT(last_failure(), HasSubstr("96 threads at wgmma.wait_group, 32 exited"));
}

__global__ void keep_registers() { ptx::setmaxnreg_dec<20>(); }

TEST_F(Strictness, SetmaxnregOfAnIllegalCount) {
  expect_stopped<&keep_registers>(one_block("test", 32), cudaErrorLaunchFailure,
                                  "setmaxnreg of 20");
}

}  // namespace
}  // namespace qlinear::emulated_device::test
