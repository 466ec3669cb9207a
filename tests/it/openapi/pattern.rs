//! Just as much of regular expressions as the description uses.

/// Matches patterns of the form `^text[characters]+text$`, or with `{number}` in place of the plus sign.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern
        .strip_prefix('^')
        .unwrap()
        .strip_suffix('$')
        .unwrap();
    let (before, rest) = pattern.split_once('[').unwrap();
    // A bracket within the class is escaped.
    let rest = rest
        .replace("\\[", "\u{1}")
        .replace("\\]", "\u{2}")
        .replace("\\\\", "\\");
    let (class, rest) = rest.split_once(']').unwrap();
    let class = class.replace('\u{1}', "[").replace('\u{2}', "]");
    let (count, after) = if let Some(after) = rest.strip_prefix('+') {
        (None, after)
    } else {
        let (count, after) = rest.strip_prefix('{').unwrap().split_once('}').unwrap();
        (Some(count.parse::<usize>().unwrap()), after)
    };
    let Some(within) = text
        .strip_prefix(before)
        .and_then(|text| text.strip_suffix(after))
    else {
        return false;
    };
    let fits = count.map_or(!within.is_empty(), |count| within.chars().count() == count);
    fits && within.chars().all(|character| is_in(&class, character))
}

/// Whether a class of characters such as `0-9a-f_` has the character.
fn is_in(class: &str, character: char) -> bool {
    if let Some(others) = class.strip_prefix('^') {
        return !is_in(others, character);
    }
    let class: Vec<char> = class.chars().collect();
    let mut index = 0;
    while index < class.len() {
        let range = class.get(index + 1) == Some(&'-') && index + 2 < class.len();
        let last = if range {
            class[index + 2]
        } else {
            class[index]
        };
        if (class[index]..=last).contains(&character) {
            return true;
        }
        index += if range { 3 } else { 1 };
    }
    false
}

#[test]
fn a_pattern_matches_what_it_should() {
    for (pattern, text, expected) in [
        ("^[0-9a-f]{4}$", "09af", true),
        ("^[0-9a-f]{4}$", "09ag", false),
        ("^[0-9a-f]{4}$", "09a", false),
        ("^W/\"[0-9]{1}\"$", "W/\"7\"", true),
        ("^[A-Z._-]+$", "A-B_.", true),
        ("^[^/]+$", "a/b", false),
        ("^[!#-&(-\\[\\]-_a-~]+$", "/a[b]{id}", true),
        ("^[!#-&(-\\[\\]-_a-~]+$", "a\\b", false),
        ("^[!#-&(-\\[\\]-_a-~]+$", "a'b", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
