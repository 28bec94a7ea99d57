#include "support/linear_call.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

// What bad input gets, row by row of the README's error table, and what is just legal. Plans and
// reference share one validation; here the reference stands for both.

namespace qlinear::test {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

/// Moves a pointer by less than an element.
template <class T>
void shift_bytes(T*& pointer, std::ptrdiff_t bytes) {
  pointer = reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(pointer) +
                                 static_cast<std::uintptr_t>(bytes));
}

/// One way to spoil a call, and what the message must then name.
template <class Call>
struct Fault {
  std::vector<const char*> mentions;
  std::function<void(Call&)> spoil;
};

/// One row of the README's error table.
struct Row {
  const char* name;
  StatusCode code;
  const char* remedy;
  std::vector<Fault<LinearCall>> linear_faults;
  std::vector<Fault<QuantizeCall>> quantize_faults;
};

void PrintTo(const Row& row, std::ostream* stream) { *stream << row.name; }

using L = LinearCall;
using Q = QuantizeCall;

std::vector<Row> descriptor_rows() {
  return {
      {"ElementKind",
       StatusCode::InvalidProblem,
       "set it to element_kind_v",
       {{{"activation_element", "f64", "f32"},
         [](L& c) { c.descriptor.activation_element = ElementKind::F64; }},
        {{"weight_element", "u8", "s8"},
         [](L& c) { c.descriptor.weight_element = ElementKind::U8; }}},
       {{{"activation_element", "f16", "f32"},
         [](Q& c) { c.descriptor.activation_element = ElementKind::F16; }},
        {{"quantized_element", "u8", "s8"},
         [](Q& c) { c.descriptor.quantized_element = ElementKind::U8; }}}},
      {"NegativeSize",
       StatusCode::InvalidProblem,
       "pass 0 or more",
       {{{"m is -1"}, [](L& c) { c.descriptor.m = -1; }},
        {{"c_out is -2"}, [](L& c) { c.descriptor.c_out = -2; }},
        {{"k is -3"}, [](L& c) { c.descriptor.k = -3; }}},
       {{{"m is -1"}, [](Q& c) { c.descriptor.m = -1; }},
        {{"k is -3"}, [](Q& c) { c.descriptor.k = -3; }}}},
      {"RangeWithoutPositiveEnd",
       StatusCode::InvalidProblem,
       "-128 <= q_min <= 0 < q_max <= 127",
       {{{"q_max is 0"}, [](L& c) { c.descriptor.q_max = 0; }},
        {{"q_max is -1"}, [](L& c) { c.descriptor.q_max = -1; }}},
       {{{"q_max is 0"}, [](Q& c) { c.descriptor.q_max = 0; }}}},
      {"RangeReversed",
       StatusCode::InvalidProblem,
       "-128 <= q_min <= 0 < q_max <= 127",
       {{{"q_min is 5", "zero"},
         [](L& c) {
           c.descriptor.q_min = 5;
           c.descriptor.q_max = 3;
         }}},
       {{{"q_max is -5", "positive"},
         [](Q& c) {
           c.descriptor.q_min = 5;
           c.descriptor.q_max = -5;
         }}}},
      {"RangeWithoutZero",
       StatusCode::InvalidProblem,
       "-128 <= q_min <= 0 < q_max <= 127",
       {{{"q_min is 1", "zero"}, [](L& c) { c.descriptor.q_min = 1; }}},
       {{{"q_min is 1", "zero"}, [](Q& c) { c.descriptor.q_min = 1; }}}},
      {"RangeOutsideInt8",
       StatusCode::InvalidProblem,
       "-128 <= q_min <= 0 < q_max <= 127",
       {{{"q_min is -129", "int8"}, [](L& c) { c.descriptor.q_min = -129; }},
        {{"q_max is 128", "int8"}, [](L& c) { c.descriptor.q_max = 128; }}},
       {{{"q_min is -129", "int8"}, [](Q& c) { c.descriptor.q_min = -129; }},
        {{"q_max is 128", "int8"}, [](Q& c) { c.descriptor.q_max = 128; }}}},
      {"TooManyRows",
       StatusCode::Unsupported,
       "split the problem along",
       {{{"m is 2147483648", "2147483647"}, [](L& c) { c.descriptor.m = 1LL << 31; }},
        {{"c_out is 2147483648", "2147483647"}, [](L& c) { c.descriptor.c_out = 1LL << 31; }}},
       {{{"m is 2147483648", "2147483647"}, [](Q& c) { c.descriptor.m = 1LL << 31; }},
        {{"k is 2147483648", "2147483647"}, [](Q& c) { c.descriptor.k = 1LL << 31; }}}},
      {"ReductionTooLong",
       StatusCode::Unsupported,
       "split K or choose a narrower range",
       {{{"k is 132105", "132104", "[-127, 127]", "s8"}, [](L& c) { c.descriptor.k = 132105; }},
        {{"131071", "[-128, 127]"},
         [](L& c) {
           c.descriptor.q_min = -128;
           c.descriptor.k = kHuge;
         }}},
       {}},
  };
}

std::vector<Row> tensor_rows() {
  return {
      {"Shape",
       StatusCode::InvalidProblem,
       "pass a view of exactly that shape",
       {{{"activation has", "[3, 6]", "[M, K] = [3, 5]"},
         [](L& c) { c.args.activation.shape[1] = 6; }},
        {{"activation has", "[2, 5]", "[M, K] = [3, 5]"},
         [](L& c) { c.args.activation.shape[0] = 2; }},
        {{"weight_q has", "[C_out, K] = [4, 5]"},
         [](L& c) {
           c.args.weight_q.shape = {5, 4};
         }},
        {{"weight_scale has", "[C_out] = [4]"}, [](L& c) { c.args.weight_scale.shape = {1}; }},
        {{"output has", "[M, C_out] = [3, 4]"},
         [](L& c) {
           c.args.output.shape = {4, 3};
         }},
        {{"bias has", "[3]", "[C_out] = [4]"}, [](L& c) { c.args.bias.shape = {3}; }},
        {{"bias has", "[0]", "[C_out] = [4]"}, [](L& c) { c.args.bias.shape = {0}; }},
        {{"activation has", "[-3, -5]"},
         [](L& c) {
           c.args.activation.shape = {-3, -5};
         }}},
       {{{"activation has", "[M, K] = [3, 5]"},
         [](Q& c) {
           c.args.activation.shape = {5, 3};
         }}}},
      {"ScratchTooSmall",
       StatusCode::InvalidProblem,
       "pass a view of exactly that shape",
       {{{"act_q_scratch has", "[2, 5]", "[3, 5]"},
         [](L& c) { c.args.act_q_scratch.shape[0] = 2; }},
        {{"act_q_scratch has", "[3, 4]", "[3, 5]"},
         [](L& c) { c.args.act_q_scratch.shape[1] = 4; }},
        {{"act_scale_scratch has", "[2]", "[3]"},
         [](L& c) { c.args.act_scale_scratch.shape = {2}; }}},
       {{{"quantized has", "[2, 5]", "[3, 5]"}, [](Q& c) { c.args.quantized.shape[0] = 2; }},
        {{"scale has", "[2]", "[3]"}, [](Q& c) { c.args.scale.shape = {2}; }}}},
      {"InnerStride",
       StatusCode::InvalidProblem,
       "copy it to contiguous rows",
       {{{"activation has", "stride of 2"}, [](L& c) { c.args.activation.stride[1] = 2; }},
        {{"weight_q has", "stride of 4"},
         [](L& c) {
           c.args.weight_q.stride = {1, 4};
         }},
        {{"weight_scale has", "stride of 0"}, [](L& c) { c.args.weight_scale.stride = {0}; }},
        {{"output has", "stride of -1"}, [](L& c) { c.args.output.stride[1] = -1; }},
        {{"act_q_scratch has", "stride of 3"}, [](L& c) { c.args.act_q_scratch.stride[1] = 3; }},
        {{"act_scale_scratch has", "stride of 2"},
         [](L& c) { c.args.act_scale_scratch.stride = {2}; }},
        {{"bias has", "stride of 2"}, [](L& c) { c.args.bias.stride = {2}; }}},
       {{{"quantized has", "stride of 2"}, [](Q& c) { c.args.quantized.stride[1] = 2; }},
        {{"scale has", "stride of 0"}, [](Q& c) { c.args.scale.stride = {0}; }}}},
      {"RowStride",
       StatusCode::InvalidProblem,
       "pass the distance between rows in elements",
       {{{"activation has", "stride of 4", "length 5"},
         [](L& c) { c.args.activation.stride[0] = 4; }},
        {{"activation has", "stride of -5"}, [](L& c) { c.args.activation.stride[0] = -5; }},
        {{"weight_q has", "stride of 0"}, [](L& c) { c.args.weight_q.stride[0] = 0; }},
        {{"output has", "stride of 3", "length 4"}, [](L& c) { c.args.output.stride[0] = 3; }},
        {{"act_q_scratch has", "stride of 4"}, [](L& c) { c.args.act_q_scratch.stride[0] = 4; }}},
       {{{"quantized has", "stride of 4"}, [](Q& c) { c.args.quantized.stride[0] = 4; }}}},
      {"ExtentBeyondAddresses",
       StatusCode::InvalidProblem,
       "pass the distance between rows in elements",
       {{{"activation has", "address space"}, [](L& c) { c.args.activation.stride[0] = kHuge; }},
        {{"activation has", "address space"},
         [](L& c) { c.args.activation.stride[0] = kHuge / 2; }},
        {{"output has", "address space"}, [](L& c) { c.args.output.stride[0] = kHuge / 8; }},
        {{"weight_q has", "address space"}, [](L& c) { c.args.weight_q.stride[0] = kHuge / 3; }}},
       {{{"quantized has", "address space"}, [](Q& c) { c.args.quantized.stride[0] = kHuge; }}}},
      {"NullPointer",
       StatusCode::InvalidProblem,
       "pass memory of that shape",
       {{{"activation has a null pointer", "[3, 5]"},
         [](L& c) { c.args.activation.data = nullptr; }},
        {{"weight_q has"}, [](L& c) { c.args.weight_q.data = nullptr; }},
        {{"weight_scale has"}, [](L& c) { c.args.weight_scale.data = nullptr; }},
        {{"output has"}, [](L& c) { c.args.output.data = nullptr; }},
        {{"act_q_scratch has"}, [](L& c) { c.args.act_q_scratch.data = nullptr; }},
        {{"act_scale_scratch has"}, [](L& c) { c.args.act_scale_scratch.data = nullptr; }},
        {{"bias has", "[4]"}, [](L& c) { c.args.bias.data = nullptr; }}},
       {{{"activation has"}, [](Q& c) { c.args.activation.data = nullptr; }},
        {{"quantized has"}, [](Q& c) { c.args.quantized.data = nullptr; }},
        {{"scale has"}, [](Q& c) { c.args.scale.data = nullptr; }}}},
      {"MisalignedPointer",
       StatusCode::InvalidProblem,
       "align the pointer",
       {{{"activation is at", "multiple of 4"},
         [](L& c) { shift_bytes(c.args.activation.data, 2); }},
        {{"weight_scale is at"}, [](L& c) { shift_bytes(c.args.weight_scale.data, 1); }},
        {{"output is at"}, [](L& c) { shift_bytes(c.args.output.data, 3); }},
        {{"act_scale_scratch is at"}, [](L& c) { shift_bytes(c.args.act_scale_scratch.data, 2); }},
        {{"bias is at"}, [](L& c) { shift_bytes(c.args.bias.data, 2); }}},
       {{{"scale is at"}, [](Q& c) { shift_bytes(c.args.scale.data, 2); }}}},
      {"WrittenTensorOverlaps",
       StatusCode::InvalidProblem,
       "memory of its own",
       {{{"output at", "overlaps activation"},
         [](L& c) { c.args.output.data = c.buffers.activation.data() + 14; }},
        {{"output at", "overlaps bias"}, [](L& c) { c.args.bias.data = c.args.output.data + 11; }},
        {{"output at", "overlaps weight_scale"},
         [](L& c) { c.args.weight_scale.data = c.args.output.data; }},
        {{"output at", "overlaps weight_q"},
         [](L& c) { c.args.weight_q.data = reinterpret_cast<const S8*>(c.args.output.data); }},
        {{"act_q_scratch at", "overlaps weight_q"},
         [](L& c) { c.args.act_q_scratch.data = c.buffers.weight.data() + 3; }},
        {{"act_q_scratch at", "overlaps activation"},
         [](L& c) {
           c.args.act_q_scratch.data = reinterpret_cast<S8*>(c.buffers.activation.data());
         }},
        {{"act_scale_scratch", "overlaps", "output"},
         [](L& c) { c.args.act_scale_scratch.data = c.args.output.data + 9; }},
        {{"act_scale_scratch at", "overlaps weight_scale"},
         [](L& c) { c.args.act_scale_scratch.data = c.buffers.weight_scale.data() + 1; }}},
       {{{"quantized at", "overlaps activation"},
         [](Q& c) { c.args.quantized.data = reinterpret_cast<S8*>(c.buffers.activation.data()); }},
        {{"scale at", "overlaps activation"},
         [](Q& c) { c.args.scale.data = c.buffers.activation.data() + 12; }}}},
  };
}

/// A layer with a residual in front of its norm, zero points on both sides and an epilogue.
struct OptionsCall : LinearCall {
  std::vector<float> norm_weight = std::vector<float>(5, 1), residual = std::vector<float>(15, 1),
                     residual_out = std::vector<float>(15), normed_out = std::vector<float>(15),
                     routing_weight = std::vector<float>(3, 1),
                     output_residual = std::vector<float>(12, 1), factor = norm_weight;
  std::vector<S8> zero_point = std::vector<S8>(3), weight_zero_point = std::vector<S8>(4, 1);
  std::vector<std::int32_t> act_sum = std::vector<std::int32_t>(3),
                            weight_sum = std::vector<std::int32_t>(4, 30);

  OptionsCall() {
    descriptor.source = {.kind = SourceKind::RmsNorm, .residual = true, .eps = 1e-5};
    descriptor.scale.kind = ScaleKind::DynamicAsymmetric;
    descriptor.weight_zero_points = true;
    descriptor.epilogue = {ActivationFunction::Silu, false, true, true};
    args.source.norm_weight = tensor_view(vector(norm_weight.data(), 5));
    args.source.residual = tensor_view(matrix(residual.data(), 3, 5));
    args.source.residual_out = tensor_view(matrix(residual_out.data(), 3, 5));
    args.source.normed_out = matrix(normed_out.data(), 3, 5);
    args.zero_points = {vector(zero_point.data(), 3), vector(act_sum.data(), 3),
                        vector(weight_sum.data(), 4), vector(weight_zero_point.data(), 4)};
    args.epilogue = {vector(routing_weight.data(), 3), matrix(output_residual.data(), 3, 4)};
  }
};

/// The same product of an activation that is given.
struct GivenCall : LinearCall {
  std::vector<S8> q = std::vector<S8>(15, 1), zero_point = std::vector<S8>(1, 3),
                  weight_zero_point = std::vector<S8>(4, 1);
  std::vector<float> scale = std::vector<float>(1, 1);
  std::vector<std::int32_t> sum = std::vector<std::int32_t>(3, 5),
                            weight_sum = std::vector<std::int32_t>(4, 30);

  GivenCall() {
    descriptor.scale = {ScaleKind::Given, true};
    descriptor.weight_zero_points = true;
    args.activation = {};
    args.act_q_scratch = {};
    args.act_scale_scratch = {};
    args.given = {matrix(q.data(), 3, 5), vector(scale.data(), 1), vector(zero_point.data(), 1),
                  vector(sum.data(), 3)};
    args.zero_points.weight_sum = vector(weight_sum.data(), 4);
    args.zero_points.weight_zero_point = vector(weight_zero_point.data(), 4);
  }
};

/// One way to spoil a call with options, and what its message must say.
template <class Call>
void expect_spoiled(const std::vector<const char*>& mentions,
                    const std::function<void(Call&)>& spoil) {
  Call call;
  ASSERT_TRUE(call.run().ok()) << call.run().message();
  spoil(call);
  const auto before = call.buffers;
  const Status status = call.run();
  EXPECT_EQ(status.code(), StatusCode::InvalidProblem) << mentions.front();
  for (const char* mention : mentions) {
    EXPECT_NE(status.message().find(mention), std::string::npos)
        << status.message() << "\nlacks: " << mention;
  }
  EXPECT_EQ(call.buffers, before);
}

using O = OptionsCall;
using G = GivenCall;

TEST(TensorsOfOptions, MissingOnesAreNamed) {
  const char* const kMissing = "is missing, but the descriptor asks for";
  expect_spoiled<O>({"source.residual ", kMissing, "[M, K] = [3, 5]"},
                    [](O& c) { c.args.source.residual = {}; });
  expect_spoiled<O>({"source.residual_out ", kMissing},
                    [](O& c) { c.args.source.residual_out = {}; });
  expect_spoiled<O>({"zero_points.act_zero_point_scratch ", kMissing},
                    [](O& c) { c.args.zero_points.act_zero_point_scratch = {}; });
  expect_spoiled<O>({"zero_points.act_sum_scratch ", kMissing},
                    [](O& c) { c.args.zero_points.act_sum_scratch = {}; });
  expect_spoiled<O>({"zero_points.weight_sum ", kMissing, "[C_out] = [4]"},
                    [](O& c) { c.args.zero_points.weight_sum = {}; });
  expect_spoiled<O>({"zero_points.weight_zero_point ", kMissing},
                    [](O& c) { c.args.zero_points.weight_zero_point = {}; });
  expect_spoiled<O>({"epilogue.routing_weight ", kMissing},
                    [](O& c) { c.args.epilogue.routing_weight = {}; });
  expect_spoiled<O>({"epilogue.residual ", kMissing, "[M, C_out] = [3, 4]"},
                    [](O& c) { c.args.epilogue.residual = {}; });
  expect_spoiled<O>({"source.column_factor ", kMissing}, [](O& c) {
    c.descriptor.source = {.kind = SourceKind::ColumnFactor};
    c.args.source = {};
  });
  expect_spoiled<O>({"scale.range_max ", kMissing},
                    [](O& c) { c.descriptor.scale.kind = ScaleKind::GivenRangeAsymmetric; });
  expect_spoiled<O>({"scale.scale ", kMissing, "[M] = [3] or [1]"}, [](O& c) {
    c.descriptor.scale = {ScaleKind::Static, true};
  });
  expect_spoiled<G>({"given.q ", kMissing}, [](G& c) { c.args.given.q = {}; });
  expect_spoiled<G>({"given.scale ", kMissing}, [](G& c) { c.args.given.scale = {}; });
  expect_spoiled<G>({"given.zero_point ", kMissing}, [](G& c) { c.args.given.zero_point = {}; });
  expect_spoiled<G>({"given.sum ", kMissing}, [](G& c) { c.args.given.sum = {}; });
}

TEST(TensorsOfOptions, SuperfluousOnesAreRefused) {
  const char* const kRemedy = "which the descriptor does not ask for; leave it value-initialised";
  expect_spoiled<O>({"source.residual is given", kRemedy},
                    [](O& c) { c.descriptor.source.residual = false; });
  expect_spoiled<O>({"source.norm_weight is given", kRemedy},
                    [](O& c) { c.descriptor.source = {}; });
  expect_spoiled<O>({"source.norm_bias is given", kRemedy},
                    [](O& c) { c.args.source.norm_bias = c.args.source.norm_weight; });
  expect_spoiled<O>({"source.column_factor is given", kRemedy},
                    [](O& c) { c.args.source.column_factor = vector(c.factor.data(), 5); });
  expect_spoiled<O>({"scale.range_max is given", kRemedy},
                    [](O& c) { c.args.scale.range_max = vector(c.factor.data(), 3); });
  expect_spoiled<O>({"given.q is given", kRemedy},
                    [](O& c) { c.args.given.q = c.args.act_q_scratch; });
  expect_spoiled<O>({"zero_points.weight_zero_point is given", kRemedy}, [](O& c) {
    c.descriptor.weight_zero_points = false;
    c.args.zero_points.act_sum_scratch = {};
  });
  expect_spoiled<O>({"epilogue.routing_weight is given", kRemedy},
                    [](O& c) { c.descriptor.epilogue.routing_weight = false; });
  expect_spoiled<G>({"activation is given", kRemedy},
                    [](G& c) { c.args.activation = matrix(c.buffers.activation.data(), 3, 5); });
  expect_spoiled<Q>({"sum is given", kRemedy}, [](Q& c) {
    static std::array<std::int32_t, 3> sums{};
    c.args.sum = vector(sums.data(), 3);
  });
  expect_spoiled<Q>({"scale_from.scale is given", kRemedy},
                    [](Q& c) { c.args.scale_from.scale = vector(c.buffers.activation.data(), 3); });
}

TEST(TensorsOfOptions, ViewsHaveTheirRankAndElement) {
  const char* const kRemedy = "pass such a view";
  expect_spoiled<O>({"source.norm_weight", "elements f64", "f32", kRemedy},
                    [](O& c) { c.args.source.norm_weight.element = ElementKind::F64; });
  expect_spoiled<O>({"source.residual ", "rank 1", kRemedy},
                    [](O& c) { c.args.source.residual.rank = 1; });
  expect_spoiled<O>({"source.residual_out", "elements f16", kRemedy},
                    [](O& c) { c.args.source.residual_out.element = ElementKind::F16; });
}

TEST(TensorsOfOptions, AreCheckedLikeAllOthers) {
  expect_spoiled<O>({"source.norm_weight has shape [4]", "[K] = [5]"},
                    [](O& c) { c.args.source.norm_weight.shape[0] = 4; });
  expect_spoiled<O>({"zero_points.weight_sum has an inner stride of 2"},
                    [](O& c) { c.args.zero_points.weight_sum.stride[0] = 2; });
  expect_spoiled<O>({"epilogue.residual has a row stride of 3"},
                    [](O& c) { c.args.epilogue.residual.stride[0] = 3; });
  expect_spoiled<O>({"epilogue.routing_weight has a null pointer"},
                    [](O& c) { c.args.epilogue.routing_weight.data = nullptr; });
  expect_spoiled<O>({"epilogue.routing_weight is at address"},
                    [](O& c) { shift_bytes(c.args.epilogue.routing_weight.data, 2); });
  expect_spoiled<G>({"given.scale has shape [2]", "[M] = [3] or [1]"},
                    [](G& c) { c.args.given.scale.shape[0] = 2; });
  expect_spoiled<O>({"source.normed_out at", "overlaps activation"},
                    [](O& c) { c.args.source.normed_out.data = c.buffers.activation.data(); });
  expect_spoiled<O>({"output at", "overlaps source.residual"},
                    [](O& c) { c.args.output.data = c.residual.data(); });
}

TEST(TensorsOfOptions, ResidualsMayBeTheirOutput) {
  OptionsCall call;
  call.args.source.residual_out = call.args.source.residual;
  call.args.epilogue.residual = call.args.output;
  EXPECT_TRUE(call.run().ok()) << call.run().message();
  expect_spoiled<O>({"source.residual_out at", "overlaps source.residual",
                     "or pass one matrix twice, strides included"},
                    [](O& c) {
                      c.args.source.residual_out = c.args.source.residual;
                      c.descriptor.m = 2;
                      c.args.activation.shape[0] = c.args.act_q_scratch.shape[0] =
                          c.args.output.shape[0] = 2;
                      c.args.act_scale_scratch.shape[0] = 2;
                      c.args.source.residual.shape[0] = c.args.source.residual_out.shape[0] = 2;
                      c.args.source.normed_out.shape[0] = 2;
                      c.args.source.residual_out.stride[0] = 6;
                      c.args.zero_points.act_zero_point_scratch.shape[0] = 2;
                      c.args.zero_points.act_sum_scratch.shape[0] = 2;
                      c.args.epilogue.routing_weight.shape[0] = 2;
                      c.args.epilogue.residual.shape[0] = 2;
                    });
  expect_spoiled<O>({"output at", "overlaps epilogue.residual"},
                    [](O& c) { c.args.epilogue.residual.data = c.args.output.data - 1; });
}

TEST(TensorsOfHelpers, AreChecked) {
  std::array<S8, 6> q{1, 2, 3, -4, -5, -6};
  std::array<std::int32_t, 2> sums{};
  std::array<float, 6> output{};
  const float scale = 0.5F;
  EXPECT_TRUE(reference::activation_sums(matrix(q.data(), 2, 3), vector(sums.data(), 2)).ok());
  EXPECT_EQ(sums, (std::array<std::int32_t, 2>{6, -15}));
  const Status few =
      reference::weight_sums(TensorRef<S8, 2>(matrix(q.data(), 2, 3)), vector(sums.data(), 1));
  EXPECT_NE(few.message().find("sums has shape [1], expected [rows] = [2]"), std::string::npos);
  const std::array<S8, 2> zero_point{1, -1};
  const Status status =
      reference::fake_quantize<float>(matrix(q.data(), 2, 3), vector(&scale, 1),
                                      vector(zero_point.data(), 2), matrix(output.data(), 2, 3));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(output, (std::array<float, 6>{0, 0.5F, 1, -1.5F, -2, -2.5F}));
}

class ErrorTable : public testing::TestWithParam<Row> {
 protected:
  template <class Call>
  static void expect_refused(const Fault<Call>& fault) {
    Call call;
    const auto before = call.buffers;
    fault.spoil(call);
    const Status status = call.run();
    EXPECT_EQ(status.code(), GetParam().code) << status.message();
    EXPECT_NE(status.message().find(GetParam().remedy), std::string::npos) << status.message();
    for (const char* mention : fault.mentions) {
      EXPECT_NE(status.message().find(mention), std::string::npos)
          << status.message() << "\nlacks: " << mention;
    }
    EXPECT_EQ(call.buffers, before);
  }
};

TEST_P(ErrorTable, IsRefusedWithARemedyAndNothingIsWritten) {
  for (const auto& fault : GetParam().linear_faults) expect_refused(fault);
  for (const auto& fault : GetParam().quantize_faults) expect_refused(fault);
}

const auto kRowName = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Descriptor, ErrorTable, testing::ValuesIn(descriptor_rows()), kRowName);
INSTANTIATE_TEST_SUITE_P(Tensors, ErrorTable, testing::ValuesIn(tensor_rows()), kRowName);

}  // namespace
}  // namespace qlinear::test
