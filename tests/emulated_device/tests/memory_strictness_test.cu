#include "strictness.hpp"

#include <ptx/cp_async.cuh>
#include <ptx/ldmatrix.cuh>
#include <ptx/memory.cuh>

namespace qlinear::emulated_device::test {
namespace {

// ---- Memory ----

template <class T>
__global__ void store(T* address) {
  ptx::st_global(address, T{});
}
template <class T>
__global__ void load(const T* address, T* out) {
  ptx::st_global(out, ptx::ld_global(address));
}

TEST_F(Strictness, GlobalStorePastTheEnd) {
  const DeviceBuffer<int> buffer(10);
  expect_stopped<&store<int>>(one_block("test", 1), cudaErrorIllegalAddress,
                              "block (0,0,0) thread (0,0,0): st.global of 4 bytes at ",
                              buffer.data() + 11);
  EXPECT_THAT(last_failure(), HasSubstr("4 bytes past the end of an allocation of 40 bytes"));
}

TEST_F(Strictness, GlobalLoadAcrossTheEnd) {
  const DeviceBuffer<char> buffer(20);
  expect_stopped<&load<int4>>(
      one_block("test", 1), cudaErrorIllegalAddress, "at byte 16 of an allocation of 20 bytes",
      reinterpret_cast<const int4*>(buffer.data() + 16), reinterpret_cast<int4*>(buffer.data()));
}

TEST_F(Strictness, NullPointer) {
  expect_stopped<&store<int>>(one_block("test", 1), cudaErrorIllegalAddress, "the null pointer",
                              static_cast<int*>(nullptr));
}

TEST_F(Strictness, FreedMemory) {
  void* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 4096), cudaSuccess);
  ASSERT_EQ(cudaFree(data), cudaSuccess);
  expect_stopped<&store<int>>(one_block("test", 1), cudaErrorIllegalAddress,
                              "in a freed allocation of 4096 bytes", static_cast<int*>(data));
}

TEST_F(Strictness, PageableHostMemory) {
  int value = 0;
  expect_stopped<&store<int>>(one_block("test", 1), cudaErrorIllegalAddress, "st.global", &value);
  EXPECT_EQ(value, 0);
}

TEST_F(Strictness, MisalignedGlobalAccess) {
  const DeviceBuffer<char> buffer(64);
  expect_stopped<&store<int4>>(one_block("test", 1), cudaErrorMisalignedAddress,
                               "which is not a multiple of 16",
                               reinterpret_cast<int4*>(buffer.data() + 8));
}

__global__ void store_shared(int offset) {
  ptx::st_shared(reinterpret_cast<int*>(ptx::dynamic_shared_memory() + offset), 1);
}

TEST_F(Strictness, SharedStorePastTheEnd) {
  expect_stopped<&store_shared>(one_block("test", 1, 64), cudaErrorIllegalAddress,
                                "offset 64 of the block's 64 bytes of dynamic shared memory", 64);
}

TEST_F(Strictness, SharedStoreBeforeTheStart) {
  expect_stopped<&store_shared>(one_block("test", 1, 64), cudaErrorIllegalAddress, "offset -4", -4);
}

TEST_F(Strictness, MisalignedSharedAccess) {
  expect_stopped<&store_shared>(one_block("test", 1, 64), cudaErrorMisalignedAddress, "st.shared",
                                2);
}

__global__ void store_shared_as_global() {
  ptx::st_global(reinterpret_cast<int*>(ptx::dynamic_shared_memory()), 1);
}

TEST_F(Strictness, SharedMemoryAsGlobal) {
  expect_stopped<&store_shared_as_global>(one_block("test", 1, 64), cudaErrorIllegalAddress,
                                          "offset 0 of the block's 64 bytes");
}

__global__ void add_atomically(int* address) { atomicAdd(address, 1); }

TEST_F(Strictness, AtomicPastTheEnd) {
  const DeviceBuffer<int> buffer(4);
  expect_stopped<&add_atomically>(one_block("test", 1), cudaErrorIllegalAddress, "atomicAdd",
                                  buffer.data() + 4);
}

__global__ void copy_asynchronously(const char* global, int shared_offset, unsigned bytes) {
  ptx::cp_async_16(ptx::dynamic_shared_memory() + shared_offset, global, bytes);
  ptx::cp_async_commit_group();
  ptx::cp_async_wait_group<0>();
}

TEST_F(Strictness, CpAsyncFromPastTheEnd) {
  const DeviceBuffer<char> buffer(24);
  const char* source = buffer.data() + 16;
  expect_stopped<&copy_asynchronously>(one_block("test", 1, 32), cudaErrorIllegalAddress,
                                       "cp.async", source, 0, 9U);
}

TEST_F(Strictness, CpAsyncOfWhatIsThere) {
  const DeviceBuffer<char> buffer(24);
  const char* source = buffer.data() + 16;
  ASSERT_EQ((kernels::launch_kernel<&copy_asynchronously>(one_block("test", 1, 32), source, 0, 8U)),
            cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Strictness, MisalignedCpAsync) {
  const DeviceBuffer<char> buffer(64);
  const char* source = buffer.data();
  expect_stopped<&copy_asynchronously>(one_block("test", 1, 32), cudaErrorMisalignedAddress,
                                       "cp.async", source, 8, 16U);
}

TEST_F(Strictness, CpAsyncOfTooMuch) {
  const DeviceBuffer<char> buffer(64);
  const char* source = buffer.data();
  expect_stopped<&copy_asynchronously>(one_block("test", 1, 32), cudaErrorLaunchFailure,
                                       "a source of 17 bytes", source, 0, 17U);
}

__global__ void load_matrix_rows(int first) {
  unsigned r[4];
  const auto* row = ptx::dynamic_shared_memory() + first + static_cast<int>(threadIdx.x) * 16;
  ptx::ldmatrix_x4(r, ptx::shared_address(row));
}

TEST_F(Strictness, LdmatrixPastTheEnd) {
  expect_stopped<&load_matrix_rows>(one_block("test", 32, 512), cudaErrorIllegalAddress,
                                    "ldmatrix.x4", 16);
}

TEST_F(Strictness, MisalignedLdmatrix) {
  expect_stopped<&load_matrix_rows>(one_block("test", 32, 1024), cudaErrorMisalignedAddress,
                                    "ldmatrix.x4", 8);
}

}  // namespace
}  // namespace qlinear::emulated_device::test
