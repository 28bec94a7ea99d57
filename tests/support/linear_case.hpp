#pragma once

#include "fill.hpp"
#include "guarded_matrix.hpp"

#include <qlinear/plan.hpp>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

namespace qlinear::test {

/// What `run` is given beside the tensors.
enum class WorkspaceUse {
  Given,      ///< As much as the plan asks for.
  Withheld,   ///< None, whatever the plan asks for.
  Forbidden,  ///< None, and the plan may not ask for any.
};

/// One problem, where its tensors lie, what they hold and which kernels are forced.
struct LinearCase {
  std::int64_t m = 1;
  std::int64_t n = 1;
  std::int64_t k = 1;
  std::int32_t q_min = -127;
  std::int32_t q_max = 127;
  Placement activation{};
  Placement weight{};
  Placement output{};
  Placement scratch{};             ///< Of the quantized activation.
  std::int64_t vector_offset = 0;  ///< Of scales and bias, in elements.
  bool tight = false;              ///< Every allocation ends with its last element.
  bool bias = false;
  Fill fill = Fill::Gaussian;
  std::uint64_t seed = 1;
  std::string_view kernel{};           ///< Empty: chosen by the library.
  std::string_view quantize_kernel{};  ///< Empty: chosen by the library.
  int split_k = 0;                     ///< 0: chosen by the library.
  WorkspaceUse workspace = WorkspaceUse::Given;
  int max_sms = 0;  ///< 0: all.
};

/// The case as a C++ expression: paste it into a test to see the failure again.
std::string to_string(const LinearCase& c);
std::ostream& operator<<(std::ostream& stream, const LinearCase& c);

PlanPreference preference_of(const LinearCase& c);

template <class TIn, class TWQ>
QuantizedLinearDescriptor linear_descriptor(const LinearCase& c) {
  return {c.m, c.n, c.k, c.q_min, c.q_max, element_kind_v<TIn>, element_kind_v<TWQ>};
}

template <class TIn>
DynamicRangeQuantizeDescriptor quantize_descriptor(const LinearCase& c) {
  return {c.m, c.k, c.q_min, c.q_max, element_kind_v<TIn>, ElementKind::S8};
}

}  // namespace qlinear::test
