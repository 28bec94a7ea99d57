#include "encoder_layer.hpp"

#include <algorithm>

namespace qlinear::examples {
namespace {

using Plan = QuantizedLinearPlan<__half, S8>;

/// The quantize pass normalises, and also stores the norm, which the residual needs.
SourceDescriptor layer_norm(double eps) {
  SourceDescriptor source;
  source.kind = SourceKind::LayerNorm;
  source.eps = eps;
  return source;
}

/// The GEMM stores GELUs of its outputs.
EpilogueDescriptor gelu() {
  EpilogueDescriptor epilogue;
  epilogue.activation = ActivationFunction::GeluErf;
  return epilogue;
}

/// The GEMM adds the residual to its outputs.
EpilogueDescriptor add_residual() {
  EpilogueDescriptor epilogue;
  epilogue.residual = true;
  return epilogue;
}

/// What every linear needs. They run one after another, so they share scratch.
Plan::Args arguments(const Plan& plan, const TensorRef<__half, 2>& activation,
                     const EncoderLinear& linear, __half* output,
                     const EncoderLayerBuffers& buffers) {
  const QuantizedLinearDescriptor& d = plan.descriptor();
  return {activation,
          matrix(linear.q, d.c_out, d.k),
          vector(linear.scale, d.c_out),
          matrix(output, d.m, d.c_out),
          matrix(buffers.act_q, d.m, d.k),
          vector(buffers.act_scale, d.m),
          vector(linear.bias, d.c_out)};
}

/// `norm(sum) · weightᵀ + bias`. The norm goes to `normed`, too.
Status run_normed(cudaStream_t stream, const Plan& plan, const EncoderNorm& norm,
                  const EncoderLinear& linear, __half* output, const EncoderLayerBuffers& buffers) {
  const QuantizedLinearDescriptor& d = plan.descriptor();
  const TensorRef<__half, 2> sum = matrix(buffers.sum, d.m, d.k);
  Plan::Args args = arguments(plan, sum, linear, output, buffers);
  args.source.norm_weight = tensor_view(vector(norm.weight, d.k));
  args.source.norm_bias = tensor_view(vector(norm.bias, d.k));
  args.source.normed_out = matrix(buffers.normed, d.m, d.k);
  return plan.run(stream, buffers.workspace, args);
}

/// `sum = activation · weightᵀ + bias + normed`
Status run_residual(cudaStream_t stream, const Plan& plan, const TensorRef<__half, 2>& activation,
                    const EncoderLinear& linear, const EncoderLayerBuffers& buffers) {
  const QuantizedLinearDescriptor& d = plan.descriptor();
  Plan::Args args = arguments(plan, activation, linear, buffers.sum, buffers);
  args.epilogue.residual = matrix(buffers.normed, d.m, d.c_out);
  return plan.run(stream, buffers.workspace, args);
}

}  // namespace

Result<EncoderLayer> EncoderLayer::select(cudaStream_t stream, const EncoderLayerShape& shape) {
  // Weights never change once they are loaded, so a linear may start to read them while the kernel
  // before it still runs.
  PlanPreference preference;
  preference.constant_weights = true;
  const auto select_plan = [&](std::int64_t outputs, std::int64_t inputs,
                               const SourceDescriptor& source, const EpilogueDescriptor& epilogue) {
    QuantizedLinearDescriptor descriptor;
    descriptor.m = shape.tokens;
    descriptor.c_out = outputs;
    descriptor.k = inputs;
    descriptor.source = source;
    descriptor.epilogue = epilogue;
    return Plan::select(stream, descriptor, preference);
  };
  const SourceDescriptor norm = layer_norm(shape.eps);
  const auto qkv = select_plan(3 * shape.hidden, shape.hidden, norm, {});
  const auto o = select_plan(shape.hidden, shape.hidden, {}, add_residual());
  const auto intermediate = select_plan(shape.intermediate, shape.hidden, norm, gelu());
  const auto output = select_plan(shape.hidden, shape.intermediate, {}, add_residual());
  for (const Result<Plan>* plan : {&qkv, &o, &intermediate, &output}) {
    if (!plan->ok()) return plan->status();
  }
  return EncoderLayer(qkv.value(), o.value(), intermediate.value(), output.value());
}

std::size_t EncoderLayer::workspace_size() const {
  return std::max({qkv_.workspace_size(), o_.workspace_size(), intermediate_.workspace_size(),
                   output_.workspace_size()});
}

Status EncoderLayer::run(cudaStream_t stream, const EncoderLayerWeights& weights,
                         const EncoderLayerBuffers& buffers, const Attention& attention) const {
  // Two kernels: one normalises and quantizes, the other multiplies.
  Status status = run_normed(stream, qkv_, weights.input_norm, weights.qkv, buffers.qkv, buffers);
  if (!status.ok()) return status;

  attention(stream);

  // The residual is added where the output is stored, and the sum is the next norm's input.
  status = run_residual(stream, o_, buffers.attention, weights.o, buffers);
  if (!status.ok()) return status;

  // The same for the feed-forward block, whose first linear stores GELUs.
  status = run_normed(stream, intermediate_, weights.attention_norm, weights.intermediate,
                      buffers.intermediate, buffers);
  if (!status.ok()) return status;

  const QuantizedLinearDescriptor& d = output_.descriptor();
  const TensorRef<__half, 2> intermediate = matrix(buffers.intermediate, d.m, d.k);
  return run_residual(stream, output_, intermediate, weights.output, buffers);
}

}  // namespace qlinear::examples
