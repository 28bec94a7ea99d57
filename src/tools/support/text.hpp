#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qlinear::tools {

/// "134.5 MB": in powers of 1000.
std::string bytes_text(std::uint64_t bytes);

/// "[576, 1536]"
std::string shape_text(const std::vector<std::int64_t>& shape);

/// `text` with line breaks between words, for the column of help that describes options.
std::string wrapped(std::string_view text);

/// The number of bytes that a text such as "2GB", "500 MB" or "4096" says. Throws a Failure that
/// names `option`.
std::uint64_t parse_bytes(std::string_view option, const std::string& text);

/// Rows of cells as lines, each column as wide as its widest cell. `align` has an 'r' for
/// each column that is aligned to the right, 'l' for others; the last column is never padded. What
/// would steer a terminal becomes '?'.
std::string table_text(const std::vector<std::vector<std::string>>& rows, std::string_view align);

}  // namespace qlinear::tools
