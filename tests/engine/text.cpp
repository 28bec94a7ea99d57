#include "text.hpp"

#include "require.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace qlinear::engine {
namespace {

/// Calls `use(begin, rows)` with pieces of a sequence in slot 0.
template <class Use>
void for_each_piece(const Decoder& decoder, const std::vector<std::int32_t>& tokens,
                    const Use& use) {
  const auto size = static_cast<int>(tokens.size());
  for (int begin = 0; begin < size; begin += decoder.capacity().rows) {
    std::vector<Row> rows;
    for (int i = begin; i < std::min(begin + decoder.capacity().rows, size); ++i) {
      rows.push_back({tokens[static_cast<std::size_t>(i)], 0, i});
    }
    use(begin, rows);
  }
}

/// log of the probability of `token`.
double log_probability(const float* logits, int vocabulary, std::int32_t token) {
  const auto logit = [&](int i) { return double{logits[i]}; };
  double max = logit(0);
  for (int i = 1; i < vocabulary; ++i) max = std::max(max, logit(i));
  double sum = 0;
  for (int i = 0; i < vocabulary; ++i) sum += std::exp(logit(i) - max);
  return logit(token) - max - std::log(sum);
}

}  // namespace

std::string chat_form(const std::string& request) {
  return "<|im_start|>system\n"
         "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
         "<|im_start|>user\n" +
         request + "<|im_end|>\n<|im_start|>assistant\n";
}

void read_prompt(Decoder& decoder, const std::vector<std::int32_t>& tokens) {
  if (tokens.empty()) throw Error("the prompt has no tokens");
  for_each_piece(decoder, tokens, [&](int begin, const std::vector<Row>& rows) {
    std::vector<std::int32_t> wanted;
    if (static_cast<std::size_t>(begin) + rows.size() == tokens.size()) {
      wanted.push_back(static_cast<std::int32_t>(rows.size()) - 1);
    }
    decoder.prefill(rows, wanted);
  });
}

int generate(Decoder& decoder, int position, int count,
             const std::function<void(std::int32_t)>& take) {
  for (int done = 0; done < count; ++done) {
    const std::int32_t token = decoder.greedy().front();
    if (token == decoder.config().eos_token_id) return done + 1;
    take(token);
    if (done + 1 == count || position == decoder.capacity().positions) return done + 1;
    decoder.decode({{token, 0, position++}});
  }
  return count;
}

double perplexity(Decoder& decoder, const std::vector<std::int32_t>& tokens) {
  if (tokens.size() < 2) throw Error("a perplexity is that of two tokens or more");
  const int vocabulary = decoder.config().vocab_size;
  double sum = 0;
  for_each_piece(decoder, tokens, [&](int begin, const std::vector<Row>& rows) {
    std::vector<std::int32_t> wanted(rows.size());
    std::iota(wanted.begin(), wanted.end(), 0);
    decoder.prefill(rows, wanted);
    const std::vector<float> logits = decoder.logits();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t next = static_cast<std::size_t>(begin) + i + 1;
      if (next == tokens.size()) break;
      sum += log_probability(logits.data() + i * static_cast<std::size_t>(vocabulary), vocabulary,
                             tokens[next]);
    }
  });
  return std::exp(-sum / static_cast<double>(tokens.size() - 1));
}

}  // namespace qlinear::engine
