#pragma once

#include "decoder.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace qlinear::engine {

/// `request` as a turn of a user that an assistant answers, in the form (ChatML) that the Instruct
/// models of the SmolLM2 family were trained on.
std::string chat_form(const std::string& request);

/// Runs `tokens` as the beginning of the sequence in slot 0, in pieces of as many as `decoder`
/// takes at once. Leaves the logits of the last token.
void read_prompt(Decoder& decoder, const std::vector<std::int32_t>& tokens);

/// Continues the prompt that was read, `position` tokens long, by the likeliest token each time.
/// Ends with the model's last token, after `count` tokens, or where the cache is full. Calls `take`
/// with each token but that last one. Returns how many tokens it computed.
int generate(Decoder& decoder, int position, int count,
             const std::function<void(std::int32_t)>& take);

/// exp of the mean of -log p over all tokens but the first, each given those before it.
double perplexity(Decoder& decoder, const std::vector<std::int32_t>& tokens);

}  // namespace qlinear::engine
