#include <checkpoint/failure.hpp>
#include <checkpoint/json_text.hpp>

#include <set>
#include <utility>
#include <vector>

namespace qlinear::checkpoint::detail {
namespace {

constexpr int kMaxDepth = 64;

/// Watches the parser for what it would take.
class StructureCheck {
 public:
  explicit StructureCheck(const std::string& where) : where_(where) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    if (depth > kMaxDepth) {
      fail(where_ + " is nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    if (event == json::parse_event_t::object_start) keys_.emplace_back();
    if (event == json::parse_event_t::object_end) keys_.pop_back();
    if (event == json::parse_event_t::key) check_key(parsed.get_ref<const std::string&>());
    return true;
  }

 private:
  void check_key(const std::string& key) {
    if (!keys_.back().insert(key).second) {
      fail(where_ + " has the key " + in_quotes(key) + " twice in one object");
    }
  }

  const std::string& where_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  try {
    json value = json::parse(text, StructureCheck(where));
    if (!value.is_object()) fail(where + " is no JSON object");
    return value;
  } catch (const json::exception& error) {
    fail(where + " is no JSON: " + in_quotes(error.what()));
  }
}

std::string brief(const json& value) {
  constexpr std::size_t kLongest = 200;
  std::string text = value.dump();
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace qlinear::checkpoint::detail
