#include <harness/options.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace qlinear::benchmark {
namespace {

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    items.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

std::int64_t positive_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1) {
    throw std::invalid_argument("'" + std::string(text) + "' is no positive integer");
  }
  return value;
}

MachineRates parse_rates(std::string_view list) {
  std::vector<double> rates;
  for (const std::string& item : split(list)) {
    double value = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc{} || end != item.data() + item.size() || !(value > 0)) {
      throw std::invalid_argument("'" + item + "' is no positive number");
    }
    rates.push_back(value);
  }
  if (rates.size() != 3) throw std::invalid_argument("--rates takes three numbers");
  return {rates[0], rates[1], rates[2], 0};
}

/// A name of the table, or NxK.
LayerShape parse_layer(const std::string& text) {
  const auto known = std::find_if(kLayerShapes.begin(), kLayerShapes.end(),
                                  [&](const LayerShape& layer) { return layer.name == text; });
  if (known != kLayerShapes.end()) return *known;
  const std::size_t cross = text.find('x');
  if (cross == std::string::npos) {
    throw std::invalid_argument("'" + text + "' is neither a layer nor NxK");
  }
  const LayerShape layer{text, positive_integer(std::string_view(text).substr(0, cross)),
                         positive_integer(std::string_view(text).substr(cross + 1))};
  constexpr std::int64_t kAlignment = 16;
  if (layer.n % kAlignment != 0 || layer.k % kAlignment != 0) {
    throw std::invalid_argument("'" + text + "': N and K must be multiples of 16");
  }
  return layer;
}

std::vector<LayerShape> parse_layers(std::string_view list) {
  std::vector<LayerShape> layers;
  for (const std::string& item : split(list)) layers.push_back(parse_layer(item));
  return layers;
}

/// A name of the table, or HxI: the sizes of hidden states and of what stands between gate_up and
/// down.
DecoderShape parse_decoder(const std::string& text) {
  const auto known = std::find_if(kDecoderShapes.begin(), kDecoderShapes.end(),
                                  [&](const DecoderShape& shape) { return shape.name == text; });
  if (known != kDecoderShapes.end()) return *known;
  if (text.find('x') == std::string::npos) {
    throw std::invalid_argument("'" + text + "' is no decoder layer; 8b, 70b and HxI are");
  }
  const LayerShape sizes = parse_layer(text);
  const std::int64_t hidden = sizes.n;
  const std::int64_t between = sizes.k;
  return {text,
          hidden,
          {text + "_qkv", 3 * hidden, hidden},
          {text + "_o", hidden, hidden},
          {text + "_gate_up", 2 * between, hidden},
          {text + "_down", hidden, between}};
}

std::vector<DecoderShape> parse_decoders(std::string_view list) {
  std::vector<DecoderShape> decoders;
  for (const std::string& item : split(list)) decoders.push_back(parse_decoder(item));
  return decoders;
}

/// Numbers and ranges such as 1-256.
std::vector<std::int64_t> parse_token_counts(std::string_view list) {
  std::vector<std::int64_t> counts;
  for (const std::string& item : split(list)) {
    const std::size_t dash = std::min(item.find('-'), item.size());
    const std::int64_t first = positive_integer(std::string_view(item).substr(0, dash));
    const std::int64_t last =
        dash == item.size() ? first : positive_integer(std::string_view(item).substr(dash + 1));
    for (std::int64_t m = first; m <= last; ++m) counts.push_back(m);
  }
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

void use_quick_selection(Options& options) {
  options.layers = parse_layers("8b_o,8b_gate_up,70b_down");
  options.token_counts = {1, 16, 64, 256, 1024, 4096};
  options.sweep_layer.clear();
}

/// The value of `--name=value`, where `argument` is that.
std::optional<std::string_view> value_of(std::string_view argument, std::string_view name) {
  if (argument.substr(0, name.size()) != name) return std::nullopt;
  return argument.substr(name.size());
}

bool apply(const std::string& argument, Options& options) {
  if (argument == "--quick") {
    use_quick_selection(options);
  } else if (argument == "--tune") {
    options.tune = true;
  } else if (argument == "--epilogues") {
    options.epilogues = true;
  } else if (const auto models = value_of(argument, "--decoder=")) {
    options.decoders = parse_decoders(*models);
  } else if (argument == "--help") {
    options.help = true;
  } else if (const auto layers = value_of(argument, "--shapes=")) {
    options.layers = parse_layers(*layers);
  } else if (const auto counts = value_of(argument, "--m=")) {
    options.token_counts = parse_token_counts(*counts);
    options.sweep_layer.clear();
  } else if (const auto layer = value_of(argument, "--sweep=")) {
    options.sweep_layer = *layer == "none" ? "" : parse_layer(std::string(*layer)).name;
  } else if (const auto peers = value_of(argument, "--peers=")) {
    options.peers = split(*peers);
  } else if (const auto kernels = value_of(argument, "--kernels=")) {
    options.kernels = split(*kernels);
  } else if (const auto milliseconds = value_of(argument, "--row-ms=")) {
    options.row_seconds = static_cast<double>(positive_integer(*milliseconds)) * 1e-3;
  } else if (const auto rates = value_of(argument, "--rates=")) {
    options.rates = parse_rates(*rates);
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool Options::wants_peer(const std::string& name) const {
  const auto holds = [this](const std::string& wanted) {
    return std::find(peers.begin(), peers.end(), wanted) != peers.end();
  };
  return holds("all") || holds(name);
}

bool Options::wants_kernel(const std::string& name) const {
  return kernels.empty() || std::find(kernels.begin(), kernels.end(), name) != kernels.end();
}

bool Options::lists(std::int64_t m) const {
  return std::find(token_counts.begin(), token_counts.end(), m) != token_counts.end();
}

bool Options::sweeps(const LayerShape& layer, std::int64_t m) const {
  return layer.name == sweep_layer && m <= kSweepEnd;
}

std::set<std::int64_t> Options::token_counts_of(const LayerShape& layer) const {
  std::set<std::int64_t> counts(token_counts.begin(), token_counts.end());
  if (layer.name == sweep_layer) {
    for (std::int64_t m = 1; m <= kSweepEnd; ++m) counts.insert(m);
  }
  return counts;
}

Options parse_options(std::vector<std::string>& arguments) {
  Options options;
  std::vector<std::string> unknown;
  for (const std::string& argument : arguments) {
    if (!apply(argument, options)) unknown.push_back(argument);
  }
  arguments = unknown;
  return options;
}

std::string usage() {
  std::string layers;
  for (const LayerShape& layer : kLayerShapes) layers += " " + layer.name;
  return "qlinear_bench [flags]\n"
         "  --quick            three layers, six M, no sweep; later flags override\n"
         "  --shapes=A,B       layers (" +
         layers.substr(1) +
         ") or NxK\n"
         "  --m=1,16,64-128    tokens a call; no sweep\n"
         "  --sweep=LAYER|none layer, if among the shapes, to measure at each M in 1..256\n"
         "  --peers=A,B        peers by name, all, or none\n"
         "  --epilogues        the GEMM with each option of the epilogue, too\n"
         "  --row-ms=20        measured time of a row\n"
         "  --rates=C,R,T      bytes a second of a copy and of a read, and int8 operations a "
         "second,\n"
         "                     instead of measuring them\n"
         "  --tune             time every kernel for every shape and judge the selection\n"
         "  --decoder=8b,70b   instead: whole decoder layers, by name or as HxI (hidden, "
         "intermediate)\n"
         "  --kernels=A,B      with --tune: only these and the choice\n"
         "  --benchmark_filter=REGEX --benchmark_out=FILE.json and the other flags of Google "
         "Benchmark\n";
}

}  // namespace qlinear::benchmark
