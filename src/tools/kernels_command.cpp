#include "commands.hpp"
#include "support/failure.hpp"
#include "support/text.hpp"
#include "tune/cuda.hpp"

#include <cuda_bf16.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <qlinear/kernels.hpp>
#include <qlinear/plan.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace qlinear::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Whether this GPU runs a kernel, as the library itself says for a layer that any kernel takes.
bool runs_here(const KernelSku& sku, cudaStream_t stream) {
  QuantizedLinearDescriptor layer;
  layer.m = 16;
  layer.c_out = layer.k = 1024;
  PlanPreference preference;
  if (sku.category == KernelCategory::Gemm) {
    preference.kernel = sku.name;
  } else {
    preference.quantize_kernel = sku.name;
  }
  return QuantizedLinearPlan<__nv_bfloat16, S8>::select(stream, layer, preference).ok();
}

std::string architecture_of(const KernelSku& sku) {
  return fmt::format("{}.{}{}", sku.architecture / 10, sku.architecture % 10,
                     sku.architecture_specific ? "" : " on");
}

void print_json(const std::optional<Gpu>& gpu, const std::string& why_none,
                const std::vector<bool>& runs) {
  Json json;
  if (gpu) {
    json["gpu"] = {{"name", gpu->name},
                   {"compute_capability", fmt::format("{}.{}", gpu->major, gpu->minor)},
                   {"sms", gpu->sms},
                   {"l2_bytes", gpu->l2_bytes},
                   {"memory_bytes", gpu->memory_bytes},
                   {"emulated", gpu->emulated}};
  } else {
    json["gpu"] = nullptr;
    json["why"] = why_none;
  }
  json["kernels"] = Json::array();
  std::size_t i = 0;
  for (const KernelSku& sku : registered_kernels()) {
    json["kernels"].push_back({{"name", sku.name},
                               {"category", to_string(sku.category)},
                               {"backend", to_string(sku.backend)},
                               {"compute_capability", architecture_of(sku)},
                               {"compiled_for", sku.compiled_for},
                               {"runs_here", static_cast<bool>(runs[i++])}});
  }
  fmt::print("{}\n", json.dump(2));
}

void print_text(const std::optional<Gpu>& gpu, const std::string& why_none,
                const std::vector<bool>& runs) {
  if (gpu) {
    fmt::print("GPU: {}, compute capability {}.{}, {} SMs, L2 {}, memory {}\n\n", gpu->name,
               gpu->major, gpu->minor, gpu->sms, bytes_text(gpu->l2_bytes),
               bytes_text(gpu->memory_bytes));
  } else {
    fmt::print("GPU: none ({})\n\n", why_none);
  }
  std::vector<std::vector<std::string>> rows{{"kernel", "for", "compiled for", "here"}};
  std::size_t i = 0;
  for (const KernelSku& sku : registered_kernels()) {
    rows.push_back({sku.name, architecture_of(sku), sku.compiled_for, runs[i++] ? "runs" : "-"});
  }
  fmt::print("{}", table_text(rows, "llll"));
}

void list_kernels(bool as_json) {
  forget_forced_kernels();
  std::optional<Gpu> gpu;
  std::string why_none;
  std::vector<bool> runs(registered_kernels().size());
  try {
    gpu = current_gpu();
    const Stream stream;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      runs[i] = runs_here(registered_kernels()[i], stream.get());
    }
  } catch (const Failure& failure) {
    why_none = failure.what();
  }
  if (as_json) {
    print_json(gpu, why_none, runs);
  } else {
    print_text(gpu, why_none, runs);
  }
}

}  // namespace

void add_kernels_command(CLI::App& app) {
  const auto as_json = std::make_shared<bool>(false);
  CLI::App* const command =
      app.add_subcommand("kernels", "List this machine's GPU and the library's kernels");
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([as_json] { list_kernels(*as_json); });
}

}  // namespace qlinear::tools
