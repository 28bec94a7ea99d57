// Conventions of checkpoints: the normal form that each becomes, and what is refused.

#include "checkpoint/files.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <ostream>

namespace qlinear::test {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Convention;
using checkpoint::NamedTensor;
using checkpoint::QuantizedLinear;

Checkpoint opened(const std::filesystem::path& path, Convention convention = Convention::Detect) {
  Result<Checkpoint> result = Checkpoint::open(path, convention);
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

QuantizedLinear layer(const Checkpoint& from, const std::string& name) {
  Result<QuantizedLinear> result = from.linear(name);
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

std::vector<S8> weight_of(const QuantizedLinear& layer) {
  return {layer.weight.get(), layer.weight.get() + layer.n * layer.k};
}

// The layer that the files of this test hold: N = 2, K = 3.
const std::vector<S8> kWeight = {-128, 0, 127, 1, -2, 3};

NamedTensor weight(const std::string& name = "m.q") {
  return int8_tensor(name + ".weight", {2, 3}, kWeight);
}

struct Expected {
  std::vector<float> scale = {0.5F, 0.25F};
  std::vector<S8> zero_point = {};
  bool is_static = false;
  bool symmetric = true;
  float activation_scale = 1;
  S8 activation_zero_point = 0;
  std::int32_t q_min = -127;
  std::vector<float> column_factor = {};
  std::vector<float> bias = {};
};

void expect_layer(const QuantizedLinear& layer, const Expected& expected) {
  EXPECT_EQ(layer.n, 2);
  EXPECT_EQ(layer.k, 3);
  EXPECT_EQ(weight_of(layer), kWeight);
  EXPECT_EQ(layer.weight_scale, expected.scale);
  EXPECT_EQ(layer.weight_zero_point, expected.zero_point);
  EXPECT_EQ(layer.activation.is_static, expected.is_static);
  EXPECT_EQ(layer.activation.symmetric, expected.symmetric);
  EXPECT_EQ(layer.activation.scale, expected.activation_scale);
  EXPECT_EQ(layer.activation.zero_point, expected.activation_zero_point);
  EXPECT_EQ(layer.activation.q_min, expected.q_min);
  EXPECT_EQ(layer.activation.q_max, 127);
  EXPECT_EQ(layer.column_factor, expected.column_factor);
  EXPECT_EQ(layer.bias, expected.bias);
}

// compressed-tensors

const std::string kChannel =
    R"({"num_bits":8,"type":"int","strategy":"channel","symmetric":true,"dynamic":false})";
const std::string kToken =
    R"({"num_bits":8,"type":"int","strategy":"token","symmetric":true,"dynamic":true})";

std::string group(const std::string& targets, const std::string& weights = kChannel,
                  const std::string& activations = kToken, const std::string& more = "") {
  return R"({"targets":)" + targets + R"(,"weights":)" + weights + R"(,"input_activations":)" +
         activations + more + "}";
}

std::string compressed(const std::string& groups, const std::string& more = "",
                       const std::string& key = "quantization_config") {
  return R"({"model_type":"llama",")" + key +
         R"(":{"quant_method":"compressed-tensors","format":"int-quantized","config_groups":)" +
         groups + more + "}}";
}

std::string one_group(const std::string& weights = kChannel,
                      const std::string& activations = kToken, const std::string& more = "") {
  return compressed(R"({"group_0":)" + group(R"(["Linear"])", weights, activations, more) + "}");
}

std::vector<NamedTensor> plain_tensors() {
  return {weight(), bf16_tensor("m.q.weight_scale", {2, 1}, {0.5F, 0.25F})};
}

TEST(CompressedTensors, DynamicByToken) {
  const CheckpointFolder folder(one_group(), plain_tensors());
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_EQ(checkpoint.convention(), Convention::CompressedTensors);
  EXPECT_EQ(checkpoint.config(), one_group());
  EXPECT_TRUE(checkpoint.is_quantized("m.q"));
  expect_layer(layer(checkpoint, "m.q"), {});
  ASSERT_EQ(checkpoint.layers().size(), 1U);
  EXPECT_EQ(checkpoint.layers()[0].name, "m.q");
  EXPECT_EQ(checkpoint.layers()[0].n, 2);
  EXPECT_EQ(checkpoint.layers()[0].k, 3);
  EXPECT_TRUE(checkpoint.layers()[0].quantized);
  EXPECT_EQ(checkpoint.layers()[0].note, "int8, a scale a row; activations dynamic a token");
}

TEST(CompressedTensors, WeightIsTheMappedFile) {
  const CheckpointFolder folder(one_group(), plain_tensors());
  const Checkpoint checkpoint = opened(folder.path());
  const auto tensor = checkpoint.tensors().find("m.q.weight");
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(static_cast<const void*>(layer(checkpoint, "m.q").weight.get()),
            static_cast<const void*>(tensor.value().data.get()));
}

TEST(CompressedTensors, ScalesOfEveryTypeAndShape) {
  const std::string by_tensor = R"({"num_bits":8,"type":"int","strategy":"tensor"})";
  for (const NamedTensor& scale :
       {f32_tensor("m.q.weight_scale", {1}, {0.5F}), f32_tensor("m.q.weight_scale", {}, {0.5F}),
        bf16_tensor("m.q.weight_scale", {1}, {0.5F})}) {
    const CheckpointFolder folder(one_group(by_tensor), {weight(), scale});
    expect_layer(layer(opened(folder.path()), "m.q"), {{0.5F, 0.5F}});
  }
  const NamedTensor half{"m.q.weight_scale", checkpoint::make_tensor<std::uint16_t>(
                                                 checkpoint::Dtype::F16, {2, 1}, {0x3800, 0x3400})};
  const CheckpointFolder folder(one_group(), {weight(), half});
  expect_layer(layer(opened(folder.path()), "m.q"), {});
}

TEST(CompressedTensors, StrategyThatIsAbsent) {
  const std::string none = R"({"num_bits":8,"type":"int"})";
  const std::string minus_one = R"({"num_bits":8,"type":"int","group_size":-1,"strategy":null})";
  const CheckpointFolder by_tensor(one_group(none),
                                   {weight(), f32_tensor("m.q.weight_scale", {1}, {2})});
  expect_layer(layer(opened(by_tensor.path()), "m.q"), {{2, 2}});
  const CheckpointFolder by_channel(one_group(minus_one), plain_tensors());
  expect_layer(layer(opened(by_channel.path()), "m.q"), {});
}

TEST(CompressedTensors, StaticSymmetric) {
  const std::string by_tensor =
      R"({"num_bits":8,"type":"int","strategy":"tensor","dynamic":false})";
  auto tensors = plain_tensors();
  tensors.push_back(bf16_tensor("m.q.input_scale", {1}, {0.125F}));
  tensors.push_back(int8_tensor("m.q.input_zero_point", {1}, {0}));
  tensors.push_back(bf16_tensor("m.q.bias", {2}, {1, -2}));
  const CheckpointFolder folder(one_group(kChannel, by_tensor), tensors);
  Expected expected;
  expected.is_static = true;
  expected.activation_scale = 0.125F;
  expected.q_min = -128;
  expected.bias = {1, -2};
  expect_layer(layer(opened(folder.path()), "m.q"), expected);
}

TEST(CompressedTensors, StaticAsymmetric) {
  const std::string by_tensor =
      R"({"num_bits":8,"type":"int","strategy":"tensor","symmetric":false,"dynamic":false})";
  auto tensors = plain_tensors();
  tensors.push_back(f32_tensor("m.q.input_scale", {}, {0.125F}));
  tensors.push_back(int8_tensor("m.q.input_zero_point", {}, {-7}));
  const CheckpointFolder folder(one_group(kChannel, by_tensor), tensors);
  Expected expected;
  expected.is_static = true;
  expected.symmetric = false;
  expected.activation_scale = 0.125F;
  expected.activation_zero_point = -7;
  expected.q_min = -128;
  expect_layer(layer(opened(folder.path()), "m.q"), expected);
}

TEST(CompressedTensors, DynamicAsymmetricAndWeightZeroPoints) {
  const std::string channel =
      R"({"num_bits":8,"type":"int","strategy":"channel","symmetric":false})";
  const std::string token =
      R"({"num_bits":8,"type":"int","strategy":"token","symmetric":false,"dynamic":true})";
  auto tensors = plain_tensors();
  tensors.push_back(int8_tensor("m.q.weight_zero_point", {2, 1}, {3, -4}));
  const CheckpointFolder folder(one_group(channel, token), tensors);
  Expected expected;
  expected.symmetric = false;
  expected.q_min = -128;
  expected.zero_point = {3, -4};
  expect_layer(layer(opened(folder.path()), "m.q"), expected);
}

TEST(CompressedTensors, ZeroPointsThatAreZerosAreNone) {
  auto tensors = plain_tensors();
  tensors.push_back(int8_tensor("m.q.weight_zero_point", {2, 1}, {0, 0}));
  const CheckpointFolder folder(one_group(), tensors);
  expect_layer(layer(opened(folder.path()), "m.q"), {});
}

TEST(CompressedTensors, OlderKeys) {
  const std::string groups = R"({"group_0":)" + group(R"(["Linear"])") + "}";
  const std::string dense = R"(,"sparsity_config":{"format":"dense"},"transform_config":{})";
  const std::string nested =
      R"({"compression_config":{"quantization_config":{"format":"int-quantized","config_groups":)" +
      groups + R"(},"sparsity_config":{"format":"dense"}}})";
  const std::string language = R"({"text_config":)" + compressed(groups) + "}";
  for (const std::string& config :
       {compressed(groups, dense, "compression_config"), nested, language}) {
    const CheckpointFolder folder(config, plain_tensors());
    const Checkpoint checkpoint = opened(folder.path());
    EXPECT_EQ(checkpoint.convention(), Convention::CompressedTensors);
    expect_layer(layer(checkpoint, "m.q"), {});
  }
}

TEST(CompressedTensors, FormatOfAGroupWins) {
  const std::string pack =
      compressed(R"({"group_0":)" +
                 group(R"(["Linear"])", kChannel, kToken, R"(,"format":"int-quantized")") + "}");
  std::string config = pack;
  config.replace(config.find("int-quantized"), 13, "pack-quantized");
  const CheckpointFolder folder(config, plain_tensors());
  expect_layer(layer(opened(folder.path()), "m.q"), {});
}

/// Layers `names`, each of one row and one column with the scale 1.
CheckpointFolder folder_of(const std::string& config, const std::vector<std::string>& names) {
  std::vector<NamedTensor> tensors;
  for (const std::string& name : names) {
    tensors.push_back(int8_tensor(name + ".weight", {1, 1}, {5}));
    tensors.push_back(f32_tensor(name + ".weight_scale", {1}, {1}));
  }
  return {config, tensors};
}

const std::string kAsymmetric =
    R"({"num_bits":8,"type":"int","strategy":"token","symmetric":false,"dynamic":true})";

TEST(Targets, ExactBeforePatternBeforeClass) {
  // Of which group a layer is shows in whether its activation is symmetric.
  const auto symmetric = [](const std::string& groups) {
    const CheckpointFolder folder = folder_of(compressed(groups), {"a.q"});
    return layer(opened(folder.path()), "a.q").activation.symmetric;
  };
  const auto two = [](const std::string& targets, const std::string& asymmetric_targets) {
    return R"({"group_0":)" + group(targets) + R"(,"group_1":)" +
           group(asymmetric_targets, kChannel, kAsymmetric) + "}";
  };
  EXPECT_TRUE(symmetric(two(R"(["a.q"])", R"(["re:a.*","Linear"])")));
  EXPECT_FALSE(symmetric(two(R"(["Linear"])", R"(["re:a.*"])")));
  EXPECT_FALSE(symmetric(two(R"(["Linear","re:.*q"])", R"(["a.q"])")));
  EXPECT_TRUE(symmetric(two(R"(["Linear"])", R"(["re:q"])")));   // Anchored at the start,
  EXPECT_FALSE(symmetric(two(R"(["Linear"])", R"(["re:a"])")));  // and not at the end.
  EXPECT_TRUE(symmetric(two(R"(["Linear"])", R"(["a"])")));
  EXPECT_FALSE(symmetric(two(R"(["Linear"])", R"(["re:(?!b).*\\.[p-r]$"])")));
}

TEST(Targets, ThatContradictEachOtherAreRefused) {
  const std::string groups = R"({"group_0":)" + group(R"(["Linear"])") + R"(,"group_1":)" +
                             group(R"(["Linear"])", kChannel, kAsymmetric) + "}";
  const CheckpointFolder folder = folder_of(compressed(groups), {"a.q"});
  const Checkpoint checkpoint = opened(folder.path());
  const auto result = checkpoint.linear("a.q");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::Unsupported);
}

TEST(Targets, IgnoredLayersAreNotQuantized) {
  const std::string groups = R"({"group_0":)" + group(R"(["Linear"])") + "}";
  const std::string config = compressed(groups, R"(,"ignore":["lm_head","re:.*gate$"])");
  const CheckpointFolder folder =
      folder_of(config, {"lm_head", "a.gate", "a.gate_proj", "b.lm_head"});
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_FALSE(checkpoint.is_quantized("lm_head"));
  EXPECT_FALSE(checkpoint.is_quantized("a.gate"));
  EXPECT_TRUE(checkpoint.is_quantized("a.gate_proj"));
  EXPECT_TRUE(checkpoint.is_quantized("b.lm_head"));
  EXPECT_FALSE(checkpoint.is_quantized("none"));
  EXPECT_EQ(checkpoint.layers().size(), 4U);
}

TEST(Targets, HostileExpressionsTakeLittleTime) {
  const std::string name(5000, 'a');
  for (const char* target : {"re:(a*)*b", "re:(a|a)*b", "re:(a+)+$b", "re:.*.*.*.*.*b"}) {
    const std::string groups =
        R"({"group_0":)" + group(R"(["Linear",")" + std::string(target) + R"("])") + "}";
    const CheckpointFolder folder = folder_of(compressed(groups), {name});
    EXPECT_TRUE(opened(folder.path()).is_quantized(name)) << target;
  }
}

TEST(Layers, FloatsAreNamedButNotLoaded) {
  auto tensors = plain_tensors();
  tensors.push_back(bf16_tensor("lm_head.weight", {2, 2}, {1, 2, 3, 4}));
  tensors.push_back(bf16_tensor("m.norm.weight", {2}, {1, 2}));
  const CheckpointFolder folder(one_group(), tensors);
  const Checkpoint checkpoint = opened(folder.path());
  ASSERT_EQ(checkpoint.layers().size(), 2U);
  EXPECT_EQ(checkpoint.layers()[0].name, "lm_head");
  EXPECT_FALSE(checkpoint.layers()[0].quantized);
  EXPECT_NE(checkpoint.layers()[0].note.find("stored as BF16"), std::string::npos);
  EXPECT_FALSE(checkpoint.linear("lm_head").ok());
  EXPECT_FALSE(checkpoint.linear("m.norm").ok());
  EXPECT_FALSE(checkpoint.linear("none").ok());
}

TEST(Tensors, TiedEmbeddings) {
  auto tensors = plain_tensors();
  tensors.push_back(bf16_tensor("embed.weight", {2, 2}, {1, 2, 3, 4}));
  const CheckpointFolder tied(one_group(), tensors);
  const auto head = opened(tied.path()).tensor("lm_head.weight", "embed.weight");
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(to_f32(head.value()).value(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_FALSE(opened(tied.path()).tensor("lm_head.weight").ok());
  tensors.push_back(bf16_tensor("lm_head.weight", {2, 2}, {5, 6, 7, 8}));
  const CheckpointFolder own(one_group(), tensors);
  EXPECT_EQ(to_f32(opened(own.path()).tensor("lm_head.weight", "embed.weight").value()).value(),
            (std::vector<float>{5, 6, 7, 8}));
}

// Other conventions

TEST(W8A8Int8, IsWhatTheCallerSays) {
  const std::vector<NamedTensor> tensors = {weight(),
                                            f32_tensor("m.q.weight_scale", {2, 1}, {0.5F, 0.25F})};
  const CheckpointFolder bare("", tensors);
  EXPECT_EQ(Checkpoint::open(bare.path()).status().code(), StatusCode::InvalidProblem);
  expect_layer(layer(opened(bare.path(), Convention::W8A8Int8), "m.q"), {});
  const CheckpointFolder marked(R"({"quantization_config":{"quant_method":"w8a8_int8"}})", tensors);
  EXPECT_EQ(opened(marked.path()).convention(), Convention::W8A8Int8);
}

TEST(SmoothQuant, NamesItsScalesScale) {
  const CheckpointFolder folder(
      R"({"quantization_config":{"quant_method":"smooth_quant","quant_dtype":"int8"}})",
      {weight(), f32_tensor("m.q.scale", {2, 1}, {0.5F, 0.25F}),
       f32_tensor("m.q.bias", {2}, {1, 2})});
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_EQ(checkpoint.convention(), Convention::SmoothQuant);
  Expected expected;
  expected.bias = {1, 2};
  expect_layer(layer(checkpoint, "m.q"), expected);
}

std::vector<NamedTensor> modelopt_tensors() {
  return {weight(), f32_tensor("m.q.weight_scale", {2}, {0.5F, 0.25F}),
          bf16_tensor("m.q.pre_quant_scale", {3}, {2, 1, 0.5F})};
}

TEST(ModelOpt, HasColumnFactors) {
  const CheckpointFolder folder(
      R"({"quantization_config":{"quant_method":"modelopt","quant_algo":"W8A8_SQ_PER_CHANNEL"}})",
      modelopt_tensors());
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_EQ(checkpoint.convention(), Convention::ModelOpt);
  Expected expected;
  expected.column_factor = {2, 1, 0.5F};
  expect_layer(layer(checkpoint, "m.q"), expected);
}

TEST(ModelOpt, IsStaticWithAnInputScale) {
  auto tensors = modelopt_tensors();
  tensors.push_back(f32_tensor("m.q.input_scale", {}, {0.125F}));
  tensors.push_back(int8_tensor("m.head.weight", {1, 1}, {1}));
  const CheckpointFolder folder(R"({"model_type":"llama"})", tensors);
  folder.write("hf_quant_config.json",
               R"({"producer":{"name":"modelopt"},"quantization":{)"
               R"("quant_algo":"W8A8_SQ_PER_CHANNEL","exclude_modules":["m.h*"]}})");
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_EQ(checkpoint.convention(), Convention::ModelOpt);
  EXPECT_FALSE(checkpoint.is_quantized("m.head"));
  Expected expected;
  expected.column_factor = {2, 1, 0.5F};
  expected.is_static = true;
  expected.activation_scale = 0.125F;
  expected.q_min = -128;
  expect_layer(layer(checkpoint, "m.q"), expected);
}

std::string quark_spec(const std::string& qscheme, bool dynamic, bool symmetric = true) {
  return R"({"dtype":"int8","qscheme":")" + qscheme + R"(","is_dynamic":)" +
         (dynamic ? "true" : "false") + R"(,"symmetric":)" + (symmetric ? "true" : "false") + "}";
}

std::string quark(const std::string& weight_spec, const std::string& input,
                  const std::string& more = "") {
  return R"({"quantization_config":{"quant_method":"quark","global_quant_config":{"weight":)" +
         weight_spec + R"(,"input_tensors":)" + input + R"(,"output_tensors":null,"bias":null})" +
         more + "}}";
}

std::vector<NamedTensor> quark_tensors() {
  return {weight(), f32_tensor("m.q.weight_scale", {2}, {0.5F, 0.25F}),
          int8_tensor("m.q.weight_zero_point", {2}, {0, 0})};
}

TEST(Quark, DynamicByChannelIsByToken) {
  const CheckpointFolder folder(
      quark(quark_spec("per_channel", false), quark_spec("per_channel", true)), quark_tensors());
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_EQ(checkpoint.convention(), Convention::Quark);
  expect_layer(layer(checkpoint, "m.q"), {});
}

TEST(Quark, StaticAsymmetric) {
  auto tensors = quark_tensors();
  tensors.push_back(f32_tensor("m.q.input_scale", {1}, {0.125F}));
  tensors.push_back(int8_tensor("m.q.input_zero_point", {1}, {5}));
  const CheckpointFolder folder(
      quark(quark_spec("per_channel", false), quark_spec("per_tensor", false, false)), tensors);
  Expected expected;
  expected.is_static = true;
  expected.symmetric = false;
  expected.activation_scale = 0.125F;
  expected.activation_zero_point = 5;
  expected.q_min = -128;
  expect_layer(layer(opened(folder.path()), "m.q"), expected);
}

TEST(Quark, LayersOfTheirOwnAndExcluded) {
  const std::string own = R"({"weight":)" + quark_spec("per_channel", false) +
                          R"(,"input_tensors":)" + quark_spec("per_channel", true, false) + "}";
  const std::string config =
      quark(quark_spec("per_channel", false), quark_spec("per_channel", true),
            R"(,"layer_quant_config":{"*.down":)" + own + R"(},"exclude":["lm_head"])");
  const CheckpointFolder folder = folder_of(config, {"a.down", "a.up", "lm_head"});
  const Checkpoint checkpoint = opened(folder.path());
  EXPECT_FALSE(layer(checkpoint, "a.down").activation.symmetric);
  EXPECT_TRUE(layer(checkpoint, "a.up").activation.symmetric);
  EXPECT_FALSE(checkpoint.is_quantized("lm_head"));
}

// What is refused when a checkpoint is opened

struct RefusedConfig {
  std::string name;
  std::string config;
  StatusCode code;
  std::string message;
};

std::ostream& operator<<(std::ostream& stream, const RefusedConfig& config) {
  return stream << config.name;
}

class RefusedConfiguration : public testing::TestWithParam<RefusedConfig> {};

TEST_P(RefusedConfiguration, SaysWhy) {
  const CheckpointFolder folder(GetParam().config, plain_tensors());
  const Result<Checkpoint> result = Checkpoint::open(folder.path());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), GetParam().code) << result.status().message();
  EXPECT_NE(result.status().message().find(GetParam().message), std::string::npos)
      << "message: " << result.status().message();
  if (GetParam().code == StatusCode::Unsupported) {
    EXPECT_NE(result.status().message().find("; "), std::string::npos);
  }
}

std::string method(const std::string& name, const std::string& more = "") {
  return R"({"quantization_config":{"quant_method":")" + name + "\"" + more + "}}";
}

std::string weights(const std::string& more) {
  return one_group(R"({"num_bits":8,"type":"int",)" + more + "}");
}

std::string activations(const std::string& more) {
  return one_group(kChannel, R"({"num_bits":8,"type":"int",)" + more + "}");
}

std::vector<RefusedConfig> refused_configs() {
  const auto unsupported = StatusCode::Unsupported;
  const auto invalid = StatusCode::InvalidProblem;
  const std::string groups = R"({"group_0":)" + group(R"(["Linear"])") + "}";
  return {
      {"Gptq", method("gptq", R"(,"bits":8)"), unsupported, "it quantizes weights alone"},
      {"Awq", method("awq"), unsupported, "it quantizes weights alone"},
      {"Fp8", method("fp8"), unsupported, "its weights are fp8"},
      {"Block", method("blockwise_int8"), unsupported, "its scales are by block"},
      {"BlockOfW8A8Int8", method("w8a8_int8", R"(,"weight_block_size":[128,128])"), unsupported,
       "scales are by block"},
      {"UnknownMethod", method("other"), unsupported, "which is not known"},
      {"NoMethod", R"({"quantization_config":{}})", unsupported, "which is not known"},
      {"NotQuantized", R"({"model_type":"llama"})", invalid, "has no quantization_config"},
      {"Fp8SmoothQuant", method("smooth_quant", R"(,"quant_dtype":"float8_e4m3fn")"), unsupported,
       "and int8 is what can be loaded"},
      {"ModelOptFp8", method("modelopt", R"(,"quant_algo":"FP8")"), unsupported,
       "W8A8_SQ_PER_CHANNEL is what can be loaded"},
      {"Groups", weights(R"("strategy":"group","group_size":128)"), unsupported, "by \"group\""},
      {"GroupsByTheirSize", weights(R"("group_size":128)"), unsupported, "by \"group\""},
      {"Blocks", weights(R"("strategy":"block","block_structure":[128,128])"), unsupported,
       "by \"block\""},
      {"FourBits", one_group(R"({"num_bits":4,"type":"int","strategy":"channel"})"), unsupported,
       "are 4 bits"},
      {"Floats", one_group(R"({"num_bits":8,"type":"float","strategy":"channel"})"), unsupported,
       "of type \"float\""},
      {"WeightsAlone", one_group(kChannel, "null"), unsupported, "it quantizes weights alone"},
      {"ActivationsAlone", one_group("null", kToken), unsupported, "it quantizes no weights"},
      {"Outputs", one_group(kChannel, kToken, R"(,"output_activations":)" + kToken), unsupported,
       "it quantizes outputs, too"},
      {"ActivationsByGroup", activations(R"("strategy":"group","dynamic":true,"group_size":128)"),
       unsupported, "dynamic by \"group\""},
      {"ActivationsDynamicByTensor", activations(R"("strategy":"tensor","dynamic":true)"),
       unsupported, "dynamic by \"tensor\""},
      {"ActivationsStaticByToken", activations(R"("strategy":"token","dynamic":false)"),
       unsupported, "static by \"token\""},
      {"ActivationsLocal", activations(R"("strategy":"token","dynamic":"local")"), unsupported,
       "dynamic \"local\""},
      {"ActivationsOfFp8",
       one_group(kChannel, R"({"num_bits":8,"type":"float","strategy":"token","dynamic":true})"),
       unsupported, "its activations are 8 bits of type \"float\""},
      {"Packed", one_group(kChannel, kToken, R"(,"format":"pack-quantized")"), unsupported,
       "its format is \"pack-quantized\""},
      {"Transforms", compressed(groups, R"(,"transform_config":{"config_groups":{}})"), unsupported,
       "transform_config"},
      {"Sparse", compressed(groups, R"(,"sparsity_config":{"format":"sparse-24-bitmask"})"),
       unsupported, "sparsity_config"},
      {"LargeExpression", compressed(R"({"group_0":)" + group(R"(["re:(a{999}){999}"])") + "}"),
       unsupported, "too large"},
      {"LongExpression",
       compressed(R"({"group_0":)" + group("[\"re:" + std::string(100'000, '(') + "\"]") + "}"),
       unsupported, "too large"},
      {"OtherExpression", compressed(R"({"group_0":)" + group("[\"re:(?P<n>a)\"]") + "}"),
       unsupported, "none of ECMAScript"},
      {"NoJson", "{", invalid, "is no JSON"},
      {"Utf8", "{\"\xff\":0}", invalid, "is no JSON"},
      {"Deep", R"({"a":)" + std::string(200, '['), invalid, "nested deeper"},
      {"KeyTwice", R"({"quantization_config":{},"quantization_config":{}})", invalid, "twice"},
      {"List", R"({"quantization_config":[]})", invalid, "expected an object"},
      {"MethodIsNoText", R"({"quantization_config":{"quant_method":8}})", invalid,
       "which is no text"},
      {"NoGroups", method("compressed-tensors"), invalid, "has no config_groups"},
      {"EmptyGroups", compressed("{}"), invalid, "names no layers"},
      {"GroupIsNoObject", compressed(R"({"group_0":[]})"), invalid, "is no object"},
      {"TargetsAreNoList", compressed(R"({"group_0":)" + group("1") + "}"), invalid,
       "expected a list"},
      {"TargetIsNoText", compressed(R"({"group_0":)" + group("[1]") + "}"), invalid,
       "which is no text"},
      {"SymmetricIsNoFlag", weights(R"("symmetric":"yes")"), invalid, "expected true or false"},
      {"GroupSizeIsNoNumber", weights(R"("group_size":"all")"), invalid, "group_size"},
      {"QuarkWeightsAlone", quark(quark_spec("per_channel", false), "null"), unsupported,
       "does not quantize both"},
      {"QuarkByGroup", quark(quark_spec("per_group", false), quark_spec("per_channel", true)),
       unsupported, "scales \"per_group\""},
      {"QuarkDynamicByTensor",
       quark(quark_spec("per_channel", false), quark_spec("per_tensor", true)), unsupported,
       "dynamic \"per_tensor\""},
      {"QuarkTwoSteps", quark("[]", "[]"), unsupported, "more than one step"},
      {"QuarkFp8", quark(R"({"dtype":"fp8_e4m3"})", R"({"dtype":"fp8_e4m3"})"), unsupported,
       "not both int8"},
  };
}

INSTANTIATE_TEST_SUITE_P(Configurations, RefusedConfiguration, testing::ValuesIn(refused_configs()),
                         [](const auto& config) { return config.param.name; });

TEST(ConfigurationFile, MustBeAFile) {
  const CheckpointFolder folder("", plain_tensors());
  std::filesystem::create_directory(folder.path() / "config.json");
  const Result<Checkpoint> result = Checkpoint::open(folder.path());
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find("is no regular file"), std::string::npos);
}

TEST(ConfigurationFile, ConventionMustExist) {
  const CheckpointFolder folder(one_group(), plain_tensors());
  EXPECT_EQ(Checkpoint::open(folder.path(), static_cast<Convention>(77)).status().code(),
            StatusCode::InvalidProblem);
  EXPECT_STREQ(to_string(static_cast<Convention>(77)), "unknown");
  EXPECT_STREQ(to_string(Convention::Quark), "quark");
}

// What is refused of a layer

struct RefusedTensors {
  std::string name;
  std::vector<NamedTensor> tensors;
  std::string message;
  std::string activations = kToken;
  std::string weights = kChannel;
};

std::ostream& operator<<(std::ostream& stream, const RefusedTensors& tensors) {
  return stream << tensors.name;
}

class RefusedLayer : public testing::TestWithParam<RefusedTensors> {};

TEST_P(RefusedLayer, SaysWhy) {
  const CheckpointFolder folder(one_group(GetParam().weights, GetParam().activations),
                                GetParam().tensors);
  const Checkpoint checkpoint = opened(folder.path());
  const Result<QuantizedLinear> result = checkpoint.linear("m.q");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find(GetParam().message), std::string::npos)
      << "message: " << result.status().message();
}

std::vector<RefusedTensors> refused_tensors() {
  const std::string fixed = R"({"num_bits":8,"type":"int","strategy":"tensor","dynamic":false})";
  const std::string asymmetric =
      R"({"num_bits":8,"type":"int","strategy":"tensor","dynamic":false,"symmetric":false})";
  const std::string channel_zero =
      R"({"num_bits":8,"type":"int","strategy":"channel","symmetric":false})";
  const NamedTensor scale = f32_tensor("m.q.weight_scale", {2, 1}, {0.5F, 0.25F});
  const float infinity = std::numeric_limits<float>::infinity();
  return {
      {"NoScale", {weight()}, "no tensor \"m.q.weight_scale\""},
      {"FloatWeight", {f32_tensor("m.q.weight", {1, 1}, {1}), scale}, "is stored as F32"},
      {"WeightOfThreeDimensions", {int8_tensor("m.q.weight", {1, 1, 1}, {1})}, "no two dimensions"},
      {"EmptyWeight", {int8_tensor("m.q.weight", {0, 3}, {}), scale}, "expected [N, K]"},
      {"PackedWeight", {int8_tensor("m.q.weight_packed", {1, 1}, {1})}, "is packed"},
      {"ScaleOfIntegers", {weight(), int8_tensor("m.q.weight_scale", {2, 1}, {1, 1})}, "is I8"},
      {"ScaleByGroup",
       {weight(), f32_tensor("m.q.weight_scale", {2, 3}, {1, 1, 1, 1, 1, 1})},
       "has the shape [2, 3]; expected [2, 1] or [2]"},
      {"ScaleOfAnotherN",
       {weight(), f32_tensor("m.q.weight_scale", {3}, {1, 1, 1})},
       "expected [2, 1] or [2]"},
      {"ScaleIsInfinite", {weight(), f32_tensor("m.q.weight_scale", {2}, {1, infinity})}, "inf"},
      {"ScaleIsNegative",
       {weight(), f32_tensor("m.q.weight_scale", {2}, {1, -1})},
       "finite scales from 0 on"},
      {"ZeroPointOfFloats",
       {weight(), scale, f32_tensor("m.q.weight_zero_point", {2}, {0, 0})},
       "is F32"},
      {"ZeroPointOfAnotherShape",
       {weight(), scale, int8_tensor("m.q.weight_zero_point", {1}, {0})},
       "expected [2, 1] or [2]"},
      {"ZeroPointThatShouldBeZero",
       {weight(), scale, int8_tensor("m.q.weight_zero_point", {2}, {0, 1})},
       "the configuration says symmetric"},
      {"ZeroPointMissing",
       {weight(), scale},
       "no tensor \"m.q.weight_zero_point\"",
       kToken,
       channel_zero},
      {"ZeroPointBeyondInt8",
       {weight(),
        scale,
        {"m.q.weight_zero_point",
         checkpoint::make_tensor<std::int32_t>(checkpoint::Dtype::I32, {2}, {0, 128})}},
       "expected int8 values",
       kToken,
       channel_zero},
      {"BiasOfAnotherN", {weight(), scale, f32_tensor("m.q.bias", {3}, {1, 1, 1})}, "expected [2]"},
      {"OtherOrder",
       {weight(), scale, int8_tensor("m.q.weight_g_idx", {3}, {0, 1, 2})},
       "another order"},
      {"InputScaleMissing", {weight(), scale}, "no tensor \"m.q.input_scale\"", fixed},
      {"InputScaleByChannel",
       {weight(), scale, f32_tensor("m.q.input_scale", {3}, {1, 1, 1})},
       "expected [1] or [] or [1, 1]",
       fixed},
      {"InputScaleIsZero",
       {weight(), scale, f32_tensor("m.q.input_scale", {1}, {0})},
       "expected a positive scale",
       fixed},
      {"InputZeroPointMissing",
       {weight(), scale, f32_tensor("m.q.input_scale", {1}, {1})},
       "no tensor \"m.q.input_zero_point\"",
       asymmetric},
      {"InputZeroPointThatShouldBeZero",
       {weight(), scale, f32_tensor("m.q.input_scale", {1}, {1}),
        int8_tensor("m.q.input_zero_point", {1}, {1})},
       "the configuration says symmetric",
       fixed},
  };
}

INSTANTIATE_TEST_SUITE_P(Tensors, RefusedLayer, testing::ValuesIn(refused_tensors()),
                         [](const auto& tensors) { return tensors.param.name; });

}  // namespace
}  // namespace qlinear::test
