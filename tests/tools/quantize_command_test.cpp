#include "command_run.hpp"
#include "small_model.hpp"

#include <gtest/gtest.h>
#include <qlinear/checkpoint/checkpoint.hpp>
#include <qlinear/checkpoint/quantize.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <iterator>
#include <limits>
#include <set>
#include <thread>

namespace qlinear::test {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;
using checkpoint::Dtype;
using checkpoint::NamedTensor;
using checkpoint::QuantizedLinear;
using checkpoint::Tensor;
using checkpoint::TensorFiles;
using checkpoint::WeightScale;

std::string bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.data.get()), tensor.bytes};
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class QuantizeCommand : public testing::Test {
 protected:
  fs::path out() const { return folder_.path() / "out"; }

  /// Expects success.
  CommandRun quantize(const fs::path& in, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"quantize", in.string(), out().string()});
    CommandRun run = run_command(options);
    EXPECT_EQ(run.exit_status, 0) << run.error;
    return run;
  }

  /// Expects a failure whose message contains `message`, and that nothing is left of it.
  void refuses(const fs::path& in, const std::string& message,
               std::vector<std::string> options = {}) const {
    const std::set<std::string> before = names_in(folder_.path());
    options.insert(options.begin(), {"quantize", in.string(), out().string()});
    const CommandRun run = run_command(options);
    EXPECT_EQ(run.exit_status, 1);
    EXPECT_TRUE(contains(run.error, message)) << run.error;
    EXPECT_EQ(names_in(folder_.path()), before);
  }

  const TemporaryFolder folder_;
};

Checkpoint opened(const fs::path& folder) {
  Result<Checkpoint> result = Checkpoint::open(folder);
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

/// What `name` of `out` must be: the weight `source` in floats, quantized as a whole.
void expect_layer(const Checkpoint& out, const std::string& name, const std::vector<float>& source,
                  std::int64_t n, std::int64_t k, WeightScale method = WeightScale::AbsMax) {
  SCOPED_TRACE(name);
  const Result<QuantizedLinear> found = out.linear(name);
  ASSERT_TRUE(found.ok()) << found.status().message();
  const auto expected = checkpoint::quantize_weight(source.data(), n, k, method);
  ASSERT_TRUE(expected.ok());
  ASSERT_EQ(found.value().n, n);
  ASSERT_EQ(found.value().k, k);
  EXPECT_EQ(found.value().weight_scale, expected.value().weight_scale);
  EXPECT_EQ(std::memcmp(found.value().weight.get(), expected.value().weight.get(),
                        static_cast<std::size_t>(n * k)),
            0);
  EXPECT_FALSE(found.value().activation.is_static);
  EXPECT_TRUE(found.value().activation.symmetric);
}

/// Of every weight of a layer of `model`.
void expect_layers(const Checkpoint& out, const std::vector<NamedTensor>& model,
                   WeightScale method = WeightScale::AbsMax) {
  int layers = 0;
  for (const NamedTensor& tensor : model) {
    if (!contains(tensor.name, "_proj.weight")) continue;
    const std::string name = tensor.name.substr(0, tensor.name.rfind('.'));
    expect_layer(out, name, checkpoint::to_f32(tensor.tensor).value(), tensor.tensor.shape[0],
                 tensor.tensor.shape[1], method);
    ++layers;
  }
  EXPECT_EQ(layers, 14);
}

NamedTensor f16_tensor(std::string name, std::vector<std::int64_t> shape,
                       const std::vector<float>& values) {
  // Small powers of two, which f16 and the bits below hold without rounding.
  std::vector<std::uint16_t> bits;
  for (const float value : values) {
    const int exponent = value > 0 ? static_cast<int>(value * 40) % 8 : 0;
    bits.push_back(static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) | ((10 + exponent) << 10)));
  }
  return {std::move(name), checkpoint::make_tensor(Dtype::F16, std::move(shape), std::move(bits))};
}

TEST_F(QuantizeCommand, WritesWhatQuantizeWeightGives) {
  for (const MakeTensor make : {bf16_tensor, as_f32, f16_tensor}) {
    for (const auto& [option, method] :
         {std::pair{"absmax", WeightScale::AbsMax}, std::pair{"mse", WeightScale::MeanError}}) {
      const CheckpointFolder model = llama_folder(false, make);
      quantize(model.path(), {"--weights", option, "--force"});
      expect_layers(opened(out()), llama_tensors(make, false), method);
    }
  }
}

TEST_F(QuantizeCommand, CopiesOtherTensorsByteForByte) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path());
  const Checkpoint quantized = opened(out());
  for (const NamedTensor& tensor : llama_tensors(bf16_tensor, false)) {
    if (contains(tensor.name, "_proj")) continue;
    const Result<Tensor> copy = quantized.tensor(tensor.name);
    ASSERT_TRUE(copy.ok()) << copy.status().message();
    EXPECT_EQ(copy.value().dtype, tensor.tensor.dtype);
    EXPECT_EQ(copy.value().shape, tensor.tensor.shape);
    EXPECT_EQ(bytes_of(copy.value()), bytes_of(tensor.tensor)) << tensor.name;
  }
}

TEST_F(QuantizeCommand, ScalesAreF32AColumn) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path());
  const Tensor scale = opened(out()).tensor("model.layers.0.self_attn.k_proj.weight_scale").value();
  EXPECT_EQ(scale.dtype, Dtype::F32);
  EXPECT_EQ(scale.shape, (std::vector<std::int64_t>{kHidden / 2, 1}));
}

TEST_F(QuantizeCommand, CopiesOtherFilesButNoOtherWeights) {
  const CheckpointFolder model = llama_folder();
  model.write("tokenizer.json", "{\"a\": 1}");
  model.write("inner/notes.txt", "text");
  model.write("inner/config.json", "{}");  // As of sentence encoders: a file like any other.
  model.write("inner/model.safetensors", "floats of another module");
  model.write("pytorch_model.bin", "floats");
  model.write(".cache/hidden", "x");
  const CommandRun run = quantize(model.path());
  EXPECT_EQ(names_in(out()),
            (std::set<std::string>{"config.json", "inner", "model.safetensors", "tokenizer.json"}));
  EXPECT_EQ(content_of(out() / "tokenizer.json"), "{\"a\": 1}");
  EXPECT_EQ(content_of(out() / "inner/notes.txt"), "text");
  EXPECT_EQ(content_of(out() / "inner/config.json"), "{}");
  EXPECT_EQ(content_of(out() / "inner/model.safetensors"), "floats of another module");
  EXPECT_TRUE(contains(run.out, "not copied: pytorch_model.bin")) << run.out;
}

TEST_F(QuantizeCommand, ConfigKeepsWhatItHadAndSaysHow) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path());
  const std::string config = content_of(out() / "config.json");
  EXPECT_TRUE(contains(config, "\"model_type\": \"llama\""));
  EXPECT_TRUE(contains(config, "\"rms_norm_eps\": 1e-05")) << config;
  EXPECT_TRUE(contains(config, "\"quant_method\": \"compressed-tensors\""));
  EXPECT_TRUE(contains(config, "\"format\": \"int-quantized\""));
  EXPECT_TRUE(contains(config, "\"tie_word_embeddings\": false"));
}

TEST_F(QuantizeCommand, IgnoresWhatItIsTold) {
  const CheckpointFolder model = llama_folder();
  const CommandRun run =
      quantize(model.path(), {"--ignore", "model.layers.0.mlp.down_proj", "--ignore",
                              "re:.*1.self_attn", "--ignore", "nothing"});
  const Checkpoint quantized = opened(out());
  EXPECT_FALSE(quantized.is_quantized("model.layers.0.mlp.down_proj"));
  EXPECT_FALSE(quantized.is_quantized("model.layers.1.self_attn.o_proj"));
  EXPECT_FALSE(quantized.is_quantized("lm_head"));
  EXPECT_TRUE(quantized.is_quantized("model.layers.0.self_attn.o_proj"));
  EXPECT_TRUE(quantized.is_quantized("model.layers.1.mlp.down_proj"));
  EXPECT_TRUE(contains(run.error, "--ignore nothing matches no layer")) << run.error;
  const std::string config = content_of(out() / "config.json");
  EXPECT_TRUE(contains(config, "\"model.layers.1.self_attn.o_proj\"")) << config;
}

TEST_F(QuantizeCommand, IncludesAStoredHead) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path(), {"--include-lm-head"});
  const std::vector<NamedTensor> tensors = llama_tensors(bf16_tensor, false);
  expect_layer(opened(out()), "lm_head", checkpoint::to_f32(tensors.back().tensor).value(),
               kVocabulary, kHidden);
}

TEST_F(QuantizeCommand, IncludesATiedHeadBesideTheEmbedding) {
  const CheckpointFolder model = llama_folder(true);
  quantize(model.path(), {"--include-lm-head"});
  const NamedTensor embedding = llama_tensors(bf16_tensor, true).front();
  const Checkpoint quantized = opened(out());
  expect_layer(quantized, "lm_head", checkpoint::to_f32(embedding.tensor).value(), kVocabulary,
               kHidden);
  EXPECT_EQ(bytes_of(quantized.tensor(embedding.name).value()), bytes_of(embedding.tensor));
  EXPECT_TRUE(contains(content_of(out() / "config.json"), "\"tie_word_embeddings\": false"));
}

TEST_F(QuantizeCommand, TiedEmbeddingsStayTied) {
  const CheckpointFolder model = llama_folder(true);
  quantize(model.path());
  EXPECT_FALSE(opened(out()).tensors().contains("lm_head.weight"));
  EXPECT_TRUE(contains(content_of(out() / "config.json"), "\"tie_word_embeddings\": true"));
}

TEST_F(QuantizeCommand, ShardsHoldTheSameAndNoMoreThanTheirSize) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path(), {"--shard-size", "2kB"});
  EXPECT_TRUE(fs::exists(out() / "model.safetensors.index.json"));
  expect_layers(opened(out()), llama_tensors(bf16_tensor, false));
  const TensorFiles files = opened(out()).tensors();
  EXPECT_GT(files.files().size(), 3U);
  for (const fs::path& file : files.files()) {
    const TensorFiles shard = TensorFiles::open(file).value();
    std::size_t bytes = 0;
    for (const std::string& name : shard.names()) bytes += shard.find(name).value().bytes;
    EXPECT_LE(bytes, 2000U) << file;
  }
}

TEST_F(QuantizeCommand, ReadsShards) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path());
  const std::string whole = content_of(out() / "model.safetensors");
  const TemporaryFolder sharded;
  sharded.write("config.json", llama_config(false));
  const std::vector<NamedTensor> tensors = llama_tensors(bf16_tensor, false);
  std::string map;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string file = "part-" + std::to_string(i) + ".safetensors";
    ASSERT_TRUE(checkpoint::write_safetensors(sharded.path() / file, {tensors[i]}).ok());
    map += (i > 0 ? ", \"" : "\"") + tensors[i].name + "\": \"" + file + "\"";
  }
  sharded.write("model.safetensors.index.json", "{\"weight_map\": {" + map + "}}");
  quantize(sharded.path(), {"--force"});
  EXPECT_EQ(content_of(out() / "model.safetensors"), whole);
}

TEST_F(QuantizeCommand, BytesDoNotDependOnThreads) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path(), {"--threads", "1"});
  const std::string alone = content_of(out() / "model.safetensors");
  quantize(model.path(), {"--threads", "5", "--force"});
  EXPECT_EQ(content_of(out() / "model.safetensors"), alone);
}

/// A weight of more than one part.
TEST_F(QuantizeCommand, QuantizesLargeWeightsInParts) {
  constexpr std::int64_t kN = 1100;
  constexpr std::int64_t kK = 4096;
  const std::vector<float> weight = bf16_values(kN * kK, 9);
  const CheckpointFolder model(R"({"model_type": "llama"})",
                               {bf16_tensor("large.weight", {kN, kK}, weight)});
  quantize(model.path());
  expect_layer(opened(out()), "large", weight, kN, kK);
}

TEST_F(QuantizeCommand, PrintsTheNoiseOfEachLayerWhereAsked) {
  const CheckpointFolder model = llama_folder();
  const std::string brief = quantize(model.path()).out;
  const std::string verbose = quantize(model.path(), {"--force", "--verbose"}).out;
  EXPECT_TRUE(contains(brief, "14 layers quantized")) << brief;
  EXPECT_TRUE(contains(brief, " dB  model.layers.")) << brief;
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = verbose.find(" dB  model.layers.", at)) != std::string::npos;
       ++at) {
    ++lines;
  }
  EXPECT_EQ(lines, 14U) << verbose;
  EXPECT_EQ(quantize(model.path(), {"--force", "--quiet"}).out, "");
}

// SmoothQuant.

constexpr const char* kNorm = "model.layers.0.input_layernorm";
const std::vector<std::string> kReaders = {"q_proj", "k_proj", "v_proj"};

std::string reader(const std::string& name) { return "model.layers.0.self_attn." + name; }

Tensor find(const std::vector<NamedTensor>& tensors, const std::string& name) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name == name) return tensor.tensor;
  }
  throw std::runtime_error(name);
}

fs::path write_maxima(const TemporaryFolder& folder, const std::string& name,
                      const std::vector<float>& maxima) {
  const fs::path path = folder.path() / "maxima.safetensors";
  const auto size = static_cast<std::int64_t>(maxima.size());
  if (!checkpoint::write_safetensors(path, {f32_tensor(name, {size}, maxima)}).ok())
    throw std::runtime_error("");
  return path;
}

std::vector<float> some_maxima() {
  std::vector<float> maxima = bf16_values(kHidden, 77, 2);
  for (std::size_t i = 0; i < maxima.size(); ++i) maxima[i] *= static_cast<float>(1 + i % 5);
  return maxima;
}

/// By the formula, with plain loops.
std::vector<float> plain_factors(const std::vector<NamedTensor>& model,
                                 const std::vector<float>& maxima, double alpha) {
  std::vector<float> factors;
  for (std::size_t k = 0; k < maxima.size(); ++k) {
    double largest = 0;
    for (const std::string& name : kReaders) {
      const Tensor weight = find(model, reader(name) + ".weight");
      const std::vector<float> values = checkpoint::to_f32(weight).value();
      for (std::size_t i = k; i < values.size(); i += kHidden) {
        largest = std::max(largest, std::abs(static_cast<double>(values[i])));
      }
    }
    factors.push_back(static_cast<float>(std::pow(static_cast<double>(maxima[k]), alpha) /
                                         std::pow(largest, 1 - alpha)));
  }
  return factors;
}

void expect_smoothed(const fs::path& out, const std::vector<NamedTensor>& model,
                     const std::vector<float>& factors, MakeTensor make) {
  const Checkpoint quantized = opened(out);
  const std::string norm_name = std::string(kNorm) + ".weight";
  const std::vector<float> before = checkpoint::to_f32(find(model, norm_name)).value();
  const std::vector<float> after = checkpoint::to_f32(quantized.tensor(norm_name).value()).value();
  std::vector<float> divided;
  for (std::size_t k = 0; k < before.size(); ++k) divided.push_back(before[k] / factors[k]);
  if (make == MakeTensor{as_f32}) {
    EXPECT_EQ(after, divided);
  }
  for (const std::string& name : kReaders) {
    const Tensor source = find(model, reader(name) + ".weight");
    std::vector<float> weight = checkpoint::to_f32(source).value();
    for (std::size_t i = 0; i < weight.size(); ++i) {
      // What the norm was divided by in fact: a norm of bf16 is rounded, and no product may see it.
      const float factor = before[i % kHidden] / after[i % kHidden];
      EXPECT_NEAR(factor, factors[i % kHidden], factors[i % kHidden] / 128);
      weight[i] *= factor;
    }
    expect_layer(quantized, reader(name), weight, source.shape[0], kHidden);
  }
}

TEST_F(QuantizeCommand, SmoothingMovesTheRangeFromTheNormToTheWeights) {
  for (const MakeTensor make : {as_f32, bf16_tensor}) {
    const CheckpointFolder model = llama_folder(false, make);
    const std::vector<NamedTensor> tensors = llama_tensors(make, false);
    const std::vector<float> maxima = some_maxima();
    for (const std::string& name : {std::string(kNorm), reader("k_proj")}) {
      const fs::path file = write_maxima(folder_, name, maxima);
      quantize(model.path(), {"--smooth", file.string(), "--force"});
      expect_smoothed(out(), tensors, plain_factors(tensors, maxima, 0.5), make);
      quantize(model.path(), {"--smooth", file.string(), "--alpha", "0.75", "--force"});
      expect_smoothed(out(), tensors, plain_factors(tensors, maxima, 0.75), make);
    }
  }
}

TEST_F(QuantizeCommand, SmoothingLeavesOtherLayersAlone) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path(), {"--smooth", write_maxima(folder_, kNorm, some_maxima()).string()});
  const Tensor weight =
      find(llama_tensors(bf16_tensor, false), "model.layers.0.mlp.up_proj.weight");
  expect_layer(opened(out()), "model.layers.0.mlp.up_proj", checkpoint::to_f32(weight).value(),
               kInner, kHidden);
}

TEST_F(QuantizeCommand, SmoothingRefusesWhereThereIsNoNorm) {
  const CheckpointFolder model = llama_folder();
  const fs::path file =
      write_maxima(folder_, "model.layers.0.mlp.down_proj", std::vector<float>(kInner, 1));
  refuses(model.path(), "no norm before model.layers.0.mlp.down_proj", {"--smooth", file.string()});
}

TEST_F(QuantizeCommand, SmoothingRefusesALayerThatIsNotQuantized) {
  const CheckpointFolder model = llama_folder();
  const fs::path file = write_maxima(folder_, kNorm, some_maxima());
  refuses(model.path(), "v_proj is not quantized",
          {"--smooth", file.string(), "--ignore", "re:.*v_proj"});
}

TEST_F(QuantizeCommand, SmoothingRefusesModelsItDoesNotKnow) {
  const CheckpointFolder model(R"({"model_type": "gemma2"})", llama_tensors(bf16_tensor, false));
  const fs::path file = write_maxima(folder_, kNorm, some_maxima());
  refuses(model.path(), "'gemma2' is another", {"--smooth", file.string()});
}

TEST_F(QuantizeCommand, SmoothingRefusesMaximaOfAnotherSize) {
  const CheckpointFolder model = llama_folder();
  const fs::path file = write_maxima(folder_, kNorm, std::vector<float>(kHidden + 1, 1));
  refuses(model.path(), "those of the activation 17", {"--smooth", file.string()});
}

TEST_F(QuantizeCommand, SmoothingRefusesMaximaThatAreNoNumbers) {
  const CheckpointFolder model = llama_folder();
  std::vector<float> maxima(kHidden, 1);
  maxima[3] = std::numeric_limits<float>::quiet_NaN();
  refuses(model.path(), "maximum 3 of",
          {"--smooth", write_maxima(folder_, kNorm, maxima).string()});
}

// What is left alone.

TEST_F(QuantizeCommand, NeverOverwritesUnasked) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path());
  const std::string before = content_of(out() / "model.safetensors");
  refuses(model.path(), "exists; give another name, or --force", {"--weights", "mse"});
  EXPECT_EQ(content_of(out() / "model.safetensors"), before);
  quantize(model.path(), {"--weights", "mse", "--force"});
  EXPECT_NE(content_of(out() / "model.safetensors"), before);
  EXPECT_EQ(names_in(folder_.path()), std::set<std::string>{"out"});
}

TEST_F(QuantizeCommand, TakesANameInTheFolderItRunsIn) {
  const CheckpointFolder model = llama_folder();
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  const CommandRun run = run_command({"quantize", model.path().string(), "out/"});
  fs::current_path(before);
  EXPECT_EQ(run.exit_status, 0) << run.error;
  EXPECT_EQ(names_in(folder_.path()), std::set<std::string>{"out"});
}

TEST_F(QuantizeCommand, ForceReplacesNothingButACheckpoint) {
  const CheckpointFolder model = llama_folder();
  folder_.write("out/thesis.txt", "years of work");
  refuses(model.path(), "is no checkpoint", {"--force"});
  EXPECT_EQ(content_of(out() / "thesis.txt"), "years of work");
}

TEST_F(QuantizeCommand, RefusesToWriteIntoTheModel) {
  const CheckpointFolder model = llama_folder();
  const std::set<std::string> before = names_in(model.path());
  const CommandRun run =
      run_command({"quantize", model.path().string(), (model.path() / "out").string(), "--force"});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_TRUE(contains(run.error, "hold each other")) << run.error;
  EXPECT_EQ(names_in(model.path()), before);
}

TEST_F(QuantizeCommand, AFailureInTheMiddleLeavesNothing) {
  std::vector<NamedTensor> tensors = llama_tensors(as_f32, false);
  std::vector<float> bad(kInner * kHidden, 1);
  bad[kHidden + 3] = std::numeric_limits<float>::quiet_NaN();
  for (NamedTensor& tensor : tensors) {
    if (tensor.name == "model.layers.1.mlp.up_proj.weight") {
      tensor = f32_tensor(tensor.name, tensor.tensor.shape, bad);
    }
  }
  const CheckpointFolder model(llama_config(false), tensors);
  refuses(model.path(), "element [1, 3] is nan", {"--shard-size", "1kB"});
  refuses(model.path(), "--ignore model.layers.1.mlp.up_proj");
}

TEST_F(QuantizeCommand, AnInterruptLeavesNothing) {
  constexpr std::int64_t kSize = 4096;
  const CheckpointFolder model(
      R"({"model_type": "llama"})",
      {bf16_tensor("slow.weight", {kSize, kSize}, bf16_values(kSize * kSize, 3))});
  for (const int signal : {SIGINT, SIGTERM}) {
    const pid_t process = start_command(
        {"quantize", model.path().string(), out().string(), "--weights", "mse", "--threads", "1"});
    // It works for many seconds once its folder is there.
    for (int i = 0; i < 6000 && names_in(folder_.path()).empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_FALSE(names_in(folder_.path()).empty());
    ASSERT_EQ(kill(process, signal), 0);
    EXPECT_EQ(wait_for(process), -signal);
    EXPECT_TRUE(names_in(folder_.path()).empty());
  }
}

// What is refused.

TEST_F(QuantizeCommand, SaysWhatIsWrongWithItsInput) {
  const CheckpointFolder model = llama_folder();
  refuses(model.path() / "model.safetensors", "is no folder");
  const TemporaryFolder empty;
  refuses(empty.path(), "there is no " + (empty.path() / "config.json").string());
  empty.write("config.json", "[");
  refuses(empty.path(), "is no JSON object");
  refuses(model.path(), "--shard-size is 'large'", {"--shard-size", "large"});
  refuses(model.path(), "is no regular expression", {"--ignore", "re:("});
  refuses(model.path(), "holds no linear layer to quantize", {"--ignore", "re:.*"});
}

TEST_F(QuantizeCommand, RefusesWhatIsQuantizedAlready) {
  const CheckpointFolder model = llama_folder();
  quantize(model.path());
  const CommandRun run =
      run_command({"quantize", out().string(), (folder_.path() / "again").string()});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_TRUE(contains(run.error, "is quantized already")) << run.error;
}

TEST_F(QuantizeCommand, RefusesLayersOfAnotherClass) {
  const CheckpointFolder model(R"({"model_type": "gpt2"})", llama_tensors(bf16_tensor, true));
  refuses(model.path(), "Conv1D");
}

TEST_F(QuantizeCommand, KeepsRoutersOfExperts) {
  const CheckpointFolder model(R"({"model_type": "mixtral", "num_local_experts": 4})",
                               {bf16_tensor("b.gate.weight", {4, 8}, bf16_values(32, 1)),
                                bf16_tensor("b.experts.0.w1.weight", {8, 8}, bf16_values(64, 2))});
  quantize(model.path());
  const Checkpoint quantized = opened(out());
  EXPECT_FALSE(quantized.is_quantized("b.gate"));
  EXPECT_TRUE(quantized.is_quantized("b.experts.0.w1"));
  EXPECT_TRUE(contains(content_of(out() / "config.json"), "\"b.gate\""));
}

TEST_F(QuantizeCommand, KeepsRoutersThatAreModulesOfTheirOwn) {
  const CheckpointFolder model(R"({"model_type": "dbrx", "ffn_config": {"moe_num_experts": 4}})",
                               {bf16_tensor("b.router.layer.weight", {4, 8}, bf16_values(32, 1)),
                                bf16_tensor("b.experts.0.w1.weight", {8, 8}, bf16_values(64, 2))});
  quantize(model.path());
  EXPECT_FALSE(opened(out()).is_quantized("b.router.layer"));
}

// Readers take every linear layer for quantized that `ignore` does not name.
TEST_F(QuantizeCommand, NamesHeadsAndEmbeddingsThatStayFloats) {
  const CheckpointFolder model(
      R"({"model_type": "gpt_neox", "vocab_size": 40})",
      {bf16_tensor("embed_in.weight", {40, 8}, bf16_values(320, 1)),
       bf16_tensor("embed_out.weight", {40, 8}, bf16_values(320, 2)),
       bf16_tensor("language_model.lm_head.weight", {40, 8}, bf16_values(320, 3)),
       bf16_tensor("embeddings_project.weight", {8, 8}, bf16_values(64, 4)),
       bf16_tensor("layers.0.dense.weight", {8, 8}, bf16_values(64, 5))});
  quantize(model.path());
  const Checkpoint quantized = opened(out());
  EXPECT_TRUE(quantized.is_quantized("layers.0.dense"));
  const std::string config = content_of(out() / "config.json");
  for (const std::string name :
       {"embed_in", "embed_out", "language_model.lm_head", "embeddings_project"}) {
    EXPECT_FALSE(quantized.is_quantized(name)) << name;
    EXPECT_TRUE(contains(config, '"' + name + '"')) << name;
  }
}

TEST_F(QuantizeCommand, SaysThatItsOutputLeadsNowhere) {
  const CheckpointFolder model = llama_folder();
  fs::create_symlink(folder_.path() / "nowhere", out());
  refuses(model.path(), "is a link that leads nowhere");
}

TEST(Command, TellsUsageFromFailure) {
  EXPECT_EQ(run_command({}).exit_status, 2);
  EXPECT_EQ(run_command({"quantise"}).exit_status, 2);
  EXPECT_EQ(run_command({"quantize", "in"}).exit_status, 2);
  EXPECT_EQ(run_command({"quantize", "in", "out", "--weights", "best"}).exit_status, 2);
  EXPECT_EQ(run_command({"quantize", "in", "out", "--alpha", "0.5"}).exit_status, 2);
  EXPECT_EQ(run_command({"quantize", "/nowhere", "out"}).exit_status, 1);
}

TEST(Command, ExplainsItself) {
  const CommandRun version = run_command({"--version"});
  EXPECT_EQ(version.exit_status, 0);
  EXPECT_EQ(version.out.rfind("qlinear ", 0), 0U) << version.out;
  for (const char* command : {"inspect", "quantize", "kernels", "tune"}) {
    EXPECT_TRUE(contains(run_command({"--help"}).out, command));
    const CommandRun help = run_command({command, "--help"});
    EXPECT_EQ(help.exit_status, 0);
    EXPECT_TRUE(contains(help.out, "Usage: qlinear " + std::string(command))) << help.out;
  }
}

}  // namespace
}  // namespace qlinear::test
