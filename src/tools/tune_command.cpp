#include "commands.hpp"
#include "support/failure.hpp"
#include "support/interrupt.hpp"
#include "support/text.hpp"
#include "tune/cuda.hpp"
#include "tune/layer_problem.hpp"
#include "tune/layers_of_checkpoint.hpp"
#include "tune/search.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <qlinear/tuning.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace qlinear::tools {
namespace {

struct TuneOptions {
  std::string folder;
  std::vector<std::string> layers;
  std::vector<std::string> tokens{"1", "2-4", "5-8", "9-16", "17-32", "33-64", "65-128"};
  std::string output;
  ElementKind activation = ElementKind::BF16;
  double margin = 1;
  SearchEffort effort;
  bool quantize_kernels = false;
  bool allow_emulated = false;
};

/// Tokens that one entry is for. The last is what is measured.
struct TokenRange {
  std::int64_t first = 0;
  std::int64_t last = 0;

  std::string text() const {
    return first == last ? std::to_string(last) : fmt::format("{}-{}", first, last);
  }
};

/// Reads "A" followed by, where `separator` is there, "B". Returns whether `text` is nothing else.
bool read_pair(const std::string& text, char separator, std::int64_t& a, std::int64_t& b) {
  std::istringstream stream(text);
  char between = 0;
  if (!(stream >> a)) return false;
  b = a;
  if (stream.eof())
    return separator == '-' && a > 0 && a <= std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  return stream >> between && between == separator && stream >> b && stream.eof() && 0 < a &&
         a <= kLargest && 0 < b && b <= kLargest;
}

TokenRange parse_tokens(const std::string& text) {
  TokenRange range;
  if (!read_pair(text, '-', range.first, range.last) || range.first > range.last) {
    throw Failure(
        fmt::format("--m holds '{}'; it takes numbers of tokens and ranges, as in 1,2-16", text));
  }
  return range;
}

LayerShape parse_layer(const std::string& text) {
  LayerShape shape;
  if (!read_pair(text, 'x', shape.n, shape.k)) {
    throw Failure(
        fmt::format("--layers holds '{}'; it takes NxK, outputs times inputs, as in "
                    "6144x4096,4096x4096",
                    text));
  }
  return shape;
}

std::vector<LayerShape> layers_to_tune(const TuneOptions& options) {
  if (options.folder.empty() == options.layers.empty()) {
    throw Failure("give either the folder of a quantized checkpoint or --layers");
  }
  if (!options.folder.empty()) return layers_of_checkpoint(options.folder);
  std::vector<LayerShape> layers;
  for (const std::string& text : options.layers) layers.push_back(parse_layer(text));
  return layers;
}

/// A line of the table; a comment where the cost model chooses what is as fast.
std::string entry(const Gpu& gpu, const TuneOptions& options, const LayerShape& layer,
                  const TokenRange& tokens, const SearchResult& found) {
  const double gain = 100 * (found.model_seconds / found.best_seconds - 1);
  const std::string problem =
      fmt::format("{}.{} {} {} s8 {} {} {}", gpu.major, gpu.minor, gpu.sms,
                  to_string(options.activation), layer.n, layer.k, tokens.text());
  if (found.best.split_k == 0 || gain < options.margin) {
    return fmt::format("# {}: as the cost model chooses, {} ({:.2f} us)\n", problem,
                       found.model.gemm, 1e6 * found.model_seconds);
  }
  const std::string quantize = found.best.quantize.empty() ? "" : " " + found.best.quantize;
  return fmt::format("{} {} {}{}  # {:.2f} us; the cost model's {} {:.2f} us\n", problem,
                     found.best.gemm, found.best.split_k, quantize, 1e6 * found.best_seconds,
                     found.model.gemm, 1e6 * found.model_seconds);
}

Gpu gpu_to_tune(const TuneOptions& options) {
  Gpu gpu = current_gpu();
  if (gpu.emulated && !options.allow_emulated) {
    throw Failure(
        "this build runs on the emulated device, whose times mean nothing; build for CUDA "
        "and run it on the GPU, or try the command with --allow-emulated");
  }
  return gpu;
}

std::string temporary_of(const std::string& path) { return path + ".tmp"; }

/// What is measured for hours should not be lost for want of a folder.
void check_writable(const std::string& path) {
  const std::string temporary = temporary_of(path);
  if (!std::ofstream(temporary, std::ios::binary)) {
    throw Failure(fmt::format("{} cannot be written; is its folder there?", temporary));
  }
  std::filesystem::remove(temporary);
}

/// Writes beside `path` and renames, so that a table that is there is replaced by a whole one.
void write_table(const std::string& path, const std::string& text) {
  const std::string temporary = temporary_of(path);
  std::ofstream stream(temporary, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) {
    throw Failure(
        fmt::format("{} cannot be written; is its folder there, and room for it?", temporary));
  }
  std::filesystem::rename(temporary, path);
}

void tune(const TuneOptions& options) {
  std::vector<TokenRange> tokens;
  for (const std::string& text : options.tokens) tokens.push_back(parse_tokens(text));
  const std::vector<LayerShape> layers = layers_to_tune(options);
  const Gpu gpu = gpu_to_tune(options);
  if (!options.output.empty()) check_writable(options.output);
  remember_interrupts();
  forget_forced_kernels();
  clear_tuning_table();  // What is compared with is the cost model's choice.
  const Stream stream;
  std::string table =
      fmt::format("qlinear tuning table 1\n# {}, by qlinear {} tune\n", gpu.name, QLINEAR_VERSION);
  std::size_t done = 0;
  for (const LayerShape& layer : layers) {
    for (const TokenRange& range : tokens) {
      const auto problem =
          make_layer_problem(options.activation, layer, range.last, gpu, stream.get());
      const SearchResult found =
          fastest(*problem, options.quantize_kernels, stream.get(), options.effort);
      table += entry(gpu, options, layer, range, found);
      fmt::print(stderr, "{} of {}: N {} K {} M {}: {} candidates, {:.2f} us\n", ++done,
                 layers.size() * tokens.size(), layer.n, layer.k, range.text(), found.candidates,
                 1e6 * found.best_seconds);
    }
  }
  if (options.output.empty()) {
    fmt::print("{}", table);
  } else {
    write_table(options.output, table);
  }
  check(import_tuning_table(table));  // Hours may have gone into the table, so it is written first.
}

}  // namespace

void add_tune_command(CLI::App& app) {
  const auto options = std::make_shared<TuneOptions>();
  CLI::App* const command =
      app.add_subcommand("tune", "Time every kernel on this GPU and write a tuning table");
  command->footer(
      "The table names kernels that are faster than what the library would choose;\n"
      "QLINEAR_TUNING_TABLE=FILE makes programs use it. Times are medians of whole layers,\n"
      "quantization included, with cold weights as in a model.");
  command->add_option(
      "DIR", options->folder,
      wrapped("Quantized checkpoint whose layers to tune for; also q, k and v as one "
              "layer, and gate and up"));
  command
      ->add_option("--layers", options->layers,
                   wrapped("Layers instead, outputs x inputs, separated by commas"))
      ->delimiter(',')
      ->type_name("NxK")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--m", options->tokens,
          wrapped("Numbers of tokens, separated by commas. Ranges are measured at their end "
                  "(1,2-4,5-8,9-16,17-32,33-64,65-128)"))
      ->delimiter(',')
      ->type_name("M")
      ->allow_extra_args(false);
  command->add_option("--output", options->output, "File to write (standard output)")
      ->type_name("FILE");
  const std::map<std::string, ElementKind> kinds{{"f16", ElementKind::F16},
                                                 {"bf16", ElementKind::BF16},
                                                 {"f32", ElementKind::F32},
                                                 {"f64", ElementKind::F64}};
  command->add_option("--activation", options->activation, "Type of activations (bf16)")
      ->transform(CLI::CheckedTransformer(kinds).description(""))
      ->type_name("f16|bf16|f32|f64");
  command->add_flag("--quantize-kernels", options->quantize_kernels,
                    "Try every quantize kernel with the best GEMM kernel, too");
  command
      ->add_option("--margin", options->margin,
                   wrapped("Write an entry where it is at least so many percent faster than the "
                           "library's choice (1)"))
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("PERCENT");
  command->add_option("--rounds", options->effort.rounds, "Rounds of turns of all kernels (7)")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N");
  command->add_flag("--allow-emulated", options->allow_emulated,
                    "Run on the emulated device, too: a trial of the command");
  command->callback([options] { tune(*options); });
}

}  // namespace qlinear::tools
