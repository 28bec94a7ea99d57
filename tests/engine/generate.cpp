// qlinear_generate: text from a W8A8 checkpoint.

#include "byte_pairs.hpp"
#include "decoder.hpp"
#include "require.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace qlinear::engine {
namespace {

struct Options {
  std::filesystem::path model;
  std::string prompt;
  std::string device = "auto";
  std::string kernel;
  std::filesystem::path perplexity;
  bool plain = false;
  bool tokens = false;
  bool no_graph = false;
  int count = 128;
  int threads = 0;
};

constexpr bool kEmulated = QLINEAR_ENGINE_EMULATED_DEVICE;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::unique_ptr<Backend> chosen_backend(const Options& options) {
  const bool reference = options.device == "reference" || (options.device == "auto" && kEmulated);
  if (!reference) return device_backend({options.kernel, !options.no_graph});
  if (!options.kernel.empty() || options.no_graph) {
    throw Error(
        "--kernel and --no-graph are for a device, and the model runs on the reference; add "
        "--device device");
  }
  const auto all = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  return reference_backend(options.threads > 0 ? options.threads : std::min(all, 16));
}

std::string reason(const Options& options) {
  if (options.device != "auto") return "as --device says";
  return kEmulated ? "built without a GPU, where it is much faster than the emulated device"
                   : "built for a GPU";
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(file.string() + " cannot be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// FNV-1a of the bytes of `logits`: equal where all their bits are.
std::uint64_t digest(const std::vector<float>& logits) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const float logit : logits) {
    const auto bits = std::bit_cast<std::uint32_t>(logit);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      hash = (hash ^ ((bits >> shift) & 0xFF)) * 0x100000001b3;
    }
  }
  return hash;
}

void print_perplexity(Decoder& decoder, const BytePairs& tokenizer, const std::string& text) {
  const auto tokens = tokenizer.encode(text);
  const auto start = std::chrono::steady_clock::now();
  const double value = perplexity(decoder, tokens);
  std::printf("perplexity: %.3f over %zu tokens (%.1f tokens/s)\n", value, tokens.size(),
              static_cast<double>(tokens.size()) / seconds_since(start));
}

void print_text(Decoder& decoder, const BytePairs& tokenizer,
                const std::vector<std::int32_t>& prompt, int count, std::int64_t weight_bytes) {
  const auto start = std::chrono::steady_clock::now();
  read_prompt(decoder, prompt);
  const std::uint64_t bits = digest(decoder.logits());
  const double reading = seconds_since(start);
  const auto first = std::chrono::steady_clock::now();
  const int generated =
      generate(decoder, static_cast<int>(prompt.size()), count, [&](std::int32_t token) {
        std::fputs(tokenizer.decode(token).c_str(), stdout);
        std::fflush(stdout);
      });
  // The prompt gave the first token.
  const double rate = (generated - 1) / std::max(seconds_since(first), 1e-9);
  std::printf("\n\nprompt: %zu tokens, %.1f tokens/s; logits after it: %016" PRIx64
              ", the same on every device\n",
              prompt.size(), static_cast<double>(prompt.size()) / std::max(reading, 1e-9), bits);
  std::printf("text: %d tokens, %.1f tokens/s; a token reads %.0f MB of weights: %.2f GB/s\n",
              generated, rate, static_cast<double>(weight_bytes) * 1e-6,
              static_cast<double>(weight_bytes) * 1e-9 * rate);
}

void run(const Options& options) {
  const BytePairs tokenizer = BytePairs::load(options.model / "byte_pairs.json");
  const std::string text = !options.perplexity.empty() ? read_file(options.perplexity)
                           : options.plain             ? options.prompt
                                                       : chat_form(options.prompt);
  const auto tokens = tokenizer.encode(text);
  if (options.tokens) {
    for (const std::int32_t token : tokens) std::printf("%d\n", token);
    return;
  }
  const std::unique_ptr<Backend> backend = chosen_backend(options);
  const Model model = load_model(options.model);
  const auto known = static_cast<std::size_t>(model.config.max_position_embeddings);
  if (tokens.size() > known) {
    throw Error("the text has " + std::to_string(tokens.size()) + " tokens, and the model knows " +
                std::to_string(known) + " positions; shorten it");
  }
  std::printf("device: %s (%s)\n", backend->name().c_str(), reason(options).c_str());
  const int size =
      static_cast<int>(tokens.size()) + (options.perplexity.empty() ? options.count : 0);
  Decoder decoder(*backend, model, {64, 1, std::min(size, model.config.max_position_embeddings)});
  if (!options.perplexity.empty()) return print_perplexity(decoder, tokenizer, text);
  std::printf("\n");
  print_text(decoder, tokenizer, tokens, options.count, weight_bytes_per_token(model));
}

}  // namespace
}  // namespace qlinear::engine

int main(int argc, char** argv) {
  qlinear::engine::Options options;
  CLI::App app("Generates text with a W8A8 checkpoint of a Llama model.");
  app.add_option("model", options.model, "folder of the checkpoint, with byte_pairs.json")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("prompt", options.prompt, "what is asked");
  app.add_option("--device", options.device,
                 "reference: the CPU; device: the GPU or, built without one, the emulated device")
      ->check(CLI::IsMember({"auto", "reference", "device"}));
  app.add_option("--max-tokens", options.count, "tokens of text")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", options.threads, "threads of the reference; 0 for all, 16 at most");
  app.add_option("--kernel", options.kernel, "GEMM kernel that the device must use");
  app.add_option("--perplexity", options.perplexity, "prints the perplexity of this file instead")
      ->check(CLI::ExistingFile);
  app.add_flag("--plain", options.plain, "continues the prompt itself, not a chat with it");
  app.add_flag("--tokens", options.tokens, "prints the tokens and ends");
  app.add_flag("--no-graph", options.no_graph, "decodes without a CUDA graph");
  CLI11_PARSE(app, argc, argv);
  if (options.prompt.empty() && options.perplexity.empty()) {
    std::fprintf(
        stderr,
        "error: there is no prompt; pass one, such as \"What is the capital of France?\"\n");
    return 1;
  }
  try {
    qlinear::engine::run(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
