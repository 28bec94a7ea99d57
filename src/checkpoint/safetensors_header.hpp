#pragma once

#include <qlinear/checkpoint/safetensors.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace qlinear::checkpoint::detail {

struct HeaderEntry {
  Dtype dtype = Dtype::U8;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0;  ///< Of its bytes, from the start of the file.
  std::size_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, HeaderEntry> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads the header of a file of these bytes and checks that the tensors fill the rest of it.
/// `where` names the file in messages.
SafetensorsHeader read_header(std::span<const std::byte> file, const std::string& where);

/// The number of bytes of a tensor. Fails where it does not fit 63 bits.
std::size_t tensor_bytes(Dtype dtype, const std::vector<std::int64_t>& shape,
                         const std::string& where);

}  // namespace qlinear::checkpoint::detail
