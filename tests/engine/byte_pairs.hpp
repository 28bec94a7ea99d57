#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace qlinear::engine {

/// A set of code points, as ranges in ascending order.
class CodePoints {
 public:
  using Range = std::pair<char32_t, char32_t>;  ///< First and last.
  CodePoints() = default;
  explicit CodePoints(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}
  bool contains(char32_t code) const;

 private:
  std::vector<Range> ranges_;
};

/// A byte-level tokenizer by byte pairs, as GPT-2 has it, with single digits. README.md describes
/// its file.
class BytePairs {
 public:
  /// Both throw Error.
  static BytePairs load(const std::filesystem::path& file);
  static BytePairs parse(const std::string& json);

  /// The tokens of `text`. Special tokens that are spelled out in it are taken as such.
  std::vector<std::int32_t> encode(std::string_view text) const;
  /// The bytes of a token, of which several may make up one character.
  std::string decode(std::int32_t token) const;

  /// What is merged on its own: digits, words with the space before them, runs of punctuation or of
  /// spaces.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  void encode_plain(std::string_view text, std::vector<std::int32_t>& tokens) const;
  std::vector<std::string> merged(std::string_view piece) const;

  std::vector<std::string> tokens_;                        ///< Spelled as in the file.
  std::unordered_map<std::string, std::int32_t> numbers_;  ///< Of tokens.
  std::unordered_map<std::string, std::size_t> merges_;    ///< "left right" to its rank.
  std::vector<std::int32_t> special_;
  CodePoints letters_;
  CodePoints digits_;
  CodePoints spaces_;
};

}  // namespace qlinear::engine
