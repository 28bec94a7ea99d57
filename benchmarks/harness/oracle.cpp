#include <benchmark/device_code.hpp>
#include <harness/oracle.hpp>
#include <qlinear/plan.hpp>
#include <qlinear/reference.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>

namespace qlinear::benchmark {
namespace {

constexpr std::int64_t kSampleColumns = 64;
constexpr int kPoison = 0xff;

std::size_t to_size(std::int64_t count) { return static_cast<std::size_t>(count); }

/// `rows` rows of `row_elements`, `stride` elements apart, copied to the host without gaps.
template <class T>
std::vector<T> download(const T* data, std::int64_t rows, std::int64_t row_elements,
                        std::int64_t stride) {
  std::vector<T> host(to_size(rows * row_elements));
  const std::size_t width = to_size(row_elements) * sizeof(T);
  check(cudaMemcpy2D(host.data(), width, data, to_size(stride) * sizeof(T), width, to_size(rows),
                     cudaMemcpyDeviceToHost));
  return host;
}

template <class T>
DeviceBuffer<T> device_copy(const T* data, std::int64_t count, cudaStream_t stream) {
  DeviceBuffer<T> copy(count);
  check(cudaMemcpyAsync(copy.data(), data, copy.bytes(), cudaMemcpyDeviceToDevice, stream));
  return copy;
}

std::int32_t dot(const S8* a, const S8* b, std::int64_t k) {
  return std::inner_product(a, a + k, b, std::int32_t{0});
}

}  // namespace

void expect_within(const Bf16* actual, const Bf16* expected, std::int64_t count, double bound,
                   const std::string& what, cudaStream_t stream) {
  const DeviceBuffer<float2> sums(kSquareErrorSums);
  check(sum_square_errors(actual, expected, count, sums.data(), stream));
  check(cudaStreamSynchronize(stream));
  double difference = 0;
  double reference = 0;
  for (const float2& sum : download(sums.data(), 1, sums.count(), sums.count())) {
    difference += static_cast<double>(sum.x);
    reference += static_cast<double>(sum.y);
  }
  const double error = std::sqrt(difference / reference);
  // Negated so that a NaN fails.
  if (!(error <= bound)) {
    throw std::runtime_error(what + " is off by " + std::to_string(error) +
                             " in the Frobenius norm; the bound is " + std::to_string(bound));
  }
}

Oracle::Oracle(Workload& workload) : workload_(workload) {
  const cudaStream_t stream = workload.stream();
  const auto plan = QuantizedLinearPlan<Bf16, S8>::select(stream, workload.descriptor());
  check(plan.status());
  const DeviceBuffer<std::byte> space(
      std::max<std::int64_t>(1, static_cast<std::int64_t>(plan.value().workspace_size())));
  poison_output();
  poison_quantized();
  check(plan.value().run(stream, {space.data(), plan.value().workspace_size()}, workload.args(0)));
  const std::int64_t m = workload.m();
  output_ = device_copy(workload.output(0), m * workload.n(), stream);
  quantized_ = device_copy(workload.quantized(0), m * workload.k(), stream);
  activation_scale_ = device_copy(workload.activation_scale(0), m, stream);
  check(cudaStreamSynchronize(stream));

  const std::set<std::int64_t> rows{0, m / 2, m - 1};
  sample_.rows.assign(rows.begin(), rows.end());
  sample_.columns = std::min(kSampleColumns, workload.n());
  sample_.column_step = workload.n() / sample_.columns;
  check_against_reference();
}

void Oracle::check_row(std::int64_t row, const Bf16* actual, const EpilogueDescriptor& epilogue,
                       const Bf16* bias, const Bf16* residual, std::vector<S8>& q,
                       float& act_scale) const {
  const std::int64_t k = workload_.k();
  const std::int64_t n = workload_.n();
  const std::int64_t columns = sample_.columns;
  const std::int64_t step = sample_.column_step;
  const auto columns_of = [&](const Bf16* values) { return download(values, columns, 1, step); };
  const auto activation = download(workload_.activation(0) + row * k, 1, k, k);
  const auto weight = download(workload_.weights().weight(0), columns, k, step * k);
  const auto scale = download(workload_.weights().scale(), columns, 1, step);
  QuantizedLinearDescriptor descriptor = workload_.descriptor();
  descriptor.m = 1;
  descriptor.c_out = columns;
  descriptor.epilogue = epilogue;
  std::vector<Bf16> expected(to_size(columns));
  QuantizedLinearArgs<Bf16, S8> args{
      {activation.data(), {1, k}, {k, 1}}, {weight.data(), {columns, k}, {k, 1}},
      {scale.data(), {columns}, {1}},      {expected.data(), {1, columns}, {columns, 1}},
      {q.data(), {1, k}, {k, 1}},          {&act_scale, {1}, {1}}};
  std::vector<Bf16> bias_values;
  std::vector<Bf16> residual_values;
  if (bias != nullptr) {
    bias_values = columns_of(bias);
    args.bias = {bias_values.data(), {columns}, {1}};
  }
  if (epilogue.residual) {
    residual_values = columns_of(residual + row * n);
    args.epilogue.residual = {residual_values.data(), {1, columns}, {columns, 1}};
  }
  check(reference::quantized_linear<Bf16, S8>(descriptor, args));
  const std::vector<Bf16> values = columns_of(actual);
  if (std::memcmp(values.data(), expected.data(), expected.size() * sizeof(Bf16)) != 0) {
    throw std::runtime_error("the library's output differs from the CPU reference in row " +
                             std::to_string(row));
  }
}

void Oracle::check_against_reference() {
  const std::int64_t k = workload_.k();
  const std::int64_t columns = sample_.columns;
  const auto weight = download(workload_.weights().weight(0), columns, k, sample_.column_step * k);
  for (std::size_t index = 0; index < sample_.rows.size(); ++index) {
    const std::int64_t row = sample_.rows[index];
    std::vector<S8> q(to_size(k));
    float act_scale = 0;
    check_row(row, output_.data() + row * workload_.n(), {}, nullptr, nullptr, q, act_scale);
    check_scratch_row(index, q, act_scale);
    for (std::int64_t column = 0; column < columns; ++column) {
      sample_.sums.push_back(dot(q.data(), weight.data() + column * k, k));
    }
  }
}

void Oracle::expect_epilogue(const EpilogueDescriptor& epilogue, const Bf16* bias,
                             const Bf16* residual) const {
  check(cudaStreamSynchronize(workload_.stream()));
  std::vector<S8> q(to_size(workload_.k()));
  float act_scale = 0;
  for (const std::int64_t row : sample_.rows) {
    check_row(row, workload_.output(0) + row * workload_.n(), epilogue, bias, residual, q,
              act_scale);
  }
}

void Oracle::check_scratch_row(std::size_t index, const std::vector<S8>& q, float scale) const {
  const std::int64_t k = workload_.k();
  const std::int64_t row = sample_.rows[index];
  const auto actual_q = download(quantized_.data() + row * k, 1, k, k);
  const auto actual_scale = download(activation_scale_.data() + row, 1, 1, 1);
  if (actual_q != q || actual_scale.front() != scale) {
    throw std::runtime_error("the library's quantized row " + std::to_string(row) +
                             " differs from the CPU reference");
  }
}

void Oracle::poison_output() const {
  check(cudaMemsetAsync(workload_.output(0), kPoison,
                        to_size(workload_.m() * workload_.n()) * sizeof(Bf16), workload_.stream()));
}

void Oracle::poison_quantized() const {
  const cudaStream_t stream = workload_.stream();
  check(cudaMemsetAsync(workload_.quantized(0), kPoison, to_size(workload_.m() * workload_.k()),
                        stream));
  check(cudaMemsetAsync(workload_.activation_scale(0), kPoison,
                        to_size(workload_.m()) * sizeof(float), stream));
}

void Oracle::poison_accumulator() const {
  check(cudaMemsetAsync(workload_.accumulator(0), kPoison,
                        to_size(workload_.m() * workload_.n()) * sizeof(std::int32_t),
                        workload_.stream()));
}

void Oracle::expect_same_bits(const void* actual, const void* expected, std::size_t bytes,
                              const char* what) const {
  const cudaStream_t stream = workload_.stream();
  const DeviceBuffer<unsigned long long> count(1);
  check(cudaMemsetAsync(count.data(), 0, count.bytes(), stream));
  check(count_differences(actual, expected, static_cast<std::int64_t>(bytes / sizeof(unsigned)),
                          count.data(), stream));
  check(cudaStreamSynchronize(stream));
  const auto differing = download(count.data(), 1, 1, 1).front();
  if (differing != 0) {
    throw std::runtime_error(std::string(what) + " differs from the verified bits in " +
                             std::to_string(differing) + " words");
  }
}

void Oracle::expect_output() const {
  expect_same_bits(workload_.output(0), output_.data(), output_.bytes(), "the output");
}

void Oracle::expect_output_within(double bound) const {
  expect_within(workload_.output(0), output_.data(), output_.count(), bound, "the output",
                workload_.stream());
}

void Oracle::expect_quantized() const {
  expect_same_bits(workload_.quantized(0), quantized_.data(), quantized_.bytes(),
                   "the quantized activation");
  expect_same_bits(workload_.activation_scale(0), activation_scale_.data(),
                   activation_scale_.bytes(), "the activation's scale");
}

void Oracle::expect_accumulator() const {
  const std::int64_t n = workload_.n();
  std::vector<std::int32_t> sums;
  check(cudaStreamSynchronize(workload_.stream()));
  for (const std::int64_t row : sample_.rows) {
    const auto of_row =
        download(workload_.accumulator(0) + row * n, sample_.columns, 1, sample_.column_step);
    sums.insert(sums.end(), of_row.begin(), of_row.end());
  }
  if (sums != sample_.sums) throw std::runtime_error("the int32 sums differ from the CPU's");
  poison_output();
  check(dequantize(workload_.accumulator(0), workload_.activation_scale(0),
                   workload_.weights().scale(), workload_.m(), n, workload_.output(0),
                   workload_.stream()));
  expect_output();
}

}  // namespace qlinear::benchmark
