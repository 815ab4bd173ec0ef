//! A target: something that reads what comes from outside, a generator of what it reads, and the laws that hold for it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Source, memory, panics};

/// One family of inputs.
pub struct Target {
    /// Its name on the command line and its folder of seeds.
    pub name: &'static str,
    /// Most bytes that may be in use at once while one input is checked, over what was in use before.
    pub peak_bytes: usize,
    /// How many inputs of other targets take as long as one of this.
    pub weight: u64,
    /// Whether checking an input leaves something behind on purpose, as a server does that keeps what is written.
    pub keeps_state: bool,
    case: Box<dyn Case + Send>,
}

impl Target {
    /// A target whose inputs `generate` makes and `check` panics about when a law is broken.
    pub fn new<I: Serialize + DeserializeOwned + 'static>(
        name: &'static str,
        peak_bytes: usize,
        generate: fn(&mut Source) -> I,
        check: fn(&I),
    ) -> Self {
        Target {
            name,
            peak_bytes,
            weight: 1,
            keeps_state: false,
            case: Box::new(Functions { generate, check }),
        }
    }

    /// The input of some choices, as it is written into a seed.
    pub fn input(&self, source: &mut Source) -> Value {
        self.case.input(source)
    }

    /// Makes an input and checks it; the most bytes that were in use meanwhile.
    ///
    /// # Errors
    /// When a law is broken: the panic's message, or how much memory it took.
    pub fn check(&self, source: &mut Source) -> Result<usize, String> {
        self.bounded(&*self.case.prepare(source))
    }

    /// Checks an input that was written down.
    ///
    /// # Errors
    /// When a law is broken, or the input is none of this target.
    pub fn check_input(&self, input: &Value) -> Result<usize, String> {
        self.bounded(&*self.case.prepare_input(input)?)
    }

    fn bounded(&self, check: &dyn Fn()) -> Result<usize, String> {
        let mut peak_bytes = measured(check)?;
        if peak_bytes > self.peak_bytes {
            // Whatever is made once and kept is there now.
            peak_bytes = measured(check)?;
        }
        if peak_bytes > self.peak_bytes {
            return Err(format!("{peak_bytes} bytes were in use at once; {} are allowed", self.peak_bytes));
        }
        Ok(peak_bytes)
    }
}

/// The most bytes that a check had in use.
fn measured(check: &dyn Fn()) -> Result<usize, String> {
    panics::forget();
    let before = memory::start();
    let outcome = catch_unwind(AssertUnwindSafe(check));
    let peak_bytes = memory::peak_since(before);
    // Whoever catches a panic on the way hides it from the caller, not from us.
    match (panics::take(), outcome) {
        (Some(panic), _) => Err(panic),
        (None, Err(_)) => Err("a panic without a message".into()),
        (None, Ok(())) => Ok(peak_bytes),
    }
}

/// A target without the type of its inputs.
trait Case {
    fn input(&self, source: &mut Source) -> Value;
    fn prepare(&self, source: &mut Source) -> Box<dyn Fn()>;
    fn prepare_input(&self, input: &Value) -> Result<Box<dyn Fn()>, String>;
}

struct Functions<I> {
    generate: fn(&mut Source) -> I,
    check: fn(&I),
}

impl<I: Serialize + DeserializeOwned + 'static> Case for Functions<I> {
    fn input(&self, source: &mut Source) -> Value {
        serde_json::to_value((self.generate)(source)).unwrap_or_default()
    }

    fn prepare(&self, source: &mut Source) -> Box<dyn Fn()> {
        let (input, check) = ((self.generate)(source), self.check);
        Box::new(move || check(&input))
    }

    fn prepare_input(&self, input: &Value) -> Result<Box<dyn Fn()>, String> {
        let input = I::deserialize(input).map_err(|error| format!("no input of this target: {error}"))?;
        let check = self.check;
        Ok(Box::new(move || check(&input)))
    }
}

/// Bytes that a seed shows as text, one character (U+0000 to U+00FF) a byte.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Bytes(pub Vec<u8>);

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> String {
        bytes.0.into_iter().map(char::from).collect()
    }
}

impl TryFrom<String> for Bytes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = text.chars().map(|char| u8::try_from(u32::from(char)));
        bytes.collect::<Result<_, _>>().map(Bytes).map_err(|_| "a character is no byte")
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}
