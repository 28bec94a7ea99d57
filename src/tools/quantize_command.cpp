#include "commands.hpp"
#include "quantize/config_files.hpp"
#include "quantize/layer_choice.hpp"
#include "quantize/model_folder.hpp"
#include "quantize/output_folder.hpp"
#include "quantize/report.hpp"
#include "quantize/shards.hpp"
#include "quantize/smoothing.hpp"
#include "quantize/weight_task.hpp"
#include "support/failure.hpp"
#include "support/interrupt.hpp"
#include "support/parallel.hpp"
#include "support/progress.hpp"
#include "support/text.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace qlinear::tools {
namespace {

namespace fs = std::filesystem;
using checkpoint::Tensor;
using checkpoint::WeightScale;

struct QuantizeOptions {
  std::string in;
  std::string out;
  LayerRules rules;
  WeightScale weights = WeightScale::AbsMax;
  std::string smooth;
  double alpha = 0.5;
  std::string shard_size = "2GB";
  int threads = 0;  ///< 0: all.
  bool force = false;
  bool verbose = false;
  bool quiet = false;
};

std::vector<WeightTask> tasks_of(const LayerChoices& choices, const Smoothing& smoothing,
                                 WeightScale method) {
  std::vector<WeightTask> tasks;
  for (const LayerChoice& layer : choices.layers) {
    if (!layer.quantize) continue;
    const auto factors = smoothing.factors.find(layer.module);
    tasks.emplace_back(layer.module, layer.weight,
                       factors == smoothing.factors.end() ? nullptr : factors->second, method);
  }
  return tasks;
}

/// Sorted by name, as the tensors of the model are.
std::vector<OutputItem> items_of(const ModelFolder& model, const Smoothing& smoothing,
                                 std::vector<WeightTask>& tasks) {
  std::map<std::string, OutputItem> items;
  for (const std::string& name : model.tensors().names()) {
    const auto norm = smoothing.norms.find(name);
    items[name] = {
        name, norm == smoothing.norms.end() ? value_of(model.tensors().find(name)) : norm->second,
        nullptr};
  }
  for (WeightTask& task : tasks) {
    const std::string name = task.module() + ".weight";
    items[name] = {name, {}, &task};
  }
  std::vector<OutputItem> sorted;
  sorted.reserve(items.size());
  for (auto& [name, item] : items) sorted.push_back(std::move(item));
  return sorted;
}

void check_names(const ModelFolder& model, const std::vector<WeightTask>& tasks) {
  for (const WeightTask& task : tasks) {
    const std::string name = task.module() + ".weight_scale";
    if (model.tensors().contains(name)) {
      throw Failure(
          fmt::format("the model holds {} already, so it seems to be quantized; quantize the "
                      "float model that it was made from",
                      name));
    }
  }
}

void check_space(const fs::path& folder, std::uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < bytes) {
    throw Failure(
        fmt::format("{} takes {}, and {} are free there; free some, or give another folder",
                    folder.string(), bytes_text(bytes), bytes_text(space.available)));
  }
}

std::uint64_t total_bytes(const std::vector<Shard>& shards) {
  std::uint64_t bytes = 0;
  for (const Shard& shard : shards) bytes += shard.bytes;
  return bytes;
}

std::uint64_t source_bytes(const std::vector<WeightTask>& tasks) {
  std::uint64_t bytes = 0;
  for (const WeightTask& task : tasks) bytes += task.source().bytes;
  return bytes;
}

std::uint64_t source_bytes(const ModelFolder& model) {
  std::uint64_t bytes = 0;
  for (const std::string& name : model.tensors().names()) {
    bytes += value_of(model.tensors().find(name)).bytes;
  }
  return bytes;
}

/// transformers refuses a file whose metadata does not name a format.
std::map<std::string, std::string> metadata_of(const ModelFolder& model) {
  std::map<std::string, std::string> metadata = model.tensors().metadata();
  metadata.emplace("format", "pt");
  return metadata;
}

void warn_of(const LayerChoices& choices) {
  for (const std::string& rule : choices.unused_rules) {
    fmt::print(stderr, "qlinear: warning: --ignore {} matches no layer\n", rule);
  }
}

void quantize(const QuantizeOptions& options) {
  const int threads = options.threads > 0 ? options.threads : available_threads();
  const std::uint64_t shard_limit = parse_bytes("--shard-size", options.shard_size);
  const ModelFolder model = ModelFolder::open(options.in);
  const LayerChoices choices = choose_layers(model, options.rules);
  warn_of(choices);
  remember_interrupts();
  OutputFolder out(options.out, options.in, options.force);
  Smoothing smoothing;
  if (!options.smooth.empty()) {
    smoothing = smooth(model, choices, options.smooth, options.alpha, threads);
  }
  std::vector<WeightTask> tasks = tasks_of(choices, smoothing, options.weights);
  check_names(model, tasks);
  std::vector<Shard> shards = plan_shards(items_of(model, smoothing, tasks), shard_limit);
  const std::uint64_t bytes = total_bytes(shards);
  const std::size_t files = shards.size();
  check_space(out.temporary(), bytes);
  {
    Progress progress("quantize", source_bytes(tasks), options.quiet);
    write_shards(out.temporary(), std::move(shards), threads, metadata_of(model),
                 [&](std::uint64_t done) { progress.advance(done); });
  }
  const std::vector<std::string> left_out = copy_other_files(model.path(), out.temporary());
  write_config(out.temporary(), model, choices);
  stop_if_interrupted();
  out.commit();

  if (options.quiet) return;
  fmt::print("{}{}", noise_report(tasks, options.verbose), kept_report(choices, options.verbose));
  if (!smoothing.norms.empty()) fmt::print("smoothed: {} norms\n", smoothing.norms.size());
  for (const std::string& name : left_out) fmt::print("not copied: {} (weights as floats)\n", name);
  fmt::print("{}: {} layers quantized, {} in {} file{}; the model has {}\n", options.out,
             tasks.size(), bytes_text(bytes), files, files == 1 ? "" : "s",
             bytes_text(source_bytes(model)));
}

}  // namespace

void add_quantize_command(CLI::App& app) {
  const auto options = std::make_shared<QuantizeOptions>();
  CLI::App* const command =
      app.add_subcommand("quantize", "Make a W8A8 checkpoint of a float model");
  command->footer(
      "OUT is a compressed-tensors checkpoint (int-quantized), as vLLM and transformers read:\n"
      "int8 weights with a scale a row; activations are quantized where it runs, a scale a token.\n"
      "Other tensors and files are copied; embeddings, norms and routers of experts are never\n"
      "quantized. OUT appears when it is complete; a killed run leaves OUT.tmp-XXXXXX.");
  command->add_option("IN", options->in, "Folder of the model: config.json and safetensors files")
      ->required();
  command->add_option("OUT", options->out, "Folder to write")->required();
  const std::map<std::string, WeightScale> methods{{"absmax", WeightScale::AbsMax},
                                                   {"mse", WeightScale::MeanError}};
  command
      ->add_option(
          "--weights", options->weights,
          wrapped("Scale of a row: absmax takes its largest element; mse clips the largest "
                  "where all others gain by it, in about 100 times as long (absmax)"))
      ->transform(CLI::CheckedTransformer(methods).description(""))
      ->type_name("absmax|mse");
  command
      ->add_option("--ignore", options->rules.ignore,
                   wrapped("Leave a layer as it is: its name, or re: and a regular expression that "
                           "matches from the start of names. Repeat it for several. lm_head is "
                           "ignored without --include-lm-head"))
      ->type_name("NAME")
      ->take_all()
      ->allow_extra_args(false);
  command->add_flag("--include-lm-head", options->rules.include_lm_head,
                    wrapped("Quantize lm_head, too, also where it is tied to the embedding, which "
                            "stays as floats. Not every engine loads that"));
  command
      ->add_option("--smooth", options->smooth,
                   wrapped("SmoothQuant: safetensors file with the largest magnitudes of "
                           "activations, a tensor [K] under the name of a layer or of the norm "
                           "before it. The factors are folded into that norm"))
      ->type_name("FILE");
  command->add_option("--alpha", options->alpha, "SmoothQuant's exponent, 0 to 1 (0.5)")
      ->check(CLI::Range(0.0, 1.0).description(""))
      ->type_name("A")
      ->needs("--smooth");
  command
      ->add_option("--shard-size", options->shard_size,
                   wrapped("Largest size of a file, such as 500MB. One is held in memory at a time "
                           "(2GB)"))
      ->type_name("SIZE");
  command->add_option("--threads", options->threads, "Threads (one for each processor)")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N");
  command->add_flag("--force", options->force, "Replace OUT where it is a checkpoint already");
  command->add_flag("--verbose", options->verbose, "Print the signal-to-noise of every layer");
  command->add_flag("--quiet", options->quiet, "Print nothing but errors and warnings");
  command->callback([options] { quantize(*options); });
}

}  // namespace qlinear::tools
