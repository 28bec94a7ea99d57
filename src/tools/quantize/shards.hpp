#pragma once

#include "quantize/weight_task.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace qlinear::tools {

/// What becomes of one tensor of the model: it is copied, or quantized by `task`.
struct OutputItem {
  std::string name;
  checkpoint::Tensor copy;
  WeightTask* task = nullptr;

  std::uint64_t bytes() const noexcept;
};

/// The items of one file.
struct Shard {
  std::vector<OutputItem> items;
  std::uint64_t bytes = 0;
};

/// `items` in their order, in files of at most `limit` bytes, or of one item that is larger.
std::vector<Shard> plan_shards(std::vector<OutputItem> items, std::uint64_t limit);

/// "model.safetensors", or "model-00001-of-00003.safetensors".
std::string shard_name(std::size_t index, std::size_t count);

/// Fills `folder` with the files and, where they are several, `model.safetensors.index.json`. One
/// shard at a time is in memory, and the floats of one part of a weight a thread. `after_part` is
/// called with the bytes of the model that are done; threads may call it at the same time.
void write_shards(const std::filesystem::path& folder, std::vector<Shard> shards, int threads,
                  const std::map<std::string, std::string>& metadata,
                  const std::function<void(std::uint64_t)>& after_part);

}  // namespace qlinear::tools
