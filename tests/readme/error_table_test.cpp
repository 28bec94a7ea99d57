// Drives each row of README's error table: its left cell names the mistake, and the Status that the
// library gives has the code of the middle cell and says the words of the right one.

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <qlinear/qlinear.h>
#include <qlinear/qlinear.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<float, S8>;
using Args = Plan::Args;
using Descriptor = QuantizedLinearDescriptor;

struct Row {
  std::string mistake;
  std::string code;
  std::string words;
};

void PrintTo(const Row& row, std::ostream* stream) { *stream << row.mistake; }

/// The part of `line` between its bars `index` and `index` + 1, without blanks around it.
std::string cell(const std::string& line, int index) {
  std::istringstream cells(line);
  std::string text;
  for (int i = 0; i <= index + 1; ++i) std::getline(cells, text, '|');
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string without_backticks(std::string text) {
  std::erase(text, '`');
  return text;
}

std::vector<Row> read_rows() {
  std::ifstream readme(QLINEAR_README);
  std::vector<Row> rows;
  bool inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("| What is wrong")) {
      inside = true;
    } else if (inside && !line.starts_with('|')) {
      break;
    } else if (inside && !line.starts_with("|---")) {
      rows.push_back(
          {cell(line, 0), without_backticks(cell(line, 1)), without_backticks(cell(line, 2))});
    }
  }
  return rows;
}

/// A small correct call over host memory, which `can_implement` never touches.
struct Call {
  Descriptor descriptor{.m = 3, .c_out = 4, .k = 5};
  std::array<float, 15> activation{};
  std::array<S8, 20> weight{};
  std::array<float, 4> weight_scale{};
  std::array<float, 12> output{};
  std::array<S8, 15> act_q{};
  std::array<float, 3> act_scale{};
  Args args{{activation.data(), {3, 5}, {5, 1}}, {weight.data(), {4, 5}, {5, 1}},
            {weight_scale.data(), {4}, {1}},     {output.data(), {3, 4}, {4, 1}},
            {act_q.data(), {3, 5}, {5, 1}},      {act_scale.data(), {3}, {1}}};
};

Status select_after(const std::function<void(Descriptor&)>& spoil,
                    const PlanPreference& preference = {}) {
  Call call;
  spoil(call.descriptor);
  return Plan::select(nullptr, call.descriptor, preference).status();
}

Status check_after(const std::function<void(Args&)>& spoil, const PlanPreference& preference = {}) {
  Call call;
  const auto plan = Plan::select(nullptr, call.descriptor, preference);
  if (!plan.ok()) return plan.status();
  spoil(call.args);
  return plan.value().can_implement(call.args);
}

Status select_forced(std::string_view kernel) {
  return select_after([](Descriptor&) {}, {.kernel = kernel});
}

/// Any kernel of the table that needs 16-byte aligned rows, which K = 5 has not.
Status force_aligned_kernel() {
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm) continue;
    const Status status = check_after([](Args&) {}, {.kernel = sku.name});
    if (status.message().find("needs act_q_scratch and weight_q") != std::string::npos)
      return status;
  }
  return {};
}

/// A layer of few outputs and a long K, with a kernel that keeps partial sums in the workspace.
Status run_with_workspace(Workspace workspace, bool over_weights = false) {
  constexpr std::int64_t kRows = 16, kOutputs = 64, kDepth = 65536;
  const Descriptor descriptor{.m = kRows, .c_out = kOutputs, .k = kDepth};
  std::vector<float> activation(kRows * kDepth), weight_scale(kOutputs), output(kRows * kOutputs);
  std::vector<float> act_scale(kRows);
  std::vector<S8> act_q(kRows * kDepth), weight(kOutputs * kDepth);
  if (over_weights) workspace = {weight.data(), weight.size()};
  return Plan::select(nullptr, descriptor, {.kernel = "mma_m16n8k32_16x64x256", .split_k = 4})
      .value()
      .run(nullptr, workspace,
           {{activation.data(), {kRows, kDepth}, {kDepth, 1}},
            {weight.data(), {kOutputs, kDepth}, {kDepth, 1}},
            {weight_scale.data(), {kOutputs}, {1}},
            {output.data(), {kRows, kOutputs}, {kOutputs, 1}},
            {act_q.data(), {kRows, kDepth}, {kDepth, 1}},
            {act_scale.data(), {kRows}, {1}}});
}

/// Two layers of one activation, the second of which is spoiled.
Status run_shared_after(const std::function<void(Descriptor&, Args&)>& spoil) {
  Call first, second;
  second.args.activation = first.args.activation;
  second.args.act_q_scratch = first.args.act_q_scratch;
  second.args.act_scale_scratch = first.args.act_scale_scratch;
  spoil(second.descriptor, second.args);
  const std::array plans{Plan::select(nullptr, first.descriptor).value(),
                         Plan::select(nullptr, second.descriptor).value()};
  const std::array args{first.args, second.args};
  return Plan::run_shared(nullptr, {}, plans.data(), args.data(), plans.size());
}

Status run_quantize_plan_with_null_workspace() {
  Call call;
  return DynamicRangeQuantizePlan<float, S8>::select(nullptr, {.m = 3, .k = 5})
      .value()
      .run(nullptr, {nullptr, 1},
           {call.args.activation, call.args.act_q_scratch, call.args.act_scale_scratch});
}

Status select_quantize(const PlanPreference& preference) {
  return DynamicRangeQuantizePlan<float, S8>::select(nullptr, {.m = 3, .k = 5}, preference)
      .status();
}

template <class T>
T* shifted(T* pointer, std::intptr_t bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<std::intptr_t>(pointer) + bytes);
}

using Drivers = std::map<std::string, std::vector<std::function<Status()>>>;

Drivers descriptor_drivers() {
  const auto given = [](auto spoil) { return [spoil] { return select_after(spoil); }; };
  constexpr std::int64_t kTooLong = std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1;
  return {
      {"an element kind that differs from the plan's template argument",
       {given([](Descriptor& d) { d.activation_element = ElementKind::F16; }),
        given([](Descriptor& d) { d.weight_element = ElementKind::U8; })}},
      {"a negative `m`, `c_out` or `k`",
       {given([](Descriptor& d) { d.m = -1; }), given([](Descriptor& d) { d.c_out = -1; }),
        given([](Descriptor& d) { d.k = -1; })}},
      {"`q_max <= 0`", {given([](Descriptor& d) { d.q_max = 0; })}},
      {"`q_min > 0`, so also `q_min > q_max`",
       {given([](Descriptor& d) { d.q_min = 1; }),
        given([](Descriptor& d) { d.q_min = 127, d.q_max = 1; })}},
      {"a range that does not fit int8",
       {given([](Descriptor& d) { d.q_min = -129; }), given([](Descriptor& d) { d.q_max = 128; })}},
      {"`k` beyond `max_k(...)`", {given([](Descriptor& d) { d.k = 132105; })}},
      {"`m` or `c_out` beyond 2^31 - 1",
       {given([](Descriptor& d) { d.m = kTooLong; }),
        given([](Descriptor& d) { d.c_out = kTooLong; })}},
  };
}

/// A call of the reference, whose checks are those of the plans.
Status reference_after(const std::function<void(Call&)>& spoil) {
  Call call;
  spoil(call);
  return reference::quantized_linear(call.descriptor, call.args);
}

Drivers option_drivers() {
  const auto given = [](auto spoil) { return [spoil] { return select_after(spoil); }; };
  const auto called = [](auto spoil) { return [spoil] { return reference_after(spoil); }; };
  return {
      {"an enumerator that does not exist",
       {given([](Descriptor& d) { d.source.kind = static_cast<SourceKind>(9); }),
        given([](Descriptor& d) { d.scale.kind = static_cast<ScaleKind>(9); }),
        given([](Descriptor& d) { d.epilogue.activation = static_cast<ActivationFunction>(9); })}},
      {"an option of another source or scale",
       {given([](Descriptor& d) { d.source.residual = true; }),
        given([](Descriptor& d) { d.scale.zero_points = true; })}},
      {"a norm without a positive, finite `eps`",
       {given([](Descriptor& d) { d.source.kind = SourceKind::RmsNorm; }),
        given([](Descriptor& d) { d.source = {.kind = SourceKind::LayerNorm, .eps = 1e-60}; })}},
      {"an `eps` without a norm", {given([](Descriptor& d) { d.source.eps = 1e-5; })}},
      {"a gate without a function",
       {given([](Descriptor& d) { d.source.kind = SourceKind::Gated; }),
        given([](Descriptor& d) { d.epilogue.gated = true; })}},
      {"an exponential function for f64", {[] {
         return QuantizedLinearPlan<double, S8>::select(
                    nullptr, {.m = 3,
                              .c_out = 4,
                              .k = 5,
                              .epilogue = {.activation = ActivationFunction::Silu}})
             .status();
       }}},
      {"a source for an activation that is given, or a pass that quantizes one",
       {given([](Descriptor& d) {
          d.scale.kind = ScaleKind::Given;
          d.source.kind = SourceKind::ColumnFactor;
        }),
        [] {
          return DynamicRangeQuantizePlan<float, S8>::select(
                     nullptr, {.m = 3, .k = 5, .scale = {ScaleKind::Given}})
              .status();
        },
        [] {
          const auto plan = QuantizedLinearPlan<float, S8>::select(
              nullptr, {.m = 3, .c_out = 4, .k = 5, .scale = {ScaleKind::Given}});
          return plan.ok() ? plan.value().quantize_activation(nullptr, {}) : plan.status();
        }}},
      {"a gated epilogue with an odd `c_out`", {given([](Descriptor& d) {
         d.c_out = 5;
         d.epilogue = {.activation = ActivationFunction::Silu, .gated = true};
       })}},
      {"a gated epilogue with a residual or a routing weight",
       {given([](Descriptor& d) {
          d.epilogue = {.activation = ActivationFunction::Silu, .gated = true, .residual = true};
        }),
        given([](Descriptor& d) {
          d.epilogue = {
              .activation = ActivationFunction::Silu, .gated = true, .routing_weight = true};
        })}},
      {"a tensor that the descriptor asks for and that is missing",
       {called([](Call& c) { c.descriptor.source.kind = SourceKind::ColumnFactor; }),
        called([](Call& c) { c.descriptor.scale.kind = ScaleKind::GivenRange; }),
        called([](Call& c) { c.descriptor.epilogue.residual = true; })}},
      {"a tensor that the descriptor does not ask for",
       {called([](Call& c) { c.args.source.column_factor = vector(c.activation.data(), 5); }),
        [] {
          return check_after([](Args& a) { a.epilogue.routing_weight = a.act_scale_scratch; });
        }}},
      {"a view of another rank or element type than the descriptor says", {called([](Call& c) {
         c.descriptor.source = {.kind = SourceKind::RmsNorm, .eps = 1e-5};
         c.args.source.norm_weight = tensor_view(vector(c.act_q.data(), 5));
       })}},
  };
}

Drivers argument_drivers() {
  const auto given = [](auto spoil) { return [spoil] { return check_after(spoil); }; };
  return {
      {"a tensor of another shape than the problem's; scratch too small",
       {given([](Args& a) {
          a.activation.shape = {5, 3};
        }),
        given([](Args& a) {
          a.bias = {a.weight_scale.data, {3}, {1}};
        }),
        given([](Args& a) { a.act_q_scratch.shape[0] = 2; }),
        given([](Args& a) { a.act_scale_scratch.shape = {2}; })}},
      {"an inner stride other than 1, along which there is a second element",
       {given([](Args& a) { a.weight_q.stride[1] = 2; }),
        given([](Args& a) { a.weight_scale.stride = {0}; })}},
      {"a row stride shorter than the row", {given([](Args& a) { a.output.stride[0] = 3; })}},
      {"a null pointer to a tensor that has elements",
       {given([](Args& a) { a.act_scale_scratch.data = nullptr; })}},
      {"a pointer that is not aligned to its element",
       {given([](Args& a) { a.activation.data = shifted(a.activation.data, 2); })}},
      {"a tensor that would reach past the address space",
       {given([](Args& a) { a.output.stride[0] = std::numeric_limits<std::int64_t>::max() / 2; })}},
      {"a tensor that is written and overlaps another one",
       {given([](Args& a) { a.output.data = const_cast<float*>(a.activation.data); }),
        given([](Args& a) { a.act_q_scratch.data = const_cast<S8*>(a.weight_q.data); })}},
      {"layers for `run_shared` that quantize in different ways",
       {[] { return run_shared_after([](Descriptor& d, Args&) { d.q_max = 100; }); }}},
      {"layers for `run_shared` that do not have one activation", {[] {
         return run_shared_after(
             [](Descriptor&, Args& a) { a.activation = Call().args.activation; });
       }}},
      {"a workspace that is written and overlaps a tensor",
       {[] { return run_with_workspace({}, true); }}},
      {"a workspace of some bytes at a null pointer",
       {[] {
          return run_with_workspace({nullptr, std::numeric_limits<std::size_t>::max()});
        },
        [] {
          return run_with_workspace({nullptr, 1});
        },
        &run_quantize_plan_with_null_workspace}},
      {"a workspace that is neither empty nor `workspace_size()` bytes", {[] {
         alignas(256) std::byte byte[256];
         return run_with_workspace({byte, 1});
       }}},
      {"a workspace that is not 256-byte aligned", {[] {
         alignas(256) std::byte byte[256];
         return run_with_workspace({byte + 1, std::numeric_limits<std::size_t>::max()});
       }}},
  };
}

Drivers preference_drivers() {
  const auto given = [](const PlanPreference& preference) {
    return [preference] { return select_after([](Descriptor&) {}, preference); };
  };
  const auto given_to_quantize = [](const PlanPreference& preference) {
    return [preference] { return select_quantize(preference); };
  };
  constexpr int kLowest = std::numeric_limits<int>::min();
  // Through a variable, since a compiler refuses the constant.
  static const char* const volatile null = nullptr;
  const std::string_view bad_name(null, 4);
  return {
      {"a negative `split_k`",
       {given({.split_k = -1}), given({.split_k = kLowest}),
        given({.split_k = -std::numeric_limits<int>::max()}),
        given({.kernel = "mma_m16n8k32_64x64x128", .split_k = -1}),
        given_to_quantize({.split_k = -1})}},
      {"a negative `max_sms`",
       {given({.max_sms = -1}), given({.max_sms = kLowest}),
        given({.kernel = "mma_m16n8k32_64x64x128", .max_sms = -1}),
        given_to_quantize({.max_sms = -1})}},
      {"the name of a forced kernel at a null pointer",
       {given({.kernel = bad_name}), given({.quantize_kernel = bad_name}),
        given_to_quantize({.kernel = bad_name}), given_to_quantize({.quantize_kernel = bad_name})}},
  };
}

Drivers tuning_table_drivers() {
  const auto imported = [](std::string_view text) {
    return [text] { return import_tuning_table(text); };
  };
  // Through a variable, since a compiler refuses the constant.
  static const char* const volatile null = nullptr;
  return {
      {"a tuning table at a null pointer", {imported(std::string_view(null, 4))}},
      {"a tuning table with another first line",
       {imported(""), imported("qlinear tuning table 2\n"), imported("9.0 132 f16 s8 1 1 1 x 1")}},
      {"an entry of a tuning table that is malformed or can never be done",
       {imported("qlinear tuning table 1\n9.0 132"),
        imported("qlinear tuning table 1\n9.0 132 f16 s8 64 64 1 dp4a_1x1 1")}},
  };
}

Drivers kernel_drivers() {
  return {
      {"a forced kernel that does not exist", {[] { return select_forced("dp4a_1x1"); }}},
      {"a forced kernel that cannot do the problem on this GPU",
       {[] {
          return select_after([](Descriptor& d) { d.k = 100000; },
                              {.quantize_kernel = "quantize_registers"});
        },
        [] {
          return select_after([](Descriptor&) {},
                              {.kernel = "mma_m16n8k32_64x64x128", .split_k = 1000});
        },
        [] {
          return select_after(
              [](Descriptor& d) {
                d.epilogue = {.activation = ActivationFunction::Silu, .gated = true};
              },
              {.kernel = "wgmma_multicast_128x128"});
        },
        [] {
          return select_after([](Descriptor& d) { d.scale.kind = ScaleKind::Given; },
                              {.quantize_kernel = "quantize_registers"});
        }}},
      {"a forced split of K that no kernel can do",
       {[] { return select_after([](Descriptor&) {}, {.split_k = 1000}); }}},
      {"a forced kernel whose alignment the tensors do not have", {&force_aligned_kernel}},
  };
}

/// What C says to a descriptor and no arguments.
Status in_c_after(const std::function<void(qlinear_linear_descriptor&)>& spoil) {
  struct {
    qlinear_linear_descriptor descriptor;
    std::int64_t later;
  } given{};
  given.descriptor.struct_size = sizeof given.descriptor;
  given.descriptor.q_max = 127;
  given.descriptor.activation_element = QLINEAR_ELEMENT_F32;
  given.descriptor.weight_element = QLINEAR_ELEMENT_S8;
  given.later = 1;
  spoil(given.descriptor);
  std::array<char, 512> message{};
  const qlinear_status code =
      qlinear_reference_linear(&given.descriptor, nullptr, message.data(), message.size());
  return {static_cast<StatusCode>(code), message.data()};
}

Drivers c_drivers() {
  using C = qlinear_linear_descriptor;
  const auto given = [](auto spoil) { return [spoil] { return in_c_after(spoil); }; };
  return {
      {"from C, a null pointer where a struct or a plan is expected", {given([](C&) {})}},
      {"from C, a `struct_size` that was never set",
       {given([](C& d) { d.struct_size = 0; }), given([](C& d) { d.struct_size -= 4; })}},
      {"from C, fields of a later version that are set", {given([](C& d) { d.struct_size += 8; })}},
      {"from C, a reserved field that is set", {given([](C& d) { d.reserved = 1; })}},
      {"from C, an element kind that activations, weights or q cannot have",
       {given([](C& d) { d.activation_element = QLINEAR_ELEMENT_UNSET; }),
        given([](C& d) { d.weight_element = QLINEAR_ELEMENT_F32; })}},
  };
}

/// Rows that need another machine, and the tests that have it.
const std::map<std::string, const char*>& rows_of_other_tests() {
  static const std::map<std::string, const char*> rows = {
      {"a GPU that no compiled architecture serves", "old_gpu_test"},
      {"a stream of another device than the one the plan was selected for", "multi_device_test"},
      {"a failure of the CUDA runtime", "no_gpu_test"},
  };
  return rows;
}

const Drivers& drivers() {
  static const Drivers all = [] {
    Drivers merged = descriptor_drivers();
    merged.merge(option_drivers());
    merged.merge(c_drivers());
    merged.merge(argument_drivers());
    merged.merge(preference_drivers());
    merged.merge(kernel_drivers());
    merged.merge(tuning_table_drivers());
    return merged;
  }();
  return all;
}

class ErrorTable : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorTable, RowHolds) {
  ASSERT_TRUE(drivers().contains(GetParam().mistake)) << "nothing here drives this row";
  for (const auto& drive : drivers().at(GetParam().mistake)) {
    const Status status = drive();
    EXPECT_EQ(to_string(status.code()), GetParam().code);
    EXPECT_NE(status.message().find(GetParam().words), std::string::npos) << status.message();
  }
}

std::vector<Row> rows_of_this_test() {
  std::vector<Row> rows = read_rows();
  std::erase_if(rows, [](const Row& row) { return rows_of_other_tests().contains(row.mistake); });
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Readme, ErrorTable, ::testing::ValuesIn(rows_of_this_test()));

TEST(ErrorTableRows, AreAllThere) {
  EXPECT_EQ(rows_of_this_test().size(), drivers().size());
  EXPECT_EQ(read_rows().size(), drivers().size() + rows_of_other_tests().size());
}

}  // namespace
}  // namespace qlinear::test
