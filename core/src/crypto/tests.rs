//! What others have found to go wrong in cryptographic libraries, tried on ours.

mod wycheproof;
