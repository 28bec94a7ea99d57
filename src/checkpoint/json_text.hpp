#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace qlinear::checkpoint::detail {

using nlohmann::json;

/// The format's own limit for a header, which serves every text here.
inline constexpr std::size_t kMaxJsonBytes = 100'000'000;

/// Parses `text`, an object. `where` says in messages what it is of. Fails where it is no JSON, no
/// UTF-8, nested too deeply, or holds a key twice in one object, of which parsers keep either.
json parse_json(std::string_view text, const std::string& where);

/// The dump of `value` for a message, cut where it is long.
std::string brief(const json& value);

}  // namespace qlinear::checkpoint::detail
