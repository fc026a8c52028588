//! The words of the sample world: genres with a counterpart in every domain, and invented titles that suit them.

use std::collections::BTreeSet;

use segue_core::Stream;

use super::config::Medium;

/// A direction of taste under its name in each domain, and words that sound like it.
struct Mood {
    music: &'static str,
    films: &'static str,
    books: &'static str,
    adjectives: [&'static str; 8],
    nouns: [&'static str; 8],
}

/// Number of moods, the greatest number of genres.
pub(super) const N_MOODS: usize = MOODS.len();

const MOODS: [Mood; 12] = [
    Mood {
        music: "Melancholic Folk",
        films: "Slow Drama",
        books: "Quiet Fiction",
        adjectives: ["Slow", "Pale", "Faded", "Quiet", "Lonely", "Grey", "Last", "Distant"],
        nouns: ["River", "Orchard", "Letter", "Winter", "Harbour", "Lantern", "Window", "Shore"],
    },
    Mood {
        music: "Sunny Pop",
        films: "Feel-Good Comedy",
        books: "Light Comedy",
        adjectives: ["Golden", "Lucky", "Lemon", "Bright", "Dancing", "Sweet", "Happy", "Candy"],
        nouns: ["Summer", "Holiday", "Parade", "Balcony", "Weekend", "Picnic", "Sunday", "Carousel"],
    },
    Mood {
        music: "Midnight Jazz",
        films: "Film Noir",
        books: "Hard-Boiled Crime",
        adjectives: ["Midnight", "Smoky", "Crooked", "Velvet", "Bitter", "Neon", "Blind", "Hollow"],
        nouns: ["Alibi", "Cigarette", "Staircase", "Informer", "Alley", "Trumpet", "Verdict", "Stranger"],
    },
    Mood {
        music: "Symphonic Metal",
        films: "Heroic Fantasy",
        books: "Epic Fantasy",
        adjectives: ["Iron", "Burning", "Ancient", "Fallen", "Crimson", "Immortal", "Broken", "Thunder"],
        nouns: ["Crown", "Dragon", "Throne", "Oath", "Kingdom", "Sword", "Citadel", "Prophecy"],
    },
    Mood {
        music: "Space Ambient",
        films: "Science Fiction",
        books: "Far-Future Fiction",
        adjectives: ["Orbital", "Silent", "Infinite", "Drifting", "Stellar", "Frozen", "Lunar", "Weightless"],
        nouns: ["Horizon", "Signal", "Nebula", "Station", "Orbit", "Comet", "Eclipse", "Voyager"],
    },
    Mood {
        music: "Industrial Gothic",
        films: "Horror",
        books: "Ghost Stories",
        adjectives: ["Black", "Buried", "Haunted", "Whispering", "Rotten", "Sunken", "Starving", "Nameless"],
        nouns: ["Cellar", "Raven", "Asylum", "Shroud", "Chapel", "Marsh", "Doll", "Furnace"],
    },
    Mood {
        music: "Soul Ballads",
        films: "Romance",
        books: "Love Stories",
        adjectives: ["Tender", "Secret", "Honest", "Warm", "Foolish", "Second", "Stolen", "Faithful"],
        nouns: ["Heart", "Promise", "Kiss", "Wedding", "Goodbye", "Embrace", "Confession", "Serenade"],
    },
    Mood {
        music: "Garage Punk",
        films: "Road Movie",
        books: "Beat Fiction",
        adjectives: ["Reckless", "Stray", "Dirty", "Restless", "Electric", "Empty", "Savage", "Borrowed"],
        nouns: ["Highway", "Motel", "Engine", "Riot", "Getaway", "Gasoline", "Border", "Runaway"],
    },
    Mood {
        music: "Minimal Techno",
        films: "Cyber Thriller",
        books: "Techno-Thriller",
        adjectives: ["Binary", "Synthetic", "Parallel", "Chrome", "Encrypted", "Recursive", "Zero", "Phantom"],
        nouns: ["Protocol", "Circuit", "Cipher", "Network", "Machine", "Sequence", "Terminal", "Vector"],
    },
    Mood {
        music: "Country and Bluegrass",
        films: "Western",
        books: "Frontier Novel",
        adjectives: ["Dusty", "Wild", "Rusty", "Prairie", "Red", "Lonesome", "Barefoot", "Copper"],
        nouns: ["Canyon", "Saddle", "Railroad", "Outlaw", "Ranch", "Whiskey", "Coyote", "Valley"],
    },
    Mood {
        music: "Children's Songs",
        films: "Animation",
        books: "Picture Book",
        adjectives: ["Little", "Flying", "Striped", "Sleepy", "Giant", "Curious", "Purple", "Brave"],
        nouns: ["Hedgehog", "Balloon", "Teapot", "Penguin", "Umbrella", "Biscuit", "Kite", "Puddle"],
    },
    Mood {
        music: "Chamber Classical",
        films: "Costume Drama",
        books: "Historical Novel",
        adjectives: ["Marble", "Royal", "Silver", "Gilded", "Scarlet", "Glass", "Noble", "Forgotten"],
        nouns: ["Garden", "Duchess", "Sonata", "Portrait", "Mirror", "Ballroom", "Archive", "Regent"],
    },
];

const FIRST_NAMES: [&str; 24] = [
    "Anna", "Bruno", "Clara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Imani", "Jonas", "Keiko", "Leo", "Mira",
    "Nils", "Oona", "Pablo", "Quinn", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanda", "Yusuf",
];

const LAST_NAMES: [&str; 24] = [
    "Vale",
    "Holt",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Brandt",
    "Castellan",
    "Dunmore",
    "Eskola",
    "Ferro",
    "Galloway",
    "Haddad",
    "Ivanov",
    "Jansen",
    "Kowal",
    "Larkin",
    "Mensah",
    "Novak",
    "Orsini",
    "Pereira",
    "Rahman",
    "Sorrel",
    "Winter",
];

/// The name of genre `genre` in a domain.
pub(super) fn genre_name(medium: Medium, genre: usize) -> &'static str {
    let mood = &MOODS[genre];
    match medium {
        Medium::Music => mood.music,
        Medium::Films => mood.films,
        Medium::Books => mood.books,
    }
}

/// Titles for items of the given genres, no two alike.
pub(super) fn titles(medium: Medium, genres: &[Vec<usize>], stream: &mut Stream) -> Vec<String> {
    const ATTEMPTS: usize = 8;
    let mut used = BTreeSet::new();
    genres
        .iter()
        .map(|of_item| {
            let mut tries = (0..ATTEMPTS).map(|_| invent(medium, of_item, stream)).collect::<Vec<_>>().into_iter();
            let title = tries.find(|title| !used.contains(&title.0));
            let (name, rest) = title.unwrap_or_else(|| {
                let (name, rest) = invent(medium, of_item, stream);
                let free =
                    (2..=genres.len() + 2).map(|part| format!("{name} {part}")).find(|name| !used.contains(name));
                (free.unwrap_or(name), rest)
            });
            used.insert(name.clone());
            name + &rest
        })
        .collect()
}

/// The name of an item and what follows it: artist, year or author.
fn invent(medium: Medium, genres: &[usize], stream: &mut Stream) -> (String, String) {
    let pick = |words: &[&'static str], stream: &mut Stream| words[stream.below(words.len() as u32) as usize];
    let first = &MOODS[genres[0]];
    let second = &MOODS[genres[genres.len() - 1]];
    let adjective = pick(&first.adjectives, stream);
    let noun = pick(&second.nouns, stream);
    let other = pick(&first.nouns, stream);
    let maker = format!("{} {}", pick(&FIRST_NAMES, stream), pick(&LAST_NAMES, stream));
    let form = stream.below(4);
    let year = 1950 + stream.below(70);
    let name = match (medium, form) {
        (_, 3) if other != noun => format!("{other} and {noun}"),
        (Medium::Music, 0) => format!("{adjective} {noun}s").replace("ys", "ies"),
        (Medium::Music, 1) => format!("My {adjective} {noun}"),
        (Medium::Music, _) | (Medium::Films, 0) => format!("{adjective} {noun}"),
        (Medium::Films, 1) => format!("Return to the {adjective} {noun}"),
        (Medium::Books, 0) => format!("The {noun} Maker's {other}"),
        (Medium::Books, 1) => format!("A Year of the {adjective} {noun}"),
        (Medium::Films | Medium::Books, _) => format!("The {adjective} {noun}"),
    };
    let rest = match medium {
        Medium::Music => format!(" — {maker}"),
        Medium::Films => format!(" ({year})"),
        Medium::Books => format!(", by {maker}"),
    };
    (name, rest)
}

#[cfg(test)]
mod tests {
    use segue_core::Seed;

    use super::*;

    #[test]
    fn titles_are_readable_and_unlike_each_other() {
        let genres: Vec<Vec<usize>> = (0..3_000).map(|i| vec![i % 12, (i / 12) % 12]).collect();
        for medium in Medium::ALL {
            let titles = titles(medium, &genres, &mut Seed::new(1).named(medium.name()).stream());
            assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), titles.len());
            assert!(titles.iter().all(|title| title.len() > 5 && !title.contains(['|', '\n', '"'])));
        }
    }

    #[test]
    fn a_crowded_genre_numbers_its_titles() {
        let titles = titles(Medium::Films, &vec![vec![0]; 2_000], &mut Seed::new(1).stream());
        assert_eq!(titles.iter().collect::<BTreeSet<_>>().len(), 2_000);
    }

    #[test]
    fn genres_have_one_name_each() {
        for medium in Medium::ALL {
            let names: BTreeSet<_> = (0..N_MOODS).map(|genre| genre_name(medium, genre)).collect();
            assert_eq!(names.len(), N_MOODS);
            assert!(names.iter().all(|name| !name.contains('|')));
        }
    }
}
