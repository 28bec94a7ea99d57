#include <cuda_bf16.h>
#include <cuda_fp8.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <harness/device_buffer.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

// Kernels that quantize what they compute, against the same in bf16, quantized on the CPU.

namespace qlinear::benchmark {
namespace {

constexpr std::int64_t kRows = 2;

template <class T>
std::vector<T> download(const DeviceBuffer<T>& buffer) {
  std::vector<T> host(static_cast<std::size_t>(buffer.count()));
  check(cudaMemcpy(host.data(), buffer.data(), buffer.bytes(), cudaMemcpyDeviceToHost));
  return host;
}

DeviceBuffer<__nv_bfloat16> gaussian(std::int64_t count, std::uint32_t seed) {
  DeviceBuffer<__nv_bfloat16> buffer(count);
  check(fill_gaussian(buffer.data(), count, seed, nullptr));
  return buffer;
}

float peak(std::int8_t) { return 127; }
float peak(__nv_fp8_e4m3) { return 448; }

void convert(float value, std::int8_t& q) { q = static_cast<std::int8_t>(std::lrint(value)); }
void convert(float value, __nv_fp8_e4m3& q) { q = __nv_fp8_e4m3(value); }

/// `produce(output)` writes [kRows, k] elements of the type of `output`.
template <class T, class Produce>
void expect_quantized(std::int64_t k, const Produce& produce) {
  const DeviceBuffer<__nv_bfloat16> plain(kRows * k);
  const DeviceBuffer<T> quantized(kRows * k);
  const DeviceBuffer<float> scale(kRows);
  produce(RowOutput<__nv_bfloat16>{plain.data()});
  produce(RowOutput<T>{quantized.data(), scale.data()});
  check(cudaDeviceSynchronize());
  const auto values = download(plain);
  const auto actual = download(quantized);
  const auto scales = download(scale);
  for (std::int64_t row = 0; row < kRows; ++row) {
    const auto first = static_cast<std::size_t>(row * k);
    float amax = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i) {
      amax = std::fmax(amax, std::fabs(__bfloat162float(values[first + i])));
    }
    ASSERT_GT(amax, 0);
    EXPECT_EQ(scales[static_cast<std::size_t>(row)], amax / peak(T{}));
    const float inverse = peak(T{}) / amax;
    std::vector<T> expected(static_cast<std::size_t>(k));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      convert(__bfloat162float(values[first + i]) * inverse, expected[i]);
    }
    EXPECT_EQ(std::memcmp(expected.data(), actual.data() + first, expected.size()), 0)
        << "row " << row;
  }
}

template <class T>
void expect_norm(std::int64_t k) {
  const auto x = gaussian(kRows * k, 1);
  const auto residual = gaussian(kRows * k, 2);
  const auto weight = gaussian(k, 3);
  const DeviceBuffer<__nv_bfloat16> sum(kRows * k);
  expect_quantized<T>(k, [&](const auto& output) {
    check(add_rms_norm(x.data(), residual.data(), weight.data(), kRows, k, 1e-5f, sum.data(),
                       output, nullptr));
  });
}

template <class T>
void expect_gates(std::int64_t k) {
  const auto gate_up = gaussian(kRows * 2 * k, 4);
  expect_quantized<T>(k, [&](const auto& output) {
    check(silu_multiply(gate_up.data(), kRows, k, output, nullptr));
  });
}

class ProducersOfRows : public testing::TestWithParam<std::int64_t> {};

TEST_P(ProducersOfRows, QuantizeWhatTheyWriteInBf16) {
  expect_norm<std::int8_t>(GetParam());
  expect_norm<__nv_fp8_e4m3>(GetParam());
  expect_gates<std::int8_t>(GetParam());
  expect_gates<__nv_fp8_e4m3>(GetParam());
}

// A row in part of a warp, in several, and of several vectors a thread, the last of them partial.
INSTANTIATE_TEST_SUITE_P(Lengths, ProducersOfRows, testing::Values(16, 4096, 14336));

TEST(Producers, QuantizeRows) {
  constexpr std::int64_t kLength = 8208;
  const auto x = gaussian(kRows * kLength, 5);
  const DeviceBuffer<__nv_fp8_e4m3> quantized(kRows * kLength);
  const DeviceBuffer<float> scale(kRows);
  const auto produce = [&](const RowOutput<__nv_fp8_e4m3>& output) {
    check(quantize_rows(x.data(), kRows, kLength, output, nullptr));
  };
  const auto copy = [&](const RowOutput<__nv_bfloat16>& output) {
    check(cudaMemcpy(output.rows, x.data(), x.bytes(), cudaMemcpyDeviceToDevice));
  };
  struct Both {
    decltype(produce) quantize;
    decltype(copy) plain;
    void operator()(const RowOutput<__nv_fp8_e4m3>& output) const { quantize(output); }
    void operator()(const RowOutput<__nv_bfloat16>& output) const { plain(output); }
  };
  expect_quantized<__nv_fp8_e4m3>(kLength, Both{produce, copy});
}

TEST(Producers, RefuseRowsThatNoBlockHolds) {
  const DeviceBuffer<__nv_bfloat16> none(16);
  const RowOutput<__nv_fp8_e4m3> output{nullptr};
  EXPECT_EQ(quantize_rows(none.data(), 1, 32768 + 16, output, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(silu_multiply(none.data(), 1, 32768 + 16, output, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(add_rms_norm(none.data(), none.data(), none.data(), 1, 16384 + 16, 1e-5f, none.data(),
                         output, nullptr),
            cudaErrorInvalidValue);
}

TEST(Producers, WeightsBecomeTheNearestE4m3) {
  std::vector<std::int8_t> numbers;
  for (int value = -128; value < 128; ++value) numbers.push_back(static_cast<std::int8_t>(value));
  const DeviceBuffer<std::int8_t> weight(256);
  const DeviceBuffer<__nv_fp8_e4m3> converted(256);
  check(cudaMemcpy(weight.data(), numbers.data(), weight.bytes(), cudaMemcpyHostToDevice));
  check(weight_to_e4m3(weight.data(), 256, converted.data(), nullptr));
  check(cudaDeviceSynchronize());
  const auto actual = download(converted);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = static_cast<float>(numbers[i]);
    const float distance = std::fabs(static_cast<float>(actual[i]) - number);
    // Half a step: an eighth of the power of two below.
    EXPECT_LE(distance, std::exp2(std::floor(std::log2(std::fmax(1.0f, std::fabs(number))))) / 16)
        << number;
  }
}

}  // namespace
}  // namespace qlinear::benchmark
