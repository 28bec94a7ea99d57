"""Tests of the report on made-up rows, whose figures mean nothing."""

import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "report"))
import report  # noqa: E402  (found through the line above)
import report_plots  # noqa: E402
import results as res  # noqa: E402

CONTEXT = {
    "date": "2001-02-03T04:05:06+00:00",
    "gpu": "Made-up GPU",
    "driver": "1.2.3",
    "cuda_runtime": "13.0",
    "copy_bytes_per_second": "4e+12",
    "read_bytes_per_second": "4.5e+12",
    "int8_operations_per_second": "1.5e+15",
}
COUNTS = [1, 16, 64, 256, 1024, 4096]
LAYERS = {"8b_o": (4096, 4096), "70b_gate_up": (57344, 8192)}


def entry(layer, m, timed, us, floor_us):
    n, k = LAYERS[layer]
    name = f"{layer}/m:{m}/{timed}/iterations:1/manual_time"
    return {"name": name, "run_type": "iteration", "real_time": us, "time_unit": "us",
            "label": "a_kernel/split:2", "floor_us": floor_us, "m": float(m), "n": float(n), "k": float(k), "sm_mhz": 1500.0}

FAILED_DECODER = "decoder_layer/8b/m:4096/cublaslt_fp8/iterations:1/manual_time"


def decoder_document():
    """The fused layer at half the floor's speed; bf16 takes four times as long."""
    def decoder(model, m, variant, us):
        name = f"decoder_layer/{model}/m:{m}/{variant}/iterations:1/manual_time"
        return {"name": name, "run_type": "iteration", "real_time": us, "time_unit": "us",
                "m": float(m), "floor_us": 50.0 * m, "sm_mhz": 1600.0}

    entries = []
    for model in ("8b", "70b"):
        for m in COUNTS:
            entries += [decoder(model, m, "fused", 100.0 * m),
                        decoder(model, m, "cublaslt_bf16", 400.0 * m),
                        decoder(model, m, "multiplies", 80.0 * m)]
    entries.append({"name": FAILED_DECODER, "run_type": "iteration", "error_occurred": True,
                    "error_message": "no algorithm"})
    return {"context": CONTEXT, "benchmarks": entries}


def document():
    """Ours at half the floor's speed, CUTLASS three times as slow as ours."""
    entries = [{"name": "host/run/iterations:1/manual_time", "run_type": "iteration",
                "real_time": 2500.0, "time_unit": "ns"}]
    for layer in LAYERS:
        for m in COUNTS:
            entries.append(entry(layer, m, res.LINEAR, 20.0 * m, 10.0 * m))
            entries.append(entry(layer, m, res.CONSTANT_WEIGHTS, 12.5 * m, 10.0 * m))
            entries.append(entry(layer, m, res.GEMM, 16.0 * m, 8.0 * m))
            entries.append(entry(layer, m, res.QUANTIZE, 4.0 * m, 2.0 * m))
            entries.append(entry(layer, m, "cutlass_int8_linear", 60.0 * m, 10.0 * m))
    entries.append(entry("8b_o", 3, res.LINEAR, 60.0, 30.0))
    entries.append({"name": "8b_o/m:1/cublaslt_bf16/iterations:1/manual_time",
                    "run_type": "iteration", "error_occurred": True, "error_message": "no algorithm"})
    return {"context": CONTEXT, "benchmarks": entries}


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name) / "bench.json"
        self.path.write_text(json.dumps(document()), encoding="utf-8")
        self.results = res.read([self.path])

    def test_reads_rows_and_failures(self):
        row = self.results.rows["8b_o", 16, res.LINEAR]
        self.assertEqual((row.us, row.floor_us, row.share), (320.0, 160.0, 0.5))
        self.assertEqual(self.results.host_ns, {"run": 2500.0})
        self.assertEqual(len(self.results.failures), 1)

    def test_ratio_compares_the_same_work(self):
        self.assertEqual(self.results.ratio("8b_o", 64, "cutlass_int8_linear"), 3.0)
        self.assertIsNone(self.results.ratio("8b_o", 64, "cutlass_int8_gemm"))

    def test_the_sweep_stays_out_of_the_tables(self):
        self.assertIn(3, self.results.token_counts("8b_o"))
        self.assertEqual(self.results.compared_token_counts("8b_o"), COUNTS)

    def test_header_names_machine_and_date(self):
        text = "\n".join(report.header(self.results))
        for part in ("Made-up GPU", "1.2.3", "13.0", "2001-02-03", "4.00 TB/s", "1500 TOPS",
                     "`run` 2500 ns"):
            self.assertIn(part, text)

    def test_summary_has_a_row_for_each_measured_regime(self):
        lines = report.summary(self.results)
        decode = next(line for line in lines if "weights >= 100 MB" in line)
        self.assertIn("| 50 % (50 %–50 %) | 80 % (80 %–80 %) |", decode)
        self.assertIn("| 3.00× (3.00×–3.00×) |", decode)
        self.assertFalse(any("50 to 100 MB" in line for line in lines))

    def test_table_has_every_cell(self):
        lines = report.full_table(self.results)
        self.assertIn("| 64 | 640.00 | 1280.00 | 50 % | 800.00 | 80 % | 1024.00 | 50 % | 256.00 | "
                      "a_kernel/split:2 | 3.00× |", lines)
        self.assertIn("- 8b_o/m:1/cublaslt_bf16/iterations:1/manual_time: no algorithm", lines)

    def test_refuses_to_mix_gpus(self):
        other = document()
        other["context"] = dict(CONTEXT, gpu="Another")
        path = pathlib.Path(self.directory.name) / "other.json"
        path.write_text(json.dumps(other), encoding="utf-8")
        with self.assertRaises(ValueError):
            res.read([self.path, path])

    def test_plots_are_reproducible_svg(self):
        directory = pathlib.Path(self.directory.name)
        first = [path.read_bytes() for path in report_plots.write_all(self.results, directory)]
        second = [path.read_bytes() for path in report_plots.write_all(self.results, directory)]
        self.assertEqual(len(first), 4)
        self.assertEqual(first, second)
        self.assertIn(b"Made-up GPU", first[0])


class DecoderReportTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name) / "decoders.json"
        self.path.write_text(json.dumps(decoder_document()), encoding="utf-8")
        self.results = res.read([self.path])

    def test_reads_rows_apart_from_bare_layers(self):
        self.assertEqual(self.results.rows, {})
        self.assertEqual(self.results.models(), ["8b", "70b"])
        self.assertEqual(self.results.decoder_token_counts("70b"), COUNTS)
        self.assertEqual(self.results.decoder_rows["8b", 16, "fused"].share, 0.5)
        self.assertEqual(self.results.decoder_ratio("8b", 16, "cublaslt_bf16"), 4.0)
        self.assertIsNone(self.results.decoder_ratio("8b", 16, "cublaslt_fp8"))

    def test_table_has_every_variant_and_what_failed(self):
        lines = report.decoder_tables(self.results)
        self.assertIn("| M | floor µs | fused µs | share | cuBLASLt bf16 µs | share | ratio | "
                      "products alone µs | share | ratio |", lines)
        self.assertIn("| 16 | 800.00 | 1600.00 | 50 % | 6400.00 | 12 % | 4.00× | "
                      "1280.00 | 62 % | 0.80× |", lines)
        self.assertIn(f"- {FAILED_DECODER}: no algorithm", lines)
        self.assertIn("1600 to 1600 MHz", "\n".join(lines))

    def test_plot_is_reproducible_and_alone(self):
        directory = pathlib.Path(self.directory.name)
        paths = report_plots.write_all(self.results, directory)
        first = [path.read_bytes() for path in paths]
        second = [path.read_bytes() for path in report_plots.write_all(self.results, directory)]
        self.assertEqual([path.name for path in paths], ["decoders.svg"])
        self.assertEqual(first, second)
        self.assertIn(b"cuBLASLt bf16", first[0])
        self.assertNotIn(b"products alone", first[0])

    def test_joins_bare_layers(self):
        path = pathlib.Path(self.directory.name) / "bench.json"
        path.write_text(json.dumps(document()), encoding="utf-8")
        results = res.read([path, self.path])
        self.assertEqual(len(report_plots.write_all(results, path.parent)), 5)
        self.assertNotIn("8b", results.layers())


if __name__ == "__main__":
    unittest.main()
