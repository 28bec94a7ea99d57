#include "commands.hpp"
#include "support/failure.hpp"
#include "support/interrupt.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace qlinear::tools {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;

int run(int argc, char** argv) {
  CLI::App app("W8A8 quantized linear layers: checkpoints, kernels, tuning tables", "qlinear");
  app.set_version_flag("--version", "qlinear " QLINEAR_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.footer(
      "`qlinear SUBCOMMAND --help` explains one. Exit status: 0 on success, 1 where a command\n"
      "failed (stderr says why and what to do), 2 for a command line that is not understood.");
  add_inspect_command(app);
  add_quantize_command(app);
  add_kernels_command(app);
  add_tune_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw Failure("the output cannot be written; is the disk full?");
  }
  return 0;
}

}  // namespace
}  // namespace qlinear::tools

int main(int argc, char** argv) {
  try {
    return qlinear::tools::run(argc, argv);
  } catch (const qlinear::tools::Interrupted& interrupted) {
    std::fputs("qlinear: interrupted; nothing was written\n", stderr);
    qlinear::tools::end_by_signal(interrupted);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "qlinear: %s\n", error.what());
  } catch (...) {
    std::fputs("qlinear: an unknown error\n", stderr);
  }
  return qlinear::tools::kFailure;
}
