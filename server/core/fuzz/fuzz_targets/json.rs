//! Any bytes: the parser does not panic, strict is a part of lenient, and the canonical form is a fixed point.

#![no_main]

use libfuzzer_sys::fuzz_target;
use myelin_core::json::{self, Strictness};

fuzz_target!(|text: &[u8]| {
    let lenient = json::parse(text, Strictness::Lenient, 1 << 20);
    if let Ok(strict) = json::parse(text, Strictness::Strict, 1 << 20) {
        assert_eq!(lenient.as_ref(), Ok(&strict));
        let canonical = json::canonical(&strict);
        assert!(canonical.len() <= text.len(), "the canonical form is the shortest");
        assert_eq!(json::parse(&canonical, Strictness::Strict, 1 << 20), Ok(strict));
    }
    if let Ok(lenient) = lenient {
        let canonical = json::canonical(&lenient);
        let again = json::parse(&canonical, Strictness::Lenient, usize::MAX).expect("the canonical form is JSON");
        assert_eq!(json::canonical(&again), canonical);
    }
});
