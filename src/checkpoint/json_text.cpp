#include <base/whole_characters.hpp>
#include <checkpoint/failure.hpp>
#include <checkpoint/json_text.hpp>

#include <set>
#include <utility>
#include <vector>

namespace qlinear::checkpoint::detail {
namespace {

constexpr int kMaxDepth = 64;

/// Refuses what the parser would take. The events of a parse of its own: the parser's callback
/// looks at all members of an object again whenever an object in it ends.
class StructureCheck : public json::json_sax_t {
 public:
  explicit StructureCheck(const std::string& where) : where_(where) {}

  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return enter();
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      fail(where_ + " has the key " + in_quotes(name) + " twice in one object");
    }
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return leave();
  }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  /// The parse that follows says what is wrong.
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  bool enter() {
    if (++depth_ > kMaxDepth) {
      fail(where_ + " is nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  const std::string& where_;
  std::vector<std::set<std::string>> keys_;
  int depth_ = 0;
};

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  try {
    StructureCheck check(where);
    static_cast<void>(json::sax_parse(text, &check));
    json value = json::parse(text);
    if (!value.is_object()) fail(where + " is no JSON object");
    return value;
  } catch (const json::exception& error) {
    fail(where + " is no JSON: " + in_quotes(error.what()));
  }
}

std::string brief(const json& value) {
  constexpr std::size_t kLongest = 200;
  std::string text = value.dump();
  if (text.size() <= kLongest) return text;
  return std::string(qlinear::detail::whole_characters(text, kLongest)) + "...";
}

}  // namespace qlinear::checkpoint::detail
