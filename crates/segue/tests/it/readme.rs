//! The README's commands run, in its order, in a fresh folder.

use crate::support::Scratch;

#[test]
fn the_five_more_commands_run() {
    let readme = include_str!("../../../../README.md");
    let section = readme.split("## Five more").nth(1).unwrap();
    let block = section.split("```console").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("segue ")).collect();
    assert_eq!(commands.len(), 5, "{block}");
    let scratch = Scratch::new();
    for command in commands {
        scratch.ok(command);
    }
}
