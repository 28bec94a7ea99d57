#pragma once

#include <cstddef>
#include <string_view>

namespace qlinear::detail {

/// The longest beginning of `text` that takes no more than `bytes` bytes and cuts no character of
/// UTF-8.
inline std::string_view whole_characters(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes);
}

}  // namespace qlinear::detail
