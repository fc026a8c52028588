#![no_main]
segue_fuzz_targets::fuzz!("tables");
