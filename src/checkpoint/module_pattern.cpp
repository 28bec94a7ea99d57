#include <checkpoint/failure.hpp>
#include <checkpoint/module_pattern.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

namespace qlinear::checkpoint::detail {
namespace {

constexpr std::string_view kRegexMark = "re:";

/// The library compiles counted repetitions to copies of what they repeat, and follows an
/// expression by recursion.
constexpr std::size_t kMostRegexStates = 2048;

/// The largest number of states that `expression` could be compiled to, by its length and the
/// counts in its braces.
std::size_t states_of(std::string_view expression) {
  std::size_t states = expression.size();
  for (std::size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] != '{') continue;
    std::size_t largest = 1;
    std::size_t count = 0;
    for (++i; i < expression.size() && expression[i] != '}'; ++i) {
      const auto digit = static_cast<unsigned char>(expression[i]);
      count = std::isdigit(digit) != 0 ? count * 10 + (digit - '0') : 0;
      largest = std::max(largest, std::min(count, kMostRegexStates));
      count = std::min(count, kMostRegexStates);
    }
    states = std::min(states * (largest + 1), kMostRegexStates * kMostRegexStates);
  }
  return states;
}

std::regex compiled(const std::string& expression, const std::string& where) {
  if (states_of(expression) > kMostRegexStates) {
    fail_unsupported(where + " has a regular expression that is too large, " +
                     in_quotes(expression) + "; split it into several");
  }
  auto syntax = std::regex::ECMAScript | std::regex::optimize;
#ifdef __GLIBCXX__
  // Takes time in proportion to the name, whatever the expression. Others try every way.
  syntax |= std::regex_constants::__polynomial;
#endif
  try {
    return std::regex(expression, syntax);
  } catch (const std::regex_error& error) {
    fail_unsupported(where + " has the regular expression " + in_quotes(expression) +
                     ", which is none of ECMAScript (" + error.what() +
                     "); write it without what Python alone knows");
  }
}

/// Whether `*` of `pattern` can stand for parts of `text` such that they are equal.
bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // The last one, which takes the text up to `taken`.
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

ModulePattern::ModulePattern(std::string text, const std::string& where) : text_(std::move(text)) {
  if (text_.compare(0, kRegexMark.size(), kRegexMark) == 0) {
    regex_ = compiled(text_.substr(kRegexMark.size()), where);
  }
}

ModulePattern ModulePattern::any() {
  ModulePattern pattern;
  pattern.any_ = true;
  return pattern;
}

Match ModulePattern::match(std::string_view module) const {
  if (any_) return Match::Any;
  if (regex_) {
    const bool found = std::regex_search(module.begin(), module.end(), *regex_,
                                         std::regex_constants::match_continuous);
    return found ? Match::Pattern : Match::None;
  }
  if (text_ == module) return Match::Exact;
  if (text_ == "Linear") return Match::Class;
  const bool wild = text_.find('*') != std::string::npos;
  return wild && matches_wildcard(text_, module) ? Match::Pattern : Match::None;
}

}  // namespace qlinear::checkpoint::detail
