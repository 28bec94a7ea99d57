#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <c/row_sums.hpp>
#include <qlinear/reference.hpp>
#include <validation/validation.hpp>

#include <algorithm>
#include <cstddef>

// The reference has types. Tensors are checked as views, kinds included, and then cast.

namespace qlinear::c {
namespace {

template <class T>
struct Type {
  using type = T;
};

/// Calls `use` with the type of activations that `element` names. Precondition: there is one.
template <class Use>
Status with_activation_type(ElementKind element, const Use& use) noexcept {
  switch (element) {
    case ElementKind::F16:
      return use(Type<__half>{});
    case ElementKind::BF16:
      return use(Type<__nv_bfloat16>{});
    case ElementKind::F64:
      return use(Type<double>{});
    default:
      return use(Type<float>{});
  }
}

template <class Use>
Status with_weight_type(ElementKind element, const Use& use) noexcept {
  return element == ElementKind::U8 ? use(Type<U8>{}) : use(Type<S8>{});
}

/// `view` with its type and rank, as every tensor converts to it. Precondition: it has these.
struct Cast {
  const TensorView& view;

  template <class T, std::size_t Rank>
  operator TensorRef<T, Rank>() const noexcept {
    return static_cast<TensorMut<T, Rank>>(*this);
  }
  template <class T, std::size_t Rank>
  operator TensorMut<T, Rank>() const noexcept {
    TensorMut<T, Rank> tensor{static_cast<T*>(view.data), {}, {}};
    std::copy_n(view.shape.begin(), Rank, tensor.shape.begin());
    std::copy_n(view.stride.begin(), Rank, tensor.stride.begin());
    return tensor;
  }
};

template <class TIn>
SourceTensors<TIn> typed(const detail::SourceViews& views) noexcept {
  return {.column_factor = Cast{views.column_factor},
          .norm_weight = views.norm_weight,
          .norm_bias = views.norm_bias,
          .residual = views.residual,
          .residual_out = views.residual_out,
          .normed_out = Cast{views.normed_out}};
}

template <class TIn>
ScaleTensors<TIn> typed(const detail::ScaleViews& views) noexcept {
  return {.range_max = Cast{views.range_max},
          .range_min = Cast{views.range_min},
          .scale = Cast{views.scale},
          .zero_point = Cast{views.zero_point}};
}

template <class TIn, class TWQ>
QuantizedLinearArgs<TIn, TWQ> typed(const detail::LinearTensors& tensors) noexcept {
  const detail::LinearOptionViews& options = detail::options_of(tensors);
  const auto& [source, scale, zero_point, sum] = options.quantize;
  return {.activation = Cast{tensors.activation},
          .weight_q = Cast{tensors.weight_q},
          .weight_scale = Cast{tensors.weight_scale},
          .output = Cast{tensors.output},
          .act_q_scratch = Cast{tensors.act_q_scratch},
          .act_scale_scratch = Cast{tensors.act_scale_scratch},
          .bias = Cast{tensors.bias},
          .source = typed<TIn>(source),
          .scale = typed<TIn>(scale),
          .given = {.q = Cast{options.given.q},
                    .scale = Cast{options.given.scale},
                    .zero_point = Cast{options.given.zero_point},
                    .sum = Cast{options.given.sum}},
          .zero_points = {.act_zero_point_scratch = Cast{zero_point},
                          .act_sum_scratch = Cast{sum},
                          .weight_sum = Cast{options.weight_sum},
                          .weight_zero_point = Cast{options.weight_zero_point}},
          .epilogue = {.routing_weight = Cast{options.epilogue.routing_weight},
                       .residual = Cast{options.epilogue.residual}}};
}

template <class TIn>
DynamicRangeQuantizeArgs<TIn, S8> typed(const detail::QuantizeTensors& tensors) noexcept {
  const auto& [source, scale_from, zero_point, sum] = detail::options_of(tensors);
  return {.activation = Cast{tensors.activation},
          .quantized = Cast{tensors.quantized},
          .scale = Cast{tensors.scale},
          .source = typed<TIn>(source),
          .scale_from = typed<TIn>(scale_from),
          .zero_point = Cast{zero_point},
          .sum = Cast{sum}};
}

Status reference_linear(const QuantizedLinearDescriptor& descriptor,
                        const detail::LinearTensors& tensors) noexcept {
  const ElementKind activation = descriptor.activation_element;
  const ElementKind weight = descriptor.weight_element;
  Status status = detail::validate_problem(descriptor, activation, weight);
  if (status.ok()) status = detail::validate_tensors(descriptor, tensors);
  if (!status.ok()) return status;
  return with_activation_type(activation, [&](auto type) {
    using TIn = typename decltype(type)::type;
    return with_weight_type(weight, [&](auto weight_type) {
      using TWQ = typename decltype(weight_type)::type;
      return reference::quantized_linear(descriptor, typed<TIn, TWQ>(tensors));
    });
  });
}

Status reference_quantize(const DynamicRangeQuantizeDescriptor& descriptor,
                          const detail::QuantizeTensors& tensors) noexcept {
  Status status = detail::validate_problem(descriptor, descriptor.activation_element,
                                           descriptor.quantized_element);
  if (status.ok()) status = detail::validate_tensors(descriptor, tensors);
  if (!status.ok()) return status;
  return with_activation_type(descriptor.activation_element, [&](auto type) {
    return reference::dynamic_range_quantize(descriptor,
                                             typed<typename decltype(type)::type>(tensors));
  });
}

Status reference_fake_quantize(const TensorView& quantized, const TensorView& scale,
                               const TensorView& zero_point, const TensorView& output) noexcept {
  Status status = detail::validate_activation_element("output->element", output.element);
  if (status.ok()) {
    status = detail::validate_fake_quantize(output.element, quantized, scale, zero_point, output);
  }
  if (!status.ok()) return status;
  return with_activation_type(output.element, [&](auto type) {
    using TIn = typename decltype(type)::type;
    return reference::fake_quantize<TIn>(Cast{quantized}, Cast{scale}, Cast{zero_point},
                                         Cast{output});
  });
}

/// Calls `run(problem, tensors)` with what the caller's structs say.
template <class Problem, class Tensors, class Descriptor, class Args, class Run>
qlinear_status run_reference(const Descriptor* descriptor, const Args* args, TextBuffer message,
                             const Run& run) noexcept {
  Problem problem;
  Tensors tensors;
  Status status = convert(descriptor, problem);
  if (status.ok()) status = convert(args, tensors);
  if (status.ok()) status = run(problem, tensors);
  return report(message, status);
}

}  // namespace
}  // namespace qlinear::c

using qlinear::ElementKind;
using qlinear::Status;
using qlinear::TensorView;
using qlinear::c::Cast;
using qlinear::c::convert;

qlinear_status qlinear_reference_linear(const qlinear_linear_descriptor* descriptor,
                                        const qlinear_linear_args* args, char* message,
                                        size_t message_bytes) {
  return qlinear::c::run_reference<qlinear::QuantizedLinearDescriptor,
                                   qlinear::detail::LinearTensors>(
      descriptor, args, {message, message_bytes}, qlinear::c::reference_linear);
}

qlinear_status qlinear_reference_quantize(const qlinear_quantize_descriptor* descriptor,
                                          const qlinear_quantize_args* args, char* message,
                                          size_t message_bytes) {
  return qlinear::c::run_reference<qlinear::DynamicRangeQuantizeDescriptor,
                                   qlinear::detail::QuantizeTensors>(
      descriptor, args, {message, message_bytes}, qlinear::c::reference_quantize);
}

qlinear_status qlinear_reference_fake_quantize(const qlinear_tensor* quantized,
                                               const qlinear_tensor* scale,
                                               const qlinear_tensor* zero_point,
                                               const qlinear_tensor* output, char* message,
                                               size_t message_bytes) {
  TensorView q;
  TensorView s;
  TensorView zero;
  TensorView y;
  Status status = convert("quantized", quantized, q);
  if (status.ok()) status = convert("scale", scale, s);
  if (status.ok() && zero_point != nullptr) status = convert("zero_point", zero_point, zero);
  if (status.ok()) status = convert("output", output, y);
  if (status.ok()) status = qlinear::c::reference_fake_quantize(q, s, zero, y);
  return qlinear::c::report({message, message_bytes}, status);
}

qlinear_status qlinear_reference_weight_sums(const qlinear_tensor* weight,
                                             const qlinear_tensor* sums, char* message,
                                             size_t message_bytes) {
  return qlinear::c::sum_weight(
      weight, sums, {message, message_bytes},
      [](ElementKind element, const TensorView& matrix, const TensorView& vector) {
        Status status = qlinear::detail::validate_row_sums("weight", element, matrix, vector);
        if (!status.ok()) return status;
        return qlinear::c::with_weight_type(element, [&](auto type) {
          using TWQ = typename decltype(type)::type;
          return qlinear::reference::weight_sums<TWQ>(Cast{matrix}, Cast{vector});
        });
      });
}

qlinear_status qlinear_reference_activation_sums(const qlinear_tensor* quantized,
                                                 const qlinear_tensor* sums, char* message,
                                                 size_t message_bytes) {
  return qlinear::c::sum_activation(
      quantized, sums, {message, message_bytes},
      [](const TensorView& matrix, const TensorView& vector) {
        Status status =
            qlinear::detail::validate_row_sums("quantized", ElementKind::S8, matrix, vector);
        if (!status.ok()) return status;
        return qlinear::reference::activation_sums(Cast{matrix}, Cast{vector});
      });
}
