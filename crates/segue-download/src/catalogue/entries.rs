//! The catalogue: one entry per data set. Addresses are the publisher's own, then other places of the same files; a
//! checksum stands here if the publisher, or the repository that publishes the file, states it. That of `HetRec`'s Last.fm
//! is stated by several programs that fetch it, independently of each other.

use super::amazon::{EDITION_2014, EDITION_2018, EDITION_2023};
use super::{DataSet, Known, Remote};

/// What entries leave out.
const NONE: DataSet = DataSet {
    name: "",
    aliases: &[],
    title: "",
    holds: "",
    size: "",
    licence: "",
    terms: "",
    citation: "",
    folder: "",
    categories: &[],
    files: &[],
    prepare: "",
    prepare_one: "",
    note: "",
};

/// `MovieLens`: terms and citation are common to all.
const MOVIELENS: DataSet = DataSet {
    licence: "research only; no redistribution and no commercial use without permission; say whose data they are",
    terms: "https://grouplens.org/datasets/movielens/",
    citation: "harper2015movielens",
    ..NONE
};

/// Reviews collected by the group of J. `McAuley`.
const AMAZON: DataSet = DataSet {
    licence: "offered for research, to be cited; the texts are their writers': no redistribution",
    prepare: "data=amazon data.root={root} data.source={first} data.target={second} prepare=overlap_core5",
    prepare_one: "data=log data.root={root}/reviews/{first}.json.gz",
    ..NONE
};

/// One archive with the MD5 that its publisher states.
const fn archive(addresses: &'static [&'static str], to: &'static str, known: Known) -> Remote {
    Remote { addresses, to, unpack: true, known }
}

/// One file that is used as it comes.
const fn plain(addresses: &'static [&'static str], to: &'static str, known: Known) -> Remote {
    Remote { addresses, to, unpack: false, known }
}

/// Every data set that can be fetched.
pub const DATA_SETS: &[DataSet] = &[
    DataSet {
        name: "ml-100k",
        aliases: &["movielens-100k"],
        title: "MovieLens 100K",
        holds: "films; 100,000 ratings of 1 to 5 by 943 people of 1,682 films, 1997 to 1998, with times, genres and five given folds",
        size: "5 MB",
        folder: "ml-100k",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-100k.zip"],
            "ml-100k.zip",
            Known::Md5("0e33842e24a9c977be4e0107933c0723"),
        )],
        prepare: "data=log data.root={root}",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-1m",
        aliases: &["movielens-1m"],
        title: "MovieLens 1M",
        holds: "films; 1,000,209 ratings of 1 to 5 by 6,040 people of 3,706 films, 2000 to 2003, with times and genres",
        size: "6 MB",
        folder: "ml-1m",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-1m.zip"],
            "ml-1m.zip",
            Known::Md5("c4d9eecfca2ab87c1945afe126590906"),
        )],
        prepare: "data=log data.root={root}",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-10m",
        aliases: &["movielens-10m"],
        title: "MovieLens 10M",
        holds: "films; 10,000,054 ratings of 0.5 to 5 by 69,878 people of 10,677 films, to 2009, with times, genres and tags",
        size: "66 MB",
        folder: "ml-10m",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-10m.zip"],
            "ml-10m.zip",
            Known::Md5("ce571fd55effeba0271552578f2648bd"),
        )],
        prepare: "data=log data.root={root}",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-20m",
        aliases: &["movielens-20m"],
        title: "MovieLens 20M",
        holds: "films; 20,000,263 ratings of 0.5 to 5 by 138,493 people of 26,744 films, 1995 to 2015, with times, genres and tags",
        size: "199 MB",
        folder: "ml-20m",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-20m.zip"],
            "ml-20m.zip",
            Known::Md5("cd245b17a1ae2cc31bb14903e1204af3"),
        )],
        prepare: "data=movielens data.root={root}",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-25m",
        aliases: &["movielens-25m"],
        title: "MovieLens 25M",
        holds: "films; 25,000,095 ratings of 0.5 to 5 by 162,541 people of 59,047 films, 1995 to 2019, with times, genres and tags",
        size: "262 MB",
        folder: "ml-25m",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-25m.zip"],
            "ml-25m.zip",
            Known::Md5("6b51fb2759a8657d3bfcbfc42b592ada"),
        )],
        prepare: "data=movielens data.root={root}",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-32m",
        aliases: &["movielens-32m"],
        title: "MovieLens 32M",
        holds: "films; 32,000,204 ratings of 0.5 to 5 by 200,948 people of 84,432 films, 1995 to 2023, with times, genres and tags",
        size: "239 MB",
        folder: "ml-32m",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-32m.zip"],
            "ml-32m.zip",
            Known::Md5("d472be332d4daa821edc399621853b57"),
        )],
        prepare: "data=movielens data.root={root}",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-latest-small",
        aliases: &["movielens-small"],
        title: "MovieLens latest, small",
        holds: "films; 100,836 ratings of 0.5 to 5 by 610 people of 9,724 films (edition of 9/2018), with times, genres and tags",
        size: "1 MB",
        folder: "ml-latest-small",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"],
            "ml-latest-small.zip",
            Known::Md5Beside(".md5"),
        )],
        prepare: "data=movielens data.root={root}",
        note: "the publisher renews it from time to time: no numbers are to be published with it",
        ..MOVIELENS
    },
    DataSet {
        name: "ml-latest",
        aliases: &["movielens-latest"],
        title: "MovieLens latest",
        holds: "films; some 33 million ratings of 0.5 to 5 by 331,000 people (edition of 7/2023), with times, genres and tags",
        size: "350 MB",
        folder: "ml-latest",
        files: &[archive(
            &["https://files.grouplens.org/datasets/movielens/ml-latest.zip"],
            "ml-latest.zip",
            Known::Md5Beside(".md5"),
        )],
        prepare: "data=movielens data.root={root}",
        note: "the publisher renews it from time to time: no numbers are to be published with it",
        ..MOVIELENS
    },
    DataSet {
        name: "hetrec2011-lastfm-2k",
        aliases: &["lastfm-2k", "hetrec-lastfm"],
        title: "Last.fm of HetRec 2011",
        holds: "music; 92,834 play counts of 17,632 artists by 1,892 people, with tags and friends, without times",
        size: "3 MB",
        licence: "Last.fm's data, for non-commercial use; cite the workshop",
        terms: "https://grouplens.org/datasets/hetrec-2011/",
        citation: "cantador2011hetrec",
        folder: "hetrec2011-lastfm-2k",
        files: &[archive(
            &["https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip"],
            "hetrec2011-lastfm-2k.zip",
            Known::Sha256("6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c"),
        )],
        prepare: "data=log data.root={root} prepare=counts split=ratio",
        ..NONE
    },
    DataSet {
        name: "lastfm-360k",
        aliases: &["lastfm-dataset-360k"],
        title: "Last.fm 360K",
        holds: "music; 17,559,530 play counts of artists by 359,347 people, with sex, age and country, without times",
        size: "569 MB",
        licence: "Last.fm's data, for non-commercial use",
        terms: "https://doi.org/10.5281/zenodo.6090214",
        citation: "celma2010music",
        folder: "lastfm-360k",
        files: &[archive(
            &[
                "https://zenodo.org/records/6090214/files/lastfm-dataset-360K.tar.gz",
                "http://mtg.upf.edu/static/datasets/last.fm/lastfm-dataset-360K.tar.gz",
            ],
            "lastfm-dataset-360K.tar.gz",
            Known::Md5("635e6ed3fc873aa4ba33aba0ebce02b1"),
        )],
        prepare: "data=log data.root={root} prepare=counts split=ratio",
        ..NONE
    },
    DataSet {
        name: "lastfm-1k",
        aliases: &["lastfm-dataset-1k"],
        title: "Last.fm 1K",
        holds: "music; 19,150,868 plays by 992 people, each with its time, artist and track",
        size: "673 MB",
        licence: "Last.fm's data, for non-commercial use",
        terms: "https://doi.org/10.5281/zenodo.6090214",
        citation: "celma2010music",
        folder: "lastfm-1k",
        files: &[archive(
            &[
                "https://zenodo.org/records/6090214/files/lastfm-dataset-1K.tar.gz",
                "http://mtg.upf.edu/static/datasets/last.fm/lastfm-dataset-1K.tar.gz",
            ],
            "lastfm-dataset-1K.tar.gz",
            Known::Md5("a79a6808f54f73354789a9fb02cb1e41"),
        )],
        prepare: "data=log data.root={root} prepare=counts",
        ..NONE
    },
    DataSet {
        name: "book-crossing",
        aliases: &["bookcrossing", "bx"],
        title: "Book-Crossing",
        holds: "books; 1,149,780 ratings of 0 to 10 by 278,858 people of 271,379 books, 2004; 0 is read and not rated; without times",
        size: "26 MB",
        licence: "for research, to be cited",
        terms: "https://grouplens.org/datasets/book-crossing/",
        citation: "ziegler2005improving",
        folder: "book-crossing",
        files: &[archive(
            &["http://www2.informatik.uni-freiburg.de/~cziegler/BX/BX-CSV-Dump.zip"],
            "BX-CSV-Dump.zip",
            Known::Nothing,
        )],
        prepare: "data=log data.root={root} split=ratio",
        note: "the publisher's address was reported gone at the end of 2023: put BX-CSV-Dump.zip at its place by hand, or give --mirror",
        ..NONE
    },
    DataSet {
        name: "goodbooks-10k",
        aliases: &["goodbooks"],
        title: "goodbooks-10k",
        holds: "books; six million ratings of 1 to 5 by 53,424 people of 10,000 books, with tags, without times",
        size: "100 MB",
        licence: "CC BY-SA 4.0: name the source, share alike",
        terms: "https://github.com/zygmuntz/goodbooks-10k/blob/master/LICENSE",
        citation: "zajac2017goodbooks",
        folder: "goodbooks-10k",
        files: &[
            plain(
                &[
                    "https://raw.githubusercontent.com/zygmuntz/goodbooks-10k/6dd165b555a7b47b2dd36743a425776e641ff50c/ratings.csv",
                ],
                "ratings.csv",
                Known::GitBlob("0d245a10acfe3c89b2e4004cdbc805b99771ac5d"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/zygmuntz/goodbooks-10k/6dd165b555a7b47b2dd36743a425776e641ff50c/books.csv",
                ],
                "books.csv",
                Known::GitBlob("d694afdf5f555b51c1128c6ff562b6e54a7f75e3"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/zygmuntz/goodbooks-10k/6dd165b555a7b47b2dd36743a425776e641ff50c/book_tags.csv",
                ],
                "book_tags.csv",
                Known::GitBlob("f82218f199850f533568eaf22529b5df1c545412"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/zygmuntz/goodbooks-10k/6dd165b555a7b47b2dd36743a425776e641ff50c/tags.csv",
                ],
                "tags.csv",
                Known::GitBlob("65b5424eeec23554e9b034933e438cd12017a985"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/zygmuntz/goodbooks-10k/6dd165b555a7b47b2dd36743a425776e641ff50c/to_read.csv",
                ],
                "to_read.csv",
                Known::GitBlob("bd19bb1ed6b9fb20f15c42e0af23e413aeaf1c04"),
            ),
        ],
        prepare: "data=log data.root={root} split=ratio",
        ..NONE
    },
    DataSet {
        name: "goodreads",
        title: "Goodreads (UCSD Book Graph)",
        holds: "books of eight genres, each a domain of the same people; 2.7 to 55 million shelvings and ratings per genre, 2017, with times",
        size: "0.1 to 5 GB per genre",
        licence: "for academic use only; no redistribution, no commercial use; cite both papers",
        terms: "https://cseweb.ucsd.edu/~jmcauley/datasets/goodreads.html",
        citation: "wan2018item",
        folder: "goodreads",
        categories: &[
            "children",
            "comics_graphic",
            "fantasy_paranormal",
            "history_biography",
            "mystery_thriller_crime",
            "young_adult",
            "romance",
            "poetry",
        ],
        files: &[
            plain(
                &[
                    "https://mcauleylab.ucsd.edu/public_datasets/gdrive/goodreads/byGenre/goodreads_interactions_{category}.json.gz",
                    "https://datarepo.eng.ucsd.edu/mcauley_group/gdrive/goodreads/byGenre/goodreads_interactions_{category}.json.gz",
                ],
                "{category}/goodreads_interactions_{category}.json.gz",
                Known::Nothing,
            ),
            plain(
                &[
                    "https://mcauleylab.ucsd.edu/public_datasets/gdrive/goodreads/byGenre/goodreads_books_{category}.json.gz",
                    "https://datarepo.eng.ucsd.edu/mcauley_group/gdrive/goodreads/byGenre/goodreads_books_{category}.json.gz",
                ],
                "{category}/goodreads_books_{category}.json.gz",
                Known::Nothing,
            ),
        ],
        prepare: "data=pair data.root={root} data.source={first} data.target={second}",
        prepare_one: "data=log data.root={root}/{first}",
        ..NONE
    },
    DataSet {
        name: "amazon-2014",
        title: "Amazon reviews 2014",
        holds: "24 categories, each a domain of the same people; 82.8 million reviews of 1 to 5, 1996 to 2014, with times; metadata",
        size: "0.1 to 9 GB per category",
        terms: "https://jmcauley.ucsd.edu/data/amazon/",
        citation: "mcauley2015image",
        folder: "amazon2014",
        categories: EDITION_2014,
        files: &[
            plain(
                &[
                    "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/reviews_{category}.json.gz",
                    "http://snap.stanford.edu/data/amazon/productGraph/categoryFiles/reviews_{category}.json.gz",
                ],
                "reviews/{category}.json.gz",
                Known::Nothing,
            ),
            plain(
                &[
                    "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/meta_{category}.json.gz",
                    "http://snap.stanford.edu/data/amazon/productGraph/categoryFiles/meta_{category}.json.gz",
                ],
                "metadata/meta_{category}.json.gz",
                Known::Nothing,
            ),
        ],
        ..AMAZON
    },
    DataSet {
        name: "amazon-2014-5core",
        title: "Amazon reviews 2014, five-core",
        holds: "the same, people and items with five reviews or more within the category",
        size: "3 MB to 4 GB per category",
        terms: "https://jmcauley.ucsd.edu/data/amazon/",
        citation: "mcauley2015image",
        folder: "amazon2014-5core",
        categories: EDITION_2014,
        files: &[
            plain(
                &[
                    "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/reviews_{category}_5.json.gz",
                    "http://snap.stanford.edu/data/amazon/productGraph/categoryFiles/reviews_{category}_5.json.gz",
                ],
                "reviews/{category}.json.gz",
                Known::Nothing,
            ),
            plain(
                &[
                    "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/meta_{category}.json.gz",
                    "http://snap.stanford.edu/data/amazon/productGraph/categoryFiles/meta_{category}.json.gz",
                ],
                "metadata/meta_{category}.json.gz",
                Known::Nothing,
            ),
        ],
        ..AMAZON
    },
    DataSet {
        name: "amazon-2018",
        aliases: &["amazon", "amazon2018"],
        title: "Amazon reviews 2018",
        holds: "29 categories, each a domain of the same people; 233 million reviews of 1 to 5, 1996 to 2018, with times; metadata",
        size: "0.1 to 12 GB per category",
        terms: "https://nijianmo.github.io/amazon/",
        citation: "ni2019justifying",
        folder: "amazon2018",
        categories: EDITION_2018,
        files: &[
            plain(
                &[
                    "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2/categoryFiles/{category}.json.gz",
                    "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_v2/categoryFiles/{category}.json.gz",
                    "https://jmcauley.ucsd.edu/data/amazon_v2/categoryFiles/{category}.json.gz",
                ],
                "reviews/{category}.json.gz",
                Known::Nothing,
            ),
            plain(
                &[
                    "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2/metaFiles2/meta_{category}.json.gz",
                    "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_v2/metaFiles2/meta_{category}.json.gz",
                    "https://jmcauley.ucsd.edu/data/amazon_v2/metaFiles2/meta_{category}.json.gz",
                ],
                "metadata/meta_{category}.json.gz",
                Known::Nothing,
            ),
        ],
        ..AMAZON
    },
    DataSet {
        name: "amazon-2018-5core",
        title: "Amazon reviews 2018, five-core",
        holds: "the same, people and items with five reviews or more within the category: 75 million reviews",
        size: "1 MB to 7 GB per category",
        terms: "https://nijianmo.github.io/amazon/",
        citation: "ni2019justifying",
        folder: "amazon2018-5core",
        categories: EDITION_2018,
        files: &[
            plain(
                &[
                    "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2/categoryFilesSmall/{category}_5.json.gz",
                    "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_v2/categoryFilesSmall/{category}_5.json.gz",
                    "https://jmcauley.ucsd.edu/data/amazon_v2/categoryFilesSmall/{category}_5.json.gz",
                ],
                "reviews/{category}.json.gz",
                Known::Nothing,
            ),
            plain(
                &[
                    "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2/metaFiles2/meta_{category}.json.gz",
                    "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_v2/metaFiles2/meta_{category}.json.gz",
                    "https://jmcauley.ucsd.edu/data/amazon_v2/metaFiles2/meta_{category}.json.gz",
                ],
                "metadata/meta_{category}.json.gz",
                Known::Nothing,
            ),
        ],
        ..AMAZON
    },
    DataSet {
        name: "amazon-2023",
        aliases: &["amazon2023"],
        title: "Amazon reviews 2023",
        holds: "34 categories, each a domain of the same people; 571.5 million reviews of 1 to 5, 1996 to 2023, with times; metadata",
        size: "0.1 to 12 GB per category",
        terms: "https://amazon-reviews-2023.github.io/",
        citation: "hou2024bridging",
        folder: "amazon2023",
        categories: EDITION_2023,
        files: &[
            plain(
                &[
                    "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/raw/review_categories/{category}.jsonl.gz",
                ],
                "reviews/{category}.json.gz",
                Known::Nothing,
            ),
            plain(
                &[
                    "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/raw/meta_categories/meta_{category}.jsonl.gz",
                ],
                "metadata/meta_{category}.json.gz",
                Known::Nothing,
            ),
        ],
        ..AMAZON
    },
    DataSet {
        name: "gowalla",
        title: "Gowalla, the split of NGCF and LightGCN",
        holds: "places; 1,027,370 visits of 40,981 places by 29,858 people in a given train and test part, without times",
        size: "6 MB",
        licence: "no licence is stated; the check-ins are from SNAP, for research",
        terms: "https://github.com/gusye1234/LightGCN-PyTorch",
        citation: "cho2011friendship",
        folder: "gowalla",
        files: &[
            plain(
                &[
                    "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/947ca2b3b1d2d3545b114145710cb06c4e57b3d2/data/gowalla/train.txt",
                ],
                "train.txt",
                Known::GitBlob("a27782bd7a1d4d0744148dc0460ea94da74763f2"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/947ca2b3b1d2d3545b114145710cb06c4e57b3d2/data/gowalla/test.txt",
                ],
                "test.txt",
                Known::GitBlob("9ed5af4b5d21511f33740b4e22e3852f45671800"),
            ),
        ],
        prepare: "data=log data.root={root} split=given",
        ..NONE
    },
    DataSet {
        name: "yelp2018",
        title: "Yelp 2018, the split of NGCF and LightGCN",
        holds: "shops; 1,561,406 visits of 38,048 shops by 31,668 people in a given train and test part, without times",
        size: "9 MB",
        licence: "no licence is stated; Yelp's data are for academic use",
        terms: "https://github.com/gusye1234/LightGCN-PyTorch",
        citation: "he2020lightgcn",
        folder: "yelp2018",
        files: &[
            plain(
                &[
                    "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/947ca2b3b1d2d3545b114145710cb06c4e57b3d2/data/yelp2018/train.txt",
                ],
                "train.txt",
                Known::GitBlob("cda12361055ba448ae4bd1070f6000c16dea8f22"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/947ca2b3b1d2d3545b114145710cb06c4e57b3d2/data/yelp2018/test.txt",
                ],
                "test.txt",
                Known::GitBlob("30dfbc3437b27b74cb2970b435a5ec93ad9f2468"),
            ),
        ],
        prepare: "data=log data.root={root} split=given",
        ..NONE
    },
    DataSet {
        name: "amazon-book",
        title: "Amazon books, the split of NGCF and LightGCN",
        holds: "books; 2,984,108 reviews of 91,599 books by 52,643 people in a given train and test part, without times",
        size: "18 MB",
        licence: "no licence is stated; the reviews are those of Amazon 2014, for research",
        terms: "https://github.com/gusye1234/LightGCN-PyTorch",
        citation: "he2020lightgcn",
        folder: "amazon-book",
        files: &[
            plain(
                &[
                    "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/947ca2b3b1d2d3545b114145710cb06c4e57b3d2/data/amazon-book/train.txt",
                ],
                "train.txt",
                Known::GitBlob("6ef55159c5f1fd7f6d86eb9ff290d0cc2854ac99"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/947ca2b3b1d2d3545b114145710cb06c4e57b3d2/data/amazon-book/test.txt",
                ],
                "test.txt",
                Known::GitBlob("09e5da4e0bf46c751c4ba0f4375e414fd13512cd"),
            ),
        ],
        prepare: "data=log data.root={root} split=given",
        ..NONE
    },
    DataSet {
        name: "douban",
        aliases: &["ga-dtcdr", "douban-book-music"],
        title: "Douban books, music and films",
        holds: "books, music and films of the same people; 96,041, 69,709 and 1.28 million ratings of 1 to 5, without times",
        size: "20 MB",
        licence: "the authors ask to be cited; no licence of the data is stated",
        terms: "https://github.com/fengzhu1/GA-DTCDR",
        citation: "zhu2020gadtcdr",
        folder: "douban",
        files: &[
            plain(
                &[
                    "https://raw.githubusercontent.com/fengzhu1/GA-DTCDR/11a1dc6fda5148c8b1ce412ed4e2f0c4f124e2d0/Data/douban_book/ratings.dat",
                ],
                "book/ratings.dat",
                Known::GitBlob("ed495e9592b0bb9848742c26e73a70ee962f0298"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/fengzhu1/GA-DTCDR/11a1dc6fda5148c8b1ce412ed4e2f0c4f124e2d0/Data/douban_music/ratings.dat",
                ],
                "music/ratings.dat",
                Known::GitBlob("99d5bd3570493a27c45dac47eb2fcf7271260ed4"),
            ),
            plain(
                &[
                    "https://raw.githubusercontent.com/fengzhu1/GA-DTCDR/11a1dc6fda5148c8b1ce412ed4e2f0c4f124e2d0/Data/douban_movie/ratings.dat",
                ],
                "movie/ratings.dat",
                Known::GitBlob("0a944e57dc2107fb4ded66f9740f242c666e6949"),
            ),
        ],
        prepare: "data=pair data.root={root} data.source=book data.target=movie split=ratio",
        ..NONE
    },
];
