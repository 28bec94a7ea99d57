#include "decoder.hpp"

#include "require.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <set>
#include <utility>

namespace qlinear::engine {
namespace {

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

/// Cosines, or sines, of each position's angles, which are computed in double once for all.
template <class Function>
std::vector<float> angles(const LlamaConfig& config, int positions, const Function& function) {
  std::vector<float> table;
  for (int position = 0; position < positions; ++position) {
    for (int i = 0; i < config.head_dim; i += 2) {
      table.push_back(static_cast<float>(
          function(position * std::pow(config.rope_theta, -double(i) / config.head_dim))));
    }
  }
  return table;
}

std::size_t product(int a, int b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

}  // namespace

Decoder::Decoder(Backend& backend, const Model& model, const Capacity& capacity)
    : backend_(backend), config_(model.config), capacity_(capacity) {
  if (capacity.positions > config_.max_position_embeddings) {
    throw Error("the model knows " + std::to_string(config_.max_position_embeddings) +
                " positions; " + std::to_string(capacity.positions) + " were asked for");
  }
  const SourceDescriptor norm = norm_of_residual(config_.rms_norm_eps);
  const std::size_t cached = product(capacity.slots, capacity.positions) *
                             static_cast<std::size_t>(config_.key_value_size());
  for (const LayerWeights& weights : model.layers) {
    Layer layer{backend_.upload(weights.attention_norm),
                upload(weights.qkv),
                upload(weights.o),
                backend_.upload(weights.mlp_norm),
                upload(weights.gate_up),
                upload(weights.down),
                {backend_.array<float>(cached), backend_.array<float>(cached), capacity.positions,
                 config_.num_key_value_heads, config_.head_dim}};
    layer.qkv.descriptor.source = layer.gate_up.descriptor.source = norm;
    layer.down.descriptor.source = gated_silu();
    layers_.push_back(layer);
  }
  embeddings_ = backend_.upload(model.embeddings);
  final_norm_ = backend_.upload(model.final_norm);
  lm_head_ = upload(model.lm_head);
  lm_head_.descriptor.source = norm;
  cosine_ = backend_.upload(
      angles(config_, capacity.positions, [](double angle) { return std::cos(angle); }));
  sine_ = backend_.upload(
      angles(config_, capacity.positions, [](double angle) { return std::sin(angle); }));
  allocate_buffers();
}

Decoder::Linear Decoder::upload(const checkpoint::QuantizedLinear& layer) {
  return {checkpoint::descriptor_of(layer, 0),
          backend_.upload(layer.weight.get(), static_cast<std::size_t>(layer.n * layer.k)),
          backend_.upload(layer.weight_scale)};
}

void Decoder::allocate_buffers() {
  const int rows = capacity_.rows;
  const LlamaConfig& c = config_;
  const auto integers = [&] { return backend_.array<std::int32_t>(product(rows, 1)); };
  const auto floats = [&](int width) { return backend_.array<float>(product(rows, width)); };
  tokens_ = integers();
  slots_ = integers();
  positions_ = integers();
  wanted_ = integers();
  next_ = integers();
  hidden_ = floats(c.hidden_size);
  residual_ = floats(c.hidden_size);
  qkv_ = floats(c.query_size() + 2 * c.key_value_size());
  attention_ = floats(c.query_size());
  gate_up_ = floats(2 * c.intermediate_size);
  act_q_ = backend_.array<S8>(
      product(rows, std::max({c.hidden_size, c.query_size(), c.intermediate_size})));
  act_scale_ = floats(1);
  wanted_hidden_ = floats(c.hidden_size);
  wanted_residual_ = floats(c.hidden_size);
  logits_ = floats(c.vocab_size);
}

void Decoder::write_rows(const std::vector<Row>& rows, const std::vector<std::int32_t>& wanted) {
  const auto in = [](int value, int size) { return 0 <= value && value < size; };
  std::vector<std::int32_t> tokens, slots, positions;
  std::set<std::pair<int, int>> places;
  for (const Row& row : rows) {
    if (!places.emplace(row.slot, row.position).second) {
      throw Error("two rows of the batch have one place in the cache");
    }
    if (!in(row.token, config_.vocab_size) || !in(row.slot, capacity_.slots) ||
        !in(row.position, capacity_.positions)) {
      throw Error("a row of the batch is outside the vocabulary, the slots or the positions");
    }
    tokens.push_back(row.token);
    slots.push_back(row.slot);
    positions.push_back(row.position);
  }
  const auto count = static_cast<int>(rows.size());
  if (rows.empty() || count > capacity_.rows || wanted.size() > rows.size() ||
      !std::all_of(wanted.begin(), wanted.end(), [&](int row) { return in(row, count); })) {
    throw Error("a batch has 1 to " + std::to_string(capacity_.rows) +
                " rows, and logits are those of some");
  }
  const auto write = [&](std::int32_t* to, const std::vector<std::int32_t>& from) {
    backend_.write(to, from.data(), from.size() * sizeof(std::int32_t));
  };
  write(tokens_, tokens);
  write(slots_, slots);
  write(positions_, positions);
  write(wanted_, wanted);
  wanted_count_ = static_cast<int>(wanted.size());
}

void Decoder::prefill(const std::vector<Row>& rows, const std::vector<std::int32_t>& wanted) {
  write_rows(rows, wanted);
  enqueue(static_cast<int>(rows.size()), wanted_count_);
}

void Decoder::decode(const std::vector<Row>& rows) {
  std::vector<std::int32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0);
  write_rows(rows, all);
  const auto count = static_cast<int>(rows.size());
  auto found = recorded_.find(count);
  if (found == recorded_.end()) {
    const auto work = [this, count] { enqueue(count, count); };
    found = recorded_.emplace(count, backend_.record(work)).first;
  }
  found->second();
}

std::vector<float> Decoder::logits() const {
  std::vector<float> values(product(wanted_count_, config_.vocab_size));
  backend_.read(values.data(), logits_, values.size() * sizeof(float));
  return values;
}

std::vector<std::int32_t> Decoder::greedy() const {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(wanted_count_));
  backend_.read(tokens.data(), next_, tokens.size() * sizeof(std::int32_t));
  if (std::find(tokens.begin(), tokens.end(), -1) != tokens.end()) {
    throw Error("logits are no numbers: the weights are none, or an activation overflowed");
  }
  return tokens;
}

void Decoder::enqueue(int rows, int wanted) {
  const BatchRows all = batch(rows);
  backend_.step(Embed{all, config_.hidden_size, embeddings_, hidden_, residual_});
  for (const Layer& layer : layers_) enqueue_layer(layer, all);
  if (wanted == 0) return;
  backend_.step(Gather{wanted, config_.hidden_size, wanted_, hidden_, residual_, wanted_hidden_,
                       wanted_residual_});
  run_normed(lm_head_, wanted, final_norm_, wanted_hidden_, wanted_residual_, logits_);
  backend_.step(Argmax{wanted, config_.vocab_size, logits_, next_});
}

void Decoder::enqueue_layer(const Layer& layer, const BatchRows& rows) {
  const int heads = config_.num_attention_heads;
  const auto scale = static_cast<float>(1 / std::sqrt(double(config_.head_dim)));
  run_normed(layer.qkv, rows.count, layer.attention_norm, hidden_, residual_, qkv_);
  backend_.step(Rotate{rows, heads, qkv_, cosine_, sine_, layer.cache});
  backend_.step(Attend{rows, heads, scale, qkv_, layer.cache, attention_});
  run(layer.o, rows.count, attention_, hidden_);
  run_normed(layer.gate_up, rows.count, layer.mlp_norm, hidden_, residual_, gate_up_);
  run(layer.down, rows.count, gate_up_, hidden_);
}

LinearArgs Decoder::arguments(const Linear& linear, int rows, const TensorRef<float, 2>& activation,
                              float* output) const {
  const QuantizedLinearDescriptor& d = linear.descriptor;
  return {activation,
          matrix(linear.weight, d.c_out, d.k),
          vector(linear.scale, d.c_out),
          matrix(output, rows, d.c_out),
          matrix(act_q_, rows, d.k),
          vector(act_scale_, rows)};
}

void Decoder::run(const Linear& linear, int rows, const float* activation, float* output) {
  QuantizedLinearDescriptor descriptor = linear.descriptor;
  descriptor.m = rows;
  // A row of a gated source holds the gates and the ups.
  const std::int64_t width =
      descriptor.source.kind == SourceKind::Gated ? 2 * descriptor.k : descriptor.k;
  backend_.linear(descriptor, arguments(linear, rows, matrix(activation, rows, width), output));
}

/// `activation` plus `residual`, normalised, times the weight. The new residual replaces the old.
void Decoder::run_normed(const Linear& linear, int rows, const float* norm, const float* activation,
                         float* residual, float* output) {
  QuantizedLinearDescriptor descriptor = linear.descriptor;
  descriptor.m = rows;
  const TensorMut<float, 2> stream = matrix(residual, rows, descriptor.k);
  LinearArgs args = arguments(linear, rows, matrix(activation, rows, descriptor.k), output);
  args.source.norm_weight = tensor_view(vector(norm, descriptor.k));
  args.source.residual = tensor_view(stream);
  args.source.residual_out = tensor_view(stream);
  backend_.linear(descriptor, args);
}

}  // namespace qlinear::engine
