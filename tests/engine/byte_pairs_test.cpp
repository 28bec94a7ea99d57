// The tokenizer: where it splits, what it merges, and that texts come back.

#include "byte_pairs.hpp"
#include "require.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace qlinear::engine {
namespace {

/// Tokens 0 and 1 are special, then come the letters and what they merge to. "Ġ" is a space.
BytePairs tiny() {
  return BytePairs::parse(R"({
    "tokens": ["<|end|>", "<|end|>s", "a", "b", "Ġ", "1", "Ċ", "Ã", "©", "ab", "Ġab", "abab", "Ã©"],
    "merges": ["a b", "Ã ©", "Ġ ab", "ab ab"],
    "special": [0, 1],
    "letters": [[65, 90], [97, 122], [233, 233]],
    "numbers": [[48, 57]],
    "spaces": [[9, 13], [32, 32], [160, 160]]
  })");
}

using Tokens = std::vector<std::int32_t>;

std::string text_of(const BytePairs& pairs, const Tokens& tokens) {
  std::string text;
  for (const std::int32_t token : tokens) text += pairs.decode(token);
  return text;
}

TEST(BytePairs, SplitWhereTheModelWasTrained) {
  const BytePairs pairs = tiny();
  using Pieces = std::vector<std::string_view>;
  EXPECT_EQ(pairs.split("Hello, world"), (Pieces{"Hello", ",", " world"}));
  EXPECT_EQ(pairs.split("in  2024"), (Pieces{"in", "  ", "2", "0", "2", "4"}));
  EXPECT_EQ(pairs.split("a   b"), (Pieces{"a", "  ", " b"}));
  EXPECT_EQ(pairs.split("a\n\nb \n"), (Pieces{"a", "\n", "\n", "b", " \n"}));
  EXPECT_EQ(pairs.split("it's we'll 'd"), (Pieces{"it", "'s", " we", "'ll", " '", "d"}));
  EXPECT_EQ(pairs.split("?! (a)"), (Pieces{"?!", " (", "a", ")"}));
  EXPECT_EQ(pairs.split("caf\u00e9 x"), (Pieces{"caf\u00e9", " x"}));
  EXPECT_EQ(pairs.split("\xff\xc3"), (Pieces{"\xff\xc3"}));
  EXPECT_EQ(pairs.split(""), Pieces{});
}

TEST(BytePairs, MergeByRankAndFromTheLeft) {
  const BytePairs pairs = tiny();
  EXPECT_EQ(pairs.encode("ab"), (Tokens{9}));
  EXPECT_EQ(pairs.encode("ab ab"), (Tokens{9, 10}));
  EXPECT_EQ(pairs.encode("abab"), (Tokens{11}));
  EXPECT_EQ(pairs.encode("ababab"), (Tokens{11, 9}));
  EXPECT_EQ(pairs.encode("ba"), (Tokens{3, 2}));
  EXPECT_EQ(pairs.encode("11"), (Tokens{5, 5}));
  EXPECT_EQ(pairs.encode("\u00e9"), (Tokens{12}));
}

TEST(BytePairs, TakeTheLongestSpecialToken) {
  EXPECT_EQ(tiny().encode("a<|end|>b<|end|>s"), (Tokens{2, 0, 3, 1}));
}

TEST(BytePairs, GiveTextsBack) {
  const BytePairs pairs = tiny();
  for (const std::string text : {"ab ab\n\nb", "abab11 a", "\u00e9 b", "a<|end|>s b<|end|>", ""}) {
    EXPECT_EQ(text_of(pairs, pairs.encode(text)), text);
  }
  EXPECT_EQ(pairs.decode(-1), "");
  EXPECT_EQ(pairs.decode(13), "");
}

TEST(BytePairs, SayWhatIsWrongWithTheirFile) {
  EXPECT_THROW(BytePairs::parse("{"), Error);
  EXPECT_THROW(BytePairs::parse("{}"), Error);
  EXPECT_THROW(BytePairs::parse(R"({"tokens": ["a"], "merges": [], "special": [1], "letters": [],
                                    "numbers": [], "spaces": []})"),
               Error);
  EXPECT_THROW(BytePairs::load("/nonexistent/byte_pairs.json"), Error);
}

}  // namespace
}  // namespace qlinear::engine
