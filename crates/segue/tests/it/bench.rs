//! Training under the clock.

use serde_json::Value;

use crate::support::{SMALL_WORLD, Scratch};

#[test]
fn a_fit_is_timed_beside_its_floor() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let asked = "evaluation.metrics=[recall] evaluation.k_values=[10]";
    let told = scratch.ok(&format!("bench {world} {asked} model=mf trainer.max_epochs=3 --every 2 --format json"));
    let told: Value = serde_json::from_str(&told).unwrap();
    let epochs = told["epochs"].as_array().unwrap();
    let measured: Vec<bool> = epochs.iter().map(|epoch| epoch["valid"]["recall@10"].is_f64()).collect();
    assert_eq!(measured, [false, true, true], "{told}");
    let seconds: f64 = epochs.iter().map(|epoch| epoch["seconds"].as_f64().unwrap()).sum();
    let fit = told["fit"].as_f64().unwrap();
    assert!(0.0 < seconds && seconds <= fit, "{seconds} of {fit}");
    let floor = told["floor"].as_f64().unwrap();
    assert!(0.0 < floor && floor < told["measured"].as_f64().unwrap(), "{told}");
    // The model of the last epoch, which is the one that was measured.
    assert_eq!(told["valid"], epochs[2]["valid"]);

    // A model without epochs, and one whose operations nobody counted.
    let table = scratch.ok(&format!("bench {world} model=item_knn"));
    assert!(table.contains("co-occurrence") && table.contains("floor of one fit"), "{table}");
    let table = scratch.ok(&format!("bench {world} model=popularity"));
    assert!(table.contains("not counted") && !table.contains("times the floor"), "{table}");
    scratch.fails(&format!("bench {world} model=ials --every some"), &["--every"]);
}
