#pragma once

#include <qlinear/checkpoint/export.hpp>
#include <qlinear/checkpoint/layer.hpp>
#include <qlinear/checkpoint/safetensors.hpp>
#include <qlinear/status.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qlinear::checkpoint {

/// What published W8A8 checkpoints follow. Each names tensors and says how activations are
/// quantized in its own way.
enum class Convention : std::uint8_t {
  Detect,             ///< As `config.json` says.
  CompressedTensors,  ///< llm-compressor and RedHatAI: `format: int-quantized`.
  W8A8Int8,           ///< `weight_scale` [N, 1]; few say so, and the caller names it.
  SmoothQuant,        ///< lmdeploy: the scales are named `scale`.
  ModelOpt,           ///< NVIDIA ModelOpt `W8A8_SQ_PER_CHANNEL`, with `pre_quant_scale`.
  Quark,              ///< AMD Quark.
};

/// Returns the name of `convention` ("compressed-tensors", ...); "unknown" outside the enumeration.
QLINEAR_CHECKPOINT_API const char* to_string(Convention convention) noexcept;

/// What becomes of a linear layer that a checkpoint holds.
struct LayerSummary {
  std::string name;  ///< Of the module: "model.layers.0.mlp.down_proj".
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool quantized = false;  ///< `Checkpoint::linear` gives it; else it is stored as floats.
  std::string note;        ///< How it is quantized, or why it cannot be loaded.
};

/// A folder of safetensors files with the `config.json` that says how layers are quantized.
/// Immutable, cheap to copy, and usable from many threads at once.
class QLINEAR_CHECKPOINT_API Checkpoint {
 public:
  /// Opens `folder`. Where some layers can be loaded, those that cannot say why in `layers` and
  /// `linear`. Errors: those of `TensorFiles::open`; InvalidProblem (a `config.json` that is
  /// missing where it is needed, or that is malformed); Unsupported (a convention that is not
  /// recognised; weights by group or block, weights alone (GPTQ, AWQ), packed formats where nothing
  /// else is; transforms; sparsity), with what to use instead.
  static Result<Checkpoint> open(const std::filesystem::path& folder,
                                 Convention convention = Convention::Detect) noexcept;

  Convention convention() const noexcept;
  const TensorFiles& tensors() const& noexcept;
  TensorFiles tensors() const&& noexcept;
  /// The modules with a weight of two dimensions, sorted by name: linear layers, quantized or not,
  /// and embeddings, which a file does not tell from them.
  const std::vector<LayerSummary>& layers() const& noexcept;
  bool is_quantized(std::string_view name) const noexcept;
  /// The layer of the module `name`. Errors: InvalidProblem (no such layer, one that is not
  /// quantized, tensors of another dtype or shape than the convention says), Unsupported.
  Result<QuantizedLinear> linear(std::string_view name) const noexcept;
  /// The layers `names` as one of all their rows: see `concatenate_rows`.
  Result<QuantizedLinear> fused_linear(const std::vector<std::string>& names) const noexcept;
  /// A tensor as it is stored, as norms and embeddings need it (`to_f32`). `tied_to` is the name of
  /// another one that stands for it where it is not stored, as of tied embeddings; empty for none.
  Result<Tensor> tensor(std::string_view name, std::string_view tied_to = {}) const noexcept;
  /// The text of `config.json`; empty where there is none.
  const std::string& config() const& noexcept;

  // References into a checkpoint that ends with the expression: a loop over them reads freed
  // memory.
  void layers() const&& = delete;
  void config() const&& = delete;

 private:
  struct State;
  explicit Checkpoint(std::shared_ptr<const State> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace qlinear::checkpoint
