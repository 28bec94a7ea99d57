#include "quantize/shards.hpp"

#include "quantize/config_files.hpp"
#include "support/failure.hpp"
#include "support/interrupt.hpp"
#include "support/parallel.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

namespace qlinear::tools {
namespace {

using checkpoint::NamedTensor;

struct Part {
  WeightTask* task;
  std::size_t index;
};

void quantize_items(const Shard& shard, int threads,
                    const std::function<void(std::uint64_t)>& after_part) {
  std::vector<Part> parts;
  for (const OutputItem& item : shard.items) {
    if (item.task == nullptr) continue;
    item.task->begin();
    for (std::size_t i = 0; i < item.task->parts(); ++i) parts.push_back({item.task, i});
  }
  for_each_in_parallel(parts.size(), threads, [&](std::size_t i) {
    parts[i].task->quantize_part(parts[i].index);
    after_part(parts[i].task->source_bytes_of_part(parts[i].index));
  });
}

std::vector<NamedTensor> tensors_of(Shard& shard) {
  std::vector<NamedTensor> tensors;
  for (OutputItem& item : shard.items) {
    if (item.task == nullptr) {
      tensors.push_back({item.name, std::move(item.copy)});
    } else {
      for (NamedTensor& tensor : item.task->finish()) tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

}  // namespace

std::uint64_t OutputItem::bytes() const noexcept {
  if (task == nullptr) return copy.bytes;
  const auto rows = static_cast<std::uint64_t>(task->source().shape[0]);
  return rows * (static_cast<std::uint64_t>(task->source().shape[1]) + sizeof(float));
}

std::vector<Shard> plan_shards(std::vector<OutputItem> items, std::uint64_t limit) {
  std::vector<Shard> shards(1);
  for (OutputItem& item : items) {
    const std::uint64_t bytes = item.bytes();
    if (!shards.back().items.empty() && shards.back().bytes + bytes > limit) shards.emplace_back();
    shards.back().bytes += bytes;
    shards.back().items.push_back(std::move(item));
  }
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  if (count == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void write_shards(const std::filesystem::path& folder, std::vector<Shard> shards, int threads,
                  const std::map<std::string, std::string>& metadata,
                  const std::function<void(std::uint64_t)>& after_part) {
  std::map<std::string, std::string> shard_of_tensor;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i, shards.size());
    quantize_items(shards[i], threads, after_part);
    stop_if_interrupted();
    const std::vector<NamedTensor> tensors = tensors_of(shards[i]);
    shards[i] = {};
    check(checkpoint::write_safetensors(folder / name, tensors, metadata));
    stop_if_interrupted();
    for (const NamedTensor& tensor : tensors) {
      shard_of_tensor[tensor.name] = name;
      total += tensor.tensor.bytes;
    }
  }
  if (shards.size() > 1) write_index(folder, shard_of_tensor, total);
}

}  // namespace qlinear::tools
