// Each field of C becomes the C++ field of its name. That none is missing, the compiler checks.

#include <c/conversion.hpp>
#include <c/enums.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace qlinear::test {
namespace {

/// What happens to `given` on its way to C++.
template <class Cpp, class Given>
Cpp converted(const Given& given) {
  Cpp out;
  const Status status = c::convert(&given, out);
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

qlinear_linear_descriptor plain_linear() {
  qlinear_linear_descriptor d{};
  d.struct_size = sizeof d;
  d.activation_element = QLINEAR_ELEMENT_F32;
  d.weight_element = QLINEAR_ELEMENT_S8;
  return d;
}

qlinear_quantize_descriptor plain_quantize() {
  qlinear_quantize_descriptor d{};
  d.struct_size = sizeof d;
  d.activation_element = QLINEAR_ELEMENT_F32;
  return d;
}

/// A field of C and the same one of C++, each set.
template <class C, class Cpp>
struct Field {
  std::function<void(C&)> set;
  std::function<void(Cpp&)> expect;
};

bool equal(const QuantizedLinearDescriptor& a, const QuantizedLinearDescriptor& b) {
  const auto& [m, c_out, k, q_min, q_max, activation, weight, source, scale, zero_points,
               epilogue] = a;
  return m == b.m && c_out == b.c_out && k == b.k && q_min == b.q_min && q_max == b.q_max &&
         activation == b.activation_element && weight == b.weight_element && source == b.source &&
         scale == b.scale && zero_points == b.weight_zero_points && epilogue == b.epilogue;
}

bool equal(const DynamicRangeQuantizeDescriptor& a, const DynamicRangeQuantizeDescriptor& b) {
  const auto& [m, k, q_min, q_max, activation, quantized, source, scale, sums] = a;
  return m == b.m && k == b.k && q_min == b.q_min && q_max == b.q_max &&
         activation == b.activation_element && quantized == b.quantized_element &&
         source == b.source && scale == b.scale && sums == b.sums;
}

bool equal(const PlanPreference& a, const PlanPreference& b) {
  const auto& [kernel, quantize_kernel, forbid, split_k, max_workspace, constant, max_sms] = a;
  return kernel == b.kernel && quantize_kernel == b.quantize_kernel &&
         forbid == b.forbid_architecture_specific && split_k == b.split_k &&
         max_workspace == b.max_workspace && constant == b.constant_weights && max_sms == b.max_sms;
}

/// Sets each field alone, in a copy of `plain`.
template <class Cpp, class C>
void expect_each_field(const C& plain, const Cpp& plain_expected,
                       const std::vector<Field<C, Cpp>>& fields) {
  EXPECT_TRUE(equal(converted<Cpp>(plain), plain_expected));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    C given = plain;
    Cpp expected = plain_expected;
    fields[i].set(given);
    fields[i].expect(expected);
    EXPECT_FALSE(equal(plain_expected, expected)) << "field " << i << " is not set";
    EXPECT_TRUE(equal(converted<Cpp>(given), expected)) << "field " << i;
  }
}

/// The fields of sources and scales, which both descriptors have.
template <class C, class Cpp>
std::vector<Field<C, Cpp>> common_fields() {
  return {
      {[](C& d) { d.m = 3; }, [](Cpp& d) { d.m = 3; }},
      {[](C& d) { d.k = 5; }, [](Cpp& d) { d.k = 5; }},
      {[](C& d) { d.q_min = -7, d.q_max = 8; }, [](Cpp& d) { d.q_min = -7, d.q_max = 8; }},
      {[](C& d) { d.q_max = 8; }, [](Cpp& d) { d.q_min = 0, d.q_max = 8; }},
      {[](C& d) { d.activation_element = QLINEAR_ELEMENT_BF16; },
       [](Cpp& d) { d.activation_element = ElementKind::BF16; }},
      {[](C& d) { d.source.kind = QLINEAR_SOURCE_LAYER_NORM; },
       [](Cpp& d) { d.source.kind = SourceKind::LayerNorm; }},
      {[](C& d) { d.source.function = QLINEAR_ACTIVATION_GELU_TANH; },
       [](Cpp& d) { d.source.function = ActivationFunction::GeluTanh; }},
      {[](C& d) { d.source.residual = 1; }, [](Cpp& d) { d.source.residual = true; }},
      {[](C& d) { d.source.residual_in_compute_type = -1; },
       [](Cpp& d) { d.source.residual_in_compute_type = true; }},
      {[](C& d) { d.source.norm_weight_in_compute_type = 256; },
       [](Cpp& d) { d.source.norm_weight_in_compute_type = true; }},
      {[](C& d) { d.source.unit_offset = 1; }, [](Cpp& d) { d.source.unit_offset = true; }},
      {[](C& d) { d.source.eps = 0.5; }, [](Cpp& d) { d.source.eps = 0.5; }},
      {[](C& d) { d.scale.kind = QLINEAR_SCALE_GIVEN_RANGE; },
       [](Cpp& d) { d.scale.kind = ScaleKind::GivenRange; }},
      {[](C& d) { d.scale.zero_points = 1; }, [](Cpp& d) { d.scale.zero_points = true; }},
  };
}

TEST(Conversion, LinearDescriptorKeepsEachField) {
  using C = qlinear_linear_descriptor;
  using Cpp = QuantizedLinearDescriptor;
  auto fields = common_fields<C, Cpp>();
  fields.insert(
      fields.end(),
      {{[](C& d) { d.c_out = 4; }, [](Cpp& d) { d.c_out = 4; }},
       {[](C& d) { d.weight_element = QLINEAR_ELEMENT_U8; },
        [](Cpp& d) { d.weight_element = ElementKind::U8; }},
       {[](C& d) { d.weight_zero_points = 1; }, [](Cpp& d) { d.weight_zero_points = true; }},
       {[](C& d) { d.epilogue.activation = QLINEAR_ACTIVATION_RELU; },
        [](Cpp& d) { d.epilogue.activation = ActivationFunction::Relu; }},
       {[](C& d) { d.epilogue.gated = 1; }, [](Cpp& d) { d.epilogue.gated = true; }},
       {[](C& d) { d.epilogue.routing_weight = 1; },
        [](Cpp& d) { d.epilogue.routing_weight = true; }},
       {[](C& d) { d.epilogue.residual = 1; }, [](Cpp& d) { d.epilogue.residual = true; }}});
  Cpp plain;
  plain.activation_element = ElementKind::F32;
  plain.weight_element = ElementKind::S8;
  expect_each_field<Cpp>(plain_linear(), plain, fields);
  for (const auto& field : fields) {
    C given = plain_linear(), back{};
    back.struct_size = sizeof back;
    field.set(given);
    const auto descriptor = converted<Cpp>(given);
    EXPECT_TRUE(c::hand_out(descriptor, &back).ok());
    EXPECT_TRUE(equal(converted<Cpp>(back), descriptor));
  }
}

TEST(Conversion, QuantizeDescriptorKeepsEachField) {
  using C = qlinear_quantize_descriptor;
  using Cpp = DynamicRangeQuantizeDescriptor;
  auto fields = common_fields<C, Cpp>();
  fields.push_back({[](C& d) { d.sums = 1; }, [](Cpp& d) { d.sums = true; }});
  Cpp plain;
  plain.activation_element = ElementKind::F32;
  plain.quantized_element = ElementKind::S8;
  expect_each_field<Cpp>(plain_quantize(), plain, fields);
  for (const auto& field : fields) {
    C given = plain_quantize(), back{};
    back.struct_size = sizeof back;
    field.set(given);
    const auto descriptor = converted<Cpp>(given);
    EXPECT_TRUE(c::hand_out(descriptor, &back).ok());
    EXPECT_TRUE(equal(converted<Cpp>(back), descriptor));
  }
}

TEST(Conversion, PreferenceKeepsEachField) {
  using C = qlinear_plan_preference;
  using Cpp = PlanPreference;
  C plain{};
  plain.struct_size = sizeof plain;
  expect_each_field<Cpp>(
      plain, {},
      {{[](C& p) { p.kernel = "a"; }, [](Cpp& p) { p.kernel = "a"; }},
       {[](C& p) { p.quantize_kernel = "b"; }, [](Cpp& p) { p.quantize_kernel = "b"; }},
       {[](C& p) { p.forbid_architecture_specific = 1; },
        [](Cpp& p) { p.forbid_architecture_specific = true; }},
       {[](C& p) { p.split_k = 2; }, [](Cpp& p) { p.split_k = 2; }},
       {[](C& p) { p.limit_workspace = 1; }, [](Cpp& p) { p.max_workspace = 0; }},
       {[](C& p) { p.limit_workspace = 1, p.max_workspace = 9; },
        [](Cpp& p) { p.max_workspace = 9; }},
       {[](C& p) { p.constant_weights = 1; }, [](Cpp& p) { p.constant_weights = true; }},
       {[](C& p) { p.max_sms = 3; }, [](Cpp& p) { p.max_sms = 3; }}});
  plain.max_workspace = 9;
  EXPECT_TRUE(equal(converted<Cpp>(plain), {})) << "nothing limits the workspace";
  Cpp none;
  none.split_k = 1;
  EXPECT_TRUE(c::convert(static_cast<const C*>(nullptr), none).ok());
  EXPECT_TRUE(equal(none, {}));
}

TEST(Conversion, SkuKeepsEachField) {
  const KernelSku sku{.name = "name",
                      .category = KernelCategory::Quantize,
                      .op = KernelOp::DynamicRangeQuantize,
                      .element = ElementKind::F16,
                      .weight_element = ElementKind::U8,
                      .accumulator = ElementKind::F64,
                      .architecture = 90,
                      .architecture_specific = true,
                      .compiled_for = "90a-real",
                      .backend = KernelBackend::Dp4a,
                      .precision_guarantee = {.math_precision = ElementKind::F64,
                                              .accumulator = ElementKind::S8,
                                              .deterministic = false,
                                              .bit_stable_on_same_hardware = true,
                                              .bit_stable_across_hardware = false,
                                              .batch_invariant = true}};
  qlinear_kernel_sku given{};
  given.struct_size = sizeof given;
  ASSERT_TRUE(c::hand_out(sku, &given).ok());
  EXPECT_STREQ(given.name, "name");
  EXPECT_STREQ(given.compiled_for, "90a-real");
  EXPECT_EQ(given.category, QLINEAR_CATEGORY_QUANTIZE);
  EXPECT_EQ(given.op, QLINEAR_OP_DYNAMIC_RANGE_QUANTIZE);
  EXPECT_EQ(given.backend, QLINEAR_BACKEND_DP4A);
  EXPECT_EQ(given.element, QLINEAR_ELEMENT_F16);
  EXPECT_EQ(given.weight_element, QLINEAR_ELEMENT_U8);
  EXPECT_EQ(given.accumulator, QLINEAR_ELEMENT_F64);
  EXPECT_EQ(given.architecture, 90);
  EXPECT_EQ(given.architecture_specific, 1);
  const auto& [math, accumulator, deterministic, same, across, batch] = given.precision_guarantee;
  EXPECT_EQ(math, QLINEAR_ELEMENT_F64);
  EXPECT_EQ(accumulator, QLINEAR_ELEMENT_S8);
  EXPECT_EQ((std::array{deterministic, same, across, batch}), (std::array{0, 1, 0, 1}));
  EXPECT_EQ(to_string(converted<KernelSku>(given)), to_string(sku));
}

/// Numbers each tensor from `first` on by its address, and gives it a view of its own.
template <class Args>
Args numbered(std::size_t first) {
  Args args{};
  args.struct_size = sizeof args;
  auto* const tensors =
      reinterpret_cast<qlinear_tensor*>(reinterpret_cast<char*>(&args) + sizeof(std::size_t));
  const std::size_t count = (sizeof args - sizeof(std::size_t)) / sizeof(qlinear_tensor);
  for (std::size_t i = first; i < count; ++i) {
    const auto number = static_cast<std::int64_t>(i) + 1;
    tensors[i] = {reinterpret_cast<void*>(number),
                  2,
                  QLINEAR_ELEMENT_S32,
                  {number, 100 + number, 200, 300},
                  {400 + number, 500, 600, 700}};
  }
  return args;
}

/// The number of a tensor of C where it is now, which the whole view agrees to; else 0.
std::size_t number_of(const TensorView& view) {
  const auto number = reinterpret_cast<std::intptr_t>(view.data);
  const std::array<std::int64_t, 4> shape{number, 100 + number, 200, 300};
  const std::array<std::int64_t, 4> stride{400 + number, 500, 600, 700};
  const bool whole = view.rank == 2 && view.element == ElementKind::S32 && view.shape == shape &&
                     view.stride == stride;
  return whole ? static_cast<std::size_t>(number) : 0;
}

#define EXPECT_TENSOR(Args, field, view)                                                \
  EXPECT_EQ(number_of(view),                                                            \
            (offsetof(Args, field) - sizeof(std::size_t)) / sizeof(qlinear_tensor) + 1) \
      << #field

TEST(Conversion, LinearArgsKeepEachTensor) {
  using C = qlinear_linear_args;
  detail::LinearTensors t;
  const C args = numbered<C>(0);
  ASSERT_TRUE(c::convert(&args, t).ok());
  EXPECT_TENSOR(C, activation, t.activation);
  EXPECT_TENSOR(C, weight_q, t.weight_q);
  EXPECT_TENSOR(C, weight_scale, t.weight_scale);
  EXPECT_TENSOR(C, output, t.output);
  EXPECT_TENSOR(C, act_q_scratch, t.act_q_scratch);
  EXPECT_TENSOR(C, act_scale_scratch, t.act_scale_scratch);
  EXPECT_TENSOR(C, bias, t.bias);
  ASSERT_TRUE(t.options.has_value());
  const auto& [quantize, given, weight_sum, weight_zero_point, epilogue] = *t.options;
  EXPECT_TENSOR(C, source.column_factor, quantize.source.column_factor);
  EXPECT_TENSOR(C, source.norm_weight, quantize.source.norm_weight);
  EXPECT_TENSOR(C, source.norm_bias, quantize.source.norm_bias);
  EXPECT_TENSOR(C, source.residual, quantize.source.residual);
  EXPECT_TENSOR(C, source.residual_out, quantize.source.residual_out);
  EXPECT_TENSOR(C, source.normed_out, quantize.source.normed_out);
  EXPECT_TENSOR(C, scale.range_max, quantize.scale_from.range_max);
  EXPECT_TENSOR(C, scale.range_min, quantize.scale_from.range_min);
  EXPECT_TENSOR(C, scale.scale, quantize.scale_from.scale);
  EXPECT_TENSOR(C, scale.zero_point, quantize.scale_from.zero_point);
  EXPECT_TENSOR(C, given.q, given.q);
  EXPECT_TENSOR(C, given.scale, given.scale);
  EXPECT_TENSOR(C, given.zero_point, given.zero_point);
  EXPECT_TENSOR(C, given.sum, given.sum);
  EXPECT_TENSOR(C, zero_points.act_zero_point_scratch, quantize.zero_point);
  EXPECT_TENSOR(C, zero_points.act_sum_scratch, quantize.sum);
  EXPECT_TENSOR(C, zero_points.weight_sum, weight_sum);
  EXPECT_TENSOR(C, zero_points.weight_zero_point, weight_zero_point);
  EXPECT_TENSOR(C, epilogue.routing_weight, epilogue.routing_weight);
  EXPECT_TENSOR(C, epilogue.residual, epilogue.residual);
}

TEST(Conversion, QuantizeArgsKeepEachTensor) {
  using C = qlinear_quantize_args;
  detail::QuantizeTensors t;
  const C args = numbered<C>(0);
  ASSERT_TRUE(c::convert(&args, t).ok());
  EXPECT_TENSOR(C, activation, t.activation);
  EXPECT_TENSOR(C, quantized, t.quantized);
  EXPECT_TENSOR(C, scale, t.scale);
  ASSERT_TRUE(t.options.has_value());
  EXPECT_TENSOR(C, source.column_factor, t.options->source.column_factor);
  EXPECT_TENSOR(C, source.normed_out, t.options->source.normed_out);
  EXPECT_TENSOR(C, scale_from.range_max, t.options->scale_from.range_max);
  EXPECT_TENSOR(C, scale_from.zero_point, t.options->scale_from.zero_point);
  EXPECT_TENSOR(C, zero_point, t.options->zero_point);
  EXPECT_TENSOR(C, sum, t.options->sum);
}

TEST(Conversion, OptionsExistWhereOneOfThemDoes) {
  using C = qlinear_linear_args;
  constexpr std::size_t kTensors = (sizeof(C) - sizeof(std::size_t)) / sizeof(qlinear_tensor);
  constexpr std::size_t kPlain =
      (offsetof(C, source) - sizeof(std::size_t)) / sizeof(qlinear_tensor);
  for (std::size_t first = 0; first <= kTensors; ++first) {
    detail::LinearTensors t;
    const C args = numbered<C>(first);
    ASSERT_TRUE(c::convert(&args, t).ok());
    EXPECT_EQ(t.options.has_value(), first < kTensors) << first;
  }
  C plain = numbered<C>(0);
  plain.struct_size = sizeof(std::size_t) + kPlain * sizeof(qlinear_tensor);
  detail::LinearTensors t;
  ASSERT_TRUE(c::convert(&plain, t).ok());
  EXPECT_FALSE(t.options.has_value()) << "they are beyond the struct";
}

}  // namespace
}  // namespace qlinear::test
