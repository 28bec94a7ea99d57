#include "decoder_layer.hpp"

#include <algorithm>

namespace qlinear::examples {
namespace {

using Plan = QuantizedLinearPlan<Bf16, S8>;

QuantizedLinearDescriptor linear(std::int64_t tokens, std::int64_t outputs, std::int64_t inputs,
                                 const SourceDescriptor& source) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = tokens;
  descriptor.c_out = outputs;
  descriptor.k = inputs;
  descriptor.source = source;
  return descriptor;
}

/// The quantize pass adds the residual, stores the new one, and normalises it on the way.
SourceDescriptor norm_of_residual(double eps) {
  SourceDescriptor source;
  source.kind = SourceKind::RmsNorm;
  source.residual = true;
  source.eps = eps;
  return source;
}

/// The quantize pass reads gates and ups, and quantizes `silu(gate) * up`.
SourceDescriptor gated_silu() {
  SourceDescriptor source;
  source.kind = SourceKind::Gated;
  source.function = ActivationFunction::Silu;
  return source;
}

/// What every linear needs. They run one after another, so they share scratch.
Plan::Args arguments(const Plan& plan, const TensorRef<Bf16, 2>& activation,
                     const Int8Weight& weight, Bf16* output, const DecoderLayerBuffers& buffers) {
  const QuantizedLinearDescriptor& d = plan.descriptor();
  return {activation,
          matrix(weight.q, d.c_out, d.k),
          vector(weight.scale, d.c_out),
          matrix(output, d.m, d.c_out),
          matrix(buffers.act_q, d.m, d.k),
          vector(buffers.act_scale, d.m)};
}

Status run_plain(cudaStream_t stream, const Plan& plan, const TensorRef<Bf16, 2>& activation,
                 const Int8Weight& weight, Bf16* output, const DecoderLayerBuffers& buffers) {
  return plan.run(stream, buffers.workspace, arguments(plan, activation, weight, output, buffers));
}

/// `hidden` plus the residual, normalised, times `weight`. The new residual replaces the old one.
Status run_normed(cudaStream_t stream, const Plan& plan, const Bf16* norm_weight,
                  const Int8Weight& weight, Bf16* output, const DecoderLayerBuffers& buffers) {
  const QuantizedLinearDescriptor& d = plan.descriptor();
  const TensorMut<Bf16, 2> residual = matrix(buffers.residual, d.m, d.k);
  const TensorRef<Bf16, 2> hidden = matrix(buffers.hidden, d.m, d.k);
  Plan::Args args = arguments(plan, hidden, weight, output, buffers);
  args.source.norm_weight = tensor_view(vector(norm_weight, d.k));
  args.source.residual = tensor_view(residual);
  args.source.residual_out = tensor_view(residual);
  return plan.run(stream, buffers.workspace, args);
}

}  // namespace

Result<DecoderLayer> DecoderLayer::select(cudaStream_t stream, const DecoderLayerShape& shape) {
  // Weights never change once they are loaded, so a linear may start to read them while the kernel
  // before it still runs.
  PlanPreference preference;
  preference.constant_weights = true;
  const auto select_plan = [&](std::int64_t outputs, std::int64_t inputs,
                               const SourceDescriptor& source) {
    return Plan::select(stream, linear(shape.tokens, outputs, inputs, source), preference);
  };
  const SourceDescriptor norm = norm_of_residual(shape.eps);
  const auto qkv = select_plan(shape.query + 2 * shape.key_value, shape.hidden, norm);
  const auto o = select_plan(shape.hidden, shape.query, {});
  const auto gate_up = select_plan(2 * shape.intermediate, shape.hidden, norm);
  const auto down = select_plan(shape.hidden, shape.intermediate, gated_silu());
  for (const Result<Plan>* plan : {&qkv, &o, &gate_up, &down}) {
    if (!plan->ok()) return plan->status();
  }
  return DecoderLayer(qkv.value(), o.value(), gate_up.value(), down.value());
}

std::size_t DecoderLayer::workspace_size() const {
  return std::max({qkv_.workspace_size(), o_.workspace_size(), gate_up_.workspace_size(),
                   down_.workspace_size()});
}

Status DecoderLayer::run(cudaStream_t stream, const DecoderLayerWeights& weights,
                         const DecoderLayerBuffers& buffers, const Attention& attention) const {
  // Two kernels: one adds the residual, normalises and quantizes, the other multiplies.
  Status status =
      run_normed(stream, qkv_, weights.attention_norm, weights.qkv, buffers.qkv, buffers);
  if (!status.ok()) return status;

  attention(stream);

  // Nothing stands between attention and o: the source is plain.
  status = run_plain(stream, o_, buffers.attention, weights.o, buffers.hidden, buffers);
  if (!status.ok()) return status;

  // Both projections as one weight: one quantize pass, and one GEMM that fills the GPU better.
  status =
      run_normed(stream, gate_up_, weights.mlp_norm, weights.gate_up, buffers.gate_up, buffers);
  if (!status.ok()) return status;

  // `silu(gate) * up` never goes through memory: down's quantize kernel reads both halves of a row.
  const QuantizedLinearDescriptor& d = down_.descriptor();
  const TensorRef<Bf16, 2> gate_up = matrix(buffers.gate_up, d.m, 2 * d.k);
  return run_plain(stream, down_, gate_up, weights.down, buffers.hidden, buffers);
}

}  // namespace qlinear::examples
