#include "support/text.hpp"

#include "support/failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

namespace qlinear::tools {
namespace {

struct Unit {
  const char* name;
  std::uint64_t bytes;
};

constexpr std::array<Unit, 5> kUnits{
    {{"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1000}, {"B", 1}}};

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (unit.bytes > 1 && bytes >= unit.bytes) {
      return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(unit.bytes),
                         unit.name);
    }
  }
  return fmt::format("{} B", bytes);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string wrapped(std::string_view text) {
  constexpr std::size_t kWidth = 66;
  std::string lines;
  while (text.size() > kWidth) {
    const std::size_t space = text.rfind(' ', kWidth);
    if (space == std::string_view::npos) break;
    lines.append(text.substr(0, space)).push_back('\n');
    text.remove_prefix(space + 1);
  }
  return lines.append(text);
}

std::uint64_t parse_bytes(std::string_view option, const std::string& text) {
  std::istringstream stream(text);
  double number = 0;
  std::string name;
  stream >> number;
  const bool is_number = !stream.fail();
  stream >> name;
  const bool is_whole = stream.eof() || (stream >> std::ws).eof();
  if (name.empty()) name.push_back('B');
  const auto* const unit = std::find_if(kUnits.begin(), kUnits.end(),
                                        [&](const Unit& u) { return same_letters(u.name, name); });
  const double bytes = unit == kUnits.end() ? 0 : number * static_cast<double>(unit->bytes);
  if (!is_number || !is_whole || !(bytes >= 1 && bytes <= 1e18)) {
    throw Failure(
        fmt::format("{} is '{}'; it takes a size such as 2GB, 500MB or 4096", option, text));
  }
  return static_cast<std::uint64_t>(bytes);
}

std::string table_text(const std::vector<std::vector<std::string>>& rows, std::string_view align) {
  std::vector<std::size_t> widths(align.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += align[i] == 'r' ? fmt::format("{:>{}}", row[i], widths[i])
                              : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
    text += line + '\n';
  }
  return text;
}

}  // namespace qlinear::tools
