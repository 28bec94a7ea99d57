#include "report.hpp"

#include "run_time.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

namespace qlinear::quick_start {
namespace {

std::string device_line(const std::string& device) {
  if (!kEmulatedDevice) return device;
  return "emulated device: the kernels run as host code, to the bits they have on a GPU";
}

std::string time_line(const std::optional<double>& median_microseconds, const char* kernels) {
  if (!median_microseconds) {
    return "not measured: a time on the emulated device says nothing about a GPU";
  }
  return fmt::format("{:.1f} us for {}, the median of {} warm runs by CUDA events",
                     *median_microseconds, kernels, kTimedRuns);
}

std::string summary(const Report& report) {
  const PairResult& pair = report.pairs.front();
  const RealLayer& layer = *report.layer;
  return fmt::format(
      "qlinear quick start: one layer of a real network, with its activations on real text\n\n"
      "  layer    {0}\n"
      "  problem  y[{1},{2}] = x[{1},{3}] · Wᵀ + bias, x and y in {4}, W in {5}\n"
      "  device   {6}\n"
      "  kernels  {7}, then {8}\n"
      "  time     {9}\n"
      "  quality  signal-to-noise {10:.2f} dB, cosine {11:.6f}, against the product in f64\n",
      layer.source, layer.m, layer.c_out, layer.k, to_string(pair.types.activation),
      to_string(pair.types.weight), device_line(report.device), pair.quantize_kernel, pair.kernel,
      time_line(pair.median_microseconds, "both kernels"), pair.fidelity.snr_db,
      pair.fidelity.cosine);
}

std::string block_summary(const FeedForwardResult& block) {
  return fmt::format(
      "\nThe feed-forward block that the layer begins, its steps fused into the two linears\n\n"
      "  problem  y = LayerNorm(gelu(x · W1ᵀ + b1) · W2ᵀ + b2 + x), x and y in f16, W1 and W2 in "
      "s8\n"
      "  kernels  {}, each after its quantize kernel, and {} for the norm\n"
      "  time     {}\n"
      "  quality  signal-to-noise {:.2f} dB, cosine {:.6f}, against the block in f64\n"
      "  bits     {} those of the CPU reference\n",
      fmt::join(block.kernels.begin(), block.kernels.end() - 1, " and "), block.kernels.back(),
      time_line(block.median_microseconds, "five kernels"), block.fidelity.snr_db,
      block.fidelity.cosine, block.bits_equal ? "equal" : "DIFFER from");
}

/// Empty on the emulated device, whose table has no column of times.
std::string time_cell(const PairResult& pair) {
  if (!pair.median_microseconds) return "";
  return fmt::format("  {:>8.1f}", *pair.median_microseconds);
}

std::string table_row(const PairResult& pair, std::size_t kernel_width) {
  return fmt::format("  {:<5} {:<3} {:<{}}{}  {:>7.2f}  {:.6f}  {}\n",
                     to_string(pair.types.activation), to_string(pair.types.weight), pair.kernel,
                     kernel_width, time_cell(pair), pair.fidelity.snr_db, pair.fidelity.cosine,
                     pair.bits_equal ? "equal" : "DIFFER");
}

std::string table(const std::vector<PairResult>& pairs) {
  std::size_t kernel_width = std::string_view("kernel").size();
  for (const PairResult& pair : pairs) kernel_width = std::max(kernel_width, pair.kernel.size());
  std::string text = fmt::format("  {:<5} {:<3} {:<{}}{}  {:>7}  {:<8}  {}\n", "x, y", "W",
                                 "kernel", kernel_width, kEmulatedDevice ? "" : "  time, us",
                                 "SNR, dB", "cosine", "bits, to the CPU reference's");
  for (const PairResult& pair : pairs) text += table_row(pair, kernel_width);
  return text;
}

nlohmann::json to_json_object(const PairResult& pair) {
  nlohmann::json object = {{"activation", to_string(pair.types.activation)},
                           {"weight", to_string(pair.types.weight)},
                           {"quantize_kernel", pair.quantize_kernel},
                           {"kernel", pair.kernel},
                           {"snr_db", pair.fidelity.snr_db},
                           {"cosine", pair.fidelity.cosine},
                           {"bits_equal", pair.bits_equal},
                           {"median_us", nullptr}};
  if (pair.median_microseconds) object["median_us"] = *pair.median_microseconds;
  return object;
}

}  // namespace

bool all_bits_equal(const Report& report) {
  return std::all_of(report.pairs.begin(), report.pairs.end(),
                     [](const PairResult& pair) { return pair.bits_equal; }) &&
         (!report.feed_forward || report.feed_forward->bits_equal);
}

std::string to_text(const Report& report) {
  return summary(report) + "\n" + table(report.pairs) +
         "\n  u8 weights have no sign: W stands for W - min(W), per output channel, in the f64\n"
         "  product too. The shift weighs the rounding errors of x more, hence the lower "
         "figures.\n" +
         (report.feed_forward ? block_summary(*report.feed_forward) : "") + "\n" +
         (all_bits_equal(report) ? "Every bit equals the CPU reference.\n"
                                 : "FAILED: some bits differ from the CPU reference.\n");
}

std::string to_json(const Report& report) {
  const RealLayer& layer = *report.layer;
  nlohmann::json json = {{"device", report.device},
                         {"emulated", kEmulatedDevice},
                         {"m", layer.m},
                         {"c_out", layer.c_out},
                         {"k", layer.k},
                         {"pairs", nlohmann::json::array()},
                         {"feed_forward", nullptr}};
  for (const PairResult& pair : report.pairs) json["pairs"].push_back(to_json_object(pair));
  if (const auto& block = report.feed_forward) {
    json["feed_forward"] = {{"kernels", block->kernels},
                            {"snr_db", block->fidelity.snr_db},
                            {"cosine", block->fidelity.cosine},
                            {"bits_equal", block->bits_equal},
                            {"median_us", nullptr}};
    if (block->median_microseconds) json["feed_forward"]["median_us"] = *block->median_microseconds;
  }
  return json.dump(2) + "\n";
}

}  // namespace qlinear::quick_start
