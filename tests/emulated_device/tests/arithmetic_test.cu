#include "device_test.hpp"

#include <ptx/dp4a.cuh>
#include <ptx/memory.cuh>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace qlinear::emulated_device::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

__global__ void convert(const float* in, int n, int* out) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= n) return;
  const float value = ptx::ld_global(in + i);
  ptx::st_global(out + i * 3, __float2int_rn(value));
  ptx::st_global(out + i * 3 + 1, __double2int_rn(static_cast<double>(value)));
  ptx::st_global(out + i * 3 + 2, __float_as_int(value));
}

TEST(Conversion, RoundsToEvenAndSaturates) {
  const std::vector<float> values = {0.5F,  1.5F,  -2.5F,     2.4999F,   3e9F,
                                     -3e9F, -0.0F, kInfinity, -kInfinity};
  const std::vector<int> rounded = {0, 2, -2, 2, INT32_MAX, INT32_MIN, 0, INT32_MAX, INT32_MIN};
  const DeviceBuffer<float> in(values);
  const DeviceBuffer<int> out(values.size() * 3);
  ASSERT_EQ((kernels::launch_kernel<&convert>(one_block("convert", 32),
                                              static_cast<const float*>(in.data()),
                                              static_cast<int>(values.size()), out.data())),
            cudaSuccess);
  const std::vector<int> result = out.read();
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(result[i * 3], rounded[i]) << values[i];
    EXPECT_EQ(result[i * 3 + 1], rounded[i]) << values[i];
  }
  EXPECT_EQ(result[6 * 3 + 2], INT32_MIN);
}

TEST(Conversion, OfANanToAnInteger) {
  const DeviceBuffer<float> in(std::vector<float>{kNan});
  const DeviceBuffer<int> out(3);
  ASSERT_EQ((kernels::launch_kernel<&convert>(one_block("convert", 1),
                                              static_cast<const float*>(in.data()), 1, out.data())),
            cudaSuccess);
  const std::vector<int> result = out.read();
  EXPECT_EQ(result[0], 0);
  EXPECT_EQ(result[1], INT32_MIN);
}

/// The product of these operands is not exact, so that a contraction would show.
__global__ void round_each_step(float* out) {
  const float a = ptx::ld_global(out);
  const float b = ptx::ld_global(out + 1);
  const float c = ptx::ld_global(out + 2);
  ptx::st_global(out + 3, __fadd_rn(__fmul_rn(a, b), c));
  ptx::st_global(out + 4, __fmaf_rn(a, b, c));
  ptx::st_global(out + 5, __fdiv_rn(a, b));
  ptx::st_global(out + 6, __frcp_rn(b));
}

TEST(Arithmetic, RoundsEachStepOnce) {
  const float a = 1.0F + 0x1p-12F;
  const float b = 1.0F + 0x1p-13F;
  const float c = -1.0F;
  const DeviceBuffer<float> values(std::vector<float>{a, b, c, 0, 0, 0, 0});
  ASSERT_EQ((kernels::launch_kernel<&round_each_step>(one_block("round", 1), values.data())),
            cudaSuccess);
  const std::vector<float> result = values.read();
  const double product = static_cast<double>(a) * b;
  EXPECT_EQ(result[3], static_cast<float>(product) + c);
  EXPECT_EQ(result[4], static_cast<float>(product + c));
  EXPECT_NE(result[3], result[4]);
  EXPECT_EQ(result[5], static_cast<float>(static_cast<double>(a) / b));
  EXPECT_EQ(result[6], static_cast<float>(1.0 / b));
}

__global__ void bits(unsigned* out) {
  const unsigned a = ptx::ld_global(out);
  const unsigned b = ptx::ld_global(out + 1);
  ptx::st_global(out + 2, __byte_perm(a, b, 0x5410));
  ptx::st_global(out + 3, __byte_perm(a, b, 0x7632));
  ptx::st_global(out + 4, __byte_perm(a, b, 0xba98));
  ptx::st_global(out + 5, __vmaxu2(a, b));
  ptx::st_global(out + 6, static_cast<unsigned>(__popc(static_cast<int>(a))));
  ptx::st_global(out + 7, static_cast<unsigned>(__clz(static_cast<int>(b))));
  ptx::st_global(out + 8, static_cast<unsigned>(__ffs(static_cast<int>(a))));
  ptx::st_global(out + 9, __brev(a));
  ptx::st_global(out + 10, __vmaxs2(a, b));
}

TEST(Arithmetic, OfBits) {
  const DeviceBuffer<unsigned> values(
      std::vector<unsigned>{0x81027f40U, 0x00ff8182U, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_EQ((kernels::launch_kernel<&bits>(one_block("bits", 1), values.data())), cudaSuccess);
  EXPECT_EQ(values.read(),
            (std::vector<unsigned>{0x81027f40U, 0x00ff8182U, 0x81827f40U, 0x00ff8102U, 0x81027f40U,
                                   0x81028182U, 11, 8, 7, 0x02fe4081U, 0x00ff7f40U}));
}

__global__ void dot(int* out) {
  const auto a = static_cast<unsigned>(ptx::ld_global(out));
  const auto b = static_cast<unsigned>(ptx::ld_global(out + 1));
  ptx::st_global(out + 2, ptx::dp4a<false>(a, b, 1000));
  ptx::st_global(out + 3, ptx::dp4a<true>(a, b, 1000));
  ptx::st_global(out + 4, __dp4a(static_cast<int>(a), static_cast<int>(b), -1));
}

TEST(Dp4a, TellsSignedFromUnsigned) {
  // The bytes, from the lowest, are a = -128, 127, -1, 3 and b = 0x80, 0xff, 0x7f, 0x02.
  const DeviceBuffer<int> values(std::vector<int>{0x03ff7f80, 0x027fff80, 0, 0, 0});
  ASSERT_EQ((kernels::launch_kernel<&dot>(one_block("dot", 1), values.data())), cudaSuccess);
  const std::vector<int> result = values.read();
  EXPECT_EQ(result[2], 1000 + 128 * 128 - 127 - 127 + 6);
  EXPECT_EQ(result[3], 1000 - 128 * 128 + 127 * 255 - 127 + 6);
  EXPECT_EQ(result[4], -1 + 128 * 128 - 127 - 127 + 6);
}

}  // namespace
}  // namespace qlinear::emulated_device::test
