#include "byte_pairs.hpp"

#include "require.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <limits>

namespace qlinear::engine {
namespace {

/// A character of a text: its code point, or for a byte that is no UTF-8 the replacement character.
struct Character {
  char32_t code = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

Character character_at(std::string_view text, std::size_t begin) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(begin);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  const Character invalid{0xFFFD, begin, begin + 1};
  if (length == 0 || begin + length > text.size()) return invalid;
  char32_t code = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(begin + i) & 0xC0U) != 0x80) return invalid;
    code = (code << 6) | (byte(begin + i) & 0x3FU);
  }
  return {code, begin, begin + length};
}

std::string utf8(char32_t code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0U | (code >> 6)), static_cast<char>(0x80U | (code & 0x3FU))};
}

/// How the vocabulary spells each byte: printable ones of Latin-1 as themselves, and the others as
/// the code points from 256 on.
const std::array<std::string, 256>& spelling() {
  static const std::array<std::string, 256> table = [] {
    std::array<std::string, 256> spelled;
    char32_t next = 256;
    for (char32_t byte = 0; byte < 256; ++byte) {
      const bool printable = ('!' <= byte && byte <= '~') || (0xA1 <= byte && byte != 0xAD);
      spelled[byte] = utf8(printable ? byte : next++);
    }
    return spelled;
  }();
  return table;
}

const std::unordered_map<std::string, char>& bytes_of_spelling() {
  static const std::unordered_map<std::string, char> table = [] {
    std::unordered_map<std::string, char> bytes;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      bytes.emplace(spelling()[byte], static_cast<char>(byte));
    }
    return bytes;
  }();
  return table;
}

/// The contraction, such as 'll, that `text` begins with; empty if none.
std::string_view contraction(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.substr(0, ending.size()) == ending) return ending;
  }
  return {};
}

}  // namespace

bool CodePoints::contains(char32_t code) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), code,
                       [](char32_t c, const Range& range) { return c < range.first; });
  return after != ranges_.begin() && code <= std::prev(after)->second;
}

BytePairs BytePairs::load(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(file.string() + " cannot be read; it holds the tokenizer of a model");
  return parse({std::istreambuf_iterator<char>(stream), {}});
}

BytePairs BytePairs::parse(const std::string& text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    BytePairs pairs;
    json.at("tokens").get_to(pairs.tokens_);
    for (std::size_t i = 0; i < pairs.tokens_.size(); ++i) {
      pairs.numbers_.emplace(pairs.tokens_[i], static_cast<std::int32_t>(i));
    }
    for (const auto& merge : json.at("merges")) {
      pairs.merges_.emplace(merge.get<std::string>(), pairs.merges_.size());
    }
    json.at("special").get_to(pairs.special_);
    for (const std::int32_t token : pairs.special_) {
      if (token < 0 || pairs.tokens_.size() <= static_cast<std::size_t>(token)) {
        throw Error("the tokenizer names a special token that it does not have");
      }
    }
    const auto read = [&](const char* name) {
      return CodePoints(json.at(name).get<std::vector<CodePoints::Range>>());
    };
    pairs.letters_ = read("letters");
    pairs.digits_ = read("numbers");
    pairs.spaces_ = read("spaces");
    return pairs;
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("the tokenizer: ") + error.what());
  }
}

std::vector<std::int32_t> BytePairs::encode(std::string_view text) const {
  std::vector<std::int32_t> tokens;
  while (!text.empty()) {
    // The first special token, the longest of those that begin there.
    std::size_t begin = text.size();
    std::size_t length = 0;
    std::int32_t special = -1;
    for (const std::int32_t token : special_) {
      const std::string& spelled = tokens_[static_cast<std::size_t>(token)];
      const std::size_t found = text.find(spelled);
      if (found < begin || (found == begin && found < text.size() && spelled.size() > length)) {
        begin = found;
        length = spelled.size();
        special = token;
      }
    }
    encode_plain(text.substr(0, begin), tokens);
    if (special >= 0) tokens.push_back(special);
    text.remove_prefix(begin + length);
  }
  return tokens;
}

void BytePairs::encode_plain(std::string_view text, std::vector<std::int32_t>& tokens) const {
  for (const std::string_view piece : split(text)) {
    for (const std::string& symbol : merged(piece)) {
      // A byte that the vocabulary lacks is dropped, as the model was trained.
      if (const auto found = numbers_.find(symbol); found != numbers_.end()) {
        tokens.push_back(found->second);
      }
    }
  }
}

std::string BytePairs::decode(std::int32_t token) const {
  if (token < 0 || tokens_.size() <= static_cast<std::size_t>(token)) return {};
  const std::string& spelled = tokens_[static_cast<std::size_t>(token)];
  std::string bytes;
  for (std::size_t i = 0; i < spelled.size();) {
    const std::size_t end = character_at(spelled, i).end;
    const std::string character = spelled.substr(i, end - i);
    const auto byte = bytes_of_spelling().find(character);
    bytes += byte == bytes_of_spelling().end() ? character : std::string(1, byte->second);
    i = end;
  }
  return bytes;
}

std::vector<std::string_view> BytePairs::split(std::string_view text) const {
  std::vector<Character> characters;
  for (std::size_t i = 0; i < text.size(); i = characters.back().end) {
    characters.push_back(character_at(text, i));
  }
  enum class Kind : std::uint8_t { Letter, Digit, Space, Other, End };
  const auto kind = [&](std::size_t i) {
    if (i >= characters.size()) return Kind::End;
    const char32_t code = characters[i].code;
    return letters_.contains(code)  ? Kind::Letter
           : digits_.contains(code) ? Kind::Digit
           : spaces_.contains(code) ? Kind::Space
                                    : Kind::Other;
  };

  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < characters.size();) {
    const std::size_t begin = characters[i].begin;
    std::size_t end = i + 1;
    if (const std::string_view ending = contraction(text.substr(begin)); !ending.empty()) {
      end = i + ending.size();
    } else if (kind(i) != Kind::Digit) {
      // One space belongs to the word or the punctuation after it.
      const bool led =
          characters[i].code == ' ' && (kind(i + 1) == Kind::Letter || kind(i + 1) == Kind::Other);
      const Kind run = led ? kind(i + 1) : kind(i);
      while (kind(end) == run) ++end;
      // The last of several spaces is left to what follows, unless that is a digit.
      if (run == Kind::Space && end - i > 1 && kind(end) != Kind::Digit && kind(end) != Kind::End) {
        --end;
      }
    }
    pieces.push_back(text.substr(begin, characters[end - 1].end - begin));
    i = end;
  }
  return pieces;
}

std::vector<std::string> BytePairs::merged(std::string_view piece) const {
  std::vector<std::string> symbols;
  for (const char byte : piece) symbols.push_back(spelling()[static_cast<unsigned char>(byte)]);
  while (symbols.size() > 1) {
    std::size_t best = 0;
    std::size_t best_rank = std::numeric_limits<std::size_t>::max();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto merge = merges_.find(symbols[i] + " " + symbols[i + 1]);
      if (merge != merges_.end() && merge->second < best_rank) {
        best = i;
        best_rank = merge->second;
      }
    }
    if (best_rank == std::numeric_limits<std::size_t>::max()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  return symbols;
}

}  // namespace qlinear::engine
