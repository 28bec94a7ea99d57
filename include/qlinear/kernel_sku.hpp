#pragma once

#include <qlinear/export.hpp>
#include <qlinear/types.hpp>

#include <cstdint>
#include <string>

namespace qlinear {

enum class KernelCategory : std::uint8_t { Quantize, Gemm };
enum class KernelOp : std::uint8_t { DynamicRangeQuantize, QuantizedLinear };
/// The instructions of a kernel's inner loop.
enum class KernelBackend : std::uint8_t { Simt, Dp4a, MmaSync, Wgmma };

/// What a kernel promises about its bits.
struct PrecisionGuarantee {
  ElementKind math_precision = ElementKind::F32;  ///< Type of scales, quotients and products.
  ElementKind accumulator = ElementKind::S32;
  bool deterministic = true;  ///< Bits are the same from run to run.
  /// Bits are the same across streams, processes and kernels.
  bool bit_stable_on_same_hardware = true;
  /// Bits are the same across GPUs and on the CPU reference.
  bool bit_stable_across_hardware = true;
  bool batch_invariant = true;  ///< A row's bits do not depend on M.
};

/// Identity of the kernel that a plan chose.
struct KernelSku {
  const char* name = "";  ///< Has static storage. `PlanPreference` takes it to force the kernel.
  KernelCategory category = KernelCategory::Gemm;
  KernelOp op = KernelOp::QuantizedLinear;
  ElementKind element = ElementKind::F32;
  ElementKind weight_element = ElementKind::S8;
  ElementKind accumulator = ElementKind::S32;
  int architecture = 0;  ///< The oldest compute capability that runs it, as major * 10 + minor.
  bool architecture_specific = false;  ///< It runs on `architecture` only (the "a" targets).
  /// The targets that this library holds its code for, in the form of CMake's CUDA_ARCHITECTURES
  /// ("75-real"). Has static storage.
  const char* compiled_for = "";
  KernelBackend backend = KernelBackend::Simt;
  PrecisionGuarantee precision_guarantee;
};

QLINEAR_API const char* to_string(KernelCategory category) noexcept;
QLINEAR_API const char* to_string(KernelOp op) noexcept;
QLINEAR_API const char* to_string(KernelBackend backend) noexcept;
QLINEAR_API std::string to_string(const PrecisionGuarantee& guarantee);
/// Prints every field in one line.
QLINEAR_API std::string to_string(const KernelSku& sku);

}  // namespace qlinear
