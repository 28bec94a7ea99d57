#include "device_test.hpp"

#include <gmock/gmock.h>
#include <emulated_device/emulated_device.hpp>
#include <ptx/cluster.cuh>
#include <ptx/cp_async.cuh>
#include <ptx/ldmatrix.cuh>
#include <ptx/memory.cuh>

#include <string>
#include <vector>

// Every rule of the emulated device, broken once: the kernel stops, or is refused, with a message
// that names kernel, block, thread and seed.

namespace qlinear::emulated_device::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Strictness : public ::testing::Test {
 protected:
  void SetUp() override { set_seed(5); }
  void TearDown() override { clear_failure(); }

  /// The launched kernel stops with `error` and a message with `what` in it.
  static void expect_stopped(cudaError_t error, const std::string& what) {
    EXPECT_EQ(cudaDeviceSynchronize(), error);
    EXPECT_THAT(last_failure(), AllOf(StartsWith("kernel 'test' grid ("), HasSubstr("): block ("),
                                      HasSubstr(" thread ("), HasSubstr(what),
                                      HasSubstr("[QLINEAR_EMULATED_SEED=5]")));
    EXPECT_EQ(cudaDeviceSynchronize(), error) << "a failed kernel is not forgotten";
  }

  template <auto kKernel, class... Args>
  static void expect_stopped(const kernels::LaunchConfig& config, cudaError_t error,
                             const std::string& what, Args... args) {
    ASSERT_EQ((kernels::launch_kernel<kKernel>(config, args...)), cudaSuccess);
    expect_stopped(error, what);
  }
};

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
  ptx::ldmatrix_x4(r, ptx::dynamic_shared_memory() + first + static_cast<int>(threadIdx.x) * 16);
}

TEST_F(Strictness, LdmatrixPastTheEnd) {
  expect_stopped<&load_matrix_rows>(one_block("test", 32, 512), cudaErrorIllegalAddress,
                                    "ldmatrix.x4", 16);
}

TEST_F(Strictness, MisalignedLdmatrix) {
  expect_stopped<&load_matrix_rows>(one_block("test", 32, 1024), cudaErrorMisalignedAddress,
                                    "ldmatrix.x4", 8);
}

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

// ---- Launches ----

__global__ void nothing() {}

class Refusal : public Strictness {
 protected:
  static void expect_refused(const kernels::LaunchConfig& config, cudaError_t error,
                             const std::string& what) {
    EXPECT_EQ((kernels::launch_kernel<&nothing>(config)), error);
    EXPECT_EQ(cudaGetLastError(), error);
    EXPECT_THAT(last_failure(), AllOf(HasSubstr("kernel 'test' grid ("), HasSubstr(what)));
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  }
};

TEST_F(Refusal, EmptyGrid) {
  expect_refused({"test", dim3(0), dim3(32)}, cudaErrorInvalidConfiguration, "empty");
}

TEST_F(Refusal, TooManyBlocksInY) {
  expect_refused({"test", dim3(1, 65536), dim3(32)}, cudaErrorInvalidConfiguration, "65535");
}

TEST_F(Refusal, TooManyThreads) {
  expect_refused(one_block("test", 1025), cudaErrorInvalidConfiguration, "1025 threads");
}

TEST_F(Refusal, TooMuchSharedMemory) {
  EXPECT_EQ((kernels::launch_kernel<&nothing>(one_block("test", 32, 228 * 1024))),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

TEST_F(Refusal, SharedMemoryThatNobodyAllowed) {
  LaunchRequest request{"test", nullptr, dim3(1), dim3(1), dim3(1), 49 * 1024, 0, false, nothing};
  EXPECT_EQ(launch(request, nullptr), cudaErrorInvalidValue);
  EXPECT_THAT(last_failure(), HasSubstr("cudaFuncSetAttribute allows this kernel 49152"));
}

TEST_F(Refusal, GridThatIsNoMultipleOfTheCluster) {
  kernels::LaunchConfig config{"test", dim3(3), dim3(32)};
  config.cluster = dim3(2);
  expect_refused(config, cudaErrorInvalidConfiguration, "no multiple of the cluster (2,1,1)");
}

TEST_F(Refusal, ClusterAboveThePortableSize) {
  kernels::LaunchConfig config{"test", dim3(16), dim3(32)};
  config.cluster = dim3(16);
  expect_refused(config, cudaErrorInvalidClusterSize, "at most 8");
}

TEST_F(Refusal, StreamThatDoesNotExist) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  kernels::LaunchConfig config = one_block("test", 1);
  config.stream = stream;
  expect_refused(config, cudaErrorInvalidResourceHandle, "the stream does not exist");
}

// ---- What comes after a failure ----

TEST_F(Strictness, DropsWhatFollowsAFailedKernel) {
  const DeviceBuffer<int> buffer(std::vector<int>{1});
  ASSERT_EQ((kernels::launch_kernel<&stop>(one_block("test", 1))), cudaSuccess);
  ASSERT_EQ((kernels::launch_kernel<&store<int>>(one_block("after", 1), buffer.data())),
            cudaSuccess);
  int value = 0;
  EXPECT_EQ(cudaMemcpy(&value, buffer.data(), 4, cudaMemcpyDeviceToHost), cudaErrorLaunchFailure);
  EXPECT_EQ((kernels::launch_kernel<&store<int>>(one_block("after", 1), buffer.data())),
            cudaErrorLaunchFailure);
  clear_failure();
  EXPECT_EQ(last_failure(), "");
  EXPECT_EQ(buffer.read(), std::vector<int>{1});
}

TEST_F(Strictness, ReproducesARunFromItsSeed) {
  const DeviceBuffer<int> buffer(1);
  const auto first_failure = [&buffer] {
    set_seed(77);
    EXPECT_EQ((kernels::launch_kernel<&store<int>>(kernels::LaunchConfig{"test", dim3(9), dim3(99)},
                                                   buffer.data() + 1)),
              cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    std::string message = last_failure();
    clear_failure();
    return message;
  };
  const std::string message = first_failure();
  EXPECT_EQ(first_failure(), message);
}

}  // namespace
}  // namespace qlinear::emulated_device::test
