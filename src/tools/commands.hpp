#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 chose it.
class App;
}

// Each adds its subcommand with its options. The command runs while CLI11 parses, as the callback
// of the subcommand; what fails is thrown.

namespace qlinear::tools {

void add_inspect_command(CLI::App& app);
void add_kernels_command(CLI::App& app);
void add_quantize_command(CLI::App& app);
void add_tune_command(CLI::App& app);

}  // namespace qlinear::tools
