#pragma once

#include <qlinear/qlinear.h>
#include <base/enumerators.hpp>
#include <qlinear/fusion.hpp>
#include <qlinear/kernel_sku.hpp>
#include <qlinear/problem.hpp>
#include <qlinear/status.hpp>
#include <qlinear/types.hpp>

#include <cstdint>
#include <limits>
#include <type_traits>

// Enumerators of C++ in C and back. Values are equal, except that C counts element kinds from 1, so
// that 0 is none. An enumerator that C lacks does not compile here.

namespace qlinear::c {

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

constexpr std::int32_t to_c(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::Ok:
      return QLINEAR_STATUS_OK;
    case StatusCode::InvalidProblem:
      return QLINEAR_STATUS_INVALID_PROBLEM;
    case StatusCode::Unsupported:
      return QLINEAR_STATUS_UNSUPPORTED;
    case StatusCode::WorkspaceTooSmall:
      return QLINEAR_STATUS_WORKSPACE_TOO_SMALL;
    case StatusCode::CudaError:
      return QLINEAR_STATUS_CUDA_ERROR;
  }
  return -1;
}

constexpr std::int32_t to_c(ElementKind element) noexcept {
  switch (element) {
    case ElementKind::F16:
      return QLINEAR_ELEMENT_F16;
    case ElementKind::BF16:
      return QLINEAR_ELEMENT_BF16;
    case ElementKind::F32:
      return QLINEAR_ELEMENT_F32;
    case ElementKind::F64:
      return QLINEAR_ELEMENT_F64;
    case ElementKind::S8:
      return QLINEAR_ELEMENT_S8;
    case ElementKind::U8:
      return QLINEAR_ELEMENT_U8;
    case ElementKind::S32:
      return QLINEAR_ELEMENT_S32;
  }
  return QLINEAR_ELEMENT_UNSET;
}

constexpr std::int32_t to_c(ActivationFunction function) noexcept {
  switch (function) {
    case ActivationFunction::None:
      return QLINEAR_ACTIVATION_NONE;
    case ActivationFunction::Relu:
      return QLINEAR_ACTIVATION_RELU;
    case ActivationFunction::SquaredRelu:
      return QLINEAR_ACTIVATION_SQUARED_RELU;
    case ActivationFunction::Silu:
      return QLINEAR_ACTIVATION_SILU;
    case ActivationFunction::QuickGelu:
      return QLINEAR_ACTIVATION_QUICK_GELU;
    case ActivationFunction::GeluTanh:
      return QLINEAR_ACTIVATION_GELU_TANH;
    case ActivationFunction::GeluErf:
      return QLINEAR_ACTIVATION_GELU_ERF;
  }
  return -1;
}

constexpr std::int32_t to_c(SourceKind kind) noexcept {
  switch (kind) {
    case SourceKind::Plain:
      return QLINEAR_SOURCE_PLAIN;
    case SourceKind::ColumnFactor:
      return QLINEAR_SOURCE_COLUMN_FACTOR;
    case SourceKind::RmsNorm:
      return QLINEAR_SOURCE_RMS_NORM;
    case SourceKind::LayerNorm:
      return QLINEAR_SOURCE_LAYER_NORM;
    case SourceKind::Gated:
      return QLINEAR_SOURCE_GATED;
  }
  return -1;
}

constexpr std::int32_t to_c(ScaleKind kind) noexcept {
  switch (kind) {
    case ScaleKind::Dynamic:
      return QLINEAR_SCALE_DYNAMIC;
    case ScaleKind::DynamicAsymmetric:
      return QLINEAR_SCALE_DYNAMIC_ASYMMETRIC;
    case ScaleKind::GivenRange:
      return QLINEAR_SCALE_GIVEN_RANGE;
    case ScaleKind::GivenRangeAsymmetric:
      return QLINEAR_SCALE_GIVEN_RANGE_ASYMMETRIC;
    case ScaleKind::Static:
      return QLINEAR_SCALE_STATIC;
    case ScaleKind::Given:
      return QLINEAR_SCALE_GIVEN;
  }
  return -1;
}

constexpr std::int32_t to_c(KernelCategory category) noexcept {
  switch (category) {
    case KernelCategory::Quantize:
      return QLINEAR_CATEGORY_QUANTIZE;
    case KernelCategory::Gemm:
      return QLINEAR_CATEGORY_GEMM;
  }
  return -1;
}

constexpr std::int32_t to_c(KernelOp op) noexcept {
  switch (op) {
    case KernelOp::DynamicRangeQuantize:
      return QLINEAR_OP_DYNAMIC_RANGE_QUANTIZE;
    case KernelOp::QuantizedLinear:
      return QLINEAR_OP_QUANTIZED_LINEAR;
  }
  return -1;
}

constexpr std::int32_t to_c(KernelBackend backend) noexcept {
  switch (backend) {
    case KernelBackend::Simt:
      return QLINEAR_BACKEND_SIMT;
    case KernelBackend::Dp4a:
      return QLINEAR_BACKEND_DP4A;
    case KernelBackend::MmaSync:
      return QLINEAR_BACKEND_MMA_SYNC;
    case KernelBackend::Wgmma:
      return QLINEAR_BACKEND_WGMMA;
  }
  return -1;
}

#pragma GCC diagnostic pop

/// Whether C gives the enumerators 0 to `last`, and no more, their own values plus `offset`.
template <class Enum>
constexpr bool same_values(Enum last, std::int32_t offset = 0) noexcept {
  const auto count = static_cast<std::int32_t>(last) + 1;
  for (std::int32_t value = 0; value < count; ++value) {
    if (to_c(static_cast<Enum>(value)) != value + offset) return false;
  }
  return to_c(static_cast<Enum>(count)) == offset - 1;
}
static_assert(same_values(StatusCode::CudaError));
static_assert(same_values(ElementKind::S32, 1));
static_assert(same_values(detail::last_enumerator<ActivationFunction>()));
static_assert(same_values(detail::last_enumerator<SourceKind>()));
static_assert(same_values(detail::last_enumerator<ScaleKind>()));
static_assert(same_values(KernelCategory::Gemm));
static_assert(same_values(KernelOp::QuantizedLinear));
static_assert(same_values(KernelBackend::Wgmma));

/// The enumerator of that value, or where an enumeration cannot hold the value, one that it does
/// not have.
template <class Enum>
constexpr Enum from_c(std::int32_t value) noexcept {
  using Underlying = std::underlying_type_t<Enum>;
  constexpr auto kLargest = std::numeric_limits<Underlying>::max();
  return static_cast<Enum>(value >= 0 && value < kLargest ? static_cast<Underlying>(value)
                                                          : kLargest);
}

/// Likewise. What is unset, or no element kind, becomes `kElementOfTemplate`.
constexpr ElementKind element_from_c(qlinear_element element) noexcept {
  const bool exists = element >= QLINEAR_ELEMENT_F16 && element <= QLINEAR_ELEMENT_S32;
  return exists ? static_cast<ElementKind>(element - 1) : kElementOfTemplate;
}

}  // namespace qlinear::c
