#![no_main]
segue_fuzz_targets::fuzz!("python_literal");
