#include <base/invalid.hpp>
#include <core/shared_activation.hpp>
#include <validation/validation.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace qlinear::detail {
namespace {

bool quantize_alike(const QuantizedLinearDescriptor& a, const QuantizedLinearDescriptor& b) {
  return a.m == b.m && a.k == b.k && a.q_min == b.q_min && a.q_max == b.q_max &&
         a.activation_element == b.activation_element && a.source == b.source &&
         a.scale == b.scale && a.weight_zero_points == b.weight_zero_points;
}

/// The tensors of the quantized activation, and those that it comes from.
auto activation_views(const LinearTensors& tensors) {
  const LinearOptionViews& options = options_of(tensors);
  const auto& [source, scale, zero_point, sum] = options.quantize;
  return std::array{&tensors.activation,
                    &tensors.act_q_scratch,
                    &tensors.act_scale_scratch,
                    &source.column_factor,
                    &source.norm_weight,
                    &source.norm_bias,
                    &source.residual,
                    &source.residual_out,
                    &source.normed_out,
                    &scale.range_max,
                    &scale.range_min,
                    &scale.scale,
                    &scale.zero_point,
                    &zero_point,
                    &sum,
                    &options.given.q,
                    &options.given.scale,
                    &options.given.zero_point,
                    &options.given.sum};
}

bool is_same_tensor(const TensorView& a, const TensorView& b) {
  return a.data == b.data && a.rank == b.rank && a.shape == b.shape && a.stride == b.stride;
}

bool have_one_activation(const LinearTensors& a, const LinearTensors& b) {
  const auto of_a = activation_views(a);
  const auto of_b = activation_views(b);
  return std::equal(of_a.begin(), of_a.end(), of_b.begin(),
                    [](const auto* x, const auto* y) { return is_same_tensor(*x, *y); });
}

}  // namespace

Status check_shared(const LinearState& other, const LinearTensors& other_tensors,
                    std::size_t other_index, const LinearState& state, const LinearTensors& tensors,
                    std::size_t index) noexcept {
  if (state.device != other.device) {
    return invalid(
        "plans[{}] is for device {} and plans[{}] for device {}; select all with streams of one "
        "device",
        index, state.device, other_index, other.device);
  }
  if (!quantize_alike(state.descriptor, other.descriptor)) {
    return invalid(
        "plans[{}] and plans[{}] quantize their activation differently; select all with "
        "descriptors that agree in all but c_out and epilogue",
        index, other_index);
  }
  if (!have_one_activation(tensors, other_tensors)) {
    return invalid(
        "args[{}] has another activation, scratch, source or scale than args[{}]; pass the same "
        "tensors, or run the layers one by one",
        index, other_index);
  }
  Status status = validate_apart(state.descriptor, tensors, other_tensors.output);
  if (!status.ok()) return status;
  return validate_apart(other.descriptor, other_tensors, tensors.output);
}

}  // namespace qlinear::detail
