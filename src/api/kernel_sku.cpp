#include <qlinear/kernel_sku.hpp>

#include <base/format.hpp>

namespace qlinear {

const char* to_string(KernelCategory category) noexcept {
  switch (category) {
    case KernelCategory::Quantize:
      return "quantize";
    case KernelCategory::Gemm:
      return "gemm";
  }
  return "unknown";
}

const char* to_string(KernelOp op) noexcept {
  switch (op) {
    case KernelOp::DynamicRangeQuantize:
      return "dynamic_range_quantize";
    case KernelOp::QuantizedLinear:
      return "quantized_linear";
  }
  return "unknown";
}

const char* to_string(KernelBackend backend) noexcept {
  switch (backend) {
    case KernelBackend::Simt:
      return "simt";
    case KernelBackend::Dp4a:
      return "dp4a";
    case KernelBackend::MmaSync:
      return "mma_sync";
    case KernelBackend::Wgmma:
      return "wgmma";
  }
  return "unknown";
}

std::string to_string(const PrecisionGuarantee& guarantee) {
  const auto promise = [](bool kept, const char* name) {
    return detail::formatted("{}{}", kept ? "" : "not ", name);
  };
  return detail::formatted(
      "{} math, {} accumulator, {}, {}, {}, {}", to_string(guarantee.math_precision),
      to_string(guarantee.accumulator), promise(guarantee.deterministic, "deterministic"),
      promise(guarantee.bit_stable_on_same_hardware, "bit-stable on the same hardware"),
      promise(guarantee.bit_stable_across_hardware, "bit-stable across hardware"),
      promise(guarantee.batch_invariant, "batch-invariant"));
}

std::string to_string(const KernelSku& sku) {
  return detail::formatted(
      "{}: category {}, op {}, element {}, weight element {}, accumulator {}, sm_{} {}, backend "
      "{}, "
      "precision guarantee ({})",
      sku.name, to_string(sku.category), to_string(sku.op), to_string(sku.element),
      to_string(sku.weight_element), to_string(sku.accumulator), sku.architecture,
      sku.architecture_specific ? "only" : "and later", to_string(sku.backend),
      to_string(sku.precision_guarantee));
}

}  // namespace qlinear
