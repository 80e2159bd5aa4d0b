//! Numbers and texts that are the same wherever and whenever they are made.

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of a range, both ends included.
    pub(crate) fn number(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[usize::try_from(self.number(0, of.len() as u64 - 1)).unwrap()]
    }

    /// Characters of an alphabet.
    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| alphabet[usize::try_from(self.number(0, alphabet.len() as u64 - 1)).unwrap()]).collect()
    }

    /// A pattern with its signs filled in: `#` a digit, `^` an upper-case and `~` a lower-case letter, `$` a hexadecimal
    /// digit, `*` a letter of either case or a digit.
    pub(crate) fn fill(&mut self, pattern: &str) -> String {
        let fill = |c: char| match c {
            '#' => self.text(DIGITS, 1),
            '^' => self.text(UPPER, 1),
            '~' => self.text(LOWER, 1),
            '$' => self.text(HEX, 1),
            '*' => self.text(MIXED, 1),
            other => other.to_string(),
        };
        pattern.chars().map(fill).collect()
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.text(HEX, length)
    }

    pub(crate) fn mixed(&mut self, length: usize) -> String {
        self.text(MIXED, length)
    }

    pub(crate) fn first_name(&mut self) -> &'static str {
        self.pick(&[
            "Ada", "Grace", "Alan", "Mary", "Edsger", "Barbara", "Jürgen", "Zoë", "Noor", "Wei", "Amélie", "Ivo",
        ])
    }

    pub(crate) fn last_name(&mut self) -> &'static str {
        self.pick(&[
            "Meier",
            "Okafor",
            "Smith",
            "Dubois",
            "Rossi",
            "Novak",
            "Tanaka",
            "O'Hara",
            "van Dijk",
            "Lindqvist",
        ])
    }

    /// A day of a range of years, as year, month, day.
    pub(crate) fn day(&mut self, first: u64, last: u64) -> (u64, u64, u64) {
        (self.number(first, last), self.number(1, 12), self.number(1, 28))
    }

    pub(crate) fn word(&mut self) -> &'static str {
        self.pick(&[
            "harbour", "copper", "willow", "lantern", "meadow", "granite", "saffron", "cobalt", "thistle", "ember",
        ])
    }
}

pub(crate) const DIGITS: &str = "0123456789";
pub(crate) const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
pub(crate) const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
pub(crate) const HEX: &str = "0123456789abcdef";
pub(crate) const MIXED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
